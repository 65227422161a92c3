/** How connections come to the HTTP edge's own server, and leave. */
#include "edge/http/conn.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "edge/events.h"
#include "edge/http/mount.h"
#include "io/secure.h"
#include "proxy/proxy.h"

/* What may wait to be read by a client: above all one page. */
enum { UNREAD_MAX = 2097152 };

static struct sli_edge_shard *shard_of(const struct sli_edge_http_conn *conn)
{
    return conn->member.shard;
}

static struct sli_edge_http_conn *conn_of_member(struct sli_edge_member *member)
{
    return SLI_LIST_ITEM(member, struct sli_edge_http_conn, member);
}

static void begin_tls(
    struct sli_edge_http_conn *conn, struct slimta_slice octets)
{
    struct slimta_tls *tls = sli_edge_ref_tls(&conn->edge->edge);
    const struct sli_io_secure_options options = {
        .tls = tls,
        .role = SLI_TLS_SERVER,
        .received = octets,
    };
    int err = sli_io_secure_start(&conn->io, &options);

    slimta_tls_unref(tls);
    conn->is_securing = 1;
    if (err != 0) {
        sli_edge_events_memory(shard_of(conn), conn->origin.connection, "tls");
        conn->reason = SLIMTA_CLOSED_FAILURE;
        sli_edge_http_conn_close(conn, SLI_IO_CONN_NOW);
        return;
    }
    sli_edge_http_conn_wait(conn, conn->edge->tls_timeout_ms);
}

static void set_origin(
    struct sli_edge_http_conn *conn, const struct sli_edge_arrival *arrival)
{
    const struct sli_edge *edge = &conn->edge->edge;

    conn->origin.client = arrival->client;
    conn->origin.peer = arrival->peer;
    conn->origin.local = arrival->local;
    conn->origin.proxy = arrival->proxy;
    conn->origin.connection = sli_edge_session_new_id();
    if (arrival->local.family == SLIMTA_FAMILY_NONE &&
        (edge->table_count > 0 || edge->events.tell != NULL)) {
        /* A system call, for those only who may ask for it. */
        (void)sli_io_socket_local_address(arrival->fd, &conn->origin.local);
    }
}

static void begin(struct sli_edge_http_conn *conn, struct slimta_slice octets)
{
    struct sli_edge_shard *shard = shard_of(conn);

    sli_list_append(&shard->members, &conn->member.link);
    sli_http_server_init(
        &conn->engine, &conn->edge->http, &shard->output, &shard->fields);
    conn->began_ms = sli_io_loop_now(shard->loop);
    conn->reason = SLIMTA_CLOSED_CLIENT;
    sli_edge_events_connect(shard, conn->origin.connection,
        &conn->origin.client, &conn->origin.peer, &conn->origin.local);
    if (sli_edge_shard_is_draining(shard)) {
        sli_http_server_drain(&conn->engine);
    }
    if (conn->edge->has_tls) {
        begin_tls(conn, octets);
        return;
    }
    sli_edge_http_conn_pump(conn);
    if (octets.size > 0 && !conn->is_closing) {
        sli_edge_http_conn_handler.received(&conn->io, octets);
    }
}

static void accept_connection(
    struct sli_edge_shard *shard, const struct sli_edge_arrival *arrival)
{
    struct http_edge *edge = (struct http_edge *)shard->edge;
    struct sli_edge_http_conn *conn =
        sli_alloc_zero(&edge->edge.alloc, sizeof *conn);

    if (conn == NULL ||
        sli_io_conn_open(&conn->io, shard->loop, arrival->fd, UNREAD_MAX,
            &sli_edge_http_conn_handler) != 0) {
        sli_edge_events_memory(shard, 0, "accept");
        sli_free(&edge->edge.alloc, conn);
        (void)close(arrival->fd);
        sli_proxy_proxy_free(arrival->proxy, &edge->edge.alloc);
        sli_edge_shard_session_ends(shard, &arrival->client);
        return;
    }
    sli_list_init(&conn->member.link);
    conn->member.shard = shard;
    conn->edge = edge;
    set_origin(conn, arrival);
    begin(conn, arrival->octets);
}

/* RFC 9110 section 6.6.1: a 5xx needs no Date. */
static void turn_away(struct sli_edge_shard *shard, int fd)
{
    static const char response[] =
        "HTTP/1.1 503 Service Unavailable\r\n"
        "X-Smtp-Reply: 421; message=\"4.7.0 Too many connections\"\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n";

    if (!((struct http_edge *)shard->edge)->has_tls) {
        (void)send(
            fd, response, sizeof response - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

static void drain(struct sli_edge_member *member)
{
    struct sli_edge_http_conn *conn = conn_of_member(member);

    if (member->is_mounted) {
        return; /* a call of the host's runs to its end */
    }
    sli_http_server_drain(&conn->engine);
    if (conn->is_securing) {
        conn->reason = SLIMTA_CLOSED_STOP;
        sli_edge_http_conn_close(conn, SLI_IO_CONN_NOW);
    } else {
        sli_edge_http_conn_pump(conn);
    }
}

static void kill_member(struct sli_edge_member *member)
{
    struct sli_edge_http_conn *conn = conn_of_member(member);

    if (member->is_mounted) {
        sli_edge_http_mount_kill(member);
        return;
    }
    if (!conn->is_closing) {
        conn->reason = SLIMTA_CLOSED_STOP;
    }
    sli_edge_http_conn_close(conn, SLI_IO_CONN_NOW);
}

const struct sli_edge_door sli_edge_http_door = {
    .accept = accept_connection,
    .turn_away = turn_away,
    .drain = drain,
    .kill = kill_member,
};
