/** The parameters behind the path of MAIL and RCPT, as typed fields. */
#ifndef SMTP_PARAMS_H
#define SMTP_PARAMS_H

#include <slimta/envelope.h>
#include <slimta/slice.h>

#include "base/buf.h"
#include "smtp/replies.h"

/** RFC 5321 section 4.1.1.1, ehlo-keyword, and section 4.1.2, esmtp-keyword. */
int sli_smtp_params_is_keyword(struct slimta_slice word);

/**
 * Reads what follows the path of MAIL, from its first space on, into `params`,
 * whose fields are zero. Only parameters of the extensions that are or-ed in
 * `offered` are known. Whether a size is too large, and who may say AUTH=, is
 * not asked here. What is decoded replaces what is in `decoded`. Returns the
 * refusal, SYSTEM_ERROR without memory, or NONE.
 */
enum sli_smtp_reply_id sli_smtp_params_mail(struct slimta_slice text,
    unsigned offered, struct slimta_mail_params *params,
    struct sli_buf *decoded);

/** The same for RCPT. */
enum sli_smtp_reply_id sli_smtp_params_rcpt(
    struct slimta_slice text, struct slimta_recipient *params);

#endif
