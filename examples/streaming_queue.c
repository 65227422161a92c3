/** A queue that stores each message as it arrives, as fast as the disk may. */
#include <slimta/edge.h>

#include "host.h"
#include "spool.h"

/* On the worker's thread: answers, also when the client has left. */
static void written(const char *name, void *op)
{
    if (name == NULL) {
        slimta_op_refused(op, NULL, 452, "4.3.1 The disk is full");
    }
    slimta_op_finish(op); /* now more is read from the client */
}

static void kept(const char *name, void *op)
{
    if (name != NULL) { /* else 451 */
        slimta_op_queued(op, NULL, name);
    }
    slimta_op_finish(op);
}

/* On the loop: gives the worker something to do and returns at once. */
static void queue_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct spool *spool = spool_new();

    (void)queue;
    slimta_envelope_unref(envelope); /* a real queue stores its facts too */
    if (spool != NULL) {             /* else 451 */
        slimta_op_begun(op, spool);
    }
}

static void queue_write(struct slimta_queue *queue, void *spool,
    struct slimta_slice octets, struct slimta_op *op)
{
    (void)queue;
    slimta_op_take(op); /* before another thread can see it */
    spool_write(spool, octets, written, op);
}

static void queue_commit(
    struct slimta_queue *queue, void *spool, struct slimta_op *op)
{
    (void)queue;
    slimta_op_take(op);
    spool_keep(spool, kept, op);
}

static void queue_abort(struct slimta_queue *queue, void *spool)
{
    (void)queue;
    spool_drop(spool); /* after a write that may still run */
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

    return host_run(argc, argv, &queue, NULL, NULL);
}
