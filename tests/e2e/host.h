/** What the test hosts share: a blocking client, a queue, a running edge. */
#ifndef E2E_HOST_H
#define E2E_HOST_H

#include <pthread.h>
#include <semaphore.h>

#include "test.h"

#include <slimta/edge.h>

#include "tls_client.h"

/** The end of every wait: a test that hangs fails. */
#define HOST_PATIENCE_S 30

#define HOST_ENVELOPE \
    "EHLO client.example\r\nMAIL FROM:<a@example.com>\r\n" \
    "RCPT TO:<b@example.net>\r\nDATA\r\n"
#define HOST_MESSAGE "Subject: one\r\n\r\nbody\r\n"

/** One connection to an edge. Nothing of it asserts: it works on any thread. */
struct host_client {
    int fd;
    struct tls_client *tls; /* NULL: in the clear */
    size_t held;
    char buffer[16384];
    char line[1024]; /* the last line of the last reply */
};

/** Connects; 0 or -1. */
int host_client_open(
    struct host_client *client, const struct slimta_address *address);

void host_client_close(struct host_client *client);

/** From now on all goes over TLS, also the end: the handshake. 0 or -1; after
 * that the connection is still to be closed. `options` may be NULL. */
int host_client_secure(
    struct host_client *client, const struct tls_client_options *options);

/** Reads the banner, says EHLO and STARTTLS, and shakes hands; 0 or -1. */
int host_client_starttls(
    struct host_client *client, const struct tls_client_options *options);

/** Goes with a reset instead of an orderly end. */
void host_client_reset(struct host_client *client);

/** Sends all of it; 0 or -1. */
int host_client_send(
    struct host_client *client, const void *octets, size_t size);

/** The code of the next reply; 0 when the connection has ended, -1 on error or
 * when nothing came. */
int host_client_reply(struct host_client *client);

/** Sends a text, then reads one reply. */
int host_client_ask(struct host_client *client, const char *text);

/** Sends HOST_ENVELOPE, reads its replies from the banner to the 354; 0 or
 * -1. */
int host_client_begin(struct host_client *client);

/** One whole delivery of HOST_MESSAGE over a new connection, then QUIT; the
 * code of the reply to the message, or -1. */
int host_deliver(const struct slimta_address *address);

/** Sends until the connection has taken nothing for a while, `most` octets at
 * most; returns how many were taken. */
size_t host_client_flood(
    struct host_client *client, const char *pattern, size_t most);

/** What a queue of a test does with `enqueue`. */
enum host_answer {
    HOST_QUEUED, /* yes, at once */
    HOST_LATER,  /* takes the op: the test answers with host_queue_next */
    HOST_SILENT, /* returns without a word */
    HOST_REFUSED /* no, with `refusal` */
};

#define HOST_PENDING_MAX 16

struct host_pending {
    struct slimta_op *op;
    struct slimta_envelope *envelope;
};

/** A queue that checks and counts. */
struct host_queue {
    struct slimta_queue queue;
    enum host_answer answer;
    int refusal;
    const char *refusal_text;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct host_pending pending[HOST_PENDING_MAX];
    size_t pending_count;
    size_t messages;  /* how often enqueue was called */
    size_t accepted;  /* how often it said yes at once */
    size_t cancelled; /* how often on_cancel came */
    size_t attached;
    size_t detached;
};

void host_queue_init(struct host_queue *queue, enum host_answer answer);
void host_queue_fini(struct host_queue *queue);

/** Changes what it does with the next message. */
void host_queue_answers(struct host_queue *queue, enum host_answer answer);

/** One of its counters, while the edge runs. */
size_t host_queue_count(struct host_queue *queue, const size_t *counter);

/** Waits for a message that was answered HOST_LATER; its op and the envelope's
 * reference are the caller's. */
struct host_pending host_queue_next(struct host_queue *queue);

/** Says yes and gives both back; what slimta_op_finish returned. */
int host_pending_accept(struct host_pending *pending);

/** Waits until nobody waits for the answer. 1, or 0 when that never comes. */
int host_pending_is_cancelled(const struct host_pending *pending);

/** The content of an envelope in memory of its own, to be freed. */
char *host_content(struct slimta_envelope *envelope, size_t *size);

/** A message of `lines` lines of 64 octets, each with its number, under
 * HOST_LARGE_HEAD; to be freed. */
char *host_message(size_t lines, size_t *size);

#define HOST_LARGE_HEAD "Subject: large\r\n\r\n"

/** An edge and the address of its first listener. */
struct host_edge {
    struct smtp_edge *edge;
    struct slimta_address address;
    sem_t stopped;
};

/** A new edge that listens on 127.0.0.1; asserts. `options` may be NULL. */
void host_edge_open(struct host_edge *host,
    const struct smtp_edge_options *options, struct slimta_queue *queue);

/** The same, running on a thread of its own. */
void host_edge_start(struct host_edge *host,
    const struct smtp_edge_options *options, struct slimta_queue *queue);

/** Stops and waits for `stopped`; frees. Asserts. */
void host_edge_stop(struct host_edge *host, uint64_t drain_ms);

/** A `stopped` for any edge: posts host->stopped. */
void host_edge_stopped(struct smtp_edge *edge, void *user);

/** Waits, within the patience; 1 or 0. */
int host_wait(sem_t *semaphore);

/** A context with a certificate of the build, for an edge; asserts. `options`
 * may be NULL; `ca` names who may sign clients' certificates, or is NULL. */
struct slimta_tls *host_tls(const struct slimta_tls_options *options,
    const char *certificate, const char *ca);

/** Counts the entries of a directory such as /proc/self/fd. */
size_t host_count(const char *directory);

/** Asks again until `*value` (under the lock) is at least `wanted`. */
int host_queue_wait(
    struct host_queue *queue, const size_t *value, size_t wanted);

#define HOST_TEXT_MAX 64

/** Writes "127.0.0.1:PORT" of a port that nobody listens at; asserts. */
void host_find_closed_port(char text[HOST_TEXT_MAX]);

#endif
