/** The deferred answer, from the question to the answer's delivery. */
#include "edge/op.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "io/loop.h"

static void deliver(struct sli_io_message *message);

static void op_free(struct slimta_op *op)
{
    struct slimta_alloc alloc = op->alloc;

    sli_mail_reply_fini(&op->reply);
    sli_io_inbox_unref(op->inbox);
    pthread_mutex_destroy(&op->lock);
    sli_free(&alloc, op);
}

static struct slimta_op *op_new(const struct sli_edge_ops *ops)
{
    struct slimta_op *op = sli_alloc_zero(&ops->alloc, sizeof *op);

    if (op == NULL) {
        return NULL;
    }
    op->alloc = ops->alloc;
    if (pthread_mutex_init(&op->lock, NULL) != 0) {
        sli_free(&ops->alloc, op);
        return NULL;
    }
    sli_mail_reply_init(&op->reply, &op->alloc);
    op->loop = ops->loop;
    op->inbox = sli_io_inbox_ref(ops->loop->inbox);
    op->message.deliver = deliver;
    /* Room for any default text, so that filling it in cannot fail later. */
    if (sli_mail_reply_set(&op->reply, 451,
            SLI_LITERAL("a default text is never longer than this line, "
                        "which stands here for its length alone")) != 0) {
        op_free(op);
        return NULL;
    }
    return op;
}

void sli_edge_ops_init(struct sli_edge_ops *ops,
    const struct slimta_alloc *alloc, struct slimta_loop *loop)
{
    *ops = (struct sli_edge_ops){.alloc = *alloc, .loop = loop};
}

void sli_edge_ops_fini(struct sli_edge_ops *ops)
{
    if (ops->spare != NULL) {
        op_free(ops->spare);
        ops->spare = NULL;
    }
}

struct slimta_op *sli_edge_op_ask(struct sli_edge_ops *ops,
    struct sli_edge_question *question, int code, const char *text)
{
    struct slimta_op *op = ops->spare;

    if (op == NULL) {
        op = op_new(ops);
    }
    if (op == NULL) {
        return NULL;
    }
    ops->spare = NULL;
    op->question = question;
    op->counters = ops->counters;
    op->default_code = code;
    op->default_text = text;
    return op;
}

int sli_edge_op_asked(struct slimta_op *op)
{
    if (!op->is_taken) {
        return 1;
    }
    op->question->op = op;
    if (op->counters != NULL) {
        sli_edge_count(op->counters, SLI_EDGE_COUNT_OPS_OPEN, 1);
    }
    return 0;
}

/* Nobody waits for it any more. */
static void part(struct sli_edge_question *question, struct slimta_op *op)
{
    question->op = NULL;
    op->question = NULL;
    if (op->counters != NULL) {
        sli_edge_uncount(op->counters, SLI_EDGE_COUNT_OPS_OPEN, 1);
    }
}

void sli_edge_op_release(struct sli_edge_ops *ops, struct slimta_op *op)
{
    if (ops->spare != NULL) {
        op_free(op);
        return;
    }
    op->question = NULL;
    op->queue = NULL;
    op->has_reply = 0;
    op->has_begun = 0;
    op->results.accepted = 0;
    op->results.refused = 0;
    op->results.id[0] = '\0';
    ops->spare = op;
}

void sli_edge_op_cancel(struct sli_edge_question *question)
{
    struct slimta_op *op = question->op;

    if (op == NULL) {
        return;
    }
    part(question, op);
    pthread_mutex_lock(&op->lock);
    atomic_store(&op->is_cancelled, 1);
    if (!op->is_finished && op->cancelled != NULL) {
        op->canceller = pthread_self();
        atomic_store(&op->is_cancelling, 1);
        op->cancelled(op, op->cancelled_user);
        atomic_store(&op->is_cancelling, 0);
    }
    pthread_mutex_unlock(&op->lock);
}

/* A `begin` whose asker has gone has begun all the same: its abort is due. */
static void abandon(struct slimta_op *op)
{
    if (op->queue != NULL && op->has_begun) {
        op->queue->methods->abort(op->queue, op->begun);
    }
}

static void deliver(struct sli_io_message *message)
{
    struct slimta_op *op = SLI_LIST_ITEM(message, struct slimta_op, message);
    struct sli_edge_question *question = op->question;

    if (question == NULL) {
        abandon(op);
    } else {
        part(question, op);
        question->answered(question, op);
    }
    op_free(op);
}

void slimta_op_take(struct slimta_op *op)
{
    op->is_taken = 1;
}

struct slimta_loop *slimta_op_loop(const struct slimta_op *op)
{
    return op->loop;
}

struct slimta_reply *slimta_op_reply(struct slimta_op *op)
{
    if (!op->has_reply) {
        op->has_reply = 1;
        /* Cannot fail: the room is there since op_new. */
        (void)sli_mail_reply_set(
            &op->reply, op->default_code, sli_slice_text(op->default_text));
    }
    return &op->reply;
}

/* Inside `cancelled` the lock is held already, by this very thread. */
static int is_inside_cancelled(struct slimta_op *op)
{
    return atomic_load(&op->is_cancelling) &&
        pthread_equal(op->canceller, pthread_self());
}

int slimta_op_finish(struct slimta_op *op)
{
    int err;

    if (is_inside_cancelled(op)) {
        op->is_finished = 1;
    } else {
        pthread_mutex_lock(&op->lock);
        op->is_finished = 1;
        pthread_mutex_unlock(&op->lock);
    }
    err = sli_io_inbox_post(op->inbox, &op->message);
    if (err != 0) {
        op_free(op);
    }
    return err;
}

int slimta_op_is_cancelled(const struct slimta_op *op)
{
    return atomic_load(&op->is_cancelled);
}

void slimta_op_on_cancel(struct slimta_op *op,
    void (*cancelled)(struct slimta_op *op, void *user), void *user)
{
    op->cancelled = cancelled;
    op->cancelled_user = user;
}

/* An id stands in a reply: what a reply may not hold becomes '?'. */
static void keep_id(struct sli_edge_results *results, const char *id)
{
    size_t length = 0;

    for (; id[length] != '\0' && length < SLI_EDGE_ID_MAX; length++) {
        results->id[length] =
            sli_ascii_is(id[length], SLI_ASCII_PRINT) ? id[length] : '?';
    }
    results->id[length] = '\0';
}

int slimta_op_queued(
    struct slimta_op *op, struct slimta_envelope *envelope, const char *id)
{
    (void)envelope;
    if (op->results.accepted++ == 0 && id != NULL) {
        keep_id(&op->results, id);
    }
    return 0;
}

int slimta_op_refused(struct slimta_op *op, struct slimta_envelope *envelope,
    int code, const char *text)
{
    (void)envelope;
    if (op->results.refused++ > 0) {
        return 0;
    }
    if (code < 400 || code > 599) {
        code = 451;
    }
    op->has_reply = 1;
    return slimta_reply_set(&op->reply, code, text);
}

void slimta_op_begun(struct slimta_op *op, void *message)
{
    op->has_begun = 1;
    op->begun = message;
}
