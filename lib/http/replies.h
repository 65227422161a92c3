/** An SMTP reply as HTTP says it: a status and the value of X-Smtp-Reply. */
#ifndef HTTP_REPLIES_H
#define HTTP_REPLIES_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/reply.h>

#include "base/buf.h"
#include "mail/reply.h"

/** Room for the value of any reply, NUL included. */
#define SLI_HTTP_REPLIES_VALUE_MAX (SLI_MAIL_REPLY_TEXT_MAX + 128)

/**
 * The status for a reply: 200 for a success, 503 for a 4xx, 401 for 530 and 535
 * (credentials are asked for), 413 for 552 with 5.3.4 (the message is too
 * large; a 552 for a full mailbox is none), and `permanent` for any other 5xx.
 */
int sli_http_replies_status(const struct slimta_reply *reply, int permanent);

/**
 * Writes `CODE; message="TEXT"`, and `; command="COMMAND"` unless that is
 * NULL, terminated; returns its length. `out` has room for
 * SLI_HTTP_REPLIES_VALUE_MAX; `command` is static and short. The text begins
 * with its enhanced code. Clients know no escape in it: '"' becomes an
 * apostrophe, '\' a slash, and lines are folded to one.
 */
size_t sli_http_replies_format(
    const struct slimta_reply *reply, const char *command, char *out);

/**
 * Appends to `list`, the value of X-Smtp-Rcpt-Reply, what one of several
 * recipients was refused with: `INDEX; CODE; message="TEXT"`, behind a comma if
 * it is not the first. SLIMTA_ENOMEM, SLIMTA_ELIMIT: nothing was added.
 */
int sli_http_replies_list(
    struct sli_buf *list, uint64_t index, const struct slimta_reply *reply);

#endif
