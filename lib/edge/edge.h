/** What both edges are made of: sockets, shards, start and stop. */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include <pthread.h>

#include <slimta/error.h>
#include <slimta/tls.h>

#include "edge/event.h"
#include "edge/handoff.h"
#include "edge/places.h"
#include "edge/proxied.h"
#include "edge/rate.h"
#include "edge/shard.h"

/** The most sockets that one edge listens on. */
#define SLI_EDGE_SOCKETS_MAX 64

/** The most threads that one edge runs. */
#define SLI_EDGE_THREADS_MAX 256

enum sli_edge_state {
    SLI_EDGE_NEW,
    SLI_EDGE_RUNNING,
    SLI_EDGE_STOPPING,
    SLI_EDGE_STOPPED /* also: could not be started */
};

/** A function whose type only the public object knows. */
typedef void (*sli_edge_any_function)(void);

/** What the two public objects do differently. */
struct sli_edge_kind {
    const struct sli_edge_door *door;
    /** Calls the host's `stopped`. */
    void (*tell_stopped)(
        struct sli_edge *edge, sli_edge_any_function stopped, void *user);
    /** Frees the public object around the edge. */
    void (*release)(struct sli_edge *edge);
};

/** How long whoever is asked may take. */
struct sli_edge_times {
    uint64_t validator_ms;
    uint64_t queue_ms;                /* an `enqueue` or a `commit` */
    uint64_t queue_write_ms;          /* anything else of a queue */
    struct sli_edge_rate_limits data; /* the client, for a message */
};

/** Comes first in the public objects. */
struct sli_edge {
    const struct sli_edge_kind *kind;
    struct slimta_alloc alloc;
    struct slimta_queue *queue; /* borrowed */
    struct sli_edge_event_sink events;
    char *dns_servers; /* NULL: those of the machine */
    int wants_reverse_names;
    char *hostname;
    char *spill_directory;
    unsigned threads;
    struct sli_edge_times times;
    struct sli_edge_handoff_limits handoff;
    size_t text_bytes; /* the longest words of a command, with their NULs */
    struct slimta_validators *tables; /* in the order of asking */
    size_t table_count;
    unsigned steps; /* a bit for each step that some table has */

    struct sli_io_socket sockets[SLI_EDGE_SOCKETS_MAX];
    size_t socket_count;
    struct sli_edge_shard *shards;
    unsigned shard_count;
    atomic_uint counted;           /* shards whose counters may be read */
    struct sli_edge_places places; /* for connections, in all shards */
    struct sli_edge_proxied_rules proxied;

    pthread_mutex_t lock; /* what follows is touched by any thread */
    pthread_cond_t started;
    struct slimta_tls *tls; /* for the next handshake; one reference */
    enum sli_edge_state state;
    unsigned starting; /* threads that have not reported yet */
    int start_result;
    struct slimta_error start_error;
    unsigned next_shard;           /* that adopts a connection */
    unsigned live;                 /* shards that are not gone */
    int has_begun;                 /* LISTENING was told, STOPPED is due */
    uint64_t stop_at_ms;           /* on the monotonic clock */
    uint64_t drain_ms;             /* how long that was when it was said */
    sli_edge_any_function stopped; /* the host's, of the public object's type */
    void *stopped_user;
    int is_in_stopped; /* `stopped` runs, on: */
    pthread_t stopped_thread;
    int wants_free;
};

/** `alloc` was checked. */
int sli_edge_init(struct sli_edge *edge, const struct sli_edge_kind *kind,
    const struct slimta_alloc *alloc, struct slimta_queue *queue);

int sli_edge_listen(struct sli_edge *edge, const char *host, uint16_t port,
    struct slimta_error *error);
int sli_edge_listen_unix(
    struct sli_edge *edge, const char *path, struct slimta_error *error);
int sli_edge_listen_fd(
    struct sli_edge *edge, int fd, struct slimta_error *error);

/** The address of a socket; 0 when there is none of that number. */
int sli_edge_address(
    const struct sli_edge *edge, size_t index, struct slimta_address *address);

/** In `loop`, or with NULL on threads of its own. Without sockets it serves
 * what is adopted. */
int sli_edge_start(struct sli_edge *edge, struct slimta_loop *loop,
    struct slimta_error *error);

int sli_edge_stop(struct sli_edge *edge, uint64_t drain_ms,
    sli_edge_any_function stopped, void *user);

/** The public free: see smtp_edge_free. */
void sli_edge_free(struct sli_edge *edge);

/** Closes and frees what init and listen made; the kind's `release` calls it.
 */
void sli_edge_fini(struct sli_edge *edge);

/** The first shard serves: the host is told, now and when it stops. On the
 * shard's loop. */
void sli_edge_has_begun(struct sli_edge *edge);

/** The first shard stops: the host is told, if it was told of the beginning.
 */
void sli_edge_is_stopping(struct sli_edge *edge);

/** Fills what both know. Any thread. */
void sli_edge_sum(
    const struct sli_edge *edge, struct slimta_counters *counters);

/** Gives the edge a TLS context, of which it takes a reference. SLIMTA_EINVAL.
 */
int sli_edge_set_tls(
    struct sli_edge *edge, struct slimta_tls *tls, struct slimta_error *error);

/** The same for an edge that has one: see smtp_edge_set_tls. Any thread. */
int sli_edge_replace_tls(
    struct sli_edge *edge, struct slimta_tls *tls, struct slimta_error *error);

/** The TLS context of the edge, with a reference for the caller. Any thread. */
struct slimta_tls *sli_edge_ref_tls(struct sli_edge *edge);

/** How long until the stop's deadline; 0 when it has passed. */
uint64_t sli_edge_drain_left_ms(struct sli_edge *edge);

/** Memory for the shards. */
int sli_edge_make_shards(struct sli_edge *edge, unsigned count);

/** Has every shard stop; the lock is held. */
void sli_edge_stop_shards(struct sli_edge *edge, uint64_t drain_ms);

/** Every shard is gone: tells the host. Returns whether the edge is to be freed
 * on this thread. */
int sli_edge_tell_stopped(struct sli_edge *edge);

/** The last act of a shard, on its loop. */
void sli_edge_shard_is_gone(struct sli_edge_shard *shard);

#endif
