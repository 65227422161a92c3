/** From where a connection is to go to a connected descriptor, without blocking
 * a loop: a name looked up, its addresses tried in their order. */
#ifndef IO_DIAL_H
#define IO_DIAL_H

#include <uv.h>

#include <slimta/resolver.h>

#include "io/inbox.h"
#include "io/timer.h"

struct slimta_loop;

/** The most addresses of one name that are tried. */
#define SLI_IO_DIAL_ADDRESSES_MAX 8

/** How long one address is given while there is another one. */
#define SLI_IO_DIAL_ATTEMPT_MS 5000

/** Where to. */
struct sli_io_dial_target {
    /** An address with its port; SLIMTA_FAMILY_UNIX: `name` is the path;
     * SLIMTA_FAMILY_NONE: `name` is a host's, and `port` of the address counts.
     * The name "localhost", and any below it, is not asked of the DNS (RFC 6761
     * section 6.3). */
    struct slimta_address address;
    const char *name; /**< borrowed until it is done; or NULL */
};

/** Held by value. */
struct sli_io_dial {
    struct slimta_loop *loop;
    void (*done)(struct sli_io_dial *dial);

    /* What `done` finds: */

    int fd;  /**< connected and non-blocking, and the callee's; -1: none */
    int err; /**< 0, or why there is none: SLIMTA_ENOENT no such name;
                SLIMTA_EAGAIN the name servers do not answer; SLIMTA_ECANCELED;
                SLIMTA_EIO nobody answers; SLIMTA_ENOMEM, SLIMTA_EMFILE, … */
    const char *reason;            /**< why, in static words for an operator */
    struct slimta_address address; /**< the last one that was tried; family
                                      NONE when none was */

    /* Its own: */

    struct sli_io_dial_target target;
    struct slimta_address addresses[SLI_IO_DIAL_ADDRESSES_MAX];
    size_t count; /* addresses that are known */
    size_t next;  /* the one to be tried next */
    struct sli_io_dial_family {
        struct sli_io_dial *dial;
        struct slimta_query *query;
        unsigned char is_asking; /* the query is on its way */
        enum slimta_dns_status status;
        size_t count;
        struct slimta_address addresses[SLI_IO_DIAL_ADDRESSES_MAX];
    } families[2];            /* IPv6, IPv4 */
    unsigned char is_trying;  /* addresses, in their order */
    unsigned char is_over;    /* `done` follows */
    unsigned char is_closing; /* `poll` is, and then it goes on */
    uv_poll_t poll;
    int attempt;          /* the descriptor that `poll` watches, or -1 */
    uint64_t deadline_ms; /* in the loop's time */
    struct sli_io_timer timer;
    struct sli_io_message message; /* brings `done` when no handle has to close
                                    */
};

/**
 * Begins. `done` comes once, always later than this call, at the latest
 * `timeout_ms` from now and a little, and then the memory of `dial` is the
 * owner's again. A name needs `resolver`, which stays until then. A and AAAA
 * are asked at once; addresses are tried in the order in which the DNS gives
 * them, IPv6 and IPv4 in turns, IPv6 first (RFC 8305 section 4), one after the
 * other. Never fails by itself: `done` tells.
 */
void sli_io_dial_start(struct sli_io_dial *dial, struct slimta_loop *loop,
    struct slimta_resolver *resolver, const struct sli_io_dial_target *target,
    uint64_t timeout_ms, void (*done)(struct sli_io_dial *dial));

/** Gives it up: `done` comes all the same, later than this call, with
 * SLIMTA_ECANCELED and no descriptor. */
void sli_io_dial_cancel(struct sli_io_dial *dial);

#endif
