/**
 * What one loop has for one queue that hands mail on: connections to the next
 * hops, idle, under way or in use, and the messages that wait for one.
 *
 * It knows no protocol. A *link* is one connection (link.h); the SMTP and the
 * HTTP queue each begin a struct of their own with a struct sli_queue_link and
 * bring a table of functions. A *turn* stands in a message and waits for a
 * link.
 *
 * A turn gets an idle link, the one that was used last; else one that is made,
 * if there are not max_connections; else it waits, first come, first served, as
 * long as its owner lets it. A link that is made tries the hops in their order:
 * first those that have not failed lately, then the rest. The first one that is
 * ready is it. When no hop is, the turn that has waited longest fails; all of
 * them do, at once, when nobody else is on the way, or when no hop could even
 * be connected to and no link carries a message.
 */
#ifndef QUEUE_POOL_H
#define QUEUE_POOL_H

#include <stdatomic.h>

#include <slimta/queue.h>
#include <slimta/reply.h>

#include "base/list.h"
#include "mail/reply.h"
#include "queue/hop.h"
#include "queue/link.h"
#include "queue/tell.h"

struct slimta_resolver;
struct slimta_tls;

/** How many messages may wait for a link: this times max_connections. What is
 * over fails at once, with 451 4.4.5. */
#define SLI_QUEUE_POOL_WAITING_FACTOR 10

/** How long a hop that has failed is only tried behind the others. */
#define SLI_QUEUE_POOL_AVOID_MS 30000

/** What all pools of a queue have in common. Filled by the queue, which frees
 * it; constant from the first attach on. */
struct sli_queue_pool_config {
    struct slimta_alloc alloc;
    struct sli_queue_hops hops;
    const struct sli_queue_link_kind *kind;
    struct slimta_tls *tls;      /**< NULL: none is needed. It was given to
                                      sli_tls_context_use_as_client */
    char *servers;               /**< DNS; the config's own, or NULL */
    uint64_t connect_timeout_ms; /**< for each hop */
    uint64_t max_connections;    /**< in each loop, at least 1 */
    uint64_t idle_ms;
    struct sli_queue_tell tell; /**< who is told of events */
};

/** A queue's pools. Nothing in it is locked: each loop uses its own pool, and a
 * pool, once made, stays in the list until _fini; another loop may get it. */
struct sli_queue_pools {
    struct sli_queue_pool_config config;
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

/** One loop's. What is marked may be read. */
struct sli_queue_pool {
    struct sli_queue_pools *pools;              /**< may be read */
    const struct sli_queue_pool_config *config; /**< may be read */
    struct slimta_loop *loop;                   /**< may be read */

    struct sli_queue_pool *next;       /* in the queue's list; never changes */
    _Atomic(struct slimta_loop *) key; /* whose it is; NULL: nobody's */
    unsigned users;                    /* edges that are attached */
    struct slimta_resolver *resolver;
    struct sli_list links;   /* all whose memory is there */
    struct sli_list idle;    /* the last one used is the first */
    struct sli_list waiting; /* turns */
    uint64_t link_count;
    uint64_t opening_count; /* links that are not ready yet */
    uint64_t busy_count;    /* links that carry a message */
    uint64_t waiting_count;
    uint64_t job_count;
    uint64_t avoid_until_ms[SLI_QUEUE_HOPS_MAX]; /* in the loop's time */
    struct slimta_reply why;                     /* the last hop's failure */
    struct slimta_op *leaving; /* to be finished when all is closed */
};

/* For the queue's methods */

/** No loop is attached any more: frees the pools, not what the config has. */
void sli_queue_pool_fini(struct sli_queue_pools *pools);

/** As struct slimta_queue_methods has it. Opens nothing. SLIMTA_ENOMEM. */
int sli_queue_pool_attach(
    struct sli_queue_pools *pools, struct slimta_loop *loop);

/** The same. With the last edge of the loop, links that carry a message are
 * told to stop, all others are closed, and `op` is taken and finished when
 * nothing is left. */
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

/** The turn waits no more, and nothing follows; or it did not wait. */
void sli_queue_pool_forget(struct sli_queue_turn *turn);

/** A job in the thread pool begins, or is over: the loop is not left while one
 * runs. */
void sli_queue_pool_job_begins(struct sli_queue_pool *pool);
void sli_queue_pool_job_ends(struct sli_queue_pool *pool);

/* For link.c */

/** The hop that the round which has tried `tried` tries next; NULL when there
 * is none left. */
const struct sli_queue_hop *sli_queue_pool_next_hop(
    const struct sli_queue_pool *pool, uint32_t tried);

/** Index of a hop, for bits. */
unsigned sli_queue_pool_hop_index(
    const struct sli_queue_pool *pool, const struct sli_queue_hop *hop);

/** A link of this hop is ready for the first time, or could not be had. */
void sli_queue_pool_hop_is_there(
    struct sli_queue_pool *pool, const struct sli_queue_hop *hop);
void sli_queue_pool_hop_is_missing(
    struct sli_queue_pool *pool, const struct sli_queue_hop *hop);

/** A link that nobody has: for the turn that waits longest, or idle. */
void sli_queue_pool_link_is_free(struct sli_queue_link *link);

/** A round has found no hop; `was_connected`: one of them did answer. */
void sli_queue_pool_round_failed(
    struct sli_queue_pool *pool, int was_connected);

/** A link is closed, and out of all lists; frees it. */
void sli_queue_pool_link_is_gone(struct sli_queue_link *link);

#endif
