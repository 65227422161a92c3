/** Asking the validators of an SMTP session, and answering its engine. */
#ifndef EDGE_SMTP_ASK_H
#define EDGE_SMTP_ASK_H

#include "edge/smtp/session.h"

/** The engine's question: at hand while it is acted on, told again later. */
void sli_edge_smtp_ask_question(
    struct sli_edge_smtp_session *session, struct sli_smtp_event *event);

/** Asks about the engine's question, with the engine's default. */
void sli_edge_smtp_ask(struct sli_edge_smtp_session *session,
    enum sli_edge_step step, sli_edge_round_done done);

/** Answers the engine's question; NULL: with its default. The client's time for
 * the next command begins. */
void sli_edge_smtp_ask_answer(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply);

/** A `done` that only answers, as most questions end. */
void sli_edge_smtp_ask_answer_done(
    struct slimta_session *base, const struct slimta_reply *reply);

/** The list of extensions that was edited is not needed any more. */
void sli_edge_smtp_ask_drop_extensions(struct sli_edge_smtp_session *session);

/** Ends the session for want of memory. */
void sli_edge_smtp_ask_out_of_memory(struct sli_edge_smtp_session *session);

/** Nobody is waited for any more: frees what was kept for an answer. */
void sli_edge_smtp_ask_forget(struct sli_edge_smtp_session *session);

#endif
