/** What the engine says by itself: fixed replies, counted and told. */
#ifndef SMTP_SAY_H
#define SMTP_SAY_H

#include "smtp/replies.h"
#include "smtp/server.h"

/** Writes a fixed reply to a command, or the last one when that makes one error
 * too many; REFUSED tells of a refusal. */
void sli_smtp_say(struct sli_smtp_server *server, enum sli_smtp_reply_id id);

/** The same reply so often: LMTP has one for each recipient. It counts once. */
void sli_smtp_say_times(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id, uint64_t times);

/** Writes a fixed reply as the last word of the session, and closes. */
void sli_smtp_say_last(struct sli_smtp_server *server,
    enum sli_smtp_reply_id id, enum sli_smtp_close reason);

/** There is no memory to go on: closes, with a last word if there is room. */
void sli_smtp_say_no_memory(struct sli_smtp_server *server);

/** Keeps the verb of a line that is about to be refused; "" when it may be
 * something else than a verb. */
void sli_smtp_say_keep_verb(
    struct sli_smtp_server *server, struct slimta_slice line);

/** Fills REFUSED if it is due; 0 when it is not. */
int sli_smtp_say_tell(
    struct sli_smtp_server *server, struct sli_smtp_event *event);

#endif
