/** Asking the validators of a session of either door, and what is kept while
 * an answer is waited for. */
#ifndef EDGE_ASK_H
#define EDGE_ASK_H

#include "edge/session.h"

/** Whether any table has this step's validator. */
int sli_edge_ask_has(
    const struct slimta_session *session, enum sli_edge_step step);

/** Asks with `reply` as the default. The validators' time begins. */
void sli_edge_ask(struct slimta_session *session, enum sli_edge_step step,
    const struct slimta_reply *reply, sli_edge_round_done done);

/** Whether the session goes on as after the default. 221 only ends it. */
int sli_edge_ask_is_yes(const struct slimta_reply *reply);

/** Keeps a copy of a reply (NULL: none) for a later answer, in place of the one
 * before; without memory there is none. */
void sli_edge_ask_keep(
    struct slimta_session *session, const struct slimta_reply *reply);
void sli_edge_ask_drop_kept(struct slimta_session *session);

/** The queue's results are not needed any more. */
void sli_edge_ask_drop_results(struct slimta_session *session);

/** Nobody is waited for any more: frees what was kept for an answer. */
void sli_edge_ask_forget(struct slimta_session *session);

/** What the session waits for takes too long: told, and answered in the place
 * of whoever is asked. 0 when it is the client that is waited for. */
int sli_edge_ask_time_out(struct slimta_session *session);

#endif
