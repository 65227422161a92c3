/** One connection to the HTTP edge's own server: conducts the connection, the
 * engine, and the call of the request that is being served. */
#include "edge/http/conn.h"

#include "base/alloc.h"
#include "base/slice.h"
#include "edge/ask.h"
#include "edge/events.h"
#include "http/refusals.h"
#include "io/clock.h"
#include "io/secure.h"
#include "proxy/proxy.h"

enum {
    /* Responses are sent when this much of them stands together; and nothing
     * more is served to a client that leaves as much unread. */
    OUTPUT_HIGH = 32768,
    UNREAD_HIGH = 65536,
    /* How long the body of a request that was answered may take to end. */
    REST_MS = 30000
};

static struct sli_edge_http_conn *conn_of(struct sli_io_conn *io)
{
    return SLI_LIST_ITEM(io, struct sli_edge_http_conn, io);
}

static struct sli_edge_http_conn *conn_of_call(struct http_edge_call *call)
{
    return SLI_LIST_ITEM(call, struct sli_edge_http_conn, call);
}

static struct sli_edge_shard *shard_of(const struct sli_edge_http_conn *conn)
{
    return conn->member.shard;
}

static uint64_t now_of(const struct sli_edge_http_conn *conn)
{
    return sli_io_loop_now(shard_of(conn)->loop);
}

/* The end of a connection */

static void tell_closed(const struct sli_edge_http_conn *conn)
{
    const struct sli_edge_closed_facts facts = {
        .reason = conn->reason,
        .messages = conn->messages,
        .bytes_in = conn->bytes_in,
        .bytes_out = conn->bytes_out,
        .took_ms = now_of(conn) - conn->began_ms,
    };

    sli_edge_events_closed(shard_of(conn), conn->origin.connection, &facts);
}

static void closed(struct sli_io_conn *io)
{
    struct sli_edge_http_conn *conn = conn_of(io);
    struct sli_edge_shard *shard = shard_of(conn);
    struct slimta_address client = conn->origin.client;

    tell_closed(conn);
    sli_http_server_fini(&conn->engine);
    sli_io_conn_fini(io);
    sli_proxy_proxy_free(conn->origin.proxy, &conn->edge->edge.alloc);
    sli_list_remove(&conn->member.link);
    sli_free(&conn->edge->edge.alloc, conn);
    /* Last: when this was the last connection, the edge may go with it. */
    sli_edge_shard_session_ends(shard, &client);
}

static void abort_call(struct sli_edge_http_conn *conn)
{
    if (conn->has_call) {
        conn->has_call = 0;
        sli_edge_http_call_abort(&conn->call, conn->reason);
    }
}

static void begin_close(struct sli_edge_http_conn *conn)
{
    if (!conn->is_closing) {
        conn->is_closing = 1;
        sli_io_timer_stop(shard_of(conn)->loop, &conn->timer);
        abort_call(conn);
    }
}

void sli_edge_http_conn_close(
    struct sli_edge_http_conn *conn, enum sli_io_conn_close how)
{
    begin_close(conn);
    sli_io_conn_close(&conn->io, how);
}

/* RFC 9112 section 9.6. Clients that send a body to its end before they look
 * for an answer are to find it; a body that may be sent may come, and one that
 * is a bit too large. */
static void close_early(struct sli_edge_http_conn *conn)
{
    uint64_t most = conn->edge->rules.max_message_bytes;

    begin_close(conn);
    sli_io_conn_linger(&conn->io,
        most < UINT64_MAX - SLI_IO_CONN_LINGER_BYTES
            ? most + SLI_IO_CONN_LINGER_BYTES
            : UINT64_MAX,
        REST_MS);
}

/* The owner of a call */

static void timed_out(struct sli_io_timer *timer);
void sli_edge_http_conn_wait(struct sli_edge_http_conn *conn, uint64_t time_ms)
{
    if (!conn->is_closing) {
        sli_io_timer_start(
            shard_of(conn)->loop, &conn->timer, time_ms, timed_out);
    }
}

static void wait_for(struct http_edge_call *call, uint64_t time_ms)
{
    sli_edge_http_conn_wait(conn_of_call(call), time_ms);
}

static void proceed(struct http_edge_call *call)
{
    /* Without memory the engine closes; its CLOSE comes next. */
    (void)sli_http_server_continue(&conn_of_call(call)->engine);
}

static void respond(struct http_edge_call *call,
    const struct sli_http_response *response, int closes)
{
    struct sli_edge_http_conn *conn = conn_of_call(call);

    if (closes) {
        sli_http_server_drain(&conn->engine);
    }
    conn->has_call = 0;
    conn->is_timed = 0;
    conn->messages += call->is_accepted;
    /* The same. */
    (void)sli_http_server_respond(&conn->engine, response);
}

static void go_on(struct http_edge_call *call)
{
    sli_edge_http_conn_pump(conn_of_call(call));
}

static const struct sli_edge_http_owner owner = {
    .wait = wait_for,
    .proceed = proceed,
    .respond = respond,
    .go_on = go_on,
};

/* What the engine tells */

/* A request that was no call: refused before it was whole, or too slow. */
static void tell_request(
    struct sli_edge_http_conn *conn, enum sli_http_refusal refusal)
{
    const struct sli_edge_request_facts facts = {
        .connection = conn->origin.connection,
        .method = {"", 0},
        .target = {"", 0},
        .status = sli_http_refusals_get(refusal)->status,
    };

    sli_edge_events_request(shard_of(conn), conn->origin.connection, &facts);
}

static void on_refused(
    struct sli_edge_http_conn *conn, enum sli_http_refusal refusal)
{
    struct sli_http_answer answer;

    tell_request(conn, refusal);
    sli_http_answer_refuse(
        &answer, &conn->edge->rules, sli_io_clock_now_ms(), refusal);
    (void)sli_http_server_respond(&conn->engine, &answer.response);
}

static void on_close(struct sli_edge_http_conn *conn, enum sli_http_close why)
{
    static const enum slimta_closed reasons[] = {
        [SLI_HTTP_CLOSE_DONE] = SLIMTA_CLOSED_QUIT,
        [SLI_HTTP_CLOSE_EARLY] = SLIMTA_CLOSED_QUIT,
        [SLI_HTTP_CLOSE_REFUSED] = SLIMTA_CLOSED_QUIT,
        [SLI_HTTP_CLOSE_EOF] = SLIMTA_CLOSED_CLIENT,
        [SLI_HTTP_CLOSE_DRAINED] = SLIMTA_CLOSED_STOP,
        [SLI_HTTP_CLOSE_MEMORY] = SLIMTA_CLOSED_FAILURE,
    };

    if (why != SLI_HTTP_CLOSE_TERMINATED) {
        conn->reason = reasons[why];
    }
    if (why == SLI_HTTP_CLOSE_MEMORY) {
        sli_edge_events_memory(
            shard_of(conn), conn->origin.connection, "request");
    }
    if (why == SLI_HTTP_CLOSE_EARLY || why == SLI_HTTP_CLOSE_REFUSED ||
        why == SLI_HTTP_CLOSE_MEMORY) {
        close_early(conn);
    } else {
        sli_edge_http_conn_close(conn,
            why == SLI_HTTP_CLOSE_EOF ? SLI_IO_CONN_FLUSH : SLI_IO_CONN_LINGER);
    }
}

static void on_head(
    struct sli_edge_http_conn *conn, const struct sli_http_request *request)
{
    conn->has_call = 1;
    sli_edge_http_call_begin(&conn->call, conn->edge, shard_of(conn), &owner,
        &conn->origin, request);
}

static void act(
    struct sli_edge_http_conn *conn, const struct sli_http_event *event)
{
    switch (event->type) {
    case SLI_HTTP_EVENT_NONE:
    case SLI_HTTP_EVENT_WAIT:
        break;
    case SLI_HTTP_EVENT_HEAD:
        on_head(conn, &event->head.request);
        break;
    case SLI_HTTP_EVENT_END:
        sli_edge_http_call_end(&conn->call);
        break;
    case SLI_HTTP_EVENT_REFUSED:
        on_refused(conn, event->refused);
        break;
    case SLI_HTTP_EVENT_CONTENT:
        sli_edge_http_call_content(&conn->call, event->content);
        break;
    case SLI_HTTP_EVENT_ABORTED:
        abort_call(conn);
        break;
    case SLI_HTTP_EVENT_CLOSE:
        on_close(conn, event->close);
        break;
    }
}

/* The pump: from input to events to output */

static void send_output(struct sli_edge_http_conn *conn)
{
    struct sli_edge_shard *shard = shard_of(conn);
    struct slimta_slice output = sli_buf_slice(&shard->output);

    conn->bytes_out += output.size;
    sli_edge_count(&shard->counters, SLI_EDGE_COUNT_BYTES_OUT, output.size);
    if (output.size > 0 && !conn->is_closing &&
        sli_io_conn_write(&conn->io, output) != 0) {
        conn->reason = SLIMTA_CLOSED_CLIENT;
        sli_edge_http_conn_close(conn, SLI_IO_CONN_NOW);
    }
    sli_buf_clear(&shard->output);
}

/* A client that does not read what it is told is not served either; the end of
 * the connection waits for nobody. */
static int may_say_more(const struct sli_edge_http_conn *conn)
{
    return sli_io_conn_pending(&conn->io) <= UNREAD_HIGH ||
        sli_http_server_state(&conn->engine) == SLI_HTTP_STATE_CLOSED;
}

static int can_go_on(const struct sli_edge_http_conn *conn)
{
    return !conn->is_closing && !conn->is_securing && may_say_more(conn) &&
        !(conn->has_call && sli_edge_http_call_is_busy(&conn->call));
}

/* One event; 0 when there is none. */
static int step(struct sli_edge_http_conn *conn)
{
    struct sli_http_event event;

    sli_http_server_next(&conn->engine, &event);
    if (event.type == SLI_HTTP_EVENT_NONE ||
        event.type == SLI_HTTP_EVENT_WAIT) {
        return 0;
    }
    if (event.type == SLI_HTTP_EVENT_CLOSE) {
        send_output(conn);
    }
    act(conn, &event);
    if (sli_buf_size(&shard_of(conn)->output) > OUTPUT_HIGH) {
        send_output(conn);
    }
    return 1;
}

/* The client's time: for what the engine waits for now. A call has times of its
 * own, a body among them. */
static void time_client(struct sli_edge_http_conn *conn)
{
    enum sli_http_state state = sli_http_server_state(&conn->engine);

    if (conn->is_timed && conn->timed == state) {
        return;
    }
    conn->is_timed = 1;
    conn->timed = state;
    if (state == SLI_HTTP_STATE_IDLE) {
        sli_edge_http_conn_wait(conn, conn->edge->idle_timeout_ms);
    } else if (state == SLI_HTTP_STATE_HEAD ||
        state == SLI_HTTP_STATE_SKIPPING) {
        sli_edge_http_conn_wait(conn, conn->edge->head_timeout_ms);
    }
}

/* Whether nothing more is to be read for now: as of a client of SMTP, see
 * edge/smtp/session.c. */
static int wants_pause(const struct sli_edge_http_conn *conn)
{
    return !can_go_on(conn) ||
        (sli_http_server_is_waiting(&conn->engine) &&
            sli_http_server_has_parked(&conn->engine));
}

/* What came but cannot be used yet is kept. */
static void settle(struct sli_edge_http_conn *conn)
{
    if (conn->is_closing) {
        return;
    }
    if (conn->is_securing) {
        sli_io_conn_resume(&conn->io);
        return;
    }
    time_client(conn);
    if (sli_http_server_park(&conn->engine) != 0) {
        sli_edge_http_conn_pump(conn);
    } else if (wants_pause(conn)) {
        sli_io_conn_pause(&conn->io);
    } else {
        sli_io_conn_resume(&conn->io);
    }
}

void sli_edge_http_conn_pump(struct sli_edge_http_conn *conn)
{
    if (conn->is_pumping) {
        return;
    }
    conn->is_pumping = 1;
    while (can_go_on(conn) && step(conn)) {
    }
    send_output(conn);
    conn->is_pumping = 0;
    settle(conn);
}

/* Time */

static void terminate(struct sli_edge_http_conn *conn)
{
    struct sli_http_answer answer;

    conn->reason = SLIMTA_CLOSED_TIMEOUT;
    if (sli_http_server_state(&conn->engine) != SLI_HTTP_STATE_IDLE &&
        sli_http_server_state(&conn->engine) != SLI_HTTP_STATE_SKIPPING) {
        tell_request(conn, SLI_HTTP_REFUSAL_TIMEOUT);
    }
    sli_http_answer_refuse(&answer, &conn->edge->rules, sli_io_clock_now_ms(),
        SLI_HTTP_REFUSAL_TIMEOUT);
    sli_http_server_terminate(&conn->engine, &answer.response);
    sli_edge_http_conn_pump(conn);
}

/* The client is too slow, unless it is a body whose pace is good. */
static void judge(struct sli_edge_http_conn *conn)
{
    struct sli_edge_rate *rate = &conn->call.base.rate;
    uint64_t now = now_of(conn);

    if (sli_http_server_state(&conn->engine) == SLI_HTTP_STATE_BODY &&
        sli_edge_rate_judge(rate, now) == SLI_EDGE_RATE_FINE) {
        sli_edge_http_conn_wait(conn, sli_edge_rate_check_ms(rate, now));
    } else {
        terminate(conn);
    }
}

/* Keys that are made in the pool take the time that they take. */
static void judge_unless_busy(struct sli_edge_http_conn *conn)
{
    if (conn->has_call && sli_edge_http_call_is_busy(&conn->call)) {
        sli_edge_http_conn_wait(conn, conn->edge->edge.times.validator_ms);
    } else {
        judge(conn);
    }
}

static void fail_handshake(struct sli_edge_http_conn *conn, const char *reason,
    enum slimta_closed closed_for, enum sli_io_conn_close how)
{
    sli_edge_events_tls_failed(shard_of(conn), conn->origin.connection, reason);
    conn->reason = closed_for;
    sli_edge_http_conn_close(conn, how);
}

static void timed_out(struct sli_io_timer *timer)
{
    struct sli_edge_http_conn *conn =
        SLI_LIST_ITEM(timer, struct sli_edge_http_conn, timer);

    if (conn->is_securing) {
        fail_handshake(
            conn, "it took too long", SLIMTA_CLOSED_TIMEOUT, SLI_IO_CONN_NOW);
    } else if (!conn->has_call || !sli_edge_ask_time_out(&conn->call.base)) {
        judge_unless_busy(conn);
    }
}

/* The connection */

/* Credentials may stand in a head; what is past it is the message. */
static void wipe_heads(struct sli_edge_http_conn *conn)
{
    sli_io_conn_wipe_input(
        &conn->io, sli_http_server_state(&conn->engine) != SLI_HTTP_STATE_BODY);
}

static void received(struct sli_io_conn *io, struct slimta_slice octets)
{
    struct sli_edge_http_conn *conn = conn_of(io);

    wipe_heads(conn);
    conn->bytes_in += octets.size;
    sli_edge_count(
        &shard_of(conn)->counters, SLI_EDGE_COUNT_BYTES_IN, octets.size);
    if (conn->has_call) {
        sli_edge_rate_add(&conn->call.base.rate, octets.size);
    }
    /* Without memory the engine closes; its CLOSE comes next. */
    (void)sli_http_server_feed(&conn->engine, octets);
    sli_edge_http_conn_pump(conn);
}

static void ended(struct sli_io_conn *io)
{
    struct sli_edge_http_conn *conn = conn_of(io);

    conn->reason = SLIMTA_CLOSED_CLIENT;
    sli_http_server_end_input(&conn->engine);
    sli_edge_http_conn_pump(conn);
}

static void drained(struct sli_io_conn *io)
{
    sli_edge_http_conn_pump(conn_of(io));
}

static void lost(struct sli_io_conn *io, int error)
{
    struct sli_edge_http_conn *conn = conn_of(io);

    conn->reason =
        error == SLIMTA_ENOMEM ? SLIMTA_CLOSED_FAILURE : SLIMTA_CLOSED_CLIENT;
    sli_edge_http_conn_close(conn, SLI_IO_CONN_NOW);
}

static void secured(struct sli_io_conn *io)
{
    struct sli_edge_http_conn *conn = conn_of(io);

    conn->is_securing = 0;
    conn->origin.is_tls = 1;
    conn->origin.tls = sli_tls_stream_info(sli_io_secure_stream(io));
    sli_edge_events_tls(
        shard_of(conn), conn->origin.connection, conn->origin.tls);
    sli_edge_http_conn_pump(conn);
}

static void failed(struct sli_io_conn *io, const char *reason)
{
    /* The alert that says why is still to be read. */
    fail_handshake(conn_of(io), reason, SLIMTA_CLOSED_TLS, SLI_IO_CONN_LINGER);
}

const struct sli_io_conn_handler sli_edge_http_conn_handler = {
    .received = received,
    .secured = secured,
    .failed = failed,
    .ended = ended,
    .drained = drained,
    .lost = lost,
    .closed = closed,
};
