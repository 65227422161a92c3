/** The places for connections of one edge: how many are taken, and by whom. */
#include "edge/places.h"

#include <assert.h>
#include <string.h>

#include <slimta/error.h>
#include <slimta/export.h>

#include "base/alloc.h"

/* Entries of the smallest table. A table is at most three quarters full, and
 * is halved when less than an eighth of it is used. */
enum { CAPACITY_MIN = 16 };

int sli_edge_places_init(struct sli_edge_places *places,
    const struct slimta_alloc *alloc, uint64_t seed)
{
    *places = (struct sli_edge_places){
        .alloc = alloc,
        .max_total = SLIMTA_UNLIMITED,
        .max_per_ip = SLIMTA_UNLIMITED,
        .seed = seed,
    };
    atomic_init(&places->total, 0);
    return pthread_mutex_init(&places->lock, NULL) == 0 ? 0 : SLIMTA_ENOMEM;
}

void sli_edge_places_fini(struct sli_edge_places *places)
{
    sli_free(places->alloc, places->clients);
    places->clients = NULL;
    (void)pthread_mutex_destroy(&places->lock);
}

void sli_edge_places_limit(
    struct sli_edge_places *places, uint64_t max_total, uint64_t max_per_ip)
{
    places->max_total = max_total;
    places->max_per_ip = max_per_ip;
}

/* Every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= UINT64_C(0x9e3779b97f4a7c15);
    value ^= value >> 29;
    value *= UINT64_C(0xd6e8feb86659fd93);
    value ^= value >> 32;
    return value;
}

/* Where the search for an address begins. */
static size_t home_of(
    const struct sli_edge_places *places, const struct sli_edge_client *client)
{
    uint64_t halves[2];
    uint64_t hash;

    memcpy(halves, client->ip, sizeof halves);
    hash = mix(places->seed ^ halves[0]);
    hash = mix(hash ^ halves[1]);
    hash = mix(hash ^ (uint64_t)client->scope_id << 8 ^ client->family);
    return (size_t)hash & (places->capacity - 1);
}

static int is_same(
    const struct sli_edge_client *a, const struct sli_edge_client *b)
{
    return a->family == b->family && a->scope_id == b->scope_id &&
        memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* The client's entry, or the empty one that it can have. The table has room. */
static struct sli_edge_client *find(
    struct sli_edge_places *places, const struct sli_edge_client *client)
{
    size_t at = home_of(places, client);

    while (places->clients[at].family != SLIMTA_FAMILY_NONE &&
        !is_same(&places->clients[at], client)) {
        at = (at + 1) & (places->capacity - 1);
    }
    return &places->clients[at];
}

/* Moves all entries to a table of another size. */
static int resize(struct sli_edge_places *places, size_t capacity)
{
    struct sli_edge_client *before = places->clients;
    size_t count = places->capacity;
    struct sli_edge_client *clients =
        sli_alloc_array(places->alloc, capacity, sizeof *clients);

    if (clients == NULL) {
        return SLIMTA_ENOMEM;
    }
    places->clients = clients;
    places->capacity = capacity;
    for (size_t i = 0; i < count; i++) {
        if (before[i].family != SLIMTA_FAMILY_NONE) {
            *find(places, &before[i]) = before[i];
        }
    }
    sli_free(places->alloc, before);
    return 0;
}

static int make_room(struct sli_edge_places *places)
{
    if (places->capacity == 0) {
        return resize(places, CAPACITY_MIN);
    }
    if (places->used + 1 > places->capacity / 4 * 3) {
        return resize(places, places->capacity * 2);
    }
    return 0;
}

static void free_room(struct sli_edge_places *places)
{
    if (places->used == 0) {
        sli_free(places->alloc, places->clients);
        places->clients = NULL;
        places->capacity = 0;
    } else if (places->capacity > CAPACITY_MIN &&
        places->used < places->capacity / 8) {
        /* Without memory the larger one stays. */
        (void)resize(places, places->capacity / 2);
    }
}

/* Empties an entry. Those behind it that were pushed away from their home by
 * it move up, so that a search still may end at an empty one. */
static void remove_client(
    struct sli_edge_places *places, struct sli_edge_client *client)
{
    size_t mask = places->capacity - 1;
    size_t hole = (size_t)(client - places->clients);
    size_t at = (hole + 1) & mask;

    while (places->clients[at].family != SLIMTA_FAMILY_NONE) {
        size_t home = home_of(places, &places->clients[at]);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            places->clients[hole] = places->clients[at];
            hole = at;
        }
        at = (at + 1) & mask;
    }
    places->clients[hole] = (struct sli_edge_client){0};
    places->used--;
    free_room(places);
}

/* Whether the address is counted by itself; then `out` is it. */
static int is_counted(const struct sli_edge_places *places,
    const struct slimta_address *client, struct sli_edge_client *out)
{
    if (places->max_per_ip == SLIMTA_UNLIMITED ||
        (client->family != SLIMTA_FAMILY_IPV4 &&
            client->family != SLIMTA_FAMILY_IPV6)) {
        return 0;
    }
    *out = (struct sli_edge_client){
        .family = client->family, .scope_id = client->scope_id};
    memcpy(out->ip, client->ip,
        client->family == SLIMTA_FAMILY_IPV4 ? 4 : sizeof out->ip);
    return 1;
}

/* Counts one more connection of an address; the lock is held. */
static enum sli_edge_place count_up(
    struct sli_edge_places *places, const struct sli_edge_client *client)
{
    struct sli_edge_client *entry;

    if (make_room(places) != 0) {
        return SLI_EDGE_PLACE_NO_MEMORY;
    }
    entry = find(places, client);
    if (entry->count >= places->max_per_ip) {
        return SLI_EDGE_PLACE_TOO_MANY;
    }
    if (entry->family == SLIMTA_FAMILY_NONE) {
        *entry = *client;
        places->used++;
    }
    entry->count++;
    return SLI_EDGE_PLACE_TAKEN;
}

static void count_down(
    struct sli_edge_places *places, const struct sli_edge_client *client)
{
    struct sli_edge_client *entry = find(places, client);

    assert(entry->count > 0);
    entry->count--;
    if (entry->count == 0) {
        remove_client(places, entry);
    }
}

enum sli_edge_place sli_edge_places_take(struct sli_edge_places *places)
{
    if (atomic_fetch_add(&places->total, 1) >= places->max_total) {
        atomic_fetch_sub(&places->total, 1);
        return SLI_EDGE_PLACE_TOO_MANY;
    }
    return SLI_EDGE_PLACE_TAKEN;
}

void sli_edge_places_give(struct sli_edge_places *places)
{
    atomic_fetch_sub(&places->total, 1);
}

enum sli_edge_place sli_edge_places_take_client(
    struct sli_edge_places *places, const struct slimta_address *client)
{
    enum sli_edge_place place = SLI_EDGE_PLACE_TAKEN;
    struct sli_edge_client counted;

    if (is_counted(places, client, &counted)) {
        (void)pthread_mutex_lock(&places->lock);
        place = count_up(places, &counted);
        (void)pthread_mutex_unlock(&places->lock);
    }
    return place;
}

void sli_edge_places_give_client(
    struct sli_edge_places *places, const struct slimta_address *client)
{
    struct sli_edge_client counted;

    if (is_counted(places, client, &counted)) {
        (void)pthread_mutex_lock(&places->lock);
        count_down(places, &counted);
        (void)pthread_mutex_unlock(&places->lock);
    }
}

uint64_t sli_edge_places_taken(const struct sli_edge_places *places)
{
    return atomic_load(&places->total);
}
