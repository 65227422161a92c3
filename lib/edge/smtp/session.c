/** One SMTP session: conducts the connection, the engine and the handoff. */
#include "edge/smtp/session.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "edge/ask.h"
#include "edge/events.h"
#include "edge/exchange.h"
#include "edge/message.h"
#include "edge/smtp/ask.h"
#include "edge/smtp/auth.h"
#include "edge/smtp/events.h"
#include "edge/smtp/lmtp.h"
#include "edge/smtp/message.h"
#include "edge/smtp/offer.h"
#include "edge/smtp/tls.h"
#include "edge/smtp/xclient.h"
#include "proxy/proxy.h"

enum {
    /* Replies are sent when this much of them stands together. */
    OUTPUT_HIGH = 32768,
    /* What may wait beyond max_unread_bytes: above all that one step says. */
    UNREAD_SLACK = 196608
};

static struct sli_edge_shard *shard_of(
    const struct sli_edge_smtp_session *session)
{
    return sli_edge_session_shard(&session->base);
}

static struct sli_edge_smtp_session *session_of(struct sli_io_conn *conn)
{
    return SLI_LIST_ITEM(conn, struct sli_edge_smtp_session, conn);
}

/* The end of a session */

static void closed(struct sli_io_conn *conn)
{
    struct sli_edge_smtp_session *session = session_of(conn);
    struct sli_edge_shard *shard = shard_of(session);
    struct slimta_address counted = session->counted;

    sli_edge_smtp_tell_closed(session);
    sli_edge_session_fini(&session->base);
    sli_smtp_server_fini(&session->engine);
    sli_io_conn_fini(conn);
    sli_proxy_proxy_free(session->base.proxy, &shard->edge->alloc);
    sli_list_remove(&session->base.member.link);
    sli_free(&session->edge->edge.alloc, session);
    /* Last: when this was the last session, the edge may go with it. */
    sli_edge_shard_session_ends(shard, &counted);
}

void sli_edge_smtp_session_close(
    struct sli_edge_smtp_session *session, enum sli_io_conn_close how)
{
    if (!session->is_closing) {
        session->is_closing = 1;
        sli_io_timer_stop(shard_of(session)->loop, &session->timer);
        sli_edge_smtp_tell_aborted(session);
        sli_edge_handoff_abort(&session->base.handoff);
        sli_edge_smtp_ask_forget(session);
        sli_edge_exchange_drop(&session->base);
    }
    sli_io_conn_close(&session->conn, how);
}

void sli_edge_smtp_session_terminate(struct sli_edge_smtp_session *session,
    enum slimta_closed reason, int code, const char *text)
{
    session->base.reason = reason;
    sli_smtp_server_terminate(&session->engine, code, text);
}

/* Time */

/* The client is too slow, unless it is a message whose pace is good. */
static void judge(struct sli_edge_smtp_session *session)
{
    uint64_t now = sli_io_loop_now(shard_of(session)->loop);

    if (sli_smtp_server_state(&session->engine) == SLI_SMTP_STATE_CONTENT &&
        sli_edge_rate_judge(&session->base.rate, now) == SLI_EDGE_RATE_FINE) {
        sli_edge_smtp_session_wait(
            session, sli_edge_rate_check_ms(&session->base.rate, now));
        return;
    }
    sli_edge_smtp_session_terminate(
        session, SLIMTA_CLOSED_TIMEOUT, 421, "4.4.2 Connection timed out");
    sli_edge_smtp_session_pump(session);
}

static void timed_out(struct sli_io_timer *timer)
{
    struct sli_edge_smtp_session *session =
        SLI_LIST_ITEM(timer, struct sli_edge_smtp_session, timer);

    if (session->is_securing) {
        sli_edge_smtp_tls_time_out(session);
    } else if (!sli_edge_ask_time_out(&session->base)) {
        judge(session);
    }
}

void sli_edge_smtp_session_wait(
    struct sli_edge_smtp_session *session, uint64_t time_ms)
{
    sli_io_timer_start(
        shard_of(session)->loop, &session->timer, time_ms, timed_out);
}

/* The pump: from input to events to output */

static void send_output(struct sli_edge_smtp_session *session)
{
    struct sli_buf *output = &shard_of(session)->output;

    sli_edge_smtp_tell_commands(session); /* before the client knows */
    sli_edge_smtp_tell_sent(session, sli_buf_size(output));
    if (sli_buf_size(output) > 0 && !session->is_closing &&
        sli_io_conn_write(&session->conn, sli_buf_slice(output)) != 0) {
        sli_edge_smtp_session_close(session, SLI_IO_CONN_NOW);
    }
    sli_buf_clear(output);
}

/* A session that is to leave does so between two transactions. */
static void leave_if_draining(struct sli_edge_smtp_session *session)
{
    if (session->is_draining && session->base.envelope == NULL &&
        !sli_smtp_server_is_waiting(&session->engine)) {
        session->is_draining = 0;
        sli_edge_smtp_session_terminate(
            session, SLIMTA_CLOSED_STOP, 421, "4.3.2 Service shutting down");
    }
}

/* A client that does not read its replies is not read from either; what stands
 * in the output waits as well, when something before it does. The end of the
 * session waits for nobody. */
static int may_say_more(const struct sli_edge_smtp_session *session)
{
    size_t unread = sli_io_conn_pending(&session->conn);

    return unread == 0 ||
        sli_smtp_server_state(&session->engine) == SLI_SMTP_STATE_CLOSED ||
        unread + sli_buf_size(&shard_of(session)->output) <=
        session->edge->max_unread_bytes;
}

/* Whether the engine may go on now. */
static int can_go_on(const struct sli_edge_smtp_session *session)
{
    return !session->is_closing && !session->is_securing &&
        !sli_edge_exchange_is_busy(&session->base) &&
        !sli_edge_message_is_busy(&session->base) && may_say_more(session);
}

/* Whether the replies that stand together are to be sent: also as soon as they
 * are enough to stop at, if nobody reads them. */
static int is_output_high(const struct sli_edge_smtp_session *session)
{
    size_t size = sli_buf_size(&shard_of(session)->output);

    return size > OUTPUT_HIGH || size > session->edge->max_unread_bytes;
}

/* One event; 0 when there is none. */
static int step(struct sli_edge_smtp_session *session)
{
    struct sli_smtp_event event;

    leave_if_draining(session);
    sli_edge_smtp_offer_tell_time(session);
    sli_smtp_server_next(&session->engine, &event);
    if (event.type == SLI_SMTP_EVENT_NONE ||
        event.type == SLI_SMTP_EVENT_WAIT) {
        return 0;
    }
    if (event.type == SLI_SMTP_EVENT_CLOSE ||
        event.type == SLI_SMTP_EVENT_START_TLS) {
        send_output(session);
    }
    sli_edge_smtp_events_act(session, &event);
    if (is_output_high(session)) {
        send_output(session);
    }
    return 1;
}

/* Without memory the engine has closed, and what was asked about is gone with
 * its input; CLOSE comes next. */
static void forget_question(struct sli_edge_smtp_session *session)
{
    sli_edge_policy_cancel(&session->base);
    sli_edge_exchange_drop(&session->base);
}

/* Whether nothing more is to be read for now. A client whose command is being
 * answered mostly waits as well, and is read from until something has come that
 * must be kept; while the host or the disk has octets to deal with, no more of
 * them come into memory. */
static int wants_pause(const struct sli_edge_smtp_session *session)
{
    return !can_go_on(session) ||
        (sli_smtp_server_is_waiting(&session->engine) &&
            sli_smtp_server_has_parked(&session->engine));
}

/* What came but cannot be used yet is kept. */
static void settle(struct sli_edge_smtp_session *session)
{
    if (session->is_closing) {
        return;
    }
    if (session->is_securing) {
        sli_io_conn_resume(&session->conn);
    } else if (sli_smtp_server_park(&session->engine) != 0) {
        forget_question(session);
        sli_edge_smtp_session_pump(session);
    } else if (wants_pause(session)) {
        sli_io_conn_pause(&session->conn);
    } else {
        sli_io_conn_resume(&session->conn);
    }
}

void sli_edge_smtp_session_pump(struct sli_edge_smtp_session *session)
{
    if (session->is_pumping) {
        return;
    }
    session->is_pumping = 1;
    while (can_go_on(session) && step(session)) {
    }
    send_output(session);
    session->is_pumping = 0;
    settle(session);
}

/* The connection */

static void received(struct sli_io_conn *conn, struct slimta_slice octets)
{
    struct sli_edge_smtp_session *session = session_of(conn);

    sli_io_conn_wipe_input(
        conn, sli_smtp_server_reads_secrets(&session->engine));
    sli_edge_smtp_tell_received(session, octets.size);
    sli_edge_rate_add(&session->base.rate, octets.size);
    if (sli_smtp_server_feed(&session->engine, octets) != 0) {
        forget_question(session);
    }
    sli_edge_smtp_session_pump(session);
}

static void ended(struct sli_io_conn *conn)
{
    struct sli_edge_smtp_session *session = session_of(conn);

    sli_smtp_server_end_input(&session->engine);
    sli_edge_smtp_session_pump(session);
}

static void drained(struct sli_io_conn *conn)
{
    sli_edge_smtp_session_pump(session_of(conn));
}

static void lost(struct sli_io_conn *conn, int error)
{
    struct sli_edge_smtp_session *session = session_of(conn);

    session->base.reason =
        error == SLIMTA_ENOMEM ? SLIMTA_CLOSED_FAILURE : SLIMTA_CLOSED_CLIENT;
    sli_edge_smtp_session_close(session, SLI_IO_CONN_NOW);
}

static void secured(struct sli_io_conn *conn)
{
    sli_edge_smtp_tls_secured(session_of(conn));
}

static void failed(struct sli_io_conn *conn, const char *reason)
{
    sli_edge_smtp_tls_failed(session_of(conn), reason);
}

static const struct sli_io_conn_handler conn_handler = {
    .received = received,
    .secured = secured,
    .failed = failed,
    .ended = ended,
    .drained = drained,
    .lost = lost,
    .closed = closed,
};

/* The door */

static void begin(struct sli_edge_smtp_session *session,
    struct sli_edge_shard *shard, const struct sli_edge_arrival *arrival)
{
    sli_edge_session_init(
        &session->base, &sli_edge_smtp_events_kind, shard, arrival);
    sli_list_append(&shard->members, &session->base.member.link);
    sli_smtp_server_init(
        &session->engine, &session->edge->smtp, &shard->output);
    session->counted = session->base.client;
    sli_edge_smtp_xclient_begin(session);
    sli_edge_smtp_offer_renew(session);
    sli_edge_smtp_tell_begin(session);
    session->is_draining = (unsigned char)sli_edge_shard_is_draining(shard);
    if (session->edge->smtp.tls == SLI_SMTP_TLS_IMMEDIATE) {
        sli_edge_smtp_tls_begin(session, arrival->octets);
        return;
    }
    sli_edge_smtp_auth_offer(session);
    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
    sli_edge_smtp_session_pump(session);
    if (arrival->octets.size > 0 && !session->is_closing) {
        received(&session->conn, arrival->octets);
    }
}

static void accept_connection(
    struct sli_edge_shard *shard, const struct sli_edge_arrival *arrival)
{
    struct smtp_edge *edge = (struct smtp_edge *)shard->edge;
    struct sli_edge_smtp_session *session =
        sli_alloc_zero(&edge->edge.alloc, sizeof *session);

    if (session == NULL ||
        sli_io_conn_open(&session->conn, shard->loop, arrival->fd,
            (size_t)edge->max_unread_bytes + UNREAD_SLACK +
                sli_edge_smtp_lmtp_replies_max(edge),
            &conn_handler) != 0) {
        sli_edge_events_memory(shard, 0, "accept");
        sli_free(&edge->edge.alloc, session);
        (void)close(arrival->fd);
        sli_proxy_proxy_free(arrival->proxy, &edge->edge.alloc);
        sli_edge_shard_session_ends(shard, &arrival->client);
        return;
    }
    session->edge = edge;
    begin(session, shard, arrival);
}

static void turn_away(struct sli_edge_shard *shard, int fd)
{
    static const char reply[] = "421 4.7.0 Too many connections\r\n";

    (void)shard;
    (void)send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static struct sli_edge_smtp_session *session_of_member(
    struct sli_edge_member *member)
{
    return SLI_LIST_ITEM(member, struct sli_edge_smtp_session, base.member);
}

static void drain(struct sli_edge_member *member)
{
    struct sli_edge_smtp_session *session = session_of_member(member);

    session->is_draining = 1;
    sli_edge_smtp_session_pump(session);
}

static void kill_session(struct sli_edge_member *member)
{
    struct sli_edge_smtp_session *session = session_of_member(member);

    if (!session->is_closing) {
        session->base.reason = SLIMTA_CLOSED_STOP;
    }
    sli_edge_smtp_session_close(session, SLI_IO_CONN_NOW);
}

const struct sli_edge_door sli_edge_smtp_door = {
    .accept = accept_connection,
    .turn_away = turn_away,
    .drain = drain,
    .kill = kill_session,
};
