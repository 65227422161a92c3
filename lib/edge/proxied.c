/** What comes before a session behind a balancer: a connection whose PROXY
 * header is not whole yet. */
#include "edge/proxied.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "edge/edge.h"
#include "edge/events.h"
#include "io/conn.h"
#include "io/timer.h"
#include "proxy/v2.h"

/* The defaults of struct slimta_proxy_options. */
enum { DEFAULT_TIMEOUT_MS = 5000, DEFAULT_TLV_BYTES = 4096 };

/* The rules */

static int check(
    const struct slimta_proxy_options *options, struct slimta_error *error)
{
    if ((unsigned)options->version > SLIMTA_PROXY_V2) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "proxy: version %d is not one of its values",
            (int)options->version);
    }
    if (options->max_tlv_bytes > SLI_PROXY_V2_BLOCK_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "proxy: max_tlv_bytes: %" PRIu64 " is more than %d",
            options->max_tlv_bytes, SLI_PROXY_V2_BLOCK_MAX);
    }
    return 0;
}

int sli_edge_proxied_init(struct sli_edge_proxied_rules *rules,
    const struct slimta_alloc *alloc,
    const struct slimta_proxy_options *options, uint64_t cap_ms,
    struct slimta_error *error)
{
    struct slimta_proxy_options known;
    uint64_t timeout_ms;
    int err;

    *rules = (struct sli_edge_proxied_rules){0};
    if (options == NULL) {
        return 0;
    }
    err = SLI_OPTIONS_TAKE("proxy", &known, options, error);
    if (err == 0) {
        err = check(&known, error);
    }
    if (err != 0) {
        return err;
    }
    timeout_ms = known.timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : known.timeout_ms;
    rules->is_on = 1;
    rules->trusts_all = known.trusted == NULL;
    rules->timeout_ms = timeout_ms < cap_ms ? timeout_ms : cap_ms;
    rules->wanted.version = known.version;
    rules->wanted.max_tlv_bytes = known.max_tlv_bytes == 0
        ? DEFAULT_TLV_BYTES
        : (size_t)known.max_tlv_bytes;
    return sli_networks_init(
        &rules->trusted, alloc, "proxy: trusted", known.trusted, error);
}

void sli_edge_proxied_fini(struct sli_edge_proxied_rules *rules)
{
    sli_networks_fini(&rules->trusted);
}

int sli_edge_proxied_trusts(const struct sli_edge_proxied_rules *rules,
    const struct slimta_address *peer)
{
    return rules->trusts_all || sli_networks_has(&rules->trusted, peer);
}

/* One connection */

struct proxied {
    struct sli_list link; /* in the shard's `proxied` */
    struct sli_edge_shard *shard;
    struct sli_io_conn conn;
    struct sli_io_timer timer; /* one for the whole header */
    struct sli_proxy_decoder *decoder;
    struct slimta_address peer;
    int has_begun;      /* an octet of a header has come */
    int is_handed_over; /* its place is a session's now */
};

static struct proxied *proxied_of(struct sli_io_conn *conn)
{
    return SLI_LIST_ITEM(conn, struct proxied, conn);
}

static void stop_waiting(struct proxied *proxied)
{
    sli_io_timer_stop(proxied->shard->loop, &proxied->timer);
    sli_proxy_decoder_free(proxied->decoder);
    proxied->decoder = NULL;
}

/* PROXY protocol 2: not a word before the header is there. */
static void give_up(struct proxied *proxied)
{
    stop_waiting(proxied);
    sli_io_conn_close(&proxied->conn, SLI_IO_CONN_NOW);
}

static void refuse(struct proxied *proxied, const char *reason)
{
    sli_edge_events_proxy(proxied->shard, &proxied->peer, reason);
    give_up(proxied);
}

static void out_of_memory(struct proxied *proxied)
{
    sli_edge_events_memory(proxied->shard, 0, "proxy");
    give_up(proxied);
}

/* `rest` came behind the header. */
static void hand_over(struct proxied *proxied, struct slimta_slice rest)
{
    struct sli_edge_arrival arrival = {
        .peer = proxied->peer, .client = proxied->peer, .octets = rest};
    struct sli_proxy_result told;

    if (sli_proxy_decoder_take(proxied->decoder, &told) != 0) {
        out_of_memory(proxied);
        return;
    }
    arrival.proxy = told.proxy;
    if (told.has_addresses) {
        arrival.client = told.client;
        arrival.local = told.local;
    }
    stop_waiting(proxied);
    arrival.fd = sli_io_conn_detach(&proxied->conn);
    proxied->is_handed_over = 1;
    sli_edge_shard_begin(proxied->shard, &arrival);
}

static void received(struct sli_io_conn *conn, struct slimta_slice octets)
{
    struct proxied *proxied = proxied_of(conn);
    size_t used;

    proxied->has_begun = 1;
    switch (sli_proxy_decoder_feed(proxied->decoder, octets, &used)) {
    case SLI_PROXY_MORE:
        break;
    case SLI_PROXY_DONE:
        hand_over(proxied, sli_slice_skip(octets, used));
        break;
    case SLI_PROXY_WRONG:
        refuse(proxied, sli_proxy_decoder_reason(proxied->decoder));
        break;
    case SLI_PROXY_NO_MEMORY:
        out_of_memory(proxied);
        break;
    }
}

/* Balancers look whether we are there by connecting alone. */
static void break_off(struct proxied *proxied)
{
    if (proxied->has_begun) {
        refuse(proxied, "header is cut");
    } else {
        give_up(proxied);
    }
}

static void ended(struct sli_io_conn *conn)
{
    break_off(proxied_of(conn));
}

static void lost(struct sli_io_conn *conn, int error)
{
    if (error == SLIMTA_ENOMEM) {
        out_of_memory(proxied_of(conn));
    } else {
        break_off(proxied_of(conn));
    }
}

static void timed_out(struct sli_io_timer *timer)
{
    refuse(SLI_LIST_ITEM(timer, struct proxied, timer), "timeout");
}

static void closed(struct sli_io_conn *conn)
{
    struct proxied *proxied = proxied_of(conn);
    struct sli_edge_shard *shard = proxied->shard;

    sli_io_conn_fini(conn);
    sli_list_remove(&proxied->link);
    if (!proxied->is_handed_over) {
        sli_edge_places_give(&shard->edge->places);
    }
    sli_free(&shard->edge->alloc, proxied);
    /* Last: when this was the last connection, the edge may go with it. */
    sli_edge_shard_leave_when_done(shard);
}

static const struct sli_io_conn_handler conn_handler = {
    .received = received,
    .ended = ended,
    .lost = lost,
    .closed = closed,
};

/* Nothing is ever sent here, so nothing can be pending. */
static int open_one(struct proxied *proxied, int fd)
{
    struct sli_edge *edge = proxied->shard->edge;
    int err = sli_proxy_decoder_new(
        &proxied->decoder, &edge->alloc, &edge->proxied.wanted);

    if (err == 0) {
        err = sli_io_conn_open(
            &proxied->conn, proxied->shard->loop, fd, 0, &conn_handler);
    }
    if (err != 0) {
        sli_proxy_decoder_free(proxied->decoder);
        proxied->decoder = NULL;
    }
    return err;
}

void sli_edge_proxied_await(
    struct sli_edge_shard *shard, int fd, const struct slimta_address *peer)
{
    struct sli_edge *edge = shard->edge;
    struct proxied *proxied = sli_alloc_zero(&edge->alloc, sizeof *proxied);

    if (proxied != NULL) {
        proxied->shard = shard;
        proxied->peer = *peer;
    }
    if (proxied == NULL || open_one(proxied, fd) != 0) {
        sli_edge_events_memory(shard, 0, "accept");
        sli_free(&edge->alloc, proxied);
        (void)close(fd);
        sli_edge_places_give(&edge->places);
        sli_edge_shard_leave_when_done(shard);
        return;
    }
    /* What came behind the header may hold a password. */
    sli_io_conn_wipe_input(&proxied->conn, 1);
    sli_list_append(&shard->proxied, &proxied->link);
    sli_io_timer_start(
        shard->loop, &proxied->timer, edge->proxied.timeout_ms, timed_out);
}

void sli_edge_proxied_close_all(struct sli_edge_shard *shard)
{
    for (struct sli_list *link = shard->proxied.next; link != &shard->proxied;
         link = link->next) {
        /* It stays in the list until it is closed, later. */
        give_up(SLI_LIST_ITEM(link, struct proxied, link));
    }
}
