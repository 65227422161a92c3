/** What one loop has for one queue that hands mail on: links, and the messages
 * that wait for one. */
#include "queue/pool.h"

#include <slimta/op.h>

#include "base/alloc.h"
#include "io/loop.h"
#include "io/resolver.h"

static void feed(struct sli_queue_pool *pool);

/* Messages that wait */

static void stop_waiting(struct sli_queue_turn *turn)
{
    struct sli_queue_pool *pool = turn->pool;

    sli_list_remove(&turn->waiting);
    turn->pool = NULL;
    pool->waiting_count--;
}

static struct sli_queue_turn *first_turn(const struct sli_queue_pool *pool)
{
    return sli_list_is_empty(&pool->waiting)
        ? NULL
        : SLI_LIST_ITEM(pool->waiting.next, struct sli_queue_turn, waiting);
}

static void fail_first(struct sli_queue_pool *pool)
{
    struct sli_queue_turn *turn = first_turn(pool);

    if (turn != NULL) {
        stop_waiting(turn);
        turn->failed(turn, &pool->why);
    }
}

/* Those that wait now; not those that are told to ask again. */
static void fail_all(struct sli_queue_pool *pool)
{
    for (uint64_t count = pool->waiting_count; count > 0; count--) {
        fail_first(pool);
    }
}

static void fail_with(
    struct sli_queue_pool *pool, struct sli_queue_turn *turn, const char *text)
{
    struct slimta_reply why;

    sli_mail_reply_init(&why, &pool->config->alloc);
    sli_mail_reply_set_fixed(&why, 451, text);
    turn->failed(turn, &why);
    sli_mail_reply_fini(&why);
}

/* Puts it in front of `next`. */
static void wait_before(struct sli_queue_pool *pool,
    struct sli_queue_turn *turn, struct sli_list *next)
{
    turn->pool = pool;
    sli_list_append(next, &turn->waiting);
    pool->waiting_count++;
}

void sli_queue_pool_forget(struct sli_queue_turn *turn)
{
    if (turn->pool != NULL) {
        stop_waiting(turn);
    }
}

/* Asking */

static uint64_t waiting_max(const struct sli_queue_pool *pool)
{
    uint64_t connections = pool->config->max_connections;

    return connections > UINT64_MAX / SLI_QUEUE_POOL_WAITING_FACTOR
        ? UINT64_MAX
        : connections * SLI_QUEUE_POOL_WAITING_FACTOR;
}

void sli_queue_pool_ask(
    struct sli_queue_pool *pool, struct sli_queue_turn *turn)
{
    if (!sli_list_is_empty(&pool->idle)) {
        sli_queue_link_give(
            SLI_LIST_ITEM(pool->idle.next, struct sli_queue_link, idle), turn);
    } else if (pool->leaving != NULL ||
        pool->waiting_count >= waiting_max(pool)) {
        fail_with(pool, turn, "4.4.5 Too many messages wait for the next hop");
    } else {
        wait_before(pool, turn, &pool->waiting);
        feed(pool);
    }
}

static void retire_idle(
    struct sli_queue_pool *pool, const struct sli_queue_hop *hop)
{
    struct sli_list *at = pool->idle.next;

    while (at != &pool->idle) {
        struct sli_queue_link *link =
            SLI_LIST_ITEM(at, struct sli_queue_link, idle);

        at = at->next;
        if (link->hop == hop) {
            sli_queue_link_retire(link);
        }
    }
}

void sli_queue_pool_ask_again(struct sli_queue_pool *pool,
    struct sli_queue_turn *turn, const struct sli_queue_hop *stale)
{
    retire_idle(pool, stale);
    if (!sli_list_is_empty(&pool->idle) || pool->leaving != NULL) {
        sli_queue_pool_ask(pool, turn);
    } else {
        wait_before(pool, turn, pool->waiting.next);
        feed(pool);
    }
}

/* Makes as many links as there are messages that wait for one. */
static void feed(struct sli_queue_pool *pool)
{
    while (pool->waiting_count > pool->opening_count && pool->leaving == NULL &&
        pool->link_count < pool->config->max_connections) {
        if (sli_queue_link_new(pool) == NULL) {
            sli_mail_reply_set_fixed(
                &pool->why, 451, "4.3.0 Unhandled system error");
            sli_queue_pool_round_failed(pool, 1);
            return;
        }
    }
}

/* Hops */

unsigned sli_queue_pool_hop_index(
    const struct sli_queue_pool *pool, const struct sli_queue_hop *hop)
{
    return (unsigned)(hop - pool->config->hops.items);
}

static int is_avoided(const struct sli_queue_pool *pool, size_t index)
{
    return pool->avoid_until_ms[index] > sli_io_loop_now(pool->loop);
}

static const struct sli_queue_hop *find_hop(
    const struct sli_queue_pool *pool, uint32_t tried, int may_be_avoided)
{
    for (size_t i = 0; i < pool->config->hops.count; i++) {
        if ((tried >> i & 1) == 0 && (may_be_avoided || !is_avoided(pool, i))) {
            return &pool->config->hops.items[i];
        }
    }
    return NULL;
}

const struct sli_queue_hop *sli_queue_pool_next_hop(
    const struct sli_queue_pool *pool, uint32_t tried)
{
    const struct sli_queue_hop *hop = find_hop(pool, tried, 0);

    return hop == NULL ? find_hop(pool, tried, 1) : hop;
}

void sli_queue_pool_hop_is_there(
    struct sli_queue_pool *pool, const struct sli_queue_hop *hop)
{
    pool->avoid_until_ms[sli_queue_pool_hop_index(pool, hop)] = 0;
}

void sli_queue_pool_hop_is_missing(
    struct sli_queue_pool *pool, const struct sli_queue_hop *hop)
{
    pool->avoid_until_ms[sli_queue_pool_hop_index(pool, hop)] =
        sli_io_loop_now(pool->loop) + SLI_QUEUE_POOL_AVOID_MS;
}

/* Leaving the loop */

static void release(struct sli_queue_pool *pool)
{
    struct slimta_op *op = pool->leaving;

    pool->leaving = NULL;
    pool->loop = NULL;
    sli_mail_reply_fini(&pool->why);
    /* From here on another thread may have it. */
    atomic_store_explicit(&pool->key, NULL, memory_order_release);
    (void)slimta_op_finish(op);
}

static void settle(struct sli_queue_pool *pool)
{
    if (pool->leaving != NULL && pool->link_count == 0 &&
        pool->job_count == 0 && pool->resolver == NULL) {
        release(pool);
    }
}

static void on_resolver_closed(void *user)
{
    struct sli_queue_pool *pool = user;

    pool->resolver = NULL;
    settle(pool);
}

void sli_queue_pool_job_begins(struct sli_queue_pool *pool)
{
    pool->job_count++;
}

void sli_queue_pool_job_ends(struct sli_queue_pool *pool)
{
    pool->job_count--;
    settle(pool);
}

/* What links tell */

void sli_queue_pool_link_is_free(struct sli_queue_link *link)
{
    struct sli_queue_pool *pool = link->pool;
    struct sli_queue_turn *turn = first_turn(pool);

    if (turn != NULL) {
        stop_waiting(turn);
        sli_queue_link_give(link, turn);
    } else {
        /* In front: what is not needed grows old behind it. */
        sli_list_append(pool->idle.next, &link->idle);
    }
}

void sli_queue_pool_round_failed(struct sli_queue_pool *pool, int was_connected)
{
    int is_alone = pool->opening_count == 0 && pool->busy_count == 0;

    if (is_alone || (!was_connected && pool->busy_count == 0)) {
        fail_all(pool);
    } else {
        fail_first(pool);
    }
}

void sli_queue_pool_link_is_gone(struct sli_queue_link *link)
{
    struct sli_queue_pool *pool = link->pool;

    sli_list_remove(&link->all);
    sli_free(&pool->config->alloc, link);
    pool->link_count--;
    feed(pool);
    settle(pool);
}

/* Loops */

struct sli_queue_pool *sli_queue_pool_find(
    struct sli_queue_pools *pools, struct slimta_loop *loop)
{
    struct sli_queue_pool *pool =
        atomic_load_explicit(&pools->first, memory_order_acquire);

    while (pool != NULL &&
        atomic_load_explicit(&pool->key, memory_order_relaxed) != loop) {
        pool = pool->next;
    }
    return pool;
}

/* One that no loop has any more. */
static struct sli_queue_pool *claim(
    struct sli_queue_pools *pools, struct slimta_loop *loop)
{
    struct sli_queue_pool *pool =
        atomic_load_explicit(&pools->first, memory_order_acquire);
    struct slimta_loop *nobody = NULL;

    while (pool != NULL &&
        !atomic_compare_exchange_strong_explicit(&pool->key, &nobody, loop,
            memory_order_acquire, memory_order_relaxed)) {
        nobody = NULL;
        pool = pool->next;
    }
    return pool;
}

static struct sli_queue_pool *add(
    struct sli_queue_pools *pools, struct slimta_loop *loop)
{
    struct sli_queue_pool *pool =
        sli_alloc_zero(&pools->config.alloc, sizeof *pool);

    if (pool == NULL) {
        return NULL;
    }
    atomic_init(&pool->key, loop);
    pool->pools = pools;
    pool->config = &pools->config;
    pool->next = atomic_load_explicit(&pools->first, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&pools->first, &pool->next,
        pool, memory_order_release, memory_order_relaxed)) {
    }
    return pool;
}

static int begin(struct sli_queue_pool *pool, struct slimta_loop *loop)
{
    const struct slimta_resolver_options options = {
        .size = sizeof options,
        .alloc = &pool->config->alloc,
        .servers = pool->config->servers,
    };

    pool->loop = loop;
    sli_list_init(&pool->links);
    sli_list_init(&pool->idle);
    sli_list_init(&pool->waiting);
    for (size_t i = 0; i < SLI_QUEUE_HOPS_MAX; i++) {
        pool->avoid_until_ms[i] = 0;
    }
    sli_mail_reply_init(&pool->why, &pool->config->alloc);
    return slimta_resolver_new(&pool->resolver, loop, &options, NULL);
}

int sli_queue_pool_attach(
    struct sli_queue_pools *pools, struct slimta_loop *loop)
{
    struct sli_queue_pool *pool = sli_queue_pool_find(pools, loop);
    int err = 0;

    if (pool != NULL) {
        pool->users++;
        return 0;
    }
    pool = claim(pools, loop);
    if (pool == NULL) {
        pool = add(pools, loop);
    }
    err = pool == NULL ? SLIMTA_ENOMEM : begin(pool, loop);
    if (err == 0) {
        pool->users = 1;
    } else if (pool != NULL) {
        atomic_store_explicit(&pool->key, NULL, memory_order_release);
    }
    return err;
}

static void stop_links(struct sli_queue_pool *pool)
{
    struct sli_list *at = pool->links.next;

    while (at != &pool->links) {
        struct sli_queue_link *link =
            SLI_LIST_ITEM(at, struct sli_queue_link, all);

        at = at->next;
        sli_queue_link_stop(link);
    }
}

void sli_queue_pool_detach(struct sli_queue_pools *pools,
    struct slimta_loop *loop, struct slimta_op *op)
{
    struct sli_queue_pool *pool = sli_queue_pool_find(pools, loop);

    pool->users--;
    if (pool->users > 0) {
        return;
    }
    slimta_op_take(op);
    pool->leaving = op;
    /* Nobody finds it any more, and nobody else gets it yet. */
    atomic_store_explicit(
        &pool->key, (struct slimta_loop *)(void *)pool, memory_order_relaxed);
    sli_mail_reply_set_fixed(&pool->why, 451, "4.3.2 Service is stopping");
    fail_all(pool);
    stop_links(pool);
    sli_io_resolver_close(pool->resolver, on_resolver_closed, pool);
}

void sli_queue_pool_fini(struct sli_queue_pools *pools)
{
    struct sli_queue_pool *pool =
        atomic_load_explicit(&pools->first, memory_order_acquire);

    while (pool != NULL) {
        struct sli_queue_pool *next = pool->next;

        sli_free(&pools->config.alloc, pool);
        pool = next;
    }
    atomic_store_explicit(&pools->first, NULL, memory_order_relaxed);
}
