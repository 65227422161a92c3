/** EHLO, HELO and LHLO. */
#ifndef SMTP_CMD_GREETING_H
#define SMTP_CMD_GREETING_H

#include "smtp/replies.h"
#include "smtp/server.h"

enum sli_smtp_reply_id sli_smtp_cmd_greeting_check_ehlo(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);

enum sli_smtp_reply_id sli_smtp_cmd_greeting_check_helo(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);

/** LMTP's one. */
enum sli_smtp_reply_id sli_smtp_cmd_greeting_check_lhlo(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);

#endif
