/** AUTH and the exchange that it begins (RFC 4954). */
#ifndef SMTP_CMD_AUTH_H
#define SMTP_CMD_AUTH_H

#include "smtp/replies.h"
#include "smtp/server.h"

/** Whether AUTH is a command here, now or under TLS. */
int sli_smtp_cmd_auth_is_known(const struct sli_smtp_server *server);

enum sli_smtp_reply_id sli_smtp_cmd_auth_check(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event);

/** The same for a line that answers a challenge, without its CRLF. */
enum sli_smtp_reply_id sli_smtp_cmd_auth_check_answer(
    struct sli_smtp_server *server, struct slimta_slice line,
    struct sli_smtp_event *event);

/** Fills AUTH or AUTH_ANSWER, `type`, with what the line was checked to be. */
void sli_smtp_cmd_auth_tell(const struct sli_smtp_server *server,
    enum sli_smtp_event_type type, struct sli_smtp_event *event);

/** The client has authenticated, or failed to. */
void sli_smtp_cmd_auth_proceed(struct sli_smtp_server *server);
void sli_smtp_cmd_auth_refuse(struct sli_smtp_server *server);

/** The most that is put into a challenge: RFC 4954 section 4 allows 12288
 * characters of base64. */
#define SLI_SMTP_CMD_AUTH_CHALLENGE_MAX 9216

/** Appends the line of a challenge. SLIMTA_ENOMEM. */
int sli_smtp_cmd_auth_write(struct sli_buf *output, struct slimta_slice octets);

#endif
