/** The message of an SMTP session, between its engine and edge/message. */
#include "edge/smtp/message.h"

#include "edge/ask.h"
#include "edge/message.h"
#include "edge/smtp/ask.h"
#include "smtp/replies.h"

/* The content */

static void data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    if (sli_edge_ask_is_yes(reply)) {
        sli_edge_message_begin(base, reply);
    } else {
        sli_edge_smtp_ask_answer(sli_edge_smtp_session_of(base), reply);
    }
}

void sli_edge_smtp_message_on_data(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(session, SLI_EDGE_STEP_DATA, data_done);
}

void sli_edge_smtp_message_on_content(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    sli_edge_smtp_tell_content(session, event->content.size);
    sli_edge_message_content(&session->base, event->content);
}

/* The end of the content */

static void have_data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    if (sli_edge_ask_is_yes(reply)) {
        sli_edge_message_finish(base);
    } else {
        sli_edge_smtp_ask_answer(sli_edge_smtp_session_of(base), reply);
        sli_edge_message_drop(base);
    }
}

void sli_edge_smtp_message_on_end(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    if (event->end.is_refused) {
        sli_edge_smtp_ask_answer(session, NULL);
        sli_edge_message_drop(&session->base);
    } else if (sli_edge_handoff_has_failed(&session->base.handoff)) {
        have_data_done(&session->base, NULL);
    } else {
        sli_edge_smtp_ask(session, SLI_EDGE_STEP_HAVE_DATA, have_data_done);
    }
}

/* A chunk, and not the last: what stands against the message is said now. */
void sli_edge_smtp_message_on_chunk(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    if (event->end.is_refused ||
        sli_edge_handoff_has_failed(&session->base.handoff)) {
        sli_edge_smtp_message_on_end(session, event);
    } else {
        sli_edge_smtp_ask_answer(session, NULL);
    }
}

/* Answers of the queue */

void sli_edge_smtp_message_go_on(struct slimta_session *base)
{
    sli_edge_message_time(base);
    sli_edge_smtp_session_pump(sli_edge_smtp_session_of(base));
}

void sli_edge_smtp_message_early_answer(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused)
{
    (void)is_refused;
    sli_edge_smtp_ask_answer(sli_edge_smtp_session_of(base), reply);
    sli_edge_ask_drop_kept(base);
}

void sli_edge_smtp_message_begun(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    sli_edge_smtp_ask_answer(session, reply);
    sli_edge_ask_drop_kept(base);
    if (is_refused) {
        /* The queue has seen the envelope: nothing can be added any more. */
        sli_smtp_server_give_up(&session->engine);
    } else {
        sli_edge_smtp_tell_data(session);
        sli_edge_message_await(base);
    }
}

int sli_edge_smtp_message_is_receiving(const struct slimta_session *base)
{
    const struct sli_smtp_server *engine =
        &((const struct sli_edge_smtp_session *)base)->engine;

    return sli_smtp_server_state(engine) == SLI_SMTP_STATE_CONTENT &&
        !sli_smtp_server_is_waiting(engine);
}

int sli_edge_smtp_message_say_queued(const struct slimta_session *base,
    struct slimta_reply *reply, const char *id)
{
    (void)base;
    return sli_smtp_replies_set_queued(reply, id);
}
