/**
 * What one loop has for one queue that hands mail on: connections to the next
 * hops, idle, under way or in use, and the messages that wait for one.
 *
 * It knows no protocol. A *link* is one connection; the SMTP and the HTTP queue
 * each begin a struct of their own with a struct sli_queue_link and bring a
 * table of functions. A *turn* stands in a message and waits for a link.
 *
 * A turn gets an idle link, the one that was used last; else one that is made,
 * if there are not max_connections; else it waits, first come, first served.
 * A link that is made tries the hops in their order: first those that have not
 * failed lately, then the rest. The first one that is ready is it. When none
 * is, the turn that has waited longest fails; when no other link is left, all
 * do, at once.
 */
#ifndef QUEUE_POOL_H
#define QUEUE_POOL_H

#include <stdatomic.h>

#include <slimta/queue.h>
#include <slimta/reply.h>

#include "base/list.h"
#include "io/conn.h"
#include "io/dial.h"
#include "io/timer.h"
#include "mail/reply.h"
#include "queue/hop.h"
#include "queue/tell.h"

struct sli_queue_link;
struct sli_queue_pool;
struct slimta_resolver;
struct slimta_tls;

/** How many messages may wait for a link: this times max_connections. What is
 * over fails at once, with 451 4.4.5. */
#define SLI_QUEUE_POOL_WAITING_FACTOR 10

/** How long a hop that has failed is only tried behind the others. */
#define SLI_QUEUE_POOL_AVOID_MS 30000

/** How links of one protocol behave. Static. All of it runs on the loop. */
struct sli_queue_link_kind {
    size_t size; /**< of the struct that begins with a struct sli_queue_link;
                      zero but for the link when `opened` comes */
    /** Of the connection; `closed` is sli_queue_link_closed. */
    const struct sli_io_conn_handler *handler;
    size_t max_pending; /**< see sli_io_conn_open */

    /** Connected, in the clear, to link->hop: get it ready for a message, TLS
     * and greeting included, then say sli_queue_link_ready or _failed, now or
     * later. The timer runs with what is left of connect_timeout_ms. */
    void (*opened)(struct sli_queue_link *link);
    /** The link's timer has fired: say _failed when it was not ready yet, close
     * it when it carries a message. */
    void (*timed_out)(struct sli_queue_link *link);
    /** It was idle for idle_ms, or is stale: say goodbye if that is due, and
     * close it, now or later. NULL: it is just closed. */
    void (*retire)(struct sli_queue_link *link);
    /** The queue leaves the loop while the link carries a message: finish what
     * is to be finished, and close it now. */
    void (*stop)(struct sli_queue_link *link);
    /** It is closed: free what `opened` and all that followed has made, but not
     * the struct. NULL: nothing. */
    void (*fini)(struct sli_queue_link *link);
};

/** What all pools of a queue have in common. Constant from the first attach
 * on. */
struct sli_queue_pool_config {
    struct slimta_alloc alloc;
    struct sli_queue_hops hops;
    const struct sli_queue_link_kind *kind;
    struct slimta_tls *tls; /**< a reference; NULL: none is needed. Was given to
                                 sli_tls_context_use_as_client */
    const char *servers;    /**< DNS */
    uint64_t connect_timeout_ms; /**< for each hop */
    uint64_t max_connections;    /**< in each loop, at least 1 */
    uint64_t idle_ms;
    struct sli_queue_tell tell; /**< who is told of events */
};

/** A queue's pools. Nothing in it is locked: each loop uses its own pool, and
 * a pool, once made, stays in the list until _fini; another loop may get it. */
struct sli_queue_pools {
    struct sli_queue_pool_config config; /**< filled by the queue */
    void *queue;                         /**< for link->pool->pools->queue */
    _Atomic(struct sli_queue_pool *) first;
};

/** A message that wants a link. Embedded in it; zero: it waits for nothing. */
struct sli_queue_turn {
    struct sli_list waiting;
    struct sli_queue_pool *pool; /* while it waits */
    /** Its turn has come: `link` is the message's until sli_queue_link_ready or
     * _close. `link->turn` is this one. */
    void (*came)(struct sli_queue_turn *turn, struct sli_queue_link *link);
    /** There is no link. `why` is a refusal of class 4 or 5, and lives until
     * return. */
    void (*failed)(struct sli_queue_turn *turn, const struct slimta_reply *why);
};

enum sli_queue_link_state {
    SLI_QUEUE_LINK_DIALING,  /**< on its way to link->hop */
    SLI_QUEUE_LINK_OPENING,  /**< connected; the kind gets it ready */
    SLI_QUEUE_LINK_IDLE,     /**< ready, and nobody has it */
    SLI_QUEUE_LINK_RETIRING, /**< was told to retire */
    SLI_QUEUE_LINK_BUSY,     /**< a message has it */
    SLI_QUEUE_LINK_FAILING,  /**< closes, then tries the next hop */
    SLI_QUEUE_LINK_CLOSING   /**< closes, then it is gone */
};

/** One connection to a next hop. What is marked may be read; the rest is the
 * pool's. */
struct sli_queue_link {
    struct sli_queue_pool *pool;     /**< may be read */
    const struct sli_queue_hop *hop; /**< may be read */
    struct sli_queue_turn *turn;     /**< may be read: what it carries */
    uint64_t carried; /**< may be read: how many messages before this one: 0
                           for a fresh link */
    struct sli_io_conn conn; /**< the kind reads, writes, pauses; it closes
                                  with the functions below only */

    enum sli_queue_link_state state;
    struct sli_list all;
    struct sli_list idle;
    struct sli_io_timer timer;
    struct sli_io_dial dial;
    uint64_t opened_ms; /* when this hop's time began */
    uint32_t tried;     /* the hops, as bits */
};

/** One loop's. What is marked may be read. */
struct sli_queue_pool {
    struct sli_queue_pools *pools;              /**< may be read */
    const struct sli_queue_pool_config *config; /**< may be read */
    struct slimta_loop *loop;                   /**< may be read */

    struct sli_queue_pool *next;       /* in the queue's list; never changes */
    _Atomic(struct slimta_loop *) key; /* whose it is; NULL: nobody's */
    unsigned users;                    /* edges that are attached */
    struct slimta_resolver *resolver;
    struct sli_list links;   /* all of them */
    struct sli_list idle;    /* the last one used is the first */
    struct sli_list waiting; /* turns */
    uint64_t link_count;     /* but those that close */
    uint64_t opening_count;  /* not ready yet */
    uint64_t waiting_count;
    uint64_t memory_count; /* links whose memory is still there */
    uint64_t job_count;
    uint64_t avoid_until_ms[SLI_QUEUE_HOPS_MAX];
    struct slimta_reply why;   /* the last hop's failure */
    struct slimta_op *leaving; /* to be finished when all is closed */
    unsigned char is_feeding;
    unsigned char is_leaving;
};

/* For the queue's methods */

/** `config` is filled: it, and what it points to, is taken on success. */
void sli_queue_pool_init(struct sli_queue_pools *pools, void *queue);

/** No loop is attached any more: frees the pools, not what the config has. */
void sli_queue_pool_fini(struct sli_queue_pools *pools);

/** As struct slimta_queue_methods has it. Opens nothing. SLIMTA_ENOMEM. */
int sli_queue_pool_attach(
    struct sli_queue_pools *pools, struct slimta_loop *loop);

/** The same: links that carry a message are told to stop, all others are
 * closed, and `op` is taken and finished when the last one is gone. */
void sli_queue_pool_detach(struct sli_queue_pools *pools,
    struct slimta_loop *loop, struct slimta_op *op);

/** The pool of a loop that is attached; on that loop. */
struct sli_queue_pool *sli_queue_pool_find(
    struct sli_queue_pools *pools, struct slimta_loop *loop);

/* For messages */

/** Asks for a link: `came` or `failed` follows once, perhaps within this call.
 * Fill both first. */
void sli_queue_pool_ask(
    struct sli_queue_pool *pool, struct sli_queue_turn *turn);

/**
 * The link that `turn` had was found closed before it could have done anything
 * with the message: asks again, before all others. Links to the same hop that
 * are idle are retired first, as just as stale. Close the link before.
 */
void sli_queue_pool_ask_again(struct sli_queue_pool *pool,
    struct sli_queue_turn *turn, const struct sli_queue_hop *stale);

/** The turn waits no more; nothing follows. Also for one that does not wait. */
void sli_queue_pool_forget(struct sli_queue_turn *turn);

/** A pool job of the thread pool's begins, or is over: the loop is not left
 * while one runs. */
void sli_queue_pool_job_begins(struct sli_queue_pool *pool);
void sli_queue_pool_job_ends(struct sli_queue_pool *pool);

/* For links */

/** It can take a message: the first time, or again. A turn that waits gets it
 * within this call (last thing to do). */
void sli_queue_link_ready(struct sli_queue_link *link);

/** It was not ready yet and will not be: the next hop is tried. Of `why` a copy
 * is made; it should be of class 4 or 5. The event hop_failed tells `reason`.
 */
void sli_queue_link_failed(struct sli_queue_link *link,
    const struct slimta_reply *why, const char *reason);

/** The same with a fixed text. */
void sli_queue_link_failed_with(struct sli_queue_link *link, int code,
    const char *text, const char *reason);

/** Ends a ready link; the turn it carried, if any, is not told: who calls this
 * has done that. Several calls are as one. */
void sli_queue_link_close(
    struct sli_queue_link *link, enum sli_io_conn_close how);

/** Starts TLS, as the client, checking the hop's name; `secured` or `failed` of
 * the connection's handler follows. SLIMTA_ENOMEM, SLIMTA_EIO. */
int sli_queue_link_secure(struct sli_queue_link *link);

/** Sets the link's timer, or stops it (UINT64_MAX). */
void sli_queue_link_set_timer(struct sli_queue_link *link, uint64_t after_ms);

/** `closed` of every kind's connection handler. */
void sli_queue_link_closed(struct sli_io_conn *conn);

#endif
