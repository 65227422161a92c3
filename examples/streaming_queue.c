/** A queue that stores each message while it arrives, and lets the client send
 * no faster than the disk takes it. */
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

#include "host.h"
#include "spool.h"

struct message {
    struct job job;       /* of the open question: */
    struct slimta_op *op; /* there is one at a time */
    struct job abort;     /* may be posted while a write is open */
    struct spool spool;
    size_t size; /* of the write */
    char octets[SLIMTA_WRITE_MAX];
};

/* What the worker runs may block, and finishes each question once. */
static void run_write(void *user)
{
    struct message *message = user;

    if (spool_write(&message->spool, message->octets, message->size) != 0) {
        slimta_op_refused(message->op, NULL, 452, "4.3.1 The disk is full");
    }
    slimta_op_finish(message->op); /* now more is read from the client */
}

static void run_commit(void *user)
{
    struct message *message = user;

    if (spool_keep(&message->spool) == 0) { /* else 451 */
        slimta_op_queued(message->op, NULL, message->spool.name);
    }
    slimta_op_finish(message->op);
    free(message);
}

static void run_abort(void *user)
{
    struct message *message = user;

    spool_drop(&message->spool);
    free(message);
}

static void run_begin(void *user)
{
    struct message *message = user;
    struct slimta_op *op = message->op;

    if (spool_open(&message->spool) != 0) {
        free(message);
        slimta_op_finish(op); /* without a yes: 451 */
        return;
    }
    slimta_op_begun(op, message);
    if (slimta_op_finish(op) != 0) {
        run_abort(message); /* the edge is gone and will not ask for it */
    }
}

/* What the library calls runs on the loop and returns at once. */
static void post(
    struct message *message, struct slimta_op *op, void (*run)(void *user))
{
    slimta_op_take(op); /* before another thread can see it */
    message->op = op;
    host_post(&message->job, run, message);
}

static void queue_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct message *message = calloc(1, sizeof *message);

    (void)queue;
    slimta_envelope_unref(envelope); /* a real queue stores its facts too */
    if (message != NULL) {           /* else 451 */
        post(message, op, run_begin);
    }
}

static void queue_write(struct slimta_queue *queue, void *user,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct message *message = user;

    (void)queue;
    memcpy(message->octets, octets.data, octets.size); /* borrowed till now */
    message->size = octets.size;
    post(message, op, run_write);
}

static void queue_commit(
    struct slimta_queue *queue, void *user, struct slimta_op *op)
{
    (void)queue;
    post(user, op, run_commit);
}

static void queue_abort(struct slimta_queue *queue, void *user)
{
    (void)queue; /* a cancelled write may still run: this comes after it */
    host_post(&((struct message *)user)->abort, run_abort, user);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .begin = queue_begin,
    .write = queue_write,
    .commit = queue_commit,
    .abort = queue_abort,
};

int main(int argc, char **argv)
{
    struct slimta_queue queue = {.methods = &methods};

    return host_run(argc, argv, &queue, NULL);
}
