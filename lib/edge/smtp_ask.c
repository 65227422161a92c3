/** Asking the validators of an SMTP session, and answering its engine. */
#include "edge/smtp_ask.h"

#include "base/alloc.h"
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

int sli_edge_smtp_ask_is_yes(const struct slimta_reply *reply)
{
    return reply == NULL ||
        (slimta_reply_code(reply) < 400 && slimta_reply_code(reply) != 221);
}

void sli_edge_smtp_ask_drop_kept(struct sli_edge_smtp_session *session)
{
    sli_mail_reply_free(sli_edge_smtp_session_alloc(session), session->kept);
    session->kept = NULL;
}

void sli_edge_smtp_ask_keep(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    sli_edge_smtp_ask_drop_kept(session);
    if (reply != NULL) {
        session->kept =
            sli_mail_reply_clone(sli_edge_smtp_session_alloc(session), reply);
    }
}

void sli_edge_smtp_ask_drop_held(struct sli_edge_smtp_session *session)
{
    sli_free(sli_edge_smtp_session_alloc(session), session->held);
    session->held = NULL;
    session->octets = (struct slimta_slice){NULL, 0};
}

void sli_edge_smtp_ask_drop_extensions(struct sli_edge_smtp_session *session)
{
    sli_smtp_extensions_free(session->extensions);
    session->extensions = NULL;
}

void sli_edge_smtp_ask_drop_results(struct sli_edge_smtp_session *session)
{
    sli_edge_op_give_back(
        &sli_edge_session_shard(&session->base)->ops, session->results);
    session->results = NULL;
}

void sli_edge_smtp_ask_forget(struct sli_edge_smtp_session *session)
{
    sli_edge_policy_cancel(&session->base);
    sli_edge_smtp_ask_drop_kept(session);
    sli_edge_smtp_ask_drop_held(session);
    sli_edge_smtp_ask_drop_extensions(session);
    sli_edge_smtp_ask_drop_results(session);
}

int sli_edge_smtp_ask_has(
    const struct sli_edge_smtp_session *session, enum sli_edge_step step)
{
    return sli_edge_policy_has(&session->edge->edge, step);
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

void sli_edge_smtp_ask_with(struct sli_edge_smtp_session *session,
    enum sli_edge_step step, const struct slimta_reply *reply,
    sli_edge_round_done done)
{
    sli_edge_policy_ask(&session->base, step, reply, done);
    if (sli_edge_policy_is_waiting(&session->base.round)) {
        sli_edge_smtp_session_wait(
            session, session->edge->validator_timeout_ms);
    }
}

void sli_edge_smtp_ask(struct sli_edge_smtp_session *session,
    enum sli_edge_step step, sli_edge_round_done done)
{
    struct slimta_reply *reply = &sli_edge_session_shard(&session->base)->reply;

    if (!sli_edge_smtp_ask_has(session, step)) {
        done(&session->base, NULL);
    } else if (sli_smtp_server_default(&session->engine, reply) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    } else {
        sli_edge_smtp_ask_with(session, step, reply, done);
    }
}

void sli_edge_smtp_ask_answer_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    sli_edge_smtp_ask_answer(sli_edge_smtp_session_of(base), reply);
}
