/** An edge on threads of its own: one shard and one loop for each. */
#include "edge/threads.h"

#include "base/error.h"
#include "edge/edge.h"
#include "io/thread.h"

/* A thread tells how its shard's start went, and waits for nobody. */
static void report_start(
    struct sli_edge *edge, int err, const struct slimta_error *error)
{
    pthread_mutex_lock(&edge->lock);
    if (err != 0 && edge->start_result == 0) {
        edge->start_result = err;
        edge->start_error = *error;
    }
    edge->starting--;
    pthread_cond_broadcast(&edge->started);
    pthread_mutex_unlock(&edge->lock);
}

/* The other threads are past the point where they need the edge, or soon will
 * be; this one is the last to leave. */
static void join_others(struct sli_edge *edge)
{
    for (unsigned i = 0; i < edge->shard_count; i++) {
        struct sli_edge_shard *shard = &edge->shards[i];

        if (shard->has_thread &&
            !pthread_equal(shard->thread, pthread_self())) {
            (void)pthread_join(shard->thread, NULL);
        }
    }
}

/* The loop is made, run and freed on its own thread: what libuv attaches to the
 * thread that makes one never concerns the host's. */
static void serve(struct sli_edge_shard *shard)
{
    struct slimta_loop *loop = NULL;
    struct slimta_error error = {0};
    int err = slimta_loop_new(&loop, &shard->edge->alloc, &error);

    if (err == 0) {
        err = sli_edge_shard_start(shard, loop, &error);
    }
    report_start(shard->edge, err, &error);
    if (loop != NULL) {
        (void)slimta_loop_run(loop);
        (void)slimta_loop_free(loop);
    }
}

/* One thread of an edge, from its start to its end. */
static void *run_shard(void *user)
{
    struct sli_edge_shard *shard = user;
    struct sli_edge *edge = shard->edge;
    int is_last;

    serve(shard);
    pthread_mutex_lock(&edge->lock);
    is_last = --edge->live == 0;
    if (is_last) {
        edge->state = SLI_EDGE_STOPPED;
    }
    pthread_mutex_unlock(&edge->lock);
    if (is_last && sli_edge_tell_stopped(edge)) {
        join_others(edge);
        (void)pthread_detach(pthread_self());
        edge->kind->release(edge);
    }
    return NULL;
}

/* The first one accepts from the edge's own sockets: a socket of a SO_REUSEPORT
 * group that nobody accepts from would swallow its share. */
static int init_shards(struct sli_edge *edge, struct slimta_error *error)
{
    int err = sli_edge_make_shards(edge, edge->threads);

    if (err != 0) {
        return sli_error_set(error, err, "out of memory");
    }
    for (unsigned i = 0; i < edge->threads && err == 0; i++) {
        edge->shard_count = i + 1;
        err = sli_edge_shard_init(&edge->shards[i], edge, i > 0, error);
    }
    if (err == 0) {
        atomic_store_explicit(
            &edge->counted, edge->threads, memory_order_release);
    }
    return err;
}

static int start_thread(struct sli_edge *edge, struct sli_edge_shard *shard)
{
    int err;

    pthread_mutex_lock(&edge->lock);
    edge->starting++;
    edge->live++;
    shard->has_thread = 1;
    pthread_mutex_unlock(&edge->lock);
    err = sli_io_thread_start(&shard->thread, run_shard, shard);
    if (err != 0) {
        pthread_mutex_lock(&edge->lock);
        edge->starting--;
        edge->live--;
        shard->has_thread = 0;
        pthread_mutex_unlock(&edge->lock);
    }
    return err;
}

/* Waits until every thread has reported; the result of all. */
static int await_start(struct sli_edge *edge, struct slimta_error *error)
{
    int err;

    pthread_mutex_lock(&edge->lock);
    while (edge->starting > 0) {
        pthread_cond_wait(&edge->started, &edge->lock);
    }
    err = edge->start_result;
    if (err != 0 && error != NULL) {
        *error = edge->start_error;
    }
    pthread_mutex_unlock(&edge->lock);
    return err;
}

/* A start that failed half way: the threads that run end. */
static void undo_threads(struct sli_edge *edge)
{
    pthread_mutex_lock(&edge->lock);
    sli_edge_stop_shards(edge, 0);
    pthread_mutex_unlock(&edge->lock);
    sli_edge_threads_join(edge);
    for (unsigned i = 0; i < edge->shard_count; i++) {
        edge->shards[i].has_thread = 0;
    }
    pthread_mutex_lock(&edge->lock);
    edge->state = SLI_EDGE_STOPPED;
    pthread_mutex_unlock(&edge->lock);
}

int sli_edge_threads_start(struct sli_edge *edge, struct slimta_error *error)
{
    int err = init_shards(edge, error);
    int waited;

    for (unsigned i = 0; i < edge->threads && err == 0; i++) {
        err = start_thread(edge, &edge->shards[i]);
        if (err != 0) {
            sli_error_set(error, err, "cannot start a thread");
        }
    }
    waited = await_start(edge, err == 0 ? error : NULL);
    err = err != 0 ? err : waited;
    if (err != 0) {
        undo_threads(edge);
        return err;
    }
    pthread_mutex_lock(&edge->lock);
    edge->state = SLI_EDGE_RUNNING;
    pthread_mutex_unlock(&edge->lock);
    return 0;
}

void sli_edge_threads_join(struct sli_edge *edge)
{
    for (unsigned i = 0; i < edge->shard_count; i++) {
        if (edge->shards[i].has_thread) {
            (void)pthread_join(edge->shards[i].thread, NULL);
        }
    }
}
