/** DNS without blocking: queries, their deadlines, and who is answered when. */
#include "io/resolver.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "io/loop.h"
#include "io/resolver_cache.h"
#include "io/resolver_name.h"

#define DEFAULT_IN_FLIGHT 100
#define IN_FLIGHT_MAX 10000
#define DEFAULT_CACHE_BYTES (UINT64_C(1) << 20)
#define DEFAULT_QUERIES 10000
#define DEFAULT_TIMEOUT_MS 10000
#define MS_PER_S 1000

/** Waits in its entry until that is known, then in the resolver until it is
 * told. */
struct slimta_query {
    struct sli_list link;    /* in its entry's `askers`, or in `ready` */
    struct sli_list sibling; /* in `all` */
    struct slimta_resolver *resolver;
    struct sli_io_resolver_entry *entry;   /* until it is ready */
    struct sli_io_resolver_answer *answer; /* then; NULL: unknown */
    uint64_t expires_ms;
    struct sli_io_timer deadline;
    void (*answered)(const struct slimta_answer *answer, void *user);
    void *user;
};

struct slimta_resolver {
    struct slimta_alloc alloc;
    struct slimta_loop *loop;
    struct sli_io_resolver_channel channel;
    struct sli_io_resolver_cache cache;
    struct sli_list all;     /* queries */
    struct sli_list waiting; /* entries whose turn has not come */
    struct sli_list ready;   /* queries that can be answered */
    struct sli_list told;    /* those of them that this turn answers */
    struct sli_io_resolver_answer unknown;
    uint64_t queries;
    uint64_t in_flight;
    uint64_t max_queries;
    uint64_t max_in_flight;
    struct sli_io_message ready_message; /* says that some are ready */
    struct sli_io_loop_user loop_user;
    unsigned char is_posted;
    unsigned char is_in_loop; /* has entered it */
    unsigned char is_leaving; /* waits to be told that it left */
    unsigned char is_telling;
    unsigned char is_freed; /* goes when nothing is open */
    void (*closed)(void *user);
    void *closed_user;
};

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value == 0 ? otherwise : value;
}

/* When nobody asks */

static void release(struct slimta_resolver *resolver)
{
    struct slimta_alloc alloc = resolver->alloc;
    void (*closed)(void *user) = resolver->closed;
    void *user = resolver->closed_user;

    sli_io_resolver_cache_fini(&resolver->cache);
    sli_free(&alloc, resolver);
    if (closed != NULL) {
        closed(user);
    }
}

static void settle(struct slimta_resolver *resolver);

static void on_left(struct sli_io_loop_user *user)
{
    struct slimta_resolver *resolver =
        SLI_LIST_ITEM(user, struct slimta_resolver, loop_user);

    resolver->is_leaving = 0;
    settle(resolver);
}

static void leave_loop(struct slimta_resolver *resolver)
{
    if (resolver->is_in_loop && !resolver->is_leaving) {
        resolver->is_in_loop = 0;
        resolver->is_leaving = 1;
        sli_io_loop_leave(resolver->loop, &resolver->loop_user, on_left);
    }
}

/* When no query is left: what was asked is forgotten, its sockets are closed,
 * and the loop is left. May free the resolver. */
static void settle(struct slimta_resolver *resolver)
{
    if (resolver->queries > 0 || resolver->is_telling) {
        return;
    }
    if (resolver->is_freed) {
        sli_io_resolver_channel_close(&resolver->channel);
    } else {
        sli_io_resolver_channel_cancel(&resolver->channel);
    }
    if (sli_io_resolver_channel_is_open(&resolver->channel)) {
        return;
    }
    leave_loop(resolver);
    if (resolver->is_freed && !resolver->is_leaving) {
        release(resolver);
    }
}

/* Answering */

static void free_query(struct slimta_query *query)
{
    struct slimta_resolver *resolver = query->resolver;

    sli_list_remove(&query->link);
    sli_list_remove(&query->sibling);
    sli_io_timer_stop(resolver->loop, &query->deadline);
    sli_io_resolver_answer_unref(query->answer);
    sli_free(&resolver->alloc, query);
    resolver->queries--;
}

static void tell(struct slimta_resolver *resolver, struct slimta_query *query)
{
    void (*answered)(const struct slimta_answer *, void *) = query->answered;
    void *user = query->user;
    struct sli_io_resolver_answer *body = query->answer;
    uint64_t now_ms = sli_io_loop_now(resolver->loop);
    struct slimta_answer answer = {.body = &resolver->unknown};

    if (body != NULL) {
        answer.body = body;
        answer.ttl_s = query->expires_ms <= now_ms
            ? 0
            : (uint32_t)((query->expires_ms - now_ms) / MS_PER_S);
    }
    query->answer = NULL;
    free_query(query);
    answered(&answer, user);
    sli_io_resolver_answer_unref(body);
}

static void start_waiting(struct slimta_resolver *resolver);

/* Those who become ready meanwhile have their turn later. May free the
 * resolver. */
static void tell_ready(struct slimta_resolver *resolver)
{
    struct sli_list *link;

    while ((link = sli_list_take(&resolver->ready)) != NULL) {
        sli_list_append(&resolver->told, link);
    }
    resolver->is_telling = 1;
    while (!sli_list_is_empty(&resolver->told)) {
        tell(resolver,
            SLI_LIST_ITEM(resolver->told.next, struct slimta_query, link));
    }
    resolver->is_telling = 0;
    start_waiting(resolver);
    settle(resolver);
}

static void on_ready_message(struct sli_io_message *message)
{
    struct slimta_resolver *resolver =
        SLI_LIST_ITEM(message, struct slimta_resolver, ready_message);

    resolver->is_posted = 0;
    tell_ready(resolver);
}

/* The loop answers them, not the call that we are in. The inbox is open as long
 * as we are in the loop. */
static void post_ready(struct slimta_resolver *resolver)
{
    if (!resolver->is_posted && !sli_list_is_empty(&resolver->ready)) {
        resolver->ready_message.deliver = on_ready_message;
        resolver->is_posted = sli_io_inbox_post(resolver->loop->inbox,
                                  &resolver->ready_message) == 0;
    }
}

/* `answer` NULL: unknown. */
static void make_ready(struct slimta_query *query,
    struct sli_io_resolver_answer *answer, uint64_t expires_ms)
{
    if (answer != NULL) {
        sli_io_resolver_answer_ref(answer);
    }
    query->entry = NULL;
    query->answer = answer;
    query->expires_ms = expires_ms;
    sli_io_timer_stop(query->resolver->loop, &query->deadline);
    sli_list_remove(&query->link);
    sli_list_append(&query->resolver->ready, &query->link);
}

static void answer_askers(struct slimta_resolver *resolver,
    struct sli_io_resolver_entry *entry, struct sli_io_resolver_answer *answer)
{
    uint64_t expires_ms = answer == NULL
        ? 0
        : sli_io_loop_now(resolver->loop) + (uint64_t)answer->ttl_s * MS_PER_S;

    while (!sli_list_is_empty(&entry->askers)) {
        make_ready(SLI_LIST_ITEM(entry->askers.next, struct slimta_query, link),
            answer, expires_ms);
    }
}

/* An entry that has come to its end: with an answer, or NULL. */
static void finish(struct slimta_resolver *resolver,
    struct sli_io_resolver_entry *entry, struct sli_io_resolver_answer *answer)
{
    answer_askers(resolver, entry, answer);
    if (answer == NULL) {
        sli_io_resolver_cache_drop(&resolver->cache, entry);
    } else {
        sli_io_resolver_cache_keep(
            &resolver->cache, entry, answer, sli_io_loop_now(resolver->loop));
    }
}

/* Asking */

static void on_message(
    struct sli_io_resolver_ask *ask, struct slimta_slice message)
{
    struct sli_io_resolver_entry *entry =
        SLI_LIST_ITEM(ask, struct sli_io_resolver_entry, ask);
    struct slimta_resolver *resolver = entry->resolver;
    struct sli_io_resolver_answer *answer = NULL;

    resolver->in_flight--;
    if (message.size > 0) {
        (void)sli_io_resolver_answer_read(
            &answer, &resolver->alloc, entry->type, message);
    }
    finish(resolver, entry, answer);
    sli_io_resolver_answer_unref(answer);
}

/* May end in `answered` at once, which then waits for the loop. */
static void start_waiting(struct slimta_resolver *resolver)
{
    while (resolver->in_flight < resolver->max_in_flight &&
        !sli_list_is_empty(&resolver->waiting)) {
        struct sli_io_resolver_entry *entry = SLI_LIST_ITEM(
            resolver->waiting.next, struct sli_io_resolver_entry, link);

        sli_list_remove(&entry->link);
        entry->state = SLI_IO_RESOLVER_IN_FLIGHT;
        resolver->in_flight++;
        if (sli_io_resolver_channel_ask(&resolver->channel, &entry->ask,
                entry->name, entry->type, on_message) != 0) {
            resolver->in_flight--;
            finish(resolver, entry, NULL);
        }
    }
    post_ready(resolver);
}

/* The query waits for nothing any more: a question that nobody else has, and
 * that was not asked yet, goes too. */
static void leave_entry(struct slimta_query *query)
{
    struct sli_io_resolver_entry *entry = query->entry;

    sli_list_remove(&query->link);
    query->entry = NULL;
    if (entry != NULL && entry->state == SLI_IO_RESOLVER_WAITING &&
        sli_list_is_empty(&entry->askers)) {
        sli_io_resolver_cache_drop(&query->resolver->cache, entry);
    }
}

static void on_deadline(struct sli_io_timer *timer)
{
    struct slimta_query *query =
        SLI_LIST_ITEM(timer, struct slimta_query, deadline);
    struct slimta_resolver *resolver = query->resolver;

    leave_entry(query);
    make_ready(query, NULL, 0);
    tell_ready(resolver);
}

static int enter_loop(struct slimta_resolver *resolver)
{
    int err = resolver->is_in_loop ? 0 : sli_io_loop_enter(resolver->loop);

    resolver->is_in_loop = resolver->is_in_loop || err == 0;
    return err;
}

/* What is known or asked about the name, or a new entry that waits. */
static struct sli_io_resolver_entry *get_entry(struct slimta_resolver *resolver,
    const char *name, enum slimta_dns_type type)
{
    struct sli_io_resolver_entry *entry = sli_io_resolver_cache_find(
        &resolver->cache, name, type, sli_io_loop_now(resolver->loop));

    if (entry == NULL) {
        entry = sli_io_resolver_cache_add(&resolver->cache, name, type);
        if (entry != NULL) {
            entry->resolver = resolver;
            sli_list_append(&resolver->waiting, &entry->link);
        }
    }
    return entry;
}

static void join(struct slimta_query *query,
    struct sli_io_resolver_entry *entry, uint64_t timeout_ms)
{
    if (entry->state == SLI_IO_RESOLVER_KNOWN) {
        make_ready(query, entry->answer, entry->expires_ms);
        return;
    }
    query->entry = entry;
    sli_list_append(&entry->askers, &query->link);
    sli_io_timer_start(query->resolver->loop, &query->deadline,
        or_default(timeout_ms, DEFAULT_TIMEOUT_MS), on_deadline);
}

static struct slimta_query *make_query(struct slimta_resolver *resolver,
    void (*answered)(const struct slimta_answer *answer, void *user),
    void *user)
{
    struct slimta_query *query =
        sli_alloc_zero(&resolver->alloc, sizeof *query);

    if (query != NULL) {
        query->resolver = resolver;
        query->answered = answered;
        query->user = user;
        sli_list_init(&query->link);
        sli_list_append(&resolver->all, &query->sibling);
        resolver->queries++;
    }
    return query;
}

/* `name` was read. */
static int ask(struct slimta_query **out, struct slimta_resolver *resolver,
    const char *name, enum slimta_dns_type type, uint64_t timeout_ms,
    void (*answered)(const struct slimta_answer *answer, void *user),
    void *user)
{
    struct sli_io_resolver_entry *entry;
    struct slimta_query *query;
    int err;

    if (resolver->queries >= resolver->max_queries) {
        return SLIMTA_ELIMIT;
    }
    err = enter_loop(resolver);
    if (err != 0) {
        return err;
    }
    query = make_query(resolver, answered, user);
    entry = query == NULL ? NULL : get_entry(resolver, name, type);
    if (entry == NULL) {
        if (query != NULL) {
            free_query(query);
        }
        settle(resolver);
        return SLIMTA_ENOMEM;
    }
    join(query, entry, timeout_ms);
    if (out != NULL) {
        *out = query;
    }
    start_waiting(resolver);
    return 0;
}

/* The public object */

static int is_type(enum slimta_dns_type type)
{
    return type == SLIMTA_DNS_A || type == SLIMTA_DNS_AAAA ||
        type == SLIMTA_DNS_MX || type == SLIMTA_DNS_PTR ||
        type == SLIMTA_DNS_TXT;
}

int slimta_resolver_query(struct slimta_query **out,
    struct slimta_resolver *resolver, const char *name,
    enum slimta_dns_type type, uint64_t timeout_ms,
    void (*answered)(const struct slimta_answer *answer, void *user),
    void *user)
{
    char read[SLI_IO_RESOLVER_NAME_SIZE];

    if (name == NULL || answered == NULL || !is_type(type) ||
        sli_io_resolver_name_read(name, read) == 0) {
        return SLIMTA_EINVAL;
    }
    return ask(out, resolver, read, type, timeout_ms, answered, user);
}

int slimta_resolver_reverse(struct slimta_query **out,
    struct slimta_resolver *resolver, const struct slimta_address *address,
    uint64_t timeout_ms,
    void (*answered)(const struct slimta_answer *answer, void *user),
    void *user)
{
    char name[SLI_IO_RESOLVER_NAME_SIZE];

    if (address == NULL || answered == NULL ||
        sli_io_resolver_name_reverse(address, name) == 0) {
        return SLIMTA_EINVAL;
    }
    return ask(out, resolver, name, SLIMTA_DNS_PTR, timeout_ms, answered, user);
}

void slimta_query_cancel(struct slimta_query *query)
{
    struct slimta_resolver *resolver;

    if (query == NULL) {
        return;
    }
    resolver = query->resolver;
    leave_entry(query);
    free_query(query);
    settle(resolver);
}

static void on_turned(struct sli_io_resolver_channel *channel)
{
    tell_ready(SLI_LIST_ITEM(channel, struct slimta_resolver, channel));
}

static void on_channel_closed(struct sli_io_resolver_channel *channel)
{
    settle(SLI_LIST_ITEM(channel, struct slimta_resolver, channel));
}

static int make(struct slimta_resolver **out, struct slimta_loop *loop,
    const struct slimta_resolver_options *options,
    const struct sli_io_resolver_servers *servers,
    const struct slimta_alloc *alloc)
{
    struct slimta_resolver *resolver = sli_alloc_zero(alloc, sizeof *resolver);

    if (resolver == NULL) {
        return SLIMTA_ENOMEM;
    }
    resolver->alloc = *alloc;
    resolver->loop = loop;
    if (sli_io_resolver_cache_init(&resolver->cache, &resolver->alloc,
            or_default(options->max_cache_bytes, DEFAULT_CACHE_BYTES)) != 0) {
        sli_free(alloc, resolver);
        return SLIMTA_ENOMEM;
    }
    sli_io_resolver_channel_init(&resolver->channel, loop, &resolver->alloc,
        on_turned, on_channel_closed);
    resolver->channel.servers = *servers;
    sli_list_init(&resolver->all);
    sli_list_init(&resolver->waiting);
    sli_list_init(&resolver->ready);
    sli_list_init(&resolver->told);
    resolver->unknown.status = SLIMTA_DNS_UNKNOWN;
    resolver->max_in_flight =
        or_default(options->max_in_flight, DEFAULT_IN_FLIGHT);
    resolver->max_queries = or_default(options->max_queries, DEFAULT_QUERIES);
    *out = resolver;
    return 0;
}

static int check(struct sli_io_resolver_servers *servers,
    const struct slimta_resolver_options *options, struct slimta_error *error)
{
    if (options->max_in_flight > IN_FLIGHT_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "max_in_flight: %llu is more than %d",
            (unsigned long long)options->max_in_flight, IN_FLIGHT_MAX);
    }
    return sli_io_resolver_servers_read(
        servers, options->servers, "servers", error);
}

int slimta_resolver_new(struct slimta_resolver **out, struct slimta_loop *loop,
    const struct slimta_resolver_options *options, struct slimta_error *error)
{
    struct slimta_resolver_options known = {.size = sizeof known};
    struct sli_io_resolver_servers servers = {0};
    struct slimta_alloc alloc;
    int err;

    if (out == NULL || loop == NULL) {
        return sli_error_set(error, SLIMTA_EINVAL, "out, loop: one is NULL");
    }
    err = SLI_OPTIONS_TAKE("options", &known, options, error);
    if (err == 0) {
        err = sli_alloc_take(&alloc, known.alloc, error);
    }
    if (err == 0) {
        err = check(&servers, &known, error);
    }
    if (err == 0 && make(out, loop, &known, &servers, &alloc) != 0) {
        err = sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    return err;
}

void sli_io_resolver_close(
    struct slimta_resolver *resolver, void (*closed)(void *user), void *user)
{
    resolver->closed = closed;
    resolver->closed_user = user;
    resolver->is_freed = 1;
    while (!sli_list_is_empty(&resolver->all)) {
        struct slimta_query *query =
            SLI_LIST_ITEM(resolver->all.next, struct slimta_query, sibling);

        leave_entry(query);
        free_query(query);
    }
    settle(resolver);
}

void slimta_resolver_free(struct slimta_resolver *resolver)
{
    if (resolver != NULL) {
        sli_io_resolver_close(resolver, NULL, NULL);
    }
}
