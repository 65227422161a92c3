/** A queue of one's own: each message is answered by a worker thread, long
 * after the loop has gone on. `own_queue [PORT]`; port 0 takes a free one. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <slimta/edge.h>

/** A message that waits for the worker, with what answers it. */
struct job {
    struct job *next;
    struct slimta_envelope *envelope;
    struct slimta_op *op;
};

/** The library sees the first member only; the rest is ours. */
struct own_queue {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct job *first;
    struct job **last; /* where the next job is hung in */
    unsigned long count;
};

static void print_message(const struct slimta_envelope *envelope)
{
    size_t count = slimta_envelope_recipient_count(envelope);

    printf("from <%s>\n", slimta_envelope_sender(envelope));
    for (size_t i = 0; i < count; i++) {
        printf("to <%s>\n", slimta_envelope_recipient(envelope, i)->address);
    }
    printf("%" PRIu64 " octets\n",
        slimta_content_size(slimta_envelope_content(envelope)));
    fflush(stdout);
}

/* On the loop: keeps the message for the worker and returns at once. */
static void enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct own_queue *own = (struct own_queue *)queue;
    struct job *job = malloc(sizeof *job);

    if (job == NULL) {
        (void)slimta_op_refused(op, NULL, 452, "4.3.0 Out of memory");
        slimta_envelope_unref(envelope);
        return;
    }
    *job = (struct job){.envelope = envelope, .op = op};
    slimta_op_take(op);
    pthread_mutex_lock(&own->lock);
    *own->last = job;
    own->last = &job->next;
    pthread_cond_signal(&own->filled);
    pthread_mutex_unlock(&own->lock);
}

static struct job *next_job(struct own_queue *own)
{
    struct job *job;

    pthread_mutex_lock(&own->lock);
    while (own->first == NULL) {
        pthread_cond_wait(&own->filled, &own->lock);
    }
    job = own->first;
    own->first = job->next;
    if (own->first == NULL) {
        own->last = &own->first;
    }
    pthread_mutex_unlock(&own->lock);
    return job;
}

/* On the worker's thread: may take its time. Finishing is a duty, also when
 * the client has left meanwhile; what finish returns tells whether anybody
 * could still hear the answer. */
static void *work(void *user)
{
    struct own_queue *own = user;

    for (;;) {
        struct job *job = next_job(own);
        char id[32];

        print_message(job->envelope);
        (void)snprintf(id, sizeof id, "own-%lu", ++own->count);
        (void)slimta_op_queued(job->op, NULL, id);
        (void)slimta_op_finish(job->op);
        slimta_envelope_unref(job->envelope);
        free(job);
    }
    return NULL;
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .enqueue = enqueue,
};

static struct own_queue own = {
    .queue = {.methods = &methods},
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .filled = PTHREAD_COND_INITIALIZER,
    .last = &own.first,
};

static int serve(
    struct smtp_edge **edge, uint16_t port, struct slimta_error *error)
{
    const struct smtp_edge_options options = {.size = sizeof options};
    struct slimta_address address;
    char text[SLIMTA_ADDRESS_TEXT_MAX];
    int err = smtp_edge_new(edge, &options, &own.queue, error);

    if (err == 0) {
        err = smtp_edge_listen(*edge, "127.0.0.1", port, error);
    }
    if (err == 0) {
        err = smtp_edge_start(*edge, NULL, error); /* on a thread of its own */
    }
    if (err == 0 && smtp_edge_address(*edge, 0, &address)) {
        (void)slimta_address_format(&address, text, sizeof text);
        fprintf(stderr, "listening on %s\n", text);
    }
    return err;
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    struct smtp_edge *edge = NULL;
    struct slimta_error error = {0};

    if (serve(&edge, port, &error) != 0) {
        fprintf(stderr, "own_queue: %s\n", error.text);
        smtp_edge_free(edge);
        return 1;
    }
    work(&own); /* until the process is ended */
    return 0;
}
