/** The next hops of a queue, as options name them. */
#ifndef QUEUE_HOP_H
#define QUEUE_HOP_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/slice.h>

#include "base/arena.h"
#include "io/dial.h"

/** The most next hops of one queue. */
#define SLI_QUEUE_HOPS_MAX 16

/** The longest path of a UNIX socket, as the system has it. */
#define SLI_QUEUE_HOP_PATH_MAX 107

/** One next hop. Texts live as long as the list. */
struct sli_queue_hop {
    struct sli_io_dial_target target;
    /** For events: "mx.example.org:25", "[::1]:24", "unix:/run/lmtp",
     * "https://host:443". */
    const char *text;
    /** The host's name, in lower case and without a final dot, for TLS to check
     * certificates against; NULL for an address or a path. */
    const char *name;

    /* Of a URL only: */

    int is_https;
    struct slimta_slice authority; /**< for Host; the port only if it is not the
                                        default */
    struct slimta_slice path;      /**< "/path?query", at least "/" */
};

struct sli_queue_hops {
    size_t count;
    struct sli_queue_hop items[SLI_QUEUE_HOPS_MAX];
    struct sli_arena texts; /* everything that the items point to */
};

/**
 * Reads "mx.example.org, 192.0.2.1:2525, [::1]:24, unix:/run/lmtp": at least
 * one, parted by commas, white space around each does not matter. `port` stands
 * in where none is given. A path is absolute. `alloc` is borrowed as long as
 * the list. SLIMTA_ENOMEM; SLIMTA_EINVAL: the error begins with the name of the
 * `option`.
 */
int sli_queue_hop_read_hosts(struct sli_queue_hops *out,
    const struct slimta_alloc *alloc, const char *text, uint16_t port,
    const char *option, struct slimta_error *error);

/**
 * Reads "http://HOST:PORT/PATH https://…" (RFC 3986), parted by white space: at
 * least one. No user (which no error repeats), no fragment, and only octets
 * that a URI may have. The same otherwise.
 */
int sli_queue_hop_read_urls(struct sli_queue_hops *out,
    const struct slimta_alloc *alloc, const char *text, const char *option,
    struct slimta_error *error);

/** Frees what was read; an empty list too. */
void sli_queue_hop_fini(struct sli_queue_hops *hops);

#endif
