/** The queue that accepts everything and keeps nothing. */
#include <stdatomic.h>
#include <string.h>

#include <slimta/envelope.h>
#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/error.h"

#define ID_PREFIX "discarded-"

struct discard {
    struct slimta_queue queue; /* first: the methods get its address */
    struct slimta_alloc alloc;
    atomic_uint_fast64_t count; /* messages so far, of all loops */
};

static void answer(struct discard *discard, struct slimta_op *op)
{
    uint64_t number =
        1 + atomic_fetch_add_explicit(&discard->count, 1, memory_order_relaxed);
    char id[sizeof ID_PREFIX + SLI_ASCII_NUMBER_MAX] = ID_PREFIX;

    (void)sli_ascii_format_number(number, id + sizeof ID_PREFIX - 1);
    /* The first part of an answer cannot fail. */
    (void)slimta_op_queued(op, NULL, id);
}

static void discard_free(struct slimta_queue *queue)
{
    struct discard *discard = (struct discard *)queue;
    struct slimta_alloc alloc = discard->alloc;

    sli_free(&alloc, discard);
}

static void discard_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    answer((struct discard *)queue, op);
    slimta_envelope_unref(envelope);
}

/* A message has no state: each of them is the queue itself. */
static void discard_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    slimta_op_begun(op, queue);
    slimta_envelope_unref(envelope);
}

static void discard_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    (void)queue;
    (void)message;
    (void)octets;
    (void)op;
}

static void discard_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    (void)message;
    answer((struct discard *)queue, op);
}

static void discard_abort(struct slimta_queue *queue, void *message)
{
    (void)queue;
    (void)message;
}

/* What goes nowhere keeps every promise. */
static uint64_t discard_capabilities(struct slimta_queue *queue)
{
    (void)queue;
    return SLIMTA_CAN_DSN | SLIMTA_CAN_REQUIRETLS | SLIMTA_CAN_BINARYMIME |
        SLIMTA_CAN_DELIVERBY | SLIMTA_CAN_MT_PRIORITY |
        SLIMTA_CAN_FUTURERELEASE;
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .free = discard_free,
    .enqueue = discard_enqueue,
    .begin = discard_begin,
    .write = discard_write,
    .commit = discard_commit,
    .abort = discard_abort,
    .capabilities = discard_capabilities,
};

int slimta_discard_queue_new(struct slimta_queue **out,
    const struct slimta_alloc *alloc, struct slimta_error *error)
{
    struct slimta_alloc table;
    struct discard *discard;

    if (sli_alloc_init(&table, alloc) != 0) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "the allocator is not valid");
    }
    discard = sli_alloc_zero(&table, sizeof *discard);
    if (discard == NULL) {
        return sli_error_set(
            error, SLIMTA_ENOMEM, "out of memory for a discard queue");
    }
    discard->queue.methods = &methods;
    discard->alloc = table;
    atomic_init(&discard->count, 0);
    *out = &discard->queue;
    return 0;
}
