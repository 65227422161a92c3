/** A queue of tests that keeps what came in each form, and its books. */
#include "collector.h"

#include <stdlib.h>
#include <string.h>

struct message {
    struct slimta_envelope *envelope;
    size_t size; /* octets that came and were right */
    int is_wrong;
};

static struct collector *collector_of(struct slimta_queue *queue)
{
    return (struct collector *)queue;
}

static void count(struct collector *collector, size_t *counter)
{
    pthread_mutex_lock(&collector->lock);
    ++*counter;
    pthread_mutex_unlock(&collector->lock);
}

/* Late answers are taken first and given at the end of the callback: they are
 * delivered by a later turn of the loop. */
static void take(const struct collector *collector, struct slimta_op *op)
{
    if (collector->is_late) {
        slimta_op_take(op);
    }
}

static int finish(const struct collector *collector, struct slimta_op *op)
{
    return collector->is_late ? slimta_op_finish(op) : 0;
}

static void enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct collector *collector = collector_of(queue);

    take(collector, op);
    if (collector->wanted != NULL) {
        size_t size = 0;
        char *octets = host_content(envelope, &size);

        if (size != collector->wanted_size ||
            memcmp(octets, collector->wanted, size) != 0) {
            count(collector, &collector->wrong);
        }
        free(octets);
    }
    count(collector, &collector->enqueues);
    slimta_envelope_unref(envelope);
    (void)slimta_op_queued(op, NULL, "whole");
    (void)finish(collector, op);
}

static void begin(struct slimta_queue *queue, struct slimta_envelope *envelope,
    struct slimta_op *op)
{
    struct collector *collector = collector_of(queue);
    struct message *message = calloc(1, sizeof *message);

    assert_non_null(message);
    message->envelope = envelope;
    take(collector, op);
    slimta_op_begun(op, message);
    count(collector, &collector->begins);
    assert_int_equal(finish(collector, op), 0);
}

static void write_octets(struct slimta_queue *queue, void *user,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct collector *collector = collector_of(queue);
    struct message *message = user;

    take(collector, op);
    if (octets.size > SLIMTA_WRITE_MAX ||
        (collector->wanted != NULL &&
            (octets.size > collector->wanted_size - message->size ||
                memcmp(collector->wanted + message->size, octets.data,
                    octets.size) != 0))) {
        message->is_wrong = 1;
    } else {
        message->size += octets.size;
    }
    (void)finish(collector, op);
}

static void close_message(struct message *message)
{
    slimta_envelope_unref(message->envelope);
    free(message);
}

static void commit(struct slimta_queue *queue, void *user, struct slimta_op *op)
{
    struct collector *collector = collector_of(queue);
    struct message *message = user;

    take(collector, op);
    if (message->is_wrong ||
        (collector->wanted != NULL &&
            message->size != collector->wanted_size)) {
        count(collector, &collector->wrong);
    }
    count(collector, &collector->commits);
    close_message(message);
    (void)slimta_op_queued(op, NULL, "streamed");
    (void)finish(collector, op);
}

static void abort_message(struct slimta_queue *queue, void *user)
{
    count(collector_of(queue), &collector_of(queue)->aborts);
    close_message(user);
}

static void recipient(struct slimta_queue *queue, void *user,
    const struct slimta_recipient *address, struct slimta_op *op)
{
    struct collector *collector = collector_of(queue);

    (void)user;
    (void)address;
    take(collector, op);
    count(collector, &collector->recipients);
    (void)finish(collector, op);
}

const struct slimta_queue_methods collector_whole = {
    .size = sizeof collector_whole, .enqueue = enqueue};

const struct slimta_queue_methods collector_streaming = {
    .size = sizeof collector_streaming,
    .begin = begin,
    .write = write_octets,
    .commit = commit,
    .abort = abort_message,
};

const struct slimta_queue_methods collector_both = {
    .size = sizeof collector_both,
    .enqueue = enqueue,
    .begin = begin,
    .write = write_octets,
    .commit = commit,
    .abort = abort_message,
};

const struct slimta_queue_methods collector_recipient = {
    .size = sizeof collector_recipient,
    .begin = begin,
    .write = write_octets,
    .commit = commit,
    .abort = abort_message,
    .recipient = recipient,
};

void collector_init(struct collector *collector,
    const struct slimta_queue_methods *methods, int is_late)
{
    memset(collector, 0, sizeof *collector);
    collector->queue.methods = methods;
    collector->is_late = is_late;
    pthread_mutex_init(&collector->lock, NULL);
}

void collector_fini(struct collector *collector)
{
    assert_int_equal(collector->begins, collector->commits + collector->aborts);
    assert_int_equal(collector->wrong, 0);
    pthread_mutex_destroy(&collector->lock);
}

size_t collector_taken(struct collector *collector)
{
    size_t taken = 0;

    pthread_mutex_lock(&collector->lock);
    taken = collector->enqueues + collector->commits;
    pthread_mutex_unlock(&collector->lock);
    return taken;
}
