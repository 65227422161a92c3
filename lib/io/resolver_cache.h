/** What a resolver knows, and what it is asking: one entry for each name and
 * type. */
#ifndef IO_RESOLVER_CACHE_H
#define IO_RESOLVER_CACHE_H

#include "base/list.h"
#include "io/resolver_answer.h"
#include "io/resolver_channel.h"

#define SLI_IO_RESOLVER_BUCKETS 1024

enum sli_io_resolver_entry_state {
    SLI_IO_RESOLVER_WAITING,   /* for its turn */
    SLI_IO_RESOLVER_IN_FLIGHT, /* was asked */
    SLI_IO_RESOLVER_KNOWN
};

struct sli_io_resolver_entry {
    struct sli_io_resolver_entry *next; /* in its bucket */
    struct sli_list link;   /* in the line of those that wait, or of the known
                               ones, the one that was used last at the end */
    struct sli_list askers; /* of queries, while it is not known */
    struct sli_io_resolver_ask ask;
    struct slimta_resolver *resolver;
    enum sli_io_resolver_entry_state state;
    enum slimta_dns_type type;
    struct sli_io_resolver_answer *answer; /* of a known one */
    uint64_t expires_ms;
    size_t bytes; /* what counts of it against the bound */
    char name[];
};

struct sli_io_resolver_cache {
    const struct slimta_alloc *alloc; /* borrowed */
    struct sli_io_resolver_entry **buckets;
    struct sli_list known;
    uint64_t bytes;
    uint64_t max_bytes;
};

/** SLIMTA_ENOMEM. */
int sli_io_resolver_cache_init(struct sli_io_resolver_cache *cache,
    const struct slimta_alloc *alloc, uint64_t max_bytes);

/** Frees what is known; nothing waits or is in flight. */
void sli_io_resolver_cache_fini(struct sli_io_resolver_cache *cache);

/** The entry, waiting, in flight, or known and not expired; NULL when there is
 * none. */
struct sli_io_resolver_entry *sli_io_resolver_cache_find(
    struct sli_io_resolver_cache *cache, const char *name,
    enum slimta_dns_type type, uint64_t now_ms);

/** A new entry, which waits; in no line yet. NULL when there is no memory. */
struct sli_io_resolver_entry *sli_io_resolver_cache_add(
    struct sli_io_resolver_cache *cache, const char *name,
    enum slimta_dns_type type);

/** Takes the entry out and frees it. */
void sli_io_resolver_cache_drop(
    struct sli_io_resolver_cache *cache, struct sli_io_resolver_entry *entry);

/** Keeps `answer` (a reference of its own) in the entry for its TTL, and drops
 * what was not used for longest to hold the bound; or drops the entry at once
 * when it is not to be kept. */
void sli_io_resolver_cache_keep(struct sli_io_resolver_cache *cache,
    struct sli_io_resolver_entry *entry, struct sli_io_resolver_answer *answer,
    uint64_t now_ms);

#endif
