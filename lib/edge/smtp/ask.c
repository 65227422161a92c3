/** Asking the validators of an SMTP session, and answering its engine. */
#include "edge/smtp/ask.h"

#include "edge/ask.h"
#include "smtp/extensions.h"

void sli_edge_smtp_ask_out_of_memory(struct sli_edge_smtp_session *session)
{
    sli_edge_smtp_tell_memory(session, "session");
    sli_edge_smtp_session_terminate(
        session, SLIMTA_CLOSED_FAILURE, 421, "4.3.0 Unhandled system error");
}

void sli_edge_smtp_ask_answer(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    sli_edge_smtp_tell_answer(session, reply);
    /* Without memory the engine closes; its CLOSE comes next. */
    (void)sli_smtp_server_answer(&session->engine, reply);
    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
}

void sli_edge_smtp_ask_drop_extensions(struct sli_edge_smtp_session *session)
{
    sli_smtp_extensions_free(session->extensions);
    session->extensions = NULL;
}

void sli_edge_smtp_ask_forget(struct sli_edge_smtp_session *session)
{
    sli_edge_ask_forget(&session->base);
    sli_edge_smtp_ask_drop_extensions(session);
}

void sli_edge_smtp_ask_question(
    struct sli_edge_smtp_session *session, struct sli_smtp_event *event)
{
    if (session->event != NULL &&
        session->event->type == session->engine.question) {
        *event = *session->event;
    } else {
        sli_smtp_server_asked(&session->engine, event);
    }
}

void sli_edge_smtp_ask(struct sli_edge_smtp_session *session,
    enum sli_edge_step step, sli_edge_round_done done)
{
    struct slimta_reply *reply = &sli_edge_session_shard(&session->base)->reply;

    if (!sli_edge_ask_has(&session->base, step)) {
        done(&session->base, NULL);
    } else if (sli_smtp_server_default(&session->engine, reply) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    } else {
        sli_edge_ask(&session->base, step, reply, done);
    }
}

void sli_edge_smtp_ask_answer_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    sli_edge_smtp_ask_answer(sli_edge_smtp_session_of(base), reply);
}
