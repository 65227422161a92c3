/** BDAT (RFC 3030): content in chunks whose size is said before. */
#ifndef SMTP_CMD_BDAT_H
#define SMTP_CMD_BDAT_H

#include "smtp/replies.h"
#include "smtp/server.h"

/** The first chunk of a message asks; of another the content begins at once,
 * and the event stays NONE. */
enum sli_smtp_reply_id sli_smtp_cmd_bdat_check(struct sli_smtp_server *server,
    struct slimta_slice argument, struct sli_smtp_event *event);

/** The first chunk was accepted: its content begins. */
void sli_smtp_cmd_bdat_proceed(struct sli_smtp_server *server);

/** A chunk is complete and another one will come. */
void sli_smtp_cmd_bdat_go_on(struct sli_smtp_server *server);

/** Looks at a line that is refused: 1 when it is a BDAT whose octets follow, or
 * may follow. */
int sli_smtp_cmd_bdat_has_octets(
    struct sli_smtp_server *server, struct slimta_slice line);

/** Such a line, which was consumed since, is refused with `id`. */
void sli_smtp_cmd_bdat_refuse(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id);

/** The first chunk of a message was refused by the owner, with words that are
 * copied. SLIMTA_ENOMEM. */
int sli_smtp_cmd_bdat_refuse_with(
    struct sli_smtp_server *server, const struct slimta_reply *reply);

/** Throws octets of a refused chunk away; 1 when it was the last of them, and
 * the refusal was said, 0 when more must come. */
int sli_smtp_cmd_bdat_skip(struct sli_smtp_server *server);

#endif
