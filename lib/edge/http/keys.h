/** What was answered to an Idempotency-Key: remembered for a while. */
#ifndef EDGE_HTTP_KEYS_H
#define EDGE_HTTP_KEYS_H

#include <pthread.h>
#include <stdint.h>

#include <slimta/alloc.h>
#include <slimta/reply.h>

#include "base/list.h"
#include "tls/digest.h"

struct sli_edge_http_key;

/** One edge's, for all its shards. Held by value; all zero it is off. */
struct sli_edge_http_keys {
    /* Its fields are its own. */
    const struct slimta_alloc *alloc;
    uint64_t max;
    uint64_t life_ms;
    pthread_mutex_t lock; /* guards what follows, and the keys */
    struct sli_list *table;
    size_t table_size;
    struct sli_list answered; /* the oldest first */
    uint64_t count;
};

/** Borrows `alloc`; at most `max` keys, each for `life_ms` after its answer.
 * SLIMTA_ENOMEM. */
int sli_edge_http_keys_init(struct sli_edge_http_keys *keys,
    const struct slimta_alloc *alloc, uint64_t max, uint64_t life_ms);

/** Nobody has a key any more. */
void sli_edge_http_keys_fini(struct sli_edge_http_keys *keys);

static inline int sli_edge_http_keys_is_on(
    const struct sli_edge_http_keys *keys)
{
    return keys->max > 0;
}

enum sli_edge_http_keys_result {
    SLI_EDGE_HTTP_KEYS_NEW,     /**< it is the caller's until it was answered,
                                     or is given up */
    SLI_EDGE_HTTP_KEYS_RUNNING, /**< it is somebody else's */
    SLI_EDGE_HTTP_KEYS_KNOWN,   /**< `answer` is filled */
    SLI_EDGE_HTTP_KEYS_FULL     /**< all keys run, or there is no memory */
};

/** What was said to a key, in memory of the caller's: fini frees it. */
struct sli_edge_http_keys_answer {
    unsigned char digest[SLI_TLS_DIGEST_SIZE]; /**< of the request */
    struct slimta_reply *reply;
    char *listed; /**< X-Smtp-Rcpt-Reply; NULL: none */
};

void sli_edge_http_keys_answer_fini(
    struct sli_edge_http_keys_answer *answer, const struct slimta_alloc *alloc);

/** Takes the key whose digest is `name`. Any thread. */
enum sli_edge_http_keys_result sli_edge_http_keys_take(
    struct sli_edge_http_keys *keys,
    const unsigned char name[SLI_TLS_DIGEST_SIZE], uint64_t now_ms,
    struct sli_edge_http_key **key, struct sli_edge_http_keys_answer *answer);

/** The same, somebody else's. */
struct sli_edge_http_keys_said {
    unsigned char digest[SLI_TLS_DIGEST_SIZE];
    const struct slimta_reply *reply;
    const char *listed;
};

/** The request of the key was answered, and is not to be served again: copies
 * what was said. Without memory the key
 * is given up. Any thread. */
void sli_edge_http_keys_settle(struct sli_edge_http_keys *keys,
    struct sli_edge_http_key *key, uint64_t now_ms,
    const struct sli_edge_http_keys_said *said);

/** The request may be served again. Any thread. */
void sli_edge_http_keys_give_up(
    struct sli_edge_http_keys *keys, struct sli_edge_http_key *key);

#endif
