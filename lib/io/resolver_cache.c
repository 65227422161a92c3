/** What a resolver knows, and what it is asking: one entry for each name and
 * type. */
#include "io/resolver_cache.h"

#include <string.h>

#include "base/alloc.h"

#define MS_PER_S 1000

int sli_io_resolver_cache_init(struct sli_io_resolver_cache *cache,
    const struct slimta_alloc *alloc, uint64_t max_bytes)
{
    cache->alloc = alloc;
    cache->bytes = 0;
    cache->max_bytes = max_bytes;
    sli_list_init(&cache->known);
    cache->buckets = sli_alloc_array(
        alloc, SLI_IO_RESOLVER_BUCKETS, sizeof(struct sli_io_resolver_entry *));
    return cache->buckets == NULL ? SLIMTA_ENOMEM : 0;
}

static struct sli_io_resolver_entry *entry_of(struct sli_list *link)
{
    return SLI_LIST_ITEM(link, struct sli_io_resolver_entry, link);
}

void sli_io_resolver_cache_fini(struct sli_io_resolver_cache *cache)
{
    while (cache->buckets != NULL && !sli_list_is_empty(&cache->known)) {
        sli_io_resolver_cache_drop(cache, entry_of(cache->known.next));
    }
    sli_free(cache->alloc, cache->buckets);
    cache->buckets = NULL;
}

/* Who finds names that fall together gains little: the bound on the memory
 * bounds a bucket too. */
static struct sli_io_resolver_entry **bucket_of(
    const struct sli_io_resolver_cache *cache, const char *name,
    enum slimta_dns_type type)
{
    uint32_t hash = UINT32_C(2166136261) ^ (uint32_t)type;

    for (const char *at = name; *at != '\0'; at++) {
        hash = (uint32_t)((uint64_t)(hash ^ (unsigned char)*at) *
            UINT32_C(16777619));
    }
    hash ^= hash >> 16;
    return &cache->buckets[hash % SLI_IO_RESOLVER_BUCKETS];
}

static void use(
    struct sli_io_resolver_cache *cache, struct sli_io_resolver_entry *entry)
{
    sli_list_remove(&entry->link);
    sli_list_append(&cache->known, &entry->link);
}

struct sli_io_resolver_entry *sli_io_resolver_cache_find(
    struct sli_io_resolver_cache *cache, const char *name,
    enum slimta_dns_type type, uint64_t now_ms)
{
    struct sli_io_resolver_entry *entry = *bucket_of(cache, name, type);

    while (entry != NULL &&
        (entry->type != type || strcmp(entry->name, name) != 0)) {
        entry = entry->next;
    }
    if (entry == NULL || entry->state != SLI_IO_RESOLVER_KNOWN) {
        return entry;
    }
    if (entry->expires_ms <= now_ms) {
        sli_io_resolver_cache_drop(cache, entry);
        return NULL;
    }
    use(cache, entry);
    return entry;
}

struct sli_io_resolver_entry *sli_io_resolver_cache_add(
    struct sli_io_resolver_cache *cache, const char *name,
    enum slimta_dns_type type)
{
    struct sli_io_resolver_entry **bucket = bucket_of(cache, name, type);
    size_t size = strlen(name) + 1;
    struct sli_io_resolver_entry *entry =
        sli_alloc_zero(cache->alloc, sizeof *entry + size);

    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->name, name, size);
    entry->bytes = sizeof *entry + size;
    entry->type = type;
    sli_list_init(&entry->link);
    sli_list_init(&entry->askers);
    entry->next = *bucket;
    *bucket = entry;
    return entry;
}

void sli_io_resolver_cache_drop(
    struct sli_io_resolver_cache *cache, struct sli_io_resolver_entry *entry)
{
    struct sli_io_resolver_entry **at =
        bucket_of(cache, entry->name, entry->type);

    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
    sli_list_remove(&entry->link);
    if (entry->state == SLI_IO_RESOLVER_KNOWN) {
        cache->bytes -= entry->bytes;
        sli_io_resolver_answer_unref(entry->answer);
    }
    sli_free(cache->alloc, entry);
}

void sli_io_resolver_cache_keep(struct sli_io_resolver_cache *cache,
    struct sli_io_resolver_entry *entry, struct sli_io_resolver_answer *answer,
    uint64_t now_ms)
{
    size_t bytes = entry->bytes + sli_io_resolver_answer_bytes(answer);

    if (answer->ttl_s == 0 || bytes > cache->max_bytes) {
        sli_io_resolver_cache_drop(cache, entry);
        return;
    }
    while (cache->bytes + bytes > cache->max_bytes) {
        sli_io_resolver_cache_drop(cache, entry_of(cache->known.next));
    }
    sli_io_resolver_answer_ref(answer);
    entry->answer = answer;
    entry->state = SLI_IO_RESOLVER_KNOWN;
    entry->expires_ms = now_ms + (uint64_t)answer->ttl_s * MS_PER_S;
    entry->bytes = bytes;
    cache->bytes += bytes;
    use(cache, entry);
}
