/** One message of a session of either door: its content, its end, and the
 * queue's answer. */
#include "edge/message.h"

#include <string.h>

#include "base/alloc.h"
#include "edge/ask.h"
#include "edge/edge.h"

static struct sli_edge_shard *shard_of(const struct slimta_session *session)
{
    return sli_edge_session_shard(session);
}

static const struct sli_edge_times *times_of(
    const struct slimta_session *session)
{
    return &shard_of(session)->edge->times;
}

static const struct slimta_alloc *alloc_of(const struct slimta_session *session)
{
    return &shard_of(session)->edge->alloc;
}

static uint64_t now_of(const struct slimta_session *session)
{
    return sli_io_loop_now(shard_of(session)->loop);
}

/* Before the content */

static void await_queue(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    sli_edge_ask_keep(session, reply);
    session->kind->wait(session, times_of(session)->queue_write_ms);
}

void sli_edge_message_open(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    await_queue(session, reply);
    sli_edge_handoff_begin_early(&session->handoff, session->envelope);
}

void sli_edge_message_list(struct slimta_session *session,
    const struct slimta_recipient *recipient, const struct slimta_reply *reply)
{
    await_queue(session, reply);
    sli_edge_handoff_recipient(&session->handoff, recipient);
}

void sli_edge_message_begin(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    await_queue(session, reply);
    sli_edge_handoff_begin(&session->handoff, session->envelope);
}

void sli_edge_message_await(struct slimta_session *session)
{
    sli_edge_rate_start(
        &session->rate, &times_of(session)->data, now_of(session));
    session->kind->wait(
        session, sli_edge_rate_check_ms(&session->rate, now_of(session)));
}

/* The content */

int sli_edge_message_is_busy(const struct slimta_session *session)
{
    return sli_edge_policy_is_waiting(&session->round) ||
        sli_edge_handoff_is_busy(&session->handoff);
}

static void chunk_done(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    struct slimta_slice octets = session->octets;
    char *held = session->held;

    /* Not the session's any more: the next chunk may come inside the write. */
    session->held = NULL;
    session->octets = (struct slimta_slice){NULL, 0};
    if (sli_edge_ask_is_yes(reply)) {
        sli_edge_handoff_write(&session->handoff, octets);
    } else if (slimta_reply_code(reply) == 421) {
        session->kind->terminate(session, reply);
    } else {
        sli_edge_handoff_refuse(&session->handoff, reply);
    }
    sli_free(alloc_of(session), held);
}

/* The octets are the engine's only until it goes on. */
static void hold_octets(struct slimta_session *session)
{
    session->held = sli_alloc(alloc_of(session), session->octets.size);
    if (session->held == NULL) {
        sli_edge_policy_cancel(session);
        session->kind->out_of_memory(session);
        return;
    }
    memcpy(session->held, session->octets.data, session->octets.size);
    session->octets.data = session->held;
}

static void ask_chunk(struct slimta_session *session)
{
    sli_edge_ask(session, SLI_EDGE_STEP_CHUNK,
        sli_edge_shard_reply(shard_of(session), 250, "2.0.0 Ok"), chunk_done);
    if (sli_edge_policy_is_waiting(&session->round)) {
        hold_octets(session);
    }
}

/* While the host or the disk is busy its time runs, not the client's. */
static void pause_client(struct slimta_session *session)
{
    if (sli_edge_message_is_busy(session)) {
        sli_edge_rate_pause(&session->rate, now_of(session));
    }
    if (!sli_edge_policy_is_waiting(&session->round) &&
        sli_edge_handoff_is_busy(&session->handoff)) {
        session->kind->wait(session, times_of(session)->queue_write_ms);
    }
}

void sli_edge_message_content(
    struct slimta_session *session, struct slimta_slice octets)
{
    /* Of a message that is refused already nobody needs to hear more. */
    if (sli_edge_ask_has(session, SLI_EDGE_STEP_CHUNK) &&
        !sli_edge_handoff_has_failed(&session->handoff)) {
        session->octets = octets;
        ask_chunk(session);
    } else {
        sli_edge_handoff_write(&session->handoff, octets);
    }
    pause_client(session);
}

void sli_edge_message_time(struct slimta_session *session)
{
    if (!session->kind->is_receiving(session)) {
        return;
    }
    pause_client(session);
    if (!sli_edge_message_is_busy(session)) {
        sli_edge_rate_resume(&session->rate, now_of(session));
        session->kind->wait(
            session, sli_edge_rate_check_ms(&session->rate, now_of(session)));
    }
}

/* The end of the content */

void sli_edge_message_finish(struct slimta_session *session)
{
    session->kind->wait(session, times_of(session)->queue_ms);
    sli_edge_handoff_finish(&session->handoff);
}

void sli_edge_message_drop(struct slimta_session *session)
{
    sli_edge_handoff_abort(&session->handoff);
    sli_edge_session_drop_envelope(session);
}

/* The transaction is over. */
static void answer(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    session->kind->answer(session, reply);
    sli_edge_ask_drop_kept(session);
    sli_edge_ask_drop_results(session);
    sli_edge_session_drop_envelope(session);
}

/* A queue's no stays one, whatever the validators make of it. */
static void queued_done(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    if (reply == NULL || (session->is_refused && sli_edge_ask_is_yes(reply))) {
        reply = session->kept;
    }
    if (reply == NULL && session->is_refused) {
        reply = sli_edge_shard_reply(
            shard_of(session), 451, "4.3.0 Error queuing message");
    }
    answer(session, reply);
}

/* Without validators that want to hear of the results the answer is due. */
static void ask_queued(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    if (session->results == NULL ||
        !sli_edge_ask_has(session, SLI_EDGE_STEP_QUEUED)) {
        answer(session, reply);
        return;
    }
    sli_edge_ask_keep(session, reply);
    sli_edge_ask(session, SLI_EDGE_STEP_QUEUED, reply, queued_done);
}

/* Answers of the queue */

static struct slimta_session *session_of(struct sli_edge_handoff *handoff)
{
    return SLI_LIST_ITEM(handoff, struct slimta_session, handoff);
}

static void finished(struct sli_edge_handoff *handoff, const char *id,
    const struct slimta_reply *refusal, struct slimta_results *results)
{
    struct slimta_session *session = session_of(handoff);

    session->is_refused = refusal != NULL;
    session->results = results;
    if (session->kind->heard != NULL) {
        session->kind->heard(session);
    }
    if (refusal != NULL) {
        ask_queued(session, refusal);
    } else if (session->kind->say_queued(
                   session, &shard_of(session)->reply, id) == 0) {
        ask_queued(session, &shard_of(session)->reply);
    } else {
        /* The queue has the message: the default says so without its name. */
        answer(session, NULL);
    }
    session->kind->go_on(session);
}

/* What validators have said of the sender, a recipient or `data` holds unless
 * the queue refuses. */
static const struct slimta_reply *either(
    const struct slimta_session *session, const struct slimta_reply *refusal)
{
    return refusal != NULL ? refusal : session->kept;
}

/* Without a transaction nothing else gives back the envelope of a sender that
 * was refused. */
static void begun_early(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct slimta_session *session = session_of(handoff);

    if (refusal != NULL) {
        sli_edge_session_drop_envelope(session);
    }
    session->kind->opened(session, either(session, refusal), refusal != NULL);
    session->kind->go_on(session);
}

static void recipient_answered(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct slimta_session *session = session_of(handoff);

    session->kind->listed(session, either(session, refusal), refusal != NULL);
    session->kind->go_on(session);
}

static void begun(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct slimta_session *session = session_of(handoff);

    session->kind->begun(session, either(session, refusal), refusal != NULL);
    session->kind->go_on(session);
}

static void ready(struct sli_edge_handoff *handoff)
{
    struct slimta_session *session = session_of(handoff);

    session->kind->go_on(session);
}

const struct sli_edge_handoff_handler sli_edge_message_handoff = {
    .begun_early = begun_early,
    .recipient_answered = recipient_answered,
    .begun = begun,
    .ready = ready,
    .finished = finished,
};
