/** STARTTLS (RFC 3207). */
#ifndef SMTP_CMD_STARTTLS_H
#define SMTP_CMD_STARTTLS_H

#include "smtp/replies.h"
#include "smtp/server.h"

enum sli_smtp_reply_id sli_smtp_cmd_starttls_check(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);

/** The client was told to go ahead. */
void sli_smtp_cmd_starttls_proceed(struct sli_smtp_server *server);

#endif
