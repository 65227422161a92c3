/** What both edges are made of: sockets, shards, start and stop. */
#include "edge/edge.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "edge/events.h"
#include "edge/threads.h"
#include "tls/context.h"

static uint64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What no client knows: where in memory the edge stands, and since when. */
static uint64_t seed_of(const struct sli_edge *edge)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(uintptr_t)edge ^ (uint64_t)now.tv_nsec << 32 ^
        (uint64_t)now.tv_sec;
}

static int init_lock(struct sli_edge *edge)
{
    if (pthread_mutex_init(&edge->lock, NULL) != 0) {
        return SLIMTA_ENOMEM;
    }
    if (pthread_cond_init(&edge->started, NULL) != 0) {
        pthread_mutex_destroy(&edge->lock);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

int sli_edge_init(struct sli_edge *edge, const struct sli_edge_kind *kind,
    const struct slimta_alloc *alloc, struct slimta_queue *queue)
{
    edge->kind = kind;
    edge->alloc = *alloc;
    edge->queue = queue;
    edge->stop_at_ms = UINT64_MAX;
    if (sli_edge_places_init(&edge->places, &edge->alloc, seed_of(edge)) != 0) {
        return SLIMTA_ENOMEM;
    }
    if (init_lock(edge) != 0) {
        sli_edge_places_fini(&edge->places);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

void sli_edge_fini(struct sli_edge *edge)
{
    for (unsigned i = 0; i < edge->shard_count; i++) {
        sli_edge_shard_fini(&edge->shards[i]);
    }
    sli_free(&edge->alloc, edge->shards);
    sli_free(&edge->alloc, edge->tables);
    sli_free(&edge->alloc, edge->dns_servers);
    sli_free(&edge->alloc, edge->hostname);
    sli_free(&edge->alloc, edge->spill_directory);
    for (size_t i = 0; i < edge->socket_count; i++) {
        sli_io_socket_close(&edge->sockets[i], &edge->alloc);
    }
    sli_edge_places_fini(&edge->places);
    sli_edge_proxied_fini(&edge->proxied);
    slimta_tls_unref(edge->tls);
    pthread_cond_destroy(&edge->started);
    pthread_mutex_destroy(&edge->lock);
}

int sli_edge_set_tls(
    struct sli_edge *edge, struct slimta_tls *tls, struct slimta_error *error)
{
    const char *flaw = tls == NULL ? "NULL" : sli_tls_context_flaw(tls);
    struct slimta_tls *old;

    if (flaw != NULL) {
        return sli_error_set(error, SLIMTA_EINVAL, "tls: %s", flaw);
    }
    sli_tls_context_use(tls);
    pthread_mutex_lock(&edge->lock);
    old = edge->tls;
    edge->tls = slimta_tls_ref(tls);
    pthread_mutex_unlock(&edge->lock);
    slimta_tls_unref(old);
    return 0;
}

int sli_edge_replace_tls(
    struct sli_edge *edge, struct slimta_tls *tls, struct slimta_error *error)
{
    int has_tls;

    pthread_mutex_lock(&edge->lock);
    has_tls = edge->tls != NULL;
    pthread_mutex_unlock(&edge->lock);
    if (!has_tls) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "tls: the edge was made without TLS");
    }
    return sli_edge_set_tls(edge, tls, error);
}

struct slimta_tls *sli_edge_ref_tls(struct sli_edge *edge)
{
    struct slimta_tls *tls;

    pthread_mutex_lock(&edge->lock);
    tls = slimta_tls_ref(edge->tls);
    pthread_mutex_unlock(&edge->lock);
    return tls;
}

/* Whether `more` sockets may be added now. */
static int check_listen(
    const struct sli_edge *edge, size_t more, struct slimta_error *error)
{
    if (edge->state != SLI_EDGE_NEW) {
        return sli_error_set(error, SLIMTA_ESTATE,
            "listeners are added before the edge is started");
    }
    if (edge->socket_count + more > SLI_EDGE_SOCKETS_MAX) {
        return sli_error_set(error, SLIMTA_ELIMIT,
            "an edge listens on at most %d sockets", SLI_EDGE_SOCKETS_MAX);
    }
    return 0;
}

int sli_edge_listen(struct sli_edge *edge, const char *host, uint16_t port,
    struct slimta_error *error)
{
    int is_any = host == NULL || host[0] == '\0';
    size_t count = 0;
    int err = check_listen(edge, is_any ? 2 : 1, error);

    if (err == 0) {
        err = sli_io_socket_listen_tcp(
            &edge->sockets[edge->socket_count], &count, host, port, error);
    }
    if (err == 0) {
        edge->socket_count += count;
    }
    return err;
}

int sli_edge_listen_unix(
    struct sli_edge *edge, const char *path, struct slimta_error *error)
{
    int err = check_listen(edge, 1, error);

    if (err == 0) {
        err = sli_io_socket_listen_unix(
            &edge->sockets[edge->socket_count], &edge->alloc, path, error);
    }
    if (err == 0) {
        edge->socket_count++;
    }
    return err;
}

int sli_edge_listen_fd(
    struct sli_edge *edge, int fd, struct slimta_error *error)
{
    int err = check_listen(edge, 1, error);

    if (err == 0) {
        err = sli_io_socket_take(&edge->sockets[edge->socket_count], fd, error);
    }
    if (err == 0) {
        edge->socket_count++;
    }
    return err;
}

int sli_edge_address(
    const struct sli_edge *edge, size_t index, struct slimta_address *address)
{
    if (index >= edge->socket_count) {
        return 0;
    }
    *address = edge->sockets[index].address;
    return 1;
}

uint64_t sli_edge_drain_left_ms(struct sli_edge *edge)
{
    uint64_t now = monotonic_ms();
    uint64_t stop_at;

    pthread_mutex_lock(&edge->lock);
    stop_at = edge->stop_at_ms;
    pthread_mutex_unlock(&edge->lock);
    return stop_at > now ? stop_at - now : 0;
}

static void shorten_stop(struct sli_edge *edge, uint64_t drain_ms)
{
    uint64_t now = monotonic_ms();
    uint64_t stop_at =
        drain_ms > UINT64_MAX - now ? UINT64_MAX : now + drain_ms;

    if (stop_at < edge->stop_at_ms) {
        edge->stop_at_ms = stop_at;
        edge->drain_ms = drain_ms;
    }
}

void sli_edge_stop_shards(struct sli_edge *edge, uint64_t drain_ms)
{
    shorten_stop(edge, drain_ms);
    for (unsigned i = 0; i < edge->shard_count; i++) {
        sli_edge_shard_post_stop(&edge->shards[i]);
    }
}

int sli_edge_stop(struct sli_edge *edge, uint64_t drain_ms,
    sli_edge_any_function stopped, void *user)
{
    int err = 0;

    pthread_mutex_lock(&edge->lock);
    if (edge->state != SLI_EDGE_RUNNING && edge->state != SLI_EDGE_STOPPING) {
        err = SLIMTA_ESTATE;
    } else {
        edge->state = SLI_EDGE_STOPPING;
        if (edge->stopped == NULL) {
            edge->stopped = stopped;
            edge->stopped_user = user;
        }
        sli_edge_stop_shards(edge, drain_ms);
    }
    pthread_mutex_unlock(&edge->lock);
    return err;
}

void sli_edge_has_begun(struct sli_edge *edge)
{
    pthread_mutex_lock(&edge->lock);
    edge->has_begun = 1;
    pthread_mutex_unlock(&edge->lock);
    sli_edge_events_listening(&edge->shards[0]);
}

void sli_edge_is_stopping(struct sli_edge *edge)
{
    uint64_t drain_ms;
    int has_begun;

    pthread_mutex_lock(&edge->lock);
    drain_ms = edge->drain_ms;
    has_begun = edge->has_begun;
    pthread_mutex_unlock(&edge->lock);
    if (has_begun) {
        sli_edge_events_stopping(&edge->shards[0], drain_ms);
    }
}

static void tell_event_stopped(struct sli_edge *edge)
{
    int has_begun;

    pthread_mutex_lock(&edge->lock);
    has_begun = edge->has_begun;
    pthread_mutex_unlock(&edge->lock);
    if (has_begun) {
        sli_edge_events_stopped(edge);
    }
}

int sli_edge_tell_stopped(struct sli_edge *edge)
{
    sli_edge_any_function stopped;
    int wants_free;

    tell_event_stopped(edge);
    pthread_mutex_lock(&edge->lock);
    stopped = edge->stopped;
    edge->is_in_stopped = 1;
    edge->stopped_thread = pthread_self();
    pthread_mutex_unlock(&edge->lock);
    if (stopped != NULL) {
        edge->kind->tell_stopped(edge, stopped, edge->stopped_user);
    }
    pthread_mutex_lock(&edge->lock);
    edge->is_in_stopped = 0;
    wants_free = edge->wants_free;
    pthread_mutex_unlock(&edge->lock);
    return wants_free;
}

void sli_edge_shard_is_gone(struct sli_edge_shard *shard)
{
    struct sli_edge *edge = shard->edge;
    int is_last;

    if (shard->has_thread) {
        /* Its thread goes on in run_shard. */
        return;
    }
    pthread_mutex_lock(&edge->lock);
    edge->state = SLI_EDGE_STOPPED;
    is_last = --edge->live == 0;
    pthread_mutex_unlock(&edge->lock);
    if (is_last && sli_edge_tell_stopped(edge)) {
        edge->kind->release(edge);
    }
}

void sli_edge_sum(const struct sli_edge *edge, struct slimta_counters *counters)
{
    struct slimta_counters sum = {.size = sizeof sum};
    unsigned count = atomic_load_explicit(&edge->counted, memory_order_acquire);

    for (unsigned i = 0; i < count; i++) {
        sli_edge_counters_add(&sum, &edge->shards[i].counters);
    }
    sum.connections_open = sli_edge_places_taken(&edge->places);
    sli_edge_counters_give(counters, &sum);
}

int sli_edge_make_shards(struct sli_edge *edge, unsigned count)
{
    edge->shards = sli_alloc_array(&edge->alloc, count, sizeof *edge->shards);
    return edge->shards == NULL ? SLIMTA_ENOMEM : 0;
}

static void enter_state(struct sli_edge *edge, enum sli_edge_state state)
{
    pthread_mutex_lock(&edge->lock);
    edge->state = state;
    pthread_mutex_unlock(&edge->lock);
}

static int start_in_loop(
    struct sli_edge *edge, struct slimta_loop *loop, struct slimta_error *error)
{
    int err = sli_edge_make_shards(edge, 1);

    if (err != 0) {
        return sli_error_set(error, err, "out of memory");
    }
    edge->shard_count = 1;
    err = sli_edge_shard_init(&edge->shards[0], edge, 0, error);
    if (err != 0) {
        enter_state(edge, SLI_EDGE_STOPPED);
        return err;
    }
    atomic_store_explicit(&edge->counted, 1, memory_order_release);
    edge->live = 1;
    err = sli_edge_shard_start(&edge->shards[0], loop, error);
    if (err != 0 && edge->shards[0].state == SLI_EDGE_SHARD_GONE) {
        edge->live = 0;
        enter_state(edge, SLI_EDGE_STOPPED);
        return err;
    }
    /* Only now: what other threads post to a shard meets one that runs. */
    enter_state(edge, err == 0 ? SLI_EDGE_RUNNING : SLI_EDGE_STOPPING);
    return err;
}

int sli_edge_start(
    struct sli_edge *edge, struct slimta_loop *loop, struct slimta_error *error)
{
    if (edge->state != SLI_EDGE_NEW) {
        return sli_error_set(error, SLIMTA_ESTATE, "an edge is started once");
    }
    return loop != NULL ? start_in_loop(edge, loop, error)
                        : sli_edge_threads_start(edge, error);
}

void sli_edge_free(struct sli_edge *edge)
{
    int is_running;
    int is_in_stopped;
    int has_threads = 0;

    pthread_mutex_lock(&edge->lock);
    is_running = edge->live > 0;
    is_in_stopped = edge->is_in_stopped &&
        pthread_equal(edge->stopped_thread, pthread_self());
    for (unsigned i = 0; i < edge->shard_count; i++) {
        has_threads = has_threads || edge->shards[i].has_thread;
    }
    edge->wants_free = is_in_stopped || (is_running && !has_threads);
    if (is_running) {
        edge->state = SLI_EDGE_STOPPING;
        sli_edge_stop_shards(edge, 0);
    }
    pthread_mutex_unlock(&edge->lock);
    if (is_in_stopped || (is_running && !has_threads)) {
        return;
    }
    sli_edge_threads_join(edge);
    edge->kind->release(edge);
}
