/** The message of an SMTP session: its content, its end, and the queue's
 * answer. */
#include "edge/smtp_message.h"

#include <string.h>

#include "base/alloc.h"
#include "edge/smtp_ask.h"
#include "edge/smtp_lmtp.h"
#include "smtp/replies.h"

/* The queue that is asked for each recipient */

void sli_edge_smtp_message_open(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    sli_edge_smtp_ask_keep(session, reply);
    sli_edge_smtp_session_wait(session, session->edge->queue_write_timeout_ms);
    sli_edge_handoff_begin_early(&session->handoff, session->base.envelope);
}

void sli_edge_smtp_message_recipient(struct sli_edge_smtp_session *session,
    const struct slimta_recipient *recipient, const struct slimta_reply *reply)
{
    sli_edge_smtp_ask_keep(session, reply);
    sli_edge_smtp_session_wait(session, session->edge->queue_write_timeout_ms);
    sli_edge_handoff_recipient(&session->handoff, recipient);
}

/* The content */

static void data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    if (!sli_edge_smtp_ask_is_yes(reply)) {
        sli_edge_smtp_ask_answer(session, reply);
        return;
    }
    sli_edge_smtp_ask_keep(session, reply);
    sli_edge_smtp_session_wait(session, session->edge->queue_write_timeout_ms);
    sli_edge_handoff_begin(&session->handoff, base->envelope);
}

void sli_edge_smtp_message_on_data(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(session, SLI_EDGE_STEP_DATA, data_done);
}

void sli_edge_smtp_message_drop(struct sli_edge_smtp_session *session)
{
    sli_edge_handoff_abort(&session->handoff);
    sli_edge_session_drop_envelope(&session->base);
}

static void chunk_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);
    struct slimta_slice octets = session->octets;
    char *held = session->held;

    /* Not the session's any more: the next chunk may come inside the write. */
    session->held = NULL;
    session->octets = (struct slimta_slice){NULL, 0};
    if (sli_edge_smtp_ask_is_yes(reply)) {
        sli_edge_handoff_write(&session->handoff, octets);
    } else if (slimta_reply_code(reply) == 421) {
        base->reason = SLIMTA_CLOSED_REPLY;
        sli_smtp_server_terminate_with(&session->engine, reply);
    } else {
        sli_edge_handoff_refuse(&session->handoff, reply);
    }
    sli_free(sli_edge_smtp_session_alloc(session), held);
}

/* The octets are the engine's only until it goes on. */
static void hold_octets(struct sli_edge_smtp_session *session)
{
    session->held =
        sli_alloc(sli_edge_smtp_session_alloc(session), session->octets.size);
    if (session->held == NULL) {
        sli_edge_policy_cancel(&session->base);
        sli_edge_smtp_ask_out_of_memory(session);
        return;
    }
    memcpy(session->held, session->octets.data, session->octets.size);
    session->octets.data = session->held;
}

static void ask_chunk(struct sli_edge_smtp_session *session)
{
    sli_edge_smtp_ask_with(session, SLI_EDGE_STEP_CHUNK,
        sli_edge_shard_reply(
            sli_edge_session_shard(&session->base), 250, "2.0.0 Ok"),
        chunk_done);
    if (sli_edge_policy_is_waiting(&session->base.round)) {
        hold_octets(session);
    }
}

static uint64_t now_of(const struct sli_edge_smtp_session *session)
{
    return sli_io_loop_now(sli_edge_session_shard(&session->base)->loop);
}

/* While the host or the disk is busy its time runs, not the client's. */
static void pause_client(struct sli_edge_smtp_session *session)
{
    int waits = sli_edge_policy_is_waiting(&session->base.round);

    if (waits || sli_edge_handoff_is_busy(&session->handoff)) {
        sli_edge_rate_pause(&session->rate, now_of(session));
    }
    if (!waits && sli_edge_handoff_is_busy(&session->handoff)) {
        sli_edge_smtp_session_wait(
            session, session->edge->queue_write_timeout_ms);
    }
}

void sli_edge_smtp_message_on_content(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    sli_edge_smtp_tell_content(session, event->content.size);
    /* Of a message that is refused already nobody needs to hear more. */
    if (sli_edge_smtp_ask_has(session, SLI_EDGE_STEP_CHUNK) &&
        !sli_edge_handoff_has_failed(&session->handoff)) {
        session->octets = event->content;
        ask_chunk(session);
    } else {
        sli_edge_handoff_write(&session->handoff, event->content);
    }
    pause_client(session);
}

/* The end of the content: `have_data`, the queue, `queued` */

static void have_data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    if (!sli_edge_smtp_ask_is_yes(reply)) {
        sli_edge_smtp_ask_answer(session, reply);
        sli_edge_smtp_message_drop(session);
        return;
    }
    sli_edge_smtp_session_wait(session, session->edge->queue_timeout_ms);
    sli_edge_handoff_finish(&session->handoff);
}

void sli_edge_smtp_message_on_end(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    if (event->end.is_refused) {
        sli_edge_smtp_ask_answer(session, NULL);
        sli_edge_smtp_message_drop(session);
        return;
    }
    if (sli_edge_handoff_has_failed(&session->handoff)) {
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
        sli_edge_handoff_has_failed(&session->handoff)) {
        sli_edge_smtp_message_on_end(session, event);
    } else {
        sli_edge_smtp_ask_answer(session, NULL);
    }
}

/* A queue's no stays one, whatever the validators make of it. */
static void queued_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    if (reply == NULL ||
        (session->is_refused && sli_edge_smtp_ask_is_yes(reply))) {
        reply = session->kept;
    }
    if (reply == NULL && session->is_refused) {
        reply = sli_edge_shard_reply(sli_edge_session_shard(&session->base),
            451, "4.3.0 Error queuing message");
    }
    sli_edge_smtp_lmtp_answer(session, reply);
    sli_edge_smtp_ask_drop_kept(session);
    sli_edge_smtp_ask_drop_results(session);
    sli_edge_session_drop_envelope(base);
}

/* Answers of the queue */

/* While content comes, whoever is awaited has his own time. */
static void time_content(struct sli_edge_smtp_session *session)
{
    if (sli_smtp_server_state(&session->engine) != SLI_SMTP_STATE_CONTENT ||
        sli_smtp_server_is_waiting(&session->engine)) {
        return;
    }
    pause_client(session);
    if (!sli_edge_policy_is_waiting(&session->base.round) &&
        !sli_edge_handoff_is_busy(&session->handoff)) {
        sli_edge_rate_resume(&session->rate, now_of(session));
        sli_edge_smtp_session_wait(
            session, sli_edge_rate_check_ms(&session->rate, now_of(session)));
    }
}

void sli_edge_smtp_message_go_on(struct slimta_session *base)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    time_content(session);
    sli_edge_smtp_session_pump(session);
}

static struct sli_edge_smtp_session *session_of(
    struct sli_edge_handoff *handoff)
{
    return SLI_LIST_ITEM(handoff, struct sli_edge_smtp_session, handoff);
}

/* Answers MAIL or RCPT with the queue's refusal, or as the validators did. */
static void answer_early(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct sli_edge_smtp_session *session = session_of(handoff);

    sli_edge_smtp_ask_answer(
        session, refusal != NULL ? refusal : session->kept);
    sli_edge_smtp_ask_drop_kept(session);
    sli_edge_smtp_session_pump(session);
}

/* Without a transaction no RESET comes for the envelope of a refused MAIL. */
static void begun_early(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    if (refusal != NULL) {
        sli_edge_session_drop_envelope(&session_of(handoff)->base);
    }
    answer_early(handoff, refusal);
}

static void begun(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct sli_edge_smtp_session *session = session_of(handoff);

    sli_edge_smtp_ask_answer(
        session, refusal != NULL ? refusal : session->kept);
    sli_edge_smtp_ask_drop_kept(session);
    if (refusal == NULL) {
        sli_edge_smtp_tell_data(session);
        sli_edge_rate_start(
            &session->rate, &session->edge->data_limits, now_of(session));
        sli_edge_smtp_session_wait(
            session, sli_edge_rate_check_ms(&session->rate, now_of(session)));
    } else {
        /* The queue has seen the envelope: nothing can be added any more. */
        sli_smtp_server_give_up(&session->engine);
    }
    sli_edge_smtp_session_pump(session);
}

static void ready(struct sli_edge_handoff *handoff)
{
    sli_edge_smtp_message_go_on(&session_of(handoff)->base);
}

/* Without validators that want to hear of the results the answer is due. */
static void ask_queued(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    if (session->results == NULL ||
        !sli_edge_smtp_ask_has(session, SLI_EDGE_STEP_QUEUED)) {
        sli_edge_smtp_lmtp_answer(session, reply);
        sli_edge_smtp_ask_drop_results(session);
        sli_edge_session_drop_envelope(&session->base);
        return;
    }
    sli_edge_smtp_ask_keep(session, reply);
    sli_edge_smtp_ask_with(session, SLI_EDGE_STEP_QUEUED, reply, queued_done);
}

static void finished(struct sli_edge_handoff *handoff, const char *id,
    const struct slimta_reply *refusal, struct slimta_results *results)
{
    struct sli_edge_smtp_session *session = session_of(handoff);
    struct slimta_reply *reply = &sli_edge_session_shard(&session->base)->reply;

    session->is_refused = refusal != NULL;
    session->results = results;
    sli_edge_smtp_lmtp_part(session);
    if (refusal != NULL) {
        ask_queued(session, refusal);
    } else if (sli_smtp_replies_set_queued(reply, id) == 0) {
        ask_queued(session, reply);
    } else {
        /* The queue has the message: the default says so without its name. */
        sli_edge_smtp_lmtp_answer(session, NULL);
        sli_edge_smtp_ask_drop_results(session);
        sli_edge_session_drop_envelope(&session->base);
    }
    sli_edge_smtp_session_pump(session);
}

const struct sli_edge_handoff_handler sli_edge_smtp_message_handoff = {
    .begun_early = begun_early,
    .recipient_answered = answer_early,
    .begun = begun,
    .ready = ready,
    .finished = finished,
};
