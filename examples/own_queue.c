/** A queue of one's own: a worker answers each message. */
#include <stdio.h>
#include <stdlib.h>

#include <slimta/edge.h>

#include "host.h"

/** The library sees the first member only; the rest is ours. */
struct own_queue {
    struct slimta_queue queue;
    unsigned long count;
};

/** A message that waits for the worker, with what answers it. */
struct message {
    struct job job;
    struct own_queue *own;
    struct slimta_envelope *envelope;
    struct slimta_op *op;
};

static void print_message(const struct slimta_envelope *envelope)
{
    printf("from <%s>\n", slimta_envelope_sender(envelope));
    for (size_t i = 0; i < slimta_envelope_recipient_count(envelope); i++) {
        printf("to <%s>\n", slimta_envelope_recipient(envelope, i)->address);
    }
    fflush(stdout);
}

/* On the worker's thread: may take its time. */
static void store(void *user)
{
    struct message *message = user;
    char id[32];

    print_message(message->envelope);
    (void)snprintf(id, sizeof id, "own-%lu", ++message->own->count);
    slimta_op_queued(message->op, NULL, id);
    slimta_op_finish(message->op); /* also when the client has left */
    slimta_envelope_unref(message->envelope);
    free(message);
}

/* On the loop: keeps the message for the worker and returns at once. */
static void enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct message *message = malloc(sizeof *message);

    if (message == NULL) {
        slimta_envelope_unref(envelope);
        return; /* without an answer: 451 */
    }
    slimta_op_take(op); /* before another thread can see it */
    *message = (struct message){
        .own = (struct own_queue *)queue, .envelope = envelope, .op = op};
    host_post(&message->job, store, message);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .enqueue = enqueue,
};

int main(int argc, char **argv)
{
    static struct own_queue own = {.queue = {.methods = &methods}};

    return host_run(argc, argv, &own.queue, NULL, NULL);
}
