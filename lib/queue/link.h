/** One connection to a next hop, whatever it speaks: from dialing to its end.
 */
#ifndef QUEUE_LINK_H
#define QUEUE_LINK_H

#include <slimta/reply.h>

#include "base/list.h"
#include "io/conn.h"
#include "io/dial.h"
#include "io/timer.h"
#include "queue/hop.h"

struct sli_queue_link;
struct sli_queue_pool;
struct sli_queue_turn;

/** How links of one protocol behave. Static. All of it runs on the loop. */
struct sli_queue_link_kind {
    size_t size; /**< of the struct that begins with a struct sli_queue_link;
                      zero but for the link when `opened` comes */
    /** Of the connection; `closed` is sli_queue_link_closed. */
    const struct sli_io_conn_handler *handler;
    size_t max_pending; /**< see sli_io_conn_open */

    /** Connected, in the clear, to link->hop: get it ready for a message, TLS
     * and greeting included, then say sli_queue_link_ready or _failed, now or
     * later. The timer runs with what is left of connect_timeout_ms; it may be
     * set anew. */
    void (*opened)(struct sli_queue_link *link);
    /** The link's timer has fired: say _failed when it was not ready yet, close
     * it when it carries a message. */
    void (*timed_out)(struct sli_queue_link *link);
    /** It was idle for idle_ms, or is stale: say goodbye if that is due, and
     * close it, now or later; when its timer fires it is closed anyway. NULL:
     * it is just closed. */
    void (*retire)(struct sli_queue_link *link);
    /** The queue leaves the loop while the link carries a message: finish what
     * is to be finished, and close it now. */
    void (*stop)(struct sli_queue_link *link);
    /** It is closed: free what `opened` and all that followed has made, but not
     * the struct. NULL: nothing. */
    void (*fini)(struct sli_queue_link *link);
};

enum sli_queue_link_state {
    SLI_QUEUE_LINK_DIALING,  /**< on its way to link->hop */
    SLI_QUEUE_LINK_OPENING,  /**< connected; the kind gets it ready */
    SLI_QUEUE_LINK_FAILING,  /**< closes, then tries the next hop */
    SLI_QUEUE_LINK_IDLE,     /**< ready, and nobody has it */
    SLI_QUEUE_LINK_RETIRING, /**< was told to retire */
    SLI_QUEUE_LINK_BUSY,     /**< a message has it */
    SLI_QUEUE_LINK_CLOSING   /**< closes, then it is gone */
};

/** What is marked may be read by the kind; the rest is link.c's. */
struct sli_queue_link {
    struct sli_queue_pool *pool;     /**< may be read */
    const struct sli_queue_hop *hop; /**< may be read */
    struct sli_queue_turn *turn;     /**< may be read: what it carries */
    uint64_t carried; /**< may be read: how many messages before this one: 0
                           for a fresh link */
    struct sli_io_conn conn; /**< the kind reads, writes, pauses; it closes
                                  with the functions below only */

    enum sli_queue_link_state state;
    struct sli_list all;  /* in the pool */
    struct sli_list idle; /* in the pool, while it is */
    struct sli_io_timer timer;
    struct sli_io_dial dial;
    uint64_t dialed_ms; /* when this hop's time began */
    uint32_t tried;     /* the hops of this round, as bits */
    int was_connected;  /* to one of them */
};

/* For kinds */

/** It can take a message: the first time, or again. A turn that waits gets it
 * within this call: the last thing to do. */
void sli_queue_link_ready(struct sli_queue_link *link);

/** It was not ready yet and will not be: it is closed, and the next hop tried.
 * `why`, of class 4 or 5, is copied: what a message hears if no other hop is
 * left. The event hop_failed tells `reason`. */
void sli_queue_link_failed(struct sli_queue_link *link,
    const struct slimta_reply *why, const char *reason);

/** The same with a fixed text, static. */
void sli_queue_link_failed_with(struct sli_queue_link *link, int code,
    const char *text, const char *reason);

/** Ends a link that was ready. The turn it carries, if any, is not told: who
 * calls this has done that. A second call can only hurry it (NOW). */
void sli_queue_link_close(
    struct sli_queue_link *link, enum sli_io_conn_close how);

/** Starts TLS, as the client, checking the hop's name; `secured` or `failed` of
 * the connection's handler follows. SLIMTA_ENOMEM, SLIMTA_EIO. */
int sli_queue_link_secure(struct sli_queue_link *link);

/** Sets the link's timer, or stops it (UINT64_MAX). */
void sli_queue_link_set_timer(struct sli_queue_link *link, uint64_t after_ms);

/** `closed` of every kind's connection handler. */
void sli_queue_link_closed(struct sli_io_conn *conn);

/** The link of a connection. */
static inline struct sli_queue_link *sli_queue_link_of(struct sli_io_conn *conn)
{
    return SLI_LIST_ITEM(conn, struct sli_queue_link, conn);
}

/* For the pool */

/** A new link that dials the first hop; what becomes of it the pool is told,
 * later. NULL without memory. */
struct sli_queue_link *sli_queue_link_new(struct sli_queue_pool *pool);

/** An idle link gets a turn. */
void sli_queue_link_give(
    struct sli_queue_link *link, struct sli_queue_turn *turn);

/** An idle link is not wanted any more. */
void sli_queue_link_retire(struct sli_queue_link *link);

/** Whatever it does, it ends now. */
void sli_queue_link_stop(struct sli_queue_link *link);

#endif
