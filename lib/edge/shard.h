/** The part of an edge that lives in one loop: its listeners and sessions. */
#ifndef EDGE_SHARD_H
#define EDGE_SHARD_H

#include <pthread.h>

#include <slimta/slice.h>

#include "base/list.h"
#include "edge/counters.h"
#include "edge/op.h"
#include "io/listener.h"
#include "io/loop.h"

struct sli_edge;
struct sli_edge_shard;
struct slimta_proxy;

/** A connection that is to be a session. */
struct sli_edge_arrival {
    int fd; /* non-blocking */
    struct slimta_address peer;
    struct slimta_address client; /* whom it serves: the peer, or after PROXY */
    struct slimta_address local;  /* after PROXY; NONE: the descriptor's own */
    struct slimta_proxy *proxy;   /* what else PROXY told; NULL without it */
    struct slimta_slice octets;   /* that came behind the PROXY header */
};

/** What every session of either edge begins with. */
struct sli_edge_member {
    struct sli_list link;
    struct sli_edge_shard *shard;
};

/** What a shard asks of the sessions that it holds. */
struct sli_edge_door {
    /** A connection was accepted, its PROXY header read: `fd` and `proxy` are
     * the door's now, which puts its session into `members`. Borrows the rest
     * of `arrival`. sli_edge_shard_session_ends is due once. */
    void (*accept)(
        struct sli_edge_shard *shard, const struct sli_edge_arrival *arrival);
    /** Too many connections: say so on `fd`, which the shard closes. */
    void (*turn_away)(struct sli_edge_shard *shard, int fd);
    /** Leave as soon as no transaction is open. */
    void (*drain)(struct sli_edge_member *member);
    /** Leave now. */
    void (*kill)(struct sli_edge_member *member);
};

enum sli_edge_shard_state {
    SLI_EDGE_SHARD_NEW,
    SLI_EDGE_SHARD_RUNNING,
    SLI_EDGE_SHARD_DRAINING,  /* no listeners; sessions end */
    SLI_EDGE_SHARD_DETACHING, /* no sessions; the queue lets go */
    SLI_EDGE_SHARD_LEAVING,   /* the loop's handles are closing */
    SLI_EDGE_SHARD_GONE
};

struct sli_edge_listener {
    struct sli_io_listener io;
    struct sli_edge_shard *shard;
};

struct sli_edge_shard {
    struct sli_edge *edge;
    struct slimta_loop *loop;
    struct sli_io_inbox *inbox; /* one reference, for stop from any thread */
    enum sli_edge_shard_state state;

    struct sli_io_socket *sockets; /* the edge's own, or clones of them */
    size_t socket_count;
    struct sli_edge_listener *listeners; /* one for each socket */
    size_t listener_count;               /* those that are open */

    struct sli_edge_counters counters;
    int short_code; /* what could not be accepted for lack of something: the
                       error, and when it came last */
    uint64_t short_ms;

    struct sli_list members;
    struct sli_list proxied; /* connections before their PROXY header */
    unsigned jobs;           /* pool jobs that outlive their session */
    struct slimta_resolver *resolver; /* from start to leaving */
    struct sli_edge_ops ops;
    struct sli_buf output;     /* what the engine that runs has to say */
    struct slimta_reply reply; /* scratch for one reply of ours */
    char *text; /* scratch for the words of one command, `text_bytes` */

    struct sli_io_message stop_message;
    int is_stop_posted; /* under the edge's lock */
    struct sli_io_timer deadline;
    struct sli_edge_question detach;
    struct slimta_op *detach_op; /* made at the start: detaching cannot fail */
    struct sli_io_loop_user user;

    pthread_t thread; /* with threads of the edge's own */
    int has_thread;
};

/** Prepares a shard of `edge`. With `clone` it opens sockets of its own beside
 * the edge's, else it uses these. Either way it closes them when it stops. */
int sli_edge_shard_init(struct sli_edge_shard *shard, struct sli_edge *edge,
    int clone, struct slimta_error *error);

/** Frees what init made; the shard was never started or is gone. */
void sli_edge_shard_fini(struct sli_edge_shard *shard);

/** Enters `loop`, attaches the queue, listens. On the loop. After a failure the
 * shard is on its way out: sli_edge_shard_is_gone tells when. */
int sli_edge_shard_start(struct sli_edge_shard *shard, struct slimta_loop *loop,
    struct slimta_error *error);

/** Has the shard read the edge's deadline and drain. Any thread, under the
 * edge's lock. */
void sli_edge_shard_post_stop(struct sli_edge_shard *shard);

/** A connection that is non-blocking: `fd` becomes a session, if need be after
 * its PROXY header, or over a limit is told so and closed. Takes it. While the
 * shard runs or drains, on the loop. */
void sli_edge_shard_admit(
    struct sli_edge_shard *shard, int fd, const struct slimta_address *peer);

/** A connection that has a place among all becomes a session, if its client may
 * have one more. Takes `fd`, `proxy` and the place. On the loop. */
void sli_edge_shard_begin(
    struct sli_edge_shard *shard, const struct sli_edge_arrival *arrival);

/** A session that `accept` was called for has ended: it is out of `members` and
 * its memory is free. `client` is what `accept` got. The shard may go now. On
 * the loop. */
void sli_edge_shard_session_ends(
    struct sli_edge_shard *shard, const struct slimta_address *client);

/** Nothing keeps the shard any more, perhaps: then it goes, if it is to. On the
 * loop. */
void sli_edge_shard_leave_when_done(struct sli_edge_shard *shard);

/** A pool job that no session waits for begins or ends. On the loop. */
void sli_edge_shard_job_begins(struct sli_edge_shard *shard);
void sli_edge_shard_job_ends(struct sli_edge_shard *shard);

/** The scratch reply, filled; `text` is a short static one, so that it cannot
 * fail. Lives until the next call. */
const struct slimta_reply *sli_edge_shard_reply(
    struct sli_edge_shard *shard, int code, const char *text);

/** Whether sessions are to leave. */
static inline int sli_edge_shard_is_draining(const struct sli_edge_shard *shard)
{
    return shard->state >= SLI_EDGE_SHARD_DRAINING;
}

#endif
