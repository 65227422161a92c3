/** c-ares in a loop: its sockets, its time, and its questions. */
#include "io/resolver_channel.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>

#include <ares.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"
#include "io/loop.h"
#include "io/resolver_name.h"

/* What c-ares 1.28 and later would rather have is not in 1.18. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum {
    CLASS_IN = 1,
    /* The first try; each round through the servers takes twice as long. */
    TRY_MS = 2000,
    TRIES = 3,
    /* RFC 9715 section 3: what passes without being fragmented. */
    UDP_BYTES = 1232,
    MS_PER_S = 1000,
    US_PER_MS = 1000
};

/* A socket of c-ares's. */
struct watched {
    uv_poll_t poll;
    struct sli_list link;
    struct sli_io_resolver_channel *channel;
    ares_socket_t fd;
};

void sli_io_resolver_channel_init(struct sli_io_resolver_channel *channel,
    struct slimta_loop *loop, const struct slimta_alloc *alloc,
    void (*turned)(struct sli_io_resolver_channel *channel),
    void (*closed)(struct sli_io_resolver_channel *channel))
{
    channel->loop = loop;
    channel->alloc = alloc;
    channel->turned = turned;
    channel->closed = closed;
    sli_list_init(&channel->sockets);
}

int sli_io_resolver_channel_is_open(
    const struct sli_io_resolver_channel *channel)
{
    return channel->closing > 0 || !sli_list_is_empty(&channel->sockets);
}

/* Time */

static void timed_out(struct sli_io_timer *timer);

static void arm(struct sli_io_resolver_channel *channel)
{
    struct timeval left;
    uint64_t left_ms = UINT64_MAX;

    if (channel->ares != NULL &&
        ares_timeout(channel->ares, NULL, &left) != NULL) {
        left_ms = (uint64_t)left.tv_sec * MS_PER_S +
            (uint64_t)left.tv_usec / US_PER_MS + 1;
    }
    sli_io_timer_start(channel->loop, &channel->timer, left_ms, timed_out);
}

/* Last of all: the resolver may be freed in it. */
static void process(struct sli_io_resolver_channel *channel,
    ares_socket_t readable, ares_socket_t writable)
{
    ares_process_fd(channel->ares, readable, writable);
    arm(channel);
    channel->turned(channel);
}

static void timed_out(struct sli_io_timer *timer)
{
    process(SLI_LIST_ITEM(timer, struct sli_io_resolver_channel, timer),
        ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* Sockets */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watched *watched = poll->data;
    ares_socket_t fd = watched->fd;

    /* An error shows when c-ares reads or writes. */
    events = status < 0 ? UV_READABLE | UV_WRITABLE : events;
    process(watched->channel, (events & UV_READABLE) ? fd : ARES_SOCKET_BAD,
        (events & UV_WRITABLE) ? fd : ARES_SOCKET_BAD);
}

static void on_closed(uv_handle_t *poll)
{
    struct watched *watched = poll->data;
    struct sli_io_resolver_channel *channel = watched->channel;

    sli_free(channel->alloc, watched);
    channel->closing--;
    if (channel->closing == 0) {
        channel->closed(channel);
    }
}

static struct watched *find(
    const struct sli_io_resolver_channel *channel, ares_socket_t fd)
{
    struct sli_list *link = channel->sockets.next;

    while (link != &channel->sockets) {
        struct watched *watched = SLI_LIST_ITEM(link, struct watched, link);

        if (watched->fd == fd) {
            return watched;
        }
        link = link->next;
    }
    return NULL;
}

static struct watched *add(
    struct sli_io_resolver_channel *channel, ares_socket_t fd)
{
    struct watched *watched = sli_alloc_zero(channel->alloc, sizeof *watched);

    if (watched == NULL ||
        uv_poll_init(channel->loop->uv, &watched->poll, fd) != 0) {
        sli_free(channel->alloc, watched);
        return NULL;
    }
    watched->poll.data = watched;
    watched->channel = channel;
    watched->fd = fd;
    sli_list_append(&channel->sockets, &watched->link);
    return watched;
}

static void unwatch(
    struct sli_io_resolver_channel *channel, struct watched *watched)
{
    sli_list_remove(&watched->link);
    channel->closing++;
    uv_close((uv_handle_t *)&watched->poll, on_closed);
}

/* A socket for whose watching there is no memory is never ready: time ends its
 * questions. */
static void on_socket(void *user, ares_socket_t fd, int readable, int writable)
{
    struct sli_io_resolver_channel *channel = user;
    struct watched *watched = find(channel, fd);
    int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

    if (events == 0) {
        if (watched != NULL) {
            unwatch(channel, watched);
        }
        return;
    }
    if (watched == NULL) {
        watched = add(channel, fd);
    }
    if (watched != NULL) {
        (void)uv_poll_start(&watched->poll, events, on_poll);
    }
}

/* The channel */

static void put_server(
    struct ares_addr_port_node *node, const struct slimta_address *address)
{
    memset(node, 0, sizeof *node);
    node->udp_port = address->port;
    node->tcp_port = address->port;
    if (address->family == SLIMTA_FAMILY_IPV4) {
        node->family = AF_INET;
        memcpy(&node->addr.addr4, address->ip, sizeof node->addr.addr4);
    } else {
        node->family = AF_INET6;
        memcpy(&node->addr.addr6, address->ip, sizeof node->addr.addr6);
    }
}

static int set_servers(
    ares_channel ares, const struct sli_io_resolver_servers *servers)
{
    struct ares_addr_port_node nodes[SLI_IO_RESOLVER_SERVERS_MAX];

    for (size_t i = 0; i < servers->count; i++) {
        put_server(&nodes[i], &servers->addresses[i]);
        nodes[i].next = i + 1 < servers->count ? &nodes[i + 1] : NULL;
    }
    return servers->count == 0 ? ARES_SUCCESS
                               : ares_set_servers_ports(ares, nodes);
}

/* From 1.31 on c-ares has a cache of its own, which knows no bound. */
#ifdef ARES_OPT_QUERY_CACHE
static int refuse_cache(struct ares_options *options)
{
    options->qcache_max_ttl = 0;
    return ARES_OPT_QUERY_CACHE;
}
#else
static int refuse_cache(struct ares_options *options)
{
    (void)options;
    return 0;
}
#endif

/* Without ares_library_init, which does nothing outside of Windows and is not
 * for several threads: a channel needs none. */
static int open_channel(struct sli_io_resolver_channel *channel)
{
    char lookups[] = "b";
    char nothing[] = "/dev/null";
    ares_channel ares = NULL;
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
        .timeout = TRY_MS,
        .tries = TRIES,
        .ednspsz = UDP_BYTES,
        .lookups = lookups,
        .sock_state_cb = on_socket,
        .sock_state_cb_data = channel,
        .resolvconf_path = nothing,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
        ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
        ARES_OPT_DOMAINS | refuse_cache(&options);

    if (channel->servers.count > 0) {
        mask |= ARES_OPT_RESOLVCONF;
    }
    if (ares_init_options(&ares, &options, mask) != ARES_SUCCESS) {
        return SLIMTA_ENOMEM;
    }
    if (set_servers(ares, &channel->servers) != ARES_SUCCESS) {
        ares_destroy(ares);
        return SLIMTA_ENOMEM;
    }
    channel->ares = ares;
    return 0;
}

/* Every status but these two is an error that passes: 1.18 hides a server's
 * failure behind a connection refused. */
static void on_answer(
    void *user, int status, int timeouts, unsigned char *message, int size)
{
    struct sli_io_resolver_ask *ask = user;
    int is_answer = status == ARES_SUCCESS || status == ARES_ENODATA ||
        status == ARES_ENOTFOUND;

    (void)timeouts;
    ask->answered(ask,
        is_answer && message != NULL && size > 0
            ? sli_slice(message, (size_t)size)
            : (struct slimta_slice){NULL, 0});
}

/* c-ares takes a backslash for an escape. */
static void escape(const char *name, char out[2 * SLI_IO_RESOLVER_NAME_SIZE])
{
    for (; *name != '\0'; name++) {
        if (*name == '\\') {
            *out++ = '\\';
        }
        *out++ = *name;
    }
    *out = '\0';
}

int sli_io_resolver_channel_ask(struct sli_io_resolver_channel *channel,
    struct sli_io_resolver_ask *ask, const char *name,
    enum slimta_dns_type type,
    void (*answered)(
        struct sli_io_resolver_ask *ask, struct slimta_slice message))
{
    char escaped[2 * SLI_IO_RESOLVER_NAME_SIZE];
    int err = channel->ares == NULL ? open_channel(channel) : 0;

    if (err != 0) {
        return err;
    }
    ask->answered = answered;
    escape(name, escaped);
    ares_query(channel->ares, escaped, CLASS_IN, (int)type, on_answer, ask);
    arm(channel);
    return 0;
}

void sli_io_resolver_channel_cancel(struct sli_io_resolver_channel *channel)
{
    if (channel->ares == NULL) {
        return;
    }
    ares_cancel(channel->ares);
    sli_io_timer_stop(channel->loop, &channel->timer);
    /* Whatever c-ares would like to keep open is not worth a loop that never
     * ends. */
    if (!sli_list_is_empty(&channel->sockets)) {
        sli_io_resolver_channel_close(channel);
    }
}

void sli_io_resolver_channel_close(struct sli_io_resolver_channel *channel)
{
    ares_channel ares = channel->ares;

    if (ares != NULL) {
        sli_io_timer_stop(channel->loop, &channel->timer);
        ares_destroy(ares);
        channel->ares = NULL;
    }
}
