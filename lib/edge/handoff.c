/** The way of one message from the session to the queue: gathered in memory,
 * spilled to a file, or streamed. */
#include "edge/handoff.h"

#include "base/slice.h"
#include "edge/edge.h"
#include "edge/form.h"
#include "edge/held.h"
#include "edge/spill.h"
#include "io/clock.h"
#include "mail/content.h"
#include "mail/envelope.h"

static const struct sli_edge_fixed queue_failed = {
    451, "4.3.0 Error queuing message"};
static const struct sli_edge_fixed queue_slow = {451, "4.4.5 Queue timed out"};
static const struct sli_edge_fixed no_space = {
    452, "4.3.1 Insufficient system storage"};
static const struct sli_edge_fixed disk_failed = {
    451, "4.3.0 Error storing message"};

static void write_backlog(struct sli_edge_handoff *handoff);

void sli_edge_handoff_init(struct sli_edge_handoff *handoff,
    struct sli_edge_shard *shard, const struct sli_edge_handoff_limits *limits,
    const struct sli_edge_handoff_handler *handler)
{
    *handoff = (struct sli_edge_handoff){
        .shard = shard, .limits = limits, .handler = handler};
}

static const struct slimta_queue_methods *methods_of(
    const struct sli_edge_handoff *handoff)
{
    return handoff->shard->edge->queue->methods;
}

static const struct slimta_alloc *alloc_of(
    const struct sli_edge_handoff *handoff)
{
    return &handoff->shard->edge->alloc;
}

int sli_edge_handoff_wants_early(const struct sli_edge_handoff *handoff)
{
    return sli_edge_form_has_recipient(handoff->shard->edge->queue);
}

/* Frees what belongs to one message; the handoff is idle again. */
static void reset(struct sli_edge_handoff *handoff)
{
    sli_edge_held_at_most(handoff, 0);
    sli_mail_content_unref(handoff->backlog);
    handoff->backlog = NULL;
    handoff->backlog_at = 0;
    sli_edge_failure_clear(&handoff->failure, alloc_of(handoff));
    handoff->envelope = NULL;
    handoff->message = NULL;
    handoff->is_begun = 0;
    handoff->state = SLI_EDGE_HANDOFF_IDLE;
}

/* Whatever comes of the job or the question is nobody's concern any more. */
static void stop_waiting(struct sli_edge_handoff *handoff)
{
    if (handoff->spill != NULL) {
        sli_edge_spill_forget(handoff->spill);
        handoff->spill = NULL;
    }
    sli_edge_op_cancel(&handoff->question);
}

static void abort_message(struct sli_edge_handoff *handoff)
{
    if (handoff->is_begun) {
        handoff->is_begun = 0;
        methods_of(handoff)->abort(
            handoff->shard->edge->queue, handoff->message);
    }
}

/* The message cannot be taken: what still comes is dropped. */
static void drop(struct sli_edge_handoff *handoff)
{
    abort_message(handoff);
    sli_mail_content_unref(handoff->backlog);
    handoff->backlog = NULL;
    handoff->state = SLI_EDGE_HANDOFF_FAILED;
}

/* The same; `finish` will answer with this. */
static void fail(
    struct sli_edge_handoff *handoff, const struct sli_edge_fixed *why)
{
    drop(handoff);
    sli_edge_failure_set(&handoff->failure, why);
}

/* The same in the queue's words. */
static void fail_with(
    struct sli_edge_handoff *handoff, const struct slimta_reply *words)
{
    drop(handoff);
    sli_edge_failure_set_words(
        &handoff->failure, alloc_of(handoff), words, &queue_failed);
    handoff->failure.is_the_queues = 1;
}

void sli_edge_handoff_refuse(
    struct sli_edge_handoff *handoff, const struct slimta_reply *why)
{
    if (handoff->state == SLI_EDGE_HANDOFF_FAILED) {
        return;
    }
    stop_waiting(handoff);
    drop(handoff);
    sli_edge_failure_set_words(
        &handoff->failure, alloc_of(handoff), why, &queue_failed);
}

/* The reply with which the queue has refused octets or a recipient, or NULL. */
static const struct slimta_reply *refusal_of(const struct slimta_op *op)
{
    return op->has_reply && op->reply.code >= 400 ? &op->reply : NULL;
}

static const struct slimta_reply *fixed_reply(
    struct sli_edge_handoff *handoff, const struct sli_edge_fixed *fixed)
{
    return sli_edge_shard_reply(handoff->shard, fixed->code, fixed->text);
}

/* Why the message has failed. A reply of ours stays when the handoff is reset.
 */
static const struct slimta_reply *failure_of(struct sli_edge_handoff *handoff)
{
    return handoff->failure.words != NULL
        ? handoff->failure.words
        : fixed_reply(handoff, &handoff->failure.fixed);
}

/* The reply of a queue that has not said yes (`op` is NULL when it could not
 * even be asked): a good one is no yes either. */
static const struct slimta_reply *no_of(
    struct sli_edge_handoff *handoff, struct slimta_op *op)
{
    struct slimta_reply *reply = op == NULL ? NULL : slimta_op_reply(op);

    return reply != NULL && reply->code >= 400
        ? reply
        : fixed_reply(handoff, &queue_failed);
}

static struct slimta_op *ask(struct sli_edge_handoff *handoff,
    void (*answered)(struct sli_edge_question *question, struct slimta_op *op),
    int code, const char *text)
{
    handoff->question.answered = answered;
    return sli_edge_op_ask(
        &handoff->shard->ops, &handoff->question, code, text);
}

/* The callback has returned: an answer that is there already is delivered. */
static void conclude(struct sli_edge_handoff *handoff, struct slimta_op *op)
{
    struct sli_edge_ops *ops = &handoff->shard->ops;

    if (sli_edge_op_asked(op)) {
        handoff->question.answered(&handoff->question, op);
        sli_edge_op_release(ops, op);
    }
}

static struct sli_edge_handoff *handoff_of(struct sli_edge_question *question)
{
    return SLI_LIST_ITEM(question, struct sli_edge_handoff, question);
}

/* `begin` is answered with slimta_op_begun; anything else refuses. */
static void ask_begin(struct sli_edge_handoff *handoff,
    void (*answered)(struct sli_edge_question *question, struct slimta_op *op))
{
    struct slimta_queue *queue = handoff->shard->edge->queue;
    struct slimta_op *op =
        ask(handoff, answered, queue_failed.code, queue_failed.text);

    if (op == NULL) {
        answered(&handoff->question, NULL);
        return;
    }
    op->queue = queue;
    queue->methods->begin(queue, slimta_envelope_ref(handoff->envelope), op);
    conclude(handoff, op);
}

/* Whether the queue has begun; if not, the handoff is idle again. */
static int has_begun(struct sli_edge_handoff *handoff, struct slimta_op *op,
    enum sli_edge_handoff_state state)
{
    if (op == NULL || !op->has_begun) {
        reset(handoff);
        return 0;
    }
    handoff->message = op->begun;
    handoff->is_begun = 1;
    handoff->state = state;
    return 1;
}

static void early_begin_answered(
    struct sli_edge_question *question, struct slimta_op *op)
{
    struct sli_edge_handoff *handoff = handoff_of(question);
    int is_begun = has_begun(handoff, op, SLI_EDGE_HANDOFF_LISTING);

    handoff->handler->begun_early(
        handoff, is_begun ? NULL : no_of(handoff, op));
}

void sli_edge_handoff_begin_early(
    struct sli_edge_handoff *handoff, struct slimta_envelope *envelope)
{
    handoff->envelope = envelope;
    handoff->state = SLI_EDGE_HANDOFF_OPENING;
    sli_mail_envelope_seal_but_recipients(envelope, sli_io_clock_now_ms());
    ask_begin(handoff, early_begin_answered);
}

static void recipient_answered(
    struct sli_edge_question *question, struct slimta_op *op)
{
    struct sli_edge_handoff *handoff = handoff_of(question);
    const struct slimta_reply *refusal =
        op == NULL ? fixed_reply(handoff, &queue_failed) : refusal_of(op);

    handoff->state = SLI_EDGE_HANDOFF_LISTING;
    if (refusal == NULL) {
        sli_mail_envelope_list_recipient(handoff->envelope);
    }
    handoff->handler->recipient_answered(handoff, refusal);
}

static void ask_recipient(
    struct sli_edge_handoff *handoff, const struct slimta_recipient *recipient)
{
    struct slimta_queue *queue = handoff->shard->edge->queue;
    struct slimta_op *op = ask(handoff, recipient_answered, 250, "2.1.5 Ok");

    if (op == NULL) {
        recipient_answered(&handoff->question, NULL);
        return;
    }
    handoff->state = SLI_EDGE_HANDOFF_ASKING;
    queue->methods->recipient(queue, handoff->message, recipient, op);
    conclude(handoff, op);
}

/* All memory is there before the queue is asked: its yes is never taken back.
 */
void sli_edge_handoff_recipient(
    struct sli_edge_handoff *handoff, const struct slimta_recipient *recipient)
{
    const struct slimta_recipient *staged;

    if (handoff->state == SLI_EDGE_HANDOFF_FAILED) {
        handoff->handler->recipient_answered(handoff, failure_of(handoff));
    } else if (sli_mail_envelope_stage_recipient(handoff->envelope,
                   sli_slice_text(recipient->address), recipient,
                   &staged) != 0) {
        handoff->handler->recipient_answered(
            handoff, fixed_reply(handoff, &no_space));
    } else {
        ask_recipient(handoff, staged);
    }
}

static void begin_answered(
    struct sli_edge_question *question, struct slimta_op *op)
{
    struct sli_edge_handoff *handoff = handoff_of(question);
    int is_begun = has_begun(handoff, op, SLI_EDGE_HANDOFF_STREAMING);

    handoff->handler->begun(handoff, is_begun ? NULL : no_of(handoff, op));
}

/* The queue has begun at MAIL already, unless it was too slow since. */
static void go_on_after_early(struct sli_edge_handoff *handoff)
{
    const struct slimta_reply *refusal = NULL;

    if (handoff->state == SLI_EDGE_HANDOFF_FAILED) {
        refusal = failure_of(handoff);
        reset(handoff);
    } else {
        sli_mail_envelope_seal(handoff->envelope, sli_io_clock_now_ms());
        handoff->state = SLI_EDGE_HANDOFF_STREAMING;
    }
    handoff->handler->begun(handoff, refusal);
}

void sli_edge_handoff_begin(
    struct sli_edge_handoff *handoff, struct slimta_envelope *envelope)
{
    if (handoff->state != SLI_EDGE_HANDOFF_IDLE) {
        go_on_after_early(handoff);
        return;
    }
    handoff->envelope = envelope;
    if (methods_of(handoff)->enqueue != NULL) {
        handoff->state = SLI_EDGE_HANDOFF_GATHERING;
        handoff->handler->begun(handoff, NULL);
        return;
    }
    handoff->state = SLI_EDGE_HANDOFF_BEGINNING;
    sli_mail_envelope_seal(envelope, sli_io_clock_now_ms());
    ask_begin(handoff, begin_answered);
}

static void write_answered(
    struct sli_edge_question *question, struct slimta_op *op)
{
    struct sli_edge_handoff *handoff = handoff_of(question);
    int was_asked_before = handoff->state == SLI_EDGE_HANDOFF_WRITING;
    const struct slimta_reply *refusal = op == NULL ? NULL : refusal_of(op);

    handoff->state = SLI_EDGE_HANDOFF_STREAMING;
    if (op == NULL) {
        fail(handoff, &queue_failed);
    } else if (refusal != NULL) {
        fail_with(handoff, refusal);
    }
    if (was_asked_before) {
        write_backlog(handoff);
    }
    if (was_asked_before && !sli_edge_handoff_is_busy(handoff)) {
        handoff->handler->ready(handoff);
    }
}

/* Gives octets to the queue. When it takes its time the state is WRITING
 * afterwards. */
static void stream(struct sli_edge_handoff *handoff, struct slimta_slice octets)
{
    struct slimta_queue *queue = handoff->shard->edge->queue;
    struct slimta_op *op = ask(handoff, write_answered, 250, "2.0.0 Ok");

    if (op == NULL) {
        write_answered(&handoff->question, NULL);
        return;
    }
    queue->methods->write(queue, handoff->message, octets, op);
    conclude(handoff, op);
    if (handoff->question.op != NULL) {
        handoff->state = SLI_EDGE_HANDOFF_WRITING;
    }
}

/* Streams what was gathered before the queue was asked to begin. */
static void write_backlog(struct sli_edge_handoff *handoff)
{
    struct slimta_slice block;

    while (handoff->state == SLI_EDGE_HANDOFF_STREAMING &&
        handoff->backlog != NULL) {
        if (slimta_content_block(
                handoff->backlog, handoff->backlog_at++, &block)) {
            stream(handoff, block);
        } else {
            sli_mail_content_unref(handoff->backlog);
            handoff->backlog = NULL;
            handoff->backlog_at = 0;
            sli_edge_held_at_most(handoff, 0);
        }
    }
}

static void switch_answered(
    struct sli_edge_question *question, struct slimta_op *op)
{
    struct sli_edge_handoff *handoff = handoff_of(question);

    if (op != NULL && op->has_begun) {
        handoff->message = op->begun;
        handoff->is_begun = 1;
        handoff->state = SLI_EDGE_HANDOFF_STREAMING;
        write_backlog(handoff);
    } else {
        fail_with(handoff, no_of(handoff, op));
    }
    if (!sli_edge_handoff_is_busy(handoff)) {
        handoff->handler->ready(handoff);
    }
}

/* From gathering to streaming: the content so far becomes the backlog, and the
 * envelope that the queue gets has none. */
static void switch_to_streaming(struct sli_edge_handoff *handoff)
{
    int err =
        sli_mail_envelope_take_content(handoff->envelope, &handoff->backlog);

    if (err != 0) {
        fail(handoff, &no_space);
        return;
    }
    sli_mail_envelope_seal(handoff->envelope, sli_io_clock_now_ms());
    handoff->state = SLI_EDGE_HANDOFF_SWITCHING;
    ask_begin(handoff, switch_answered);
}

static void spilled(struct sli_edge_handoff *handoff, int result)
{
    handoff->spill = NULL;
    handoff->state = SLI_EDGE_HANDOFF_GATHERING;
    if (result == SLIMTA_ENOSPC || result == SLIMTA_ENOMEM ||
        result == SLIMTA_EMFILE) {
        fail(handoff, &no_space);
    } else if (result != 0) {
        fail(handoff, &disk_failed);
    }
    handoff->handler->ready(handoff);
}

static void start_spill(struct sli_edge_handoff *handoff)
{
    handoff->state = SLI_EDGE_HANDOFF_SPILLING;
    if (sli_edge_spill_start(&handoff->spill, handoff,
            slimta_envelope_content(handoff->envelope), spilled) != 0) {
        fail(handoff, &no_space);
    }
}

static void gather(struct sli_edge_handoff *handoff, struct slimta_slice octets)
{
    struct slimta_content *content = slimta_envelope_content(handoff->envelope);

    if (sli_mail_content_append(content, octets) != 0) {
        fail(handoff, &no_space);
        return;
    }
    sli_edge_held_more(handoff, octets.size);
    if (sli_mail_content_spillable(content) <= handoff->limits->spill_bytes) {
        return;
    }
    if (methods_of(handoff)->begin != NULL) {
        switch_to_streaming(handoff);
    } else {
        start_spill(handoff);
    }
}

void sli_edge_handoff_write(
    struct sli_edge_handoff *handoff, struct slimta_slice octets)
{
    if (handoff->state == SLI_EDGE_HANDOFF_GATHERING) {
        gather(handoff, octets);
    } else if (handoff->state == SLI_EDGE_HANDOFF_STREAMING) {
        stream(handoff, octets);
    }
}

static void finish_answered(
    struct sli_edge_question *question, struct slimta_op *op)
{
    struct sli_edge_handoff *handoff = handoff_of(question);
    struct slimta_results *results =
        op == NULL ? NULL : sli_edge_op_take_answers(op);

    reset(handoff);
    if (results == NULL) {
        handoff->handler->finished(
            handoff, "", fixed_reply(handoff, &queue_failed), NULL);
        return;
    }
    handoff->handler->finished(handoff, sli_edge_results_name(results),
        sli_edge_results_verdict(results), results);
}

static struct slimta_op *ask_results(struct sli_edge_handoff *handoff)
{
    struct slimta_op *op;

    handoff->question.answered = finish_answered;
    op = sli_edge_op_ask_results(&handoff->shard->ops, &handoff->question,
        queue_failed.code, queue_failed.text, handoff->envelope);
    if (op != NULL) {
        op->session_id = handoff->session_id;
    }
    return op;
}

/* `enqueue` and `commit` answer alike. */
static void ask_finish(struct sli_edge_handoff *handoff)
{
    struct slimta_queue *queue = handoff->shard->edge->queue;
    struct slimta_op *op = ask_results(handoff);

    if (op == NULL) {
        abort_message(handoff);
        finish_answered(&handoff->question, NULL);
        return;
    }
    handoff->state = SLI_EDGE_HANDOFF_FINISHING;
    if (handoff->is_begun) {
        handoff->is_begun = 0;
        queue->methods->commit(queue, handoff->message, op);
    } else {
        queue->methods->enqueue(
            queue, slimta_envelope_ref(handoff->envelope), op);
    }
    conclude(handoff, op);
}

/* A queue that has refused octets has answered. NULL without memory. */
static struct slimta_results *results_of_failure(
    struct sli_edge_handoff *handoff)
{
    struct slimta_results *results = NULL;

    if (handoff->failure.is_the_queues) {
        results = sli_edge_results_new(alloc_of(handoff));
    }
    if (results != NULL) {
        sli_edge_results_ask(results, handoff->envelope);
        sli_edge_results_refuse_all(results, failure_of(handoff));
    }
    return results;
}

static void finish_failed(struct sli_edge_handoff *handoff)
{
    const struct slimta_alloc *alloc = alloc_of(handoff);
    struct slimta_results *results = results_of_failure(handoff);
    struct sli_edge_failure failure = handoff->failure;
    const struct slimta_reply *refusal = failure_of(handoff);

    handoff->failure = (struct sli_edge_failure){0};
    reset(handoff);
    handoff->handler->finished(handoff, "", refusal, results);
    sli_edge_failure_clear(&failure, alloc);
}

void sli_edge_handoff_finish(struct sli_edge_handoff *handoff)
{
    if (handoff->state == SLI_EDGE_HANDOFF_FAILED) {
        finish_failed(handoff);
        return;
    }
    if (!handoff->is_begun) {
        sli_mail_envelope_seal(handoff->envelope, sli_io_clock_now_ms());
    }
    ask_finish(handoff);
}

void sli_edge_handoff_abort(struct sli_edge_handoff *handoff)
{
    stop_waiting(handoff);
    abort_message(handoff);
    reset(handoff);
}

/* A `recipient` that may still be accepted cannot be told from one that is
 * refused: the message is given up. */
static void time_out_recipient(struct sli_edge_handoff *handoff)
{
    fail(handoff, &queue_slow);
    handoff->handler->recipient_answered(
        handoff, fixed_reply(handoff, &queue_slow));
}

static void time_out_message(struct sli_edge_handoff *handoff)
{
    enum sli_edge_handoff_state state = handoff->state;
    const struct slimta_reply *refusal = fixed_reply(handoff, &queue_slow);

    abort_message(handoff);
    reset(handoff);
    if (state == SLI_EDGE_HANDOFF_OPENING) {
        handoff->handler->begun_early(handoff, refusal);
    } else if (state == SLI_EDGE_HANDOFF_BEGINNING) {
        handoff->handler->begun(handoff, refusal);
    } else {
        handoff->handler->finished(handoff, "", refusal, NULL);
    }
}

void sli_edge_handoff_time_out(struct sli_edge_handoff *handoff)
{
    stop_waiting(handoff);
    if (sli_edge_handoff_is_busy(handoff)) {
        fail(handoff, &queue_slow);
        handoff->handler->ready(handoff);
    } else if (handoff->state == SLI_EDGE_HANDOFF_ASKING) {
        time_out_recipient(handoff);
    } else {
        time_out_message(handoff);
    }
}
