/** MAIL and RCPT. */
#ifndef SMTP_CMD_ENVELOPE_H
#define SMTP_CMD_ENVELOPE_H

#include "smtp/replies.h"
#include "smtp/server.h"

enum sli_smtp_reply_id sli_smtp_cmd_envelope_check_mail(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);

enum sli_smtp_reply_id sli_smtp_cmd_envelope_check_rcpt(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);

#endif
