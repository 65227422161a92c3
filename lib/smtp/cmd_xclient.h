/** XCLIENT and XFORWARD: what a trusted peer says of a client of its own. */
#ifndef SMTP_CMD_XCLIENT_H
#define SMTP_CMD_XCLIENT_H

#include "smtp/replies.h"
#include "smtp/server.h"

enum sli_smtp_reply_id sli_smtp_cmd_xclient_check(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);
enum sli_smtp_reply_id sli_smtp_cmd_xclient_check_forward(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event);

/** The session begins anew, at the banner. */
void sli_smtp_cmd_xclient_proceed(struct sli_smtp_server *server);

#endif
