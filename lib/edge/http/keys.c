/** What was answered to an Idempotency-Key: remembered for a while. */
#include "edge/http/keys.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "mail/reply.h"

enum {
    TABLE_MIN = 64,
    TABLE_MAX = 1 << 20 /* buckets: beyond it chains grow */
};

struct sli_edge_http_key {
    struct sli_list link; /* of its bucket */
    struct sli_list age;  /* of `answered` */
    unsigned char name[SLI_TLS_DIGEST_SIZE];
    struct sli_edge_http_keys_answer answer; /* no reply: it runs */
    uint64_t until_ms;
};

static size_t table_size_for(uint64_t max)
{
    size_t size = TABLE_MIN;

    while (size < max && size < TABLE_MAX) {
        size *= 2;
    }
    return size;
}

int sli_edge_http_keys_init(struct sli_edge_http_keys *keys,
    const struct slimta_alloc *alloc, uint64_t max, uint64_t life_ms)
{
    size_t size = table_size_for(max);
    struct sli_list *table = sli_alloc_array(alloc, size, sizeof *table);

    if (table == NULL || pthread_mutex_init(&keys->lock, NULL) != 0) {
        sli_free(alloc, table);
        return SLIMTA_ENOMEM;
    }
    for (size_t i = 0; i < size; i++) {
        sli_list_init(&table[i]);
    }
    keys->alloc = alloc;
    keys->max = max;
    keys->life_ms = life_ms;
    keys->table = table;
    keys->table_size = size;
    sli_list_init(&keys->answered);
    return 0;
}

void sli_edge_http_keys_answer_fini(
    struct sli_edge_http_keys_answer *answer, const struct slimta_alloc *alloc)
{
    sli_mail_reply_free(alloc, answer->reply);
    sli_free(alloc, answer->listed);
    answer->reply = NULL;
    answer->listed = NULL;
}

static int copy_answer(struct sli_edge_http_keys_answer *to,
    const struct sli_edge_http_keys_said *said,
    const struct slimta_alloc *alloc)
{
    memcpy(to->digest, said->digest, sizeof to->digest);
    to->reply = sli_mail_reply_clone(alloc, said->reply);
    to->listed = said->listed == NULL
        ? NULL
        : sli_alloc_text(alloc, sli_slice_text(said->listed));
    if (to->reply == NULL || (said->listed != NULL && to->listed == NULL)) {
        sli_edge_http_keys_answer_fini(to, alloc);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

static int give_copy(const struct sli_edge_http_keys *keys,
    const struct sli_edge_http_keys_answer *from,
    struct sli_edge_http_keys_answer *to)
{
    struct sli_edge_http_keys_said said = {
        .reply = from->reply, .listed = from->listed};

    memcpy(said.digest, from->digest, sizeof said.digest);
    return copy_answer(to, &said, keys->alloc);
}

static void forget(
    struct sli_edge_http_keys *keys, struct sli_edge_http_key *key)
{
    sli_list_remove(&key->link);
    sli_list_remove(&key->age);
    sli_edge_http_keys_answer_fini(&key->answer, keys->alloc);
    sli_free(keys->alloc, key);
    keys->count--;
}

static struct sli_edge_http_key *oldest(const struct sli_edge_http_keys *keys)
{
    return sli_list_is_empty(&keys->answered)
        ? NULL
        : SLI_LIST_ITEM(keys->answered.next, struct sli_edge_http_key, age);
}

void sli_edge_http_keys_fini(struct sli_edge_http_keys *keys)
{
    if (keys->table == NULL) {
        return;
    }
    while (oldest(keys) != NULL) {
        forget(keys, oldest(keys));
    }
    sli_free(keys->alloc, keys->table);
    pthread_mutex_destroy(&keys->lock);
}

/* The names are digests: any octets of them are spread evenly, and a client
 * that chooses them to meet has to work for it. */
static struct sli_list *bucket_of(
    struct sli_edge_http_keys *keys, const unsigned char *name)
{
    size_t number;

    memcpy(&number, name, sizeof number);
    return &keys->table[number & (keys->table_size - 1)];
}

static struct sli_edge_http_key *find(
    struct sli_edge_http_keys *keys, const unsigned char *name)
{
    struct sli_list *bucket = bucket_of(keys, name);

    for (struct sli_list *at = bucket->next; at != bucket; at = at->next) {
        struct sli_edge_http_key *key =
            SLI_LIST_ITEM(at, struct sli_edge_http_key, link);

        if (memcmp(key->name, name, sizeof key->name) == 0) {
            return key;
        }
    }
    return NULL;
}

static void forget_old(struct sli_edge_http_keys *keys, uint64_t now_ms)
{
    struct sli_edge_http_key *key = oldest(keys);

    while (key != NULL && key->until_ms <= now_ms) {
        forget(keys, key);
        key = oldest(keys);
    }
}

static struct sli_edge_http_key *add(
    struct sli_edge_http_keys *keys, const unsigned char *name)
{
    struct sli_edge_http_key *key;

    if (keys->count >= keys->max) {
        if (oldest(keys) == NULL) {
            return NULL;
        }
        forget(keys, oldest(keys));
    }
    key = sli_alloc_zero(keys->alloc, sizeof *key);
    if (key != NULL) {
        memcpy(key->name, name, sizeof key->name);
        sli_list_init(&key->age);
        sli_list_init(&key->link);
        sli_list_append(bucket_of(keys, name), &key->link);
        keys->count++;
    }
    return key;
}

static enum sli_edge_http_keys_result take(struct sli_edge_http_keys *keys,
    const unsigned char *name, struct sli_edge_http_key **out,
    struct sli_edge_http_keys_answer *answer)
{
    struct sli_edge_http_key *key = find(keys, name);

    if (key == NULL) {
        *out = add(keys, name);
        return *out == NULL ? SLI_EDGE_HTTP_KEYS_FULL : SLI_EDGE_HTTP_KEYS_NEW;
    }
    if (key->answer.reply == NULL) {
        return SLI_EDGE_HTTP_KEYS_RUNNING;
    }
    return give_copy(keys, &key->answer, answer) == 0 ? SLI_EDGE_HTTP_KEYS_KNOWN
                                                      : SLI_EDGE_HTTP_KEYS_FULL;
}

enum sli_edge_http_keys_result sli_edge_http_keys_take(
    struct sli_edge_http_keys *keys,
    const unsigned char name[SLI_TLS_DIGEST_SIZE], uint64_t now_ms,
    struct sli_edge_http_key **key, struct sli_edge_http_keys_answer *answer)
{
    enum sli_edge_http_keys_result result;

    pthread_mutex_lock(&keys->lock);
    forget_old(keys, now_ms);
    result = take(keys, name, key, answer);
    pthread_mutex_unlock(&keys->lock);
    return result;
}

void sli_edge_http_keys_settle(struct sli_edge_http_keys *keys,
    struct sli_edge_http_key *key, uint64_t now_ms,
    const struct sli_edge_http_keys_said *said)
{
    pthread_mutex_lock(&keys->lock);
    if (copy_answer(&key->answer, said, keys->alloc) == 0) {
        key->until_ms = keys->life_ms > UINT64_MAX - now_ms
            ? UINT64_MAX
            : now_ms + keys->life_ms;
        sli_list_append(&keys->answered, &key->age);
    } else {
        forget(keys, key);
    }
    pthread_mutex_unlock(&keys->lock);
}

void sli_edge_http_keys_give_up(
    struct sli_edge_http_keys *keys, struct sli_edge_http_key *key)
{
    pthread_mutex_lock(&keys->lock);
    forget(keys, key);
    pthread_mutex_unlock(&keys->lock);
}
