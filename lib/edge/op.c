/** The deferred answer, from the question to the answer's delivery. */
#include "edge/op.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"
#include "io/loop.h"
#include "sasl/stored_secret.h"

/* The way back of all ops that one owner has asked with. The loop's inbox may
 * be open for longer than the owner lives, hence a lock of our own. */
struct sli_edge_gate {
    struct slimta_alloc alloc;
    atomic_size_t references;
    struct sli_io_inbox *inbox; /* one reference */
    struct sli_edge_ops *ops;   /* NULL when the owner has gone; loop only */
    pthread_mutex_t lock;
    int is_closed; /* nothing more is let in */
};

static void deliver(struct sli_io_message *message);

static struct sli_edge_gate *gate_new(struct sli_edge_ops *ops)
{
    struct sli_edge_gate *gate = sli_alloc_zero(&ops->alloc, sizeof *gate);

    if (gate == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&gate->lock, NULL) != 0) {
        sli_free(&ops->alloc, gate);
        return NULL;
    }
    gate->alloc = ops->alloc;
    atomic_init(&gate->references, 1);
    gate->inbox = sli_io_inbox_ref(ops->loop->inbox);
    gate->ops = ops;
    return gate;
}

static struct sli_edge_gate *gate_ref(struct sli_edge_gate *gate)
{
    atomic_fetch_add_explicit(&gate->references, 1, memory_order_relaxed);
    return gate;
}

static void gate_unref(struct sli_edge_gate *gate)
{
    struct slimta_alloc alloc;

    if (gate == NULL ||
        atomic_fetch_sub_explicit(&gate->references, 1, memory_order_acq_rel) !=
            1) {
        return;
    }
    alloc = gate->alloc;
    sli_io_inbox_unref(gate->inbox);
    pthread_mutex_destroy(&gate->lock);
    sli_free(&alloc, gate);
}

static int gate_post(struct sli_edge_gate *gate, struct sli_io_message *message)
{
    int err = SLIMTA_ECANCELED;

    pthread_mutex_lock(&gate->lock);
    if (!gate->is_closed) {
        err = sli_io_inbox_post(gate->inbox, message);
    }
    pthread_mutex_unlock(&gate->lock);
    return err;
}

static void op_free(struct slimta_op *op)
{
    struct slimta_alloc alloc = op->alloc;

    sli_mail_reply_fini(&op->reply);
    sli_edge_secret_drop(&op->secret, &alloc);
    sli_edge_results_free(op->answers);
    sli_edge_results_free(op->results);
    if (op->extensions != NULL) {
        op->free_extensions(op->extensions);
    }
    gate_unref(op->gate);
    pthread_mutex_destroy(&op->lock);
    sli_free(&alloc, op);
}

static struct slimta_op *op_new(struct sli_edge_ops *ops)
{
    struct slimta_op *op;

    if (ops->gate == NULL) {
        ops->gate = gate_new(ops);
    }
    op = ops->gate == NULL ? NULL : sli_alloc_zero(&ops->alloc, sizeof *op);
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
    op->gate = gate_ref(ops->gate);
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

void sli_edge_ops_close(struct sli_edge_ops *ops)
{
    if (ops->gate != NULL) {
        pthread_mutex_lock(&ops->gate->lock);
        ops->gate->is_closed = 1;
        pthread_mutex_unlock(&ops->gate->lock);
    }
}

void sli_edge_ops_fini(struct sli_edge_ops *ops)
{
    sli_edge_ops_close(ops);
    if (ops->gate != NULL) {
        ops->gate->ops = NULL;
        gate_unref(ops->gate);
        ops->gate = NULL;
    }
    if (ops->spare != NULL) {
        op_free(ops->spare);
        ops->spare = NULL;
    }
    sli_edge_results_free(ops->spare_results);
    ops->spare_results = NULL;
}

static struct slimta_op *get_op(
    struct sli_edge_ops *ops, struct sli_edge_question *question)
{
    struct slimta_op *op = ops->spare != NULL ? ops->spare : op_new(ops);

    ops->spare = NULL;
    if (op != NULL) {
        op->question = question;
        op->counters = ops->counters;
    }
    return op;
}

struct slimta_op *sli_edge_op_ask(struct sli_edge_ops *ops,
    struct sli_edge_question *question, int code, const char *text)
{
    struct slimta_op *op = get_op(ops, question);

    if (op != NULL) {
        op->default_code = code;
        op->default_text = text;
    }
    return op;
}

struct slimta_op *sli_edge_op_ask_reply(struct sli_edge_ops *ops,
    struct sli_edge_question *question, const struct slimta_reply *reply)
{
    struct slimta_op *op = get_op(ops, question);

    if (op == NULL) {
        return NULL;
    }
    if (sli_mail_reply_copy(&op->reply, reply) != 0) {
        sli_edge_op_release(ops, op);
        return NULL;
    }
    op->has_reply = 1;
    return op;
}

struct slimta_op *sli_edge_op_ask_results(struct sli_edge_ops *ops,
    struct sli_edge_question *question, int code, const char *text,
    struct slimta_envelope *envelope)
{
    struct slimta_results *results = ops->spare_results;
    struct slimta_op *op = NULL;

    ops->spare_results = NULL;
    if (results == NULL) {
        results = sli_edge_results_new(&ops->alloc);
    }
    if (results != NULL) {
        op = sli_edge_op_ask(ops, question, code, text);
    }
    if (op == NULL) {
        sli_edge_op_give_back(ops, results);
        return NULL;
    }
    sli_edge_results_ask(results, envelope);
    op->answers = results;
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

void sli_edge_op_give_back(
    struct sli_edge_ops *ops, struct slimta_results *results)
{
    if (results == NULL || ops->spare_results != NULL) {
        sli_edge_results_free(results);
        return;
    }
    sli_edge_results_clear(results);
    ops->spare_results = results;
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
    sli_edge_op_give_back(ops, op->answers);
    op->answers = NULL;
    op->results = NULL;
    op->extensions = NULL;
    sli_edge_secret_drop(&op->secret, &op->alloc);
    if (ops->spare != NULL) {
        op_free(op);
        return;
    }
    op->question = NULL;
    op->queue = NULL;
    op->session_id = 0;
    op->has_reply = 0;
    op->has_begun = 0;
    op->takes_secret = 0;
    ops->spare = op;
}

struct slimta_results *sli_edge_op_take_answers(struct slimta_op *op)
{
    struct slimta_results *answers = op->answers;

    if (slimta_op_reply(op)->code < 400) {
        op->has_reply = 0; /* a good reply is no yes */
    }
    if (answers->count == 0) {
        sli_edge_results_refuse_all(answers, slimta_op_reply(op));
    }
    op->answers = NULL;
    return answers;
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

/* The answer comes when its asker has gone. A `begin` has begun all the same:
 * its abort is due. */
static void deliver_late(struct slimta_op *op)
{
    struct sli_edge_ops *ops = op->gate->ops;

    if (op->queue != NULL && op->has_begun) {
        op->queue->methods->abort(op->queue, op->begun);
    }
    if (op->answers != NULL && op->answers->accepted > 0 && ops != NULL &&
        ops->late != NULL) {
        ops->late(ops, op->session_id, op->answers);
    }
}

static void deliver(struct sli_io_message *message)
{
    struct slimta_op *op = SLI_LIST_ITEM(message, struct slimta_op, message);
    struct sli_edge_question *question = op->question;

    if (question == NULL) {
        deliver_late(op);
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
    err = gate_post(op->gate, &op->message);
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

struct slimta_results *slimta_op_results(struct slimta_op *op)
{
    return op->results;
}

struct slimta_extensions *slimta_op_extensions(struct slimta_op *op)
{
    return op->extensions;
}

static int give_secret(
    struct slimta_op *op, enum sli_sasl_secret_kind kind, const char *text)
{
    if (!op->takes_secret) {
        return SLIMTA_ESTATE;
    }
    return sli_edge_secret_set(&op->secret, &op->alloc, kind, text);
}

int slimta_op_secret(struct slimta_op *op, const char *password)
{
    return give_secret(op, SLI_SASL_SECRET_PASSWORD, password);
}

int slimta_op_secret_stored(struct slimta_op *op, const char *stored)
{
    struct sli_sasl_keys keys;
    int err = sli_sasl_stored_secret_read(&keys, stored);

    sli_secret_wipe(&keys, sizeof keys);
    return err != 0 ? err : give_secret(op, SLI_SASL_SECRET_STORED, stored);
}

int slimta_op_queued(
    struct slimta_op *op, struct slimta_envelope *envelope, const char *id)
{
    if (op->answers == NULL) {
        return SLIMTA_ESTATE;
    }
    return sli_edge_results_accept(op->answers, envelope, id);
}

int slimta_op_refused(struct slimta_op *op, struct slimta_envelope *envelope,
    int code, const char *text)
{
    if (op->answers != NULL) {
        return sli_edge_results_refuse(op->answers, envelope, code, text);
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
