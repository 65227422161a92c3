/** Calls of the application by another HTTP server: http_edge_call. */
#include "edge/http/mount.h"

#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/slice.h"
#include "edge/ask.h"
#include "edge/http/call.h"
#include "http/status.h"

/* What an answer mostly needs. */
enum { ROOM = 1024 };

/* One call. It lives until its answer was delivered, or it was cancelled. */
struct mount {
    struct http_edge_call call; /* first: the two are cast into each other */
    struct http_edge_call_methods methods;
    void *user;
    struct sli_io_timer timer;
    struct sli_io_message message; /* delivers what the host is to be told */
    struct http_edge_response response;
    struct http_edge_field fields[SLI_HTTP_ANSWER_FIELDS]; /* of it */
    char *texts;     /* of a long one; else they stand in: */
    char room[ROOM]; /* a success needs no memory that might not be there */
    struct sli_buf backlog; /* octets that could not be passed on yet */
    unsigned char is_posted;
    unsigned char is_cancelled;
    unsigned char owes_more;   /* SLIMTA_EAGAIN was said */
    unsigned char has_ended;   /* the end is to be passed on */
    unsigned char is_whole;    /* the body is complete */
    unsigned char is_answered; /* `response` is filled */
    unsigned char is_passing;  /* pass runs */
};

/* The answer for which there was no memory. */
static const struct http_edge_field last_fields[] = {
    {{"X-Smtp-Reply", 12},
        {"451; message=\"4.3.0 Unhandled system error\"", 42}},
    {{"Content-Length", 14}, {"0", 1}},
};

static struct mount *mount_of(struct http_edge_call *call)
{
    return (struct mount *)call;
}

static struct sli_edge_shard *shard_of(const struct mount *mount)
{
    return sli_edge_session_shard(&mount->call.base);
}

static const struct slimta_alloc *alloc_of(const struct mount *mount)
{
    return &mount->call.edge->edge.alloc;
}

static void free_mount(struct mount *mount)
{
    const struct slimta_alloc *alloc = alloc_of(mount);
    struct sli_edge_shard *shard = shard_of(mount);

    sli_io_timer_stop(shard->loop, &mount->timer);
    sli_list_remove(&mount->call.base.member.link);
    sli_free(alloc, mount->texts);
    sli_buf_fini(&mount->backlog);
    sli_free(alloc, mount);
    /* Last: when this was the last call, the edge may go with it. */
    sli_edge_shard_leave_when_done(shard);
}

/* Delivering: never inside a function of the call */

static void deliver(struct sli_io_message *message);

static void post(struct mount *mount)
{
    if (!mount->is_posted) {
        mount->is_posted = 1;
        mount->message.deliver = deliver;
        /* It is open: the shard stays while it has members. */
        (void)sli_io_inbox_post(shard_of(mount)->inbox, &mount->message);
    }
}

static int can_take(const struct mount *mount)
{
    return mount->call.stage == SLI_EDGE_HTTP_BODY &&
        !sli_edge_http_call_is_busy(&mount->call) &&
        sli_buf_size(&mount->backlog) == 0;
}

static void deliver(struct sli_io_message *message)
{
    struct mount *mount = SLI_LIST_ITEM(message, struct mount, message);

    mount->is_posted = 0;
    if (mount->is_cancelled) {
        free_mount(mount);
    } else if (mount->is_answered) {
        /* Nothing is posted from in there: it goes right after. */
        mount->is_posted = 1;
        mount->methods.respond(&mount->call, &mount->response, mount->user);
        free_mount(mount);
    } else if (mount->owes_more && can_take(mount)) {
        mount->owes_more = 0;
        mount->methods.more(&mount->call, mount->user);
    }
}

/* The body */

/* The octets at the front of `octets` that may be passed on at once. */
static struct slimta_slice cut(struct slimta_slice octets)
{
    return sli_slice(octets.data,
        octets.size < SLIMTA_WRITE_MAX ? octets.size : SLIMTA_WRITE_MAX);
}

static int is_ready(const struct mount *mount)
{
    return mount->call.stage == SLI_EDGE_HTTP_BODY &&
        !sli_edge_http_call_is_busy(&mount->call);
}

/* Passes on what was taken but had to wait, then the end. */
static void pass_backlog(struct mount *mount)
{
    while (sli_buf_size(&mount->backlog) > 0 && is_ready(mount)) {
        struct slimta_slice octets = cut(sli_buf_slice(&mount->backlog));

        sli_edge_http_call_content(&mount->call, octets);
        sli_buf_consume(&mount->backlog, octets.size);
    }
    if (sli_buf_size(&mount->backlog) == 0) {
        sli_buf_fini(&mount->backlog);
    }
    if (mount->has_ended && can_take(mount)) {
        mount->has_ended = 0;
        sli_edge_http_call_end(&mount->call);
    }
}

static void pass(struct mount *mount)
{
    if (mount->is_passing) {
        return;
    }
    mount->is_passing = 1;
    pass_backlog(mount);
    mount->is_passing = 0;
    if (mount->owes_more && can_take(mount)) {
        post(mount);
    }
}

/* The owner of the call */

static void timed_out(struct sli_io_timer *timer)
{
    struct mount *mount = SLI_LIST_ITEM(timer, struct mount, timer);

    /* The client's time is its server's matter. */
    (void)sli_edge_ask_time_out(&mount->call.base);
}

static void wait_for(struct http_edge_call *call, uint64_t time_ms)
{
    struct mount *mount = mount_of(call);

    sli_io_timer_start(
        shard_of(mount)->loop, &mount->timer, time_ms, timed_out);
}

static void proceed(struct http_edge_call *call)
{
    (void)call; /* go_on, or the return of begin, follows */
}

static void go_on(struct http_edge_call *call)
{
    pass(mount_of(call));
}

static struct slimta_slice put(char **at, struct slimta_slice text)
{
    struct slimta_slice copy = {*at, text.size};

    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
    }
    *at += text.size;
    return copy;
}

static size_t texts_size(const struct sli_http_response *response)
{
    size_t size = response->body.size;

    for (size_t i = 0; i < response->field_count; i++) {
        size += response->fields[i].name.size + response->fields[i].value.size;
    }
    return size;
}

/* 0 without memory. */
static int copy_response(
    struct mount *mount, const struct sli_http_response *response)
{
    size_t size = texts_size(response);
    char *at = mount->room;

    if (size > sizeof mount->room) {
        mount->texts = sli_alloc(alloc_of(mount), size);
        at = mount->texts;
    }
    if (at == NULL) {
        return 0;
    }
    for (size_t i = 0; i < response->field_count; i++) {
        mount->fields[i].name = put(&at, response->fields[i].name);
        mount->fields[i].value = put(&at, response->fields[i].value);
    }
    mount->response.status = response->status;
    mount->response.fields = mount->fields;
    mount->response.field_count = response->field_count;
    mount->response.body = put(&at, response->body);
    return 1;
}

static void respond(struct http_edge_call *call,
    const struct sli_http_response *response, int closes)
{
    struct mount *mount = mount_of(call);

    mount->response = (struct http_edge_response){
        .size = sizeof mount->response,
        .ends_early = closes || !mount->is_whole,
    };
    if (!copy_response(mount, response)) {
        mount->response.status = 503;
        mount->response.fields = last_fields;
        mount->response.field_count = sizeof last_fields / sizeof *last_fields;
        mount->response.body = sli_slice("", 0);
    }
    mount->response.reason = sli_http_status_reason(mount->response.status);
    mount->is_answered = 1;
    sli_io_timer_stop(shard_of(mount)->loop, &mount->timer);
    post(mount);
}

static const struct sli_edge_http_owner owner = {
    .wait = wait_for,
    .proceed = proceed,
    .respond = respond,
    .go_on = go_on,
};

void sli_edge_http_mount_kill(struct sli_edge_member *member)
{
    struct http_edge_call *call = (struct http_edge_call *)(void *)member;

    if (!sli_edge_http_call_is_over(call)) {
        sli_edge_http_call_refuse(call, SLI_HTTP_REFUSAL_SHUTTING_DOWN);
    }
}

/* The public functions */

static int check(
    const struct http_edge *edge, const struct http_edge_request *request)
{
    if (request->size == 0 || request->method.data == NULL ||
        request->target.data == NULL ||
        (request->fields == NULL && request->field_count > 0) ||
        (unsigned)request->body > SLIMTA_HTTP_BODY_CHUNKED) {
        return SLIMTA_EINVAL;
    }
    return edge->edge.shard_count != 1 || edge->edge.shards[0].has_thread ||
            edge->edge.shards[0].state != SLI_EDGE_SHARD_RUNNING ||
            edge->edge.state != SLI_EDGE_RUNNING
        ? SLIMTA_ESTATE
        : 0;
}

static enum sli_http_framing framing_of(enum slimta_http_body body)
{
    static const enum sli_http_framing framings[] = {
        [SLIMTA_HTTP_BODY_NONE] = SLI_HTTP_FRAMING_NONE,
        [SLIMTA_HTTP_BODY_SIZED] = SLI_HTTP_FRAMING_SIZED,
        [SLIMTA_HTTP_BODY_CHUNKED] = SLI_HTTP_FRAMING_CHUNKED,
    };

    return framings[body];
}

static int copy_fields(
    struct sli_http_fields *fields, const struct http_edge_request *request)
{
    int err = sli_http_fields_reserve(fields, request->field_count);

    for (size_t i = 0; err == 0 && i < request->field_count; i++) {
        fields->items[i] = (struct sli_http_field){
            request->fields[i].name, request->fields[i].value};
    }
    return err;
}

static void begin(struct mount *mount, struct http_edge *edge,
    const struct http_edge_request *request)
{
    struct sli_edge_shard *shard = &edge->edge.shards[0];
    const struct sli_http_request parsed = {
        .method = request->method,
        .target = request->target,
        .fields = shard->fields.items,
        .field_count = request->field_count,
        .framing = framing_of(request->body),
        .body_bytes = request->body_bytes,
    };
    const struct sli_edge_http_origin origin = {
        .client = request->client,
        .peer = request->peer.family == SLIMTA_FAMILY_NONE ? request->client
                                                           : request->peer,
        .is_tls = request->is_tls,
    };

    sli_edge_http_call_begin(
        &mount->call, edge, shard, &owner, &origin, &parsed);
}

int http_edge_call(struct http_edge_call **out, struct http_edge *edge,
    const struct http_edge_request *request,
    const struct http_edge_call_methods *methods, void *user)
{
    struct http_edge_request known = {.size = sizeof known};
    struct http_edge_call_methods table = {.size = sizeof table};
    struct mount *mount;
    int err = SLI_OPTIONS_COPY(&known, request);

    if (err == 0) {
        err = SLI_OPTIONS_COPY(&table, methods);
    }
    if (err == 0 && (table.respond == NULL || table.more == NULL)) {
        err = SLIMTA_EINVAL;
    }
    if (err == 0) {
        err = check(edge, &known);
    }
    if (err == 0) {
        err = copy_fields(&edge->edge.shards[0].fields, &known);
    }
    if (err != 0) {
        return err;
    }
    mount = sli_alloc_zero(&edge->edge.alloc, sizeof *mount);
    if (mount == NULL) {
        return SLIMTA_ENOMEM;
    }
    mount->methods = table;
    mount->user = user;
    mount->is_whole = known.body == SLIMTA_HTTP_BODY_NONE ||
        (known.body == SLIMTA_HTTP_BODY_SIZED && known.body_bytes == 0);
    sli_buf_init(&mount->backlog, &edge->edge.alloc, SIZE_MAX);
    begin(mount, edge, &known);
    mount->call.base.member.is_mounted = 1;
    sli_list_append(
        &edge->edge.shards[0].members, &mount->call.base.member.link);
    *out = &mount->call;
    return 0;
}

/* Takes as much as it can at once, and a copy of the rest. 0 without memory. */
static int take(struct mount *mount, struct slimta_slice octets)
{
    while (octets.size > 0 && is_ready(mount)) {
        struct slimta_slice part = cut(octets);

        sli_edge_http_call_content(&mount->call, part);
        octets = sli_slice_skip(octets, part.size);
    }
    return sli_edge_http_call_is_over(&mount->call) ||
        sli_buf_append(&mount->backlog, octets) == 0;
}

int http_edge_call_body(struct http_edge_call *call, struct slimta_slice octets)
{
    struct mount *mount = mount_of(call);

    if (mount->is_answered) {
        return 0;
    }
    if (!can_take(mount)) {
        mount->owes_more = 1;
        return SLIMTA_EAGAIN;
    }
    mount->is_passing = 1;
    if (!take(mount, octets)) {
        sli_edge_http_call_refuse(call, SLI_HTTP_REFUSAL_NO_MEMORY);
    }
    mount->is_passing = 0;
    return 0;
}

void http_edge_call_end(struct http_edge_call *call)
{
    struct mount *mount = mount_of(call);

    mount->is_whole = 1;
    if (!mount->is_answered) {
        mount->has_ended = 1;
        pass(mount);
    }
}

void http_edge_call_cancel(struct http_edge_call *call)
{
    struct mount *mount;

    if (call == NULL) {
        return;
    }
    mount = mount_of(call);
    sli_edge_http_call_abort(call, SLIMTA_CLOSED_CLIENT);
    sli_io_timer_stop(shard_of(mount)->loop, &mount->timer);
    mount->is_cancelled = 1;
    post(mount);
}
