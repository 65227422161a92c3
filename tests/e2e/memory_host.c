/** A host whose memory is measured from outside: an edge with a queue that
 * sleeps until it is told to go on, or that hands on over SMTP.
 *
 * Usage: memory_host enqueue|stream|discard SPILL_DIRECTORY, or relay
 * SPILL_DIRECTORY HOST:PORT. Says its port, then answers each line of its input
 * with one line; ends with its input.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

#define HELD_MAX 1000

/** A queue that holds its answers. */
struct sleeper {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    int is_awake;
    struct slimta_op *held[HELD_MAX];
    size_t held_count;
    size_t begins;
    size_t commits;
    size_t aborts;
};

static void hold(struct sleeper *sleeper, struct slimta_op *op)
{
    if (!sleeper->is_awake && sleeper->held_count < HELD_MAX) {
        slimta_op_take(op);
        sleeper->held[sleeper->held_count++] = op;
    }
}

static void enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct sleeper *sleeper = (struct sleeper *)queue;

    pthread_mutex_lock(&sleeper->lock);
    ++sleeper->commits;
    (void)slimta_op_queued(op, envelope, "held");
    hold(sleeper, op);
    pthread_mutex_unlock(&sleeper->lock);
    /* The results hold it while the op does. */
    slimta_envelope_unref(envelope);
}

static void begin(struct slimta_queue *queue, struct slimta_envelope *envelope,
    struct slimta_op *op)
{
    struct sleeper *sleeper = (struct sleeper *)queue;

    pthread_mutex_lock(&sleeper->lock);
    ++sleeper->begins;
    slimta_op_begun(op, sleeper);
    pthread_mutex_unlock(&sleeper->lock);
    slimta_envelope_unref(envelope);
}

static void write_octets(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct sleeper *sleeper = message;

    (void)queue;
    (void)octets;
    pthread_mutex_lock(&sleeper->lock);
    hold(sleeper, op);
    pthread_mutex_unlock(&sleeper->lock);
}

static void commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct sleeper *sleeper = message;

    (void)queue;
    pthread_mutex_lock(&sleeper->lock);
    ++sleeper->commits;
    (void)slimta_op_queued(op, NULL, "streamed");
    pthread_mutex_unlock(&sleeper->lock);
}

static void abort_message(struct slimta_queue *queue, void *message)
{
    struct sleeper *sleeper = message;

    (void)queue;
    pthread_mutex_lock(&sleeper->lock);
    ++sleeper->aborts;
    pthread_mutex_unlock(&sleeper->lock);
}

static const struct slimta_queue_methods whole = {
    .size = sizeof whole, .enqueue = enqueue};

static const struct slimta_queue_methods streaming = {
    .size = sizeof streaming,
    .begin = begin,
    .write = write_octets,
    .commit = commit,
    .abort = abort_message,
};

static void wake(struct sleeper *sleeper)
{
    size_t i = 0;

    pthread_mutex_lock(&sleeper->lock);
    sleeper->is_awake = 1;
    for (i = 0; i < sleeper->held_count; ++i) {
        (void)slimta_op_finish(sleeper->held[i]);
    }
    sleeper->held_count = 0;
    pthread_mutex_unlock(&sleeper->lock);
}

static void tell(struct sleeper *sleeper)
{
    pthread_mutex_lock(&sleeper->lock);
    printf("%zu %zu %zu %zu\n", sleeper->held_count, sleeper->begins,
        sleeper->commits, sleeper->aborts);
    pthread_mutex_unlock(&sleeper->lock);
    (void)fflush(stdout);
}

static void stopped(struct smtp_edge *edge, void *user)
{
    (void)edge;
    sem_post(user);
}

static int serve(struct sleeper *sleeper, struct slimta_queue *queue,
    const char *spill_directory)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .max_connections = SLIMTA_UNLIMITED,
        .max_connections_per_ip = SLIMTA_UNLIMITED,
        .max_message_bytes = SLIMTA_UNLIMITED,
        .spill_directory = spill_directory};
    struct slimta_address address = {.port = 0};
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;
    char line[16];
    sem_t gone;

    if (smtp_edge_new(&edge, &options, queue, &error) != 0 ||
        smtp_edge_listen(edge, "127.0.0.1", 0, &error) != 0 ||
        smtp_edge_start(edge, NULL, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        smtp_edge_free(edge);
        return 1;
    }
    (void)smtp_edge_address(edge, 0, &address);
    printf("%u\n", (unsigned)address.port);
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "wake\n") == 0) {
            wake(sleeper);
        }
        tell(sleeper);
    }
    (void)sem_init(&gone, 0, 0);
    if (smtp_edge_stop(edge, 0, stopped, &gone) == 0) {
        while (sem_wait(&gone) != 0 && errno == EINTR) {
        }
    }
    smtp_edge_free(edge);
    wake(sleeper);
    tell(sleeper);
    sem_destroy(&gone);
    return 0;
}

static int serve_relay(
    struct sleeper *sleeper, const char *spill_directory, const char *hosts)
{
    const struct slimta_smtp_queue_options options = {.size = sizeof options,
        .hosts = hosts,
        .tls_policy = SLIMTA_HOP_TLS_OFF};
    struct slimta_queue *queue = NULL;
    struct slimta_error error = {0};
    int status = 1;

    if (slimta_smtp_queue_new(&queue, &options, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
    } else {
        status = serve(sleeper, queue, spill_directory);
    }
    slimta_queue_free(queue);
    return status;
}

int main(int argc, char **argv)
{
    static struct sleeper sleeper;
    int status = 2;

    if (argc < 3) {
        return status;
    }
    sleeper.queue.methods =
        strcmp(argv[1], "stream") == 0 ? &streaming : &whole;
    sleeper.is_awake = strcmp(argv[1], "discard") == 0;
    pthread_mutex_init(&sleeper.lock, NULL);
    if (strcmp(argv[1], "relay") != 0) {
        status = serve(&sleeper, &sleeper.queue, argv[2]);
    } else if (argc == 4) {
        status = serve_relay(&sleeper, argv[2], argv[3]);
    }
    pthread_mutex_destroy(&sleeper.lock);
    return status;
}
