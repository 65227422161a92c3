/** The part of an edge that lives in one loop: its listeners and sessions. */
#include "edge/shard.h"

#include <unistd.h>

#include <slimta/envelope.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"
#include "edge/edge.h"
#include "edge/events.h"
#include "io/resolver.h"
#include "proxy/proxy.h"

enum {
    /* What engines may have to say at once before it is sent. */
    OUTPUT_MAX = 1048576
};

static int clone_sockets(
    struct sli_edge_shard *shard, struct slimta_error *error)
{
    struct sli_edge *edge = shard->edge;

    for (size_t i = 0; i < edge->socket_count; i++) {
        int err =
            sli_io_socket_clone(&shard->sockets[i], &edge->sockets[i], error);

        if (err != 0) {
            return err;
        }
        shard->socket_count++;
    }
    return 0;
}

/* Clones stand in memory of the shard's; the edge's own sockets do not. */
static int has_clones(const struct sli_edge_shard *shard)
{
    return shard->sockets != shard->edge->sockets;
}

static int get_sockets(
    struct sli_edge_shard *shard, int clone, struct slimta_error *error)
{
    struct sli_edge *edge = shard->edge;

    shard->listeners = sli_alloc_array(
        &edge->alloc, edge->socket_count, sizeof *shard->listeners);
    if (shard->listeners == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    if (!clone) {
        shard->sockets = edge->sockets;
        shard->socket_count = edge->socket_count;
        return 0;
    }
    shard->sockets = sli_alloc_array(
        &edge->alloc, edge->socket_count, sizeof *shard->sockets);
    if (shard->sockets == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    return clone_sockets(shard, error);
}

static void deliver_stop(struct sli_io_message *message);

int sli_edge_shard_init(struct sli_edge_shard *shard, struct sli_edge *edge,
    int clone, struct slimta_error *error)
{
    *shard = (struct sli_edge_shard){
        .edge = edge,
        .stop_message = {.deliver = deliver_stop},
    };
    sli_list_init(&shard->members);
    sli_list_init(&shard->proxied);
    sli_buf_init(&shard->output, &edge->alloc, OUTPUT_MAX);
    sli_mail_reply_init(&shard->reply, &edge->alloc);
    /* Room for any text of sli_edge_shard_reply. */
    if (sli_mail_reply_set(&shard->reply, 451,
            SLI_LITERAL("a fixed text is never longer than this line, which "
                        "stands here for its length alone")) != 0) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    shard->text = sli_alloc(&edge->alloc, edge->text_bytes);
    if (shard->text == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    return get_sockets(shard, clone, error);
}

static void close_sockets(struct sli_edge_shard *shard)
{
    for (size_t i = 0; i < shard->socket_count; i++) {
        sli_io_socket_close(&shard->sockets[i], &shard->edge->alloc);
    }
    shard->socket_count = 0;
}

void sli_edge_shard_fini(struct sli_edge_shard *shard)
{
    const struct slimta_alloc *alloc = &shard->edge->alloc;

    if (has_clones(shard)) {
        close_sockets(shard);
        sli_free(alloc, shard->sockets);
    }
    sli_free(alloc, shard->listeners);
    if (shard->detach_op != NULL) {
        sli_edge_op_release(&shard->ops, shard->detach_op);
    }
    sli_edge_ops_fini(&shard->ops);
    sli_free(alloc, shard->text);
    sli_buf_fini(&shard->output);
    sli_mail_reply_fini(&shard->reply);
    sli_io_inbox_unref(shard->inbox);
}

const struct slimta_reply *sli_edge_shard_reply(
    struct sli_edge_shard *shard, int code, const char *text)
{
    /* Cannot fail: the room is there since init. */
    (void)sli_mail_reply_set(&shard->reply, code, sli_slice_text(text));
    return &shard->reply;
}

void sli_edge_shard_begin(
    struct sli_edge_shard *shard, const struct sli_edge_arrival *arrival)
{
    struct sli_edge *edge = shard->edge;

    switch (sli_edge_places_take_client(&edge->places, &arrival->client)) {
    case SLI_EDGE_PLACE_TAKEN:
        edge->kind->door->accept(shard, arrival);
        return;
    case SLI_EDGE_PLACE_TOO_MANY:
        sli_edge_events_refused(
            shard, &arrival->client, "max_connections_per_ip");
        edge->kind->door->turn_away(shard, arrival->fd);
        break;
    case SLI_EDGE_PLACE_NO_MEMORY:
        sli_edge_events_memory(shard, 0, "a connection");
        break;
    }
    (void)close(arrival->fd);
    sli_proxy_proxy_free(arrival->proxy, &edge->alloc);
    sli_edge_places_give(&edge->places);
}

/* PROXY protocol 2: nothing is said before the header, not even that there are
 * too many. */
static void admit_proxied(
    struct sli_edge_shard *shard, int fd, const struct slimta_address *peer)
{
    struct sli_edge *edge = shard->edge;

    if (!sli_edge_proxied_trusts(&edge->proxied, peer)) {
        sli_edge_events_proxy(shard, peer, "peer is not trusted");
        (void)close(fd);
    } else if (sli_edge_places_take(&edge->places) != SLI_EDGE_PLACE_TAKEN) {
        sli_edge_events_refused(shard, peer, "max_connections");
        (void)close(fd);
    } else {
        sli_edge_proxied_await(shard, fd, peer);
    }
}

void sli_edge_shard_admit(
    struct sli_edge_shard *shard, int fd, const struct slimta_address *peer)
{
    struct sli_edge *edge = shard->edge;
    const struct sli_edge_arrival arrival = {
        .fd = fd, .peer = *peer, .client = *peer, .octets = {"", 0}};

    if (edge->proxied.is_on) {
        admit_proxied(shard, fd, peer);
    } else if (sli_edge_places_take(&edge->places) != SLI_EDGE_PLACE_TAKEN) {
        sli_edge_events_refused(shard, peer, "max_connections");
        edge->kind->door->turn_away(shard, fd);
        (void)close(fd);
    } else {
        sli_edge_shard_begin(shard, &arrival);
    }
}

static struct sli_edge_shard *shard_of(struct sli_io_listener *listener)
{
    return SLI_LIST_ITEM(listener, struct sli_edge_listener, io)->shard;
}

static void accepted(
    struct sli_io_listener *listener, int fd, const struct slimta_address *peer)
{
    sli_edge_shard_admit(shard_of(listener), fd, peer);
}

static void short_of(struct sli_io_listener *listener, int error)
{
    sli_edge_events_short_of(shard_of(listener), error);
}

static int start_listeners(
    struct sli_edge_shard *shard, struct slimta_error *error)
{
    for (size_t i = 0; i < shard->socket_count; i++) {
        int err;

        shard->listeners[i].shard = shard;
        err = sli_io_listener_start(&shard->listeners[i].io, shard->loop,
            shard->sockets[i].fd, accepted, short_of);
        if (err != 0) {
            return sli_error_set(
                error, err, "cannot accept: %s", slimta_strerror(err));
        }
        shard->listener_count++;
    }
    return 0;
}

static int attach_queue(
    struct sli_edge_shard *shard, struct slimta_error *error)
{
    struct slimta_queue *queue = shard->edge->queue;
    int err = 0;

    if (queue->methods->attach != NULL) {
        err = queue->methods->attach(queue, shard->loop);
    }
    if (err != 0) {
        return sli_error_set(error, err, "the queue refuses to attach: %s",
            slimta_strerror(err));
    }
    return 0;
}

/* The queue's part in the shard's life: an op for the end, then its beginning.
 */
static int begin_queue(struct sli_edge_shard *shard, struct slimta_error *error)
{
    struct slimta_op *op = sli_edge_op_ask(
        &shard->ops, &shard->detach, 451, "4.3.0 Error queuing message");
    int err;

    if (op == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    err = attach_queue(shard, error);
    if (err != 0) {
        sli_edge_op_release(&shard->ops, op);
    } else {
        shard->detach_op = op;
    }
    return err;
}

/* It opens nothing before the first query. */
static int make_resolver(
    struct sli_edge_shard *shard, struct slimta_error *error)
{
    const struct slimta_resolver_options options = {
        .size = sizeof options,
        .alloc = &shard->edge->alloc,
        .servers = shard->edge->dns_servers,
    };

    return slimta_resolver_new(&shard->resolver, shard->loop, &options, error);
}

static void late(struct sli_edge_ops *ops, uint64_t session_id,
    const struct slimta_results *results)
{
    const char *sender = results->envelope == NULL
        ? ""
        : slimta_envelope_sender(results->envelope);

    sli_edge_events_late_commit(SLI_LIST_ITEM(ops, struct sli_edge_shard, ops),
        session_id, sli_slice_text(sender), sli_edge_results_name(results));
}

/* The one that speaks for the edge where all shards do the same. */
static int is_first(const struct sli_edge_shard *shard)
{
    return shard == shard->edge->shards;
}

int sli_edge_shard_start(struct sli_edge_shard *shard, struct slimta_loop *loop,
    struct slimta_error *error)
{
    int err = sli_io_loop_enter(loop);

    if (err != 0) {
        shard->state = SLI_EDGE_SHARD_GONE;
        return sli_error_set(
            error, err, "cannot enter the loop: %s", slimta_strerror(err));
    }
    shard->loop = loop;
    sli_edge_ops_init(&shard->ops, &shard->edge->alloc, loop);
    shard->ops.counters = &shard->counters;
    shard->ops.late = late;
    shard->inbox = sli_io_inbox_ref(loop->inbox);
    shard->state = SLI_EDGE_SHARD_RUNNING;
    err = make_resolver(shard, error);
    if (err == 0) {
        err = begin_queue(shard, error);
    }
    if (err == 0) {
        err = start_listeners(shard, error);
    }
    if (err != 0) {
        deliver_stop(&shard->stop_message);
    } else if (is_first(shard)) {
        sli_edge_has_begun(shard->edge);
    }
    return err;
}

static void left(struct sli_io_loop_user *user)
{
    struct sli_edge_shard *shard =
        SLI_LIST_ITEM(user, struct sli_edge_shard, user);

    shard->state = SLI_EDGE_SHARD_GONE;
    sli_edge_shard_is_gone(shard);
}

static void resolver_closed(void *user)
{
    struct sli_edge_shard *shard = user;

    sli_io_loop_leave(shard->loop, &shard->user, left);
}

static void leave(struct sli_edge_shard *shard)
{
    struct slimta_resolver *resolver = shard->resolver;

    shard->state = SLI_EDGE_SHARD_LEAVING;
    shard->resolver = NULL;
    sli_edge_ops_close(&shard->ops);
    if (resolver == NULL) {
        resolver_closed(shard);
    } else {
        sli_io_resolver_close(resolver, resolver_closed, shard);
    }
}

static void detached(struct sli_edge_question *question, struct slimta_op *op)
{
    (void)op;
    leave(SLI_LIST_ITEM(question, struct sli_edge_shard, detach));
}

static void detach_queue(struct sli_edge_shard *shard)
{
    struct slimta_queue *queue = shard->edge->queue;
    struct slimta_op *op = shard->detach_op;

    shard->state = SLI_EDGE_SHARD_DETACHING;
    if (op == NULL || queue->methods->detach == NULL) {
        leave(shard);
        return;
    }
    shard->detach_op = NULL;
    shard->detach.answered = detached;
    queue->methods->detach(queue, shard->loop, op);
    if (sli_edge_op_asked(op)) {
        sli_edge_op_release(&shard->ops, op);
        leave(shard);
    }
}

void sli_edge_shard_leave_when_done(struct sli_edge_shard *shard)
{
    if (shard->state == SLI_EDGE_SHARD_DRAINING && shard->listener_count == 0 &&
        shard->jobs == 0 && sli_list_is_empty(&shard->members) &&
        sli_list_is_empty(&shard->proxied)) {
        sli_io_timer_stop(shard->loop, &shard->deadline);
        detach_queue(shard);
    }
}

static void listener_stopped(struct sli_io_listener *listener)
{
    struct sli_edge_shard *shard = shard_of(listener);

    shard->listener_count--;
    if (shard->listener_count == 0) {
        close_sockets(shard);
    }
    sli_edge_shard_leave_when_done(shard);
}

/* Calls `act` for every session; each may remove itself. */
static void for_each_member(
    struct sli_edge_shard *shard, void (*act)(struct sli_edge_member *member))
{
    struct sli_list *link = shard->members.next;

    while (link != &shard->members) {
        struct sli_list *next = link->next;

        act(SLI_LIST_ITEM(link, struct sli_edge_member, link));
        link = next;
    }
}

static void begin_drain(struct sli_edge_shard *shard)
{
    size_t count = shard->listener_count;

    shard->state = SLI_EDGE_SHARD_DRAINING;
    if (is_first(shard)) {
        sli_edge_is_stopping(shard->edge);
    }
    for (size_t i = 0; i < count; i++) {
        sli_io_listener_stop(&shard->listeners[i].io, listener_stopped);
    }
    sli_edge_proxied_close_all(shard);
    for_each_member(shard, shard->edge->kind->door->drain);
}

static void deadline_passed(struct sli_io_timer *timer)
{
    struct sli_edge_shard *shard =
        SLI_LIST_ITEM(timer, struct sli_edge_shard, deadline);

    for_each_member(shard, shard->edge->kind->door->kill);
}

static void deliver_stop(struct sli_io_message *message)
{
    struct sli_edge_shard *shard =
        SLI_LIST_ITEM(message, struct sli_edge_shard, stop_message);
    uint64_t left_ms = sli_edge_drain_left_ms(shard->edge);

    pthread_mutex_lock(&shard->edge->lock);
    shard->is_stop_posted = 0;
    pthread_mutex_unlock(&shard->edge->lock);
    if (shard->state == SLI_EDGE_SHARD_RUNNING) {
        begin_drain(shard);
    }
    if (shard->state != SLI_EDGE_SHARD_DRAINING) {
        return;
    }
    if (left_ms == 0) {
        deadline_passed(&shard->deadline);
    } else {
        sli_io_timer_start(
            shard->loop, &shard->deadline, left_ms, deadline_passed);
    }
    sli_edge_shard_leave_when_done(shard);
}

void sli_edge_shard_post_stop(struct sli_edge_shard *shard)
{
    if (shard->inbox != NULL && !shard->is_stop_posted) {
        /* Closed: the shard is leaving already. */
        shard->is_stop_posted =
            sli_io_inbox_post(shard->inbox, &shard->stop_message) == 0;
    }
}

void sli_edge_shard_session_ends(
    struct sli_edge_shard *shard, const struct slimta_address *client)
{
    sli_edge_places_give_client(&shard->edge->places, client);
    sli_edge_places_give(&shard->edge->places);
    sli_edge_shard_leave_when_done(shard);
}

void sli_edge_shard_job_begins(struct sli_edge_shard *shard)
{
    shard->jobs++;
}

void sli_edge_shard_job_ends(struct sli_edge_shard *shard)
{
    shard->jobs--;
    sli_edge_shard_leave_when_done(shard);
}
