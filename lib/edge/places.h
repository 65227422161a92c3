/** The places for connections of one edge: how many are taken, and by whom. */
#ifndef EDGE_PLACES_H
#define EDGE_PLACES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/alloc.h>

enum sli_edge_place {
    SLI_EDGE_PLACE_TAKEN,
    SLI_EDGE_PLACE_TOO_MANY,
    SLI_EDGE_PLACE_NO_MEMORY
};

/** One address that has connections. */
struct sli_edge_client {
    uint8_t ip[16];
    uint32_t scope_id;
    enum slimta_family family; /* SLIMTA_FAMILY_NONE: the entry is empty */
    unsigned count;
};

/**
 * Shared by all shards of an edge; held by value. Any thread. Its memory is a
 * table of the addresses that have connections now; it goes with the last one,
 * and there is none without a limit for each address.
 */
struct sli_edge_places {
    /* Its fields are its own. */
    const struct slimta_alloc *alloc;
    uint64_t max_total;
    uint64_t max_per_ip;
    uint64_t seed;
    atomic_uint_fast64_t total;
    pthread_mutex_t lock;            /* guards what follows */
    struct sli_edge_client *clients; /* open addressing; NULL when empty */
    size_t capacity;                 /* a power of two, or 0 */
    size_t used;
};

/** Borrows `alloc`. `seed` is a number that clients cannot know: so they cannot
 * choose addresses that meet in the table. SLIMTA_ENOMEM. */
int sli_edge_places_init(struct sli_edge_places *places,
    const struct slimta_alloc *alloc, uint64_t seed);

/** All places were given back. */
void sli_edge_places_fini(struct sli_edge_places *places);

/** The limits, SLIMTA_UNLIMITED for none; before the first take. */
void sli_edge_places_limit(
    struct sli_edge_places *places, uint64_t max_total, uint64_t max_per_ip);

/** Takes a place among all connections: TAKEN or TOO_MANY. */
enum sli_edge_place sli_edge_places_take(struct sli_edge_places *places);

/** Gives it back. */
void sli_edge_places_give(struct sli_edge_places *places);

/** Takes a place among those of `client`, for a connection that has one among
 * all. Only IPv4 and IPv6 addresses are counted. */
enum sli_edge_place sli_edge_places_take_client(
    struct sli_edge_places *places, const struct slimta_address *client);

/** Gives it back; `client` as it was taken for. */
void sli_edge_places_give_client(
    struct sli_edge_places *places, const struct slimta_address *client);

/** How many are taken. */
uint64_t sli_edge_places_taken(const struct sli_edge_places *places);

#endif
