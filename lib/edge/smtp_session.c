/** One SMTP session: conducts the connection, the engine and the handoff. */
#include "edge/smtp_session.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "edge/smtp_edge.h"
#include "io/clock.h"
#include "io/conn.h"
#include "mail/envelope.h"
#include "smtp/replies.h"
#include "smtp/server.h"

enum {
    /* Replies are sent when this much of them stands together. */
    OUTPUT_HIGH = 32768,
    /* A client that does not read its replies is not read from either. */
    PENDING_HIGH = 65536
};

struct session {
    struct sli_edge_member member;
    struct smtp_edge *edge;
    struct sli_io_conn conn;
    struct sli_smtp_server engine;
    struct sli_edge_handoff handoff;
    struct sli_io_timer timer; /* for whatever the session waits for */
    uint64_t data_left_ms; /* of the client's time, while the queue's runs */
    struct slimta_address peer;
    char *ehlo_as;                    /* NULL before EHLO and HELO */
    struct slimta_envelope *envelope; /* of the transaction, or NULL */
    unsigned char is_pumping;         /* pump runs: no need to call it */
    unsigned char is_closing;
    unsigned char is_draining; /* leave after the transaction */
};

static void pump(struct session *session);

static struct sli_edge_shard *shard_of(const struct session *session)
{
    return session->member.shard;
}

/* The end of a session */

static void closed(struct sli_io_conn *conn)
{
    struct session *session = SLI_LIST_ITEM(conn, struct session, conn);
    struct sli_edge_shard *shard = shard_of(session);
    const struct slimta_alloc *alloc = &session->edge->edge.alloc;
    struct slimta_address peer = session->peer;

    sli_smtp_server_fini(&session->engine);
    sli_free(alloc, session->ehlo_as);
    /* Last: when this was the last session, the edge may go with it. */
    sli_list_remove(&session->member.link);
    sli_free(alloc, session);
    sli_edge_shard_session_ends(shard, &peer);
}

static void close_session(struct session *session, enum sli_io_conn_close how)
{
    if (!session->is_closing) {
        session->is_closing = 1;
        sli_io_timer_stop(shard_of(session)->loop, &session->timer);
        sli_edge_handoff_abort(&session->handoff);
        slimta_envelope_unref(session->envelope);
        session->envelope = NULL;
    }
    sli_io_conn_close(&session->conn, how);
}

/* Time */

static void timed_out(struct sli_io_timer *timer)
{
    struct session *session = SLI_LIST_ITEM(timer, struct session, timer);

    if (sli_edge_handoff_is_waiting(&session->handoff)) {
        sli_edge_handoff_time_out(&session->handoff);
        return;
    }
    sli_smtp_server_terminate(
        &session->engine, 421, "4.4.2 Connection timed out");
    pump(session);
}

static void wait_for(struct session *session, uint64_t time_ms)
{
    sli_io_timer_start(
        shard_of(session)->loop, &session->timer, time_ms, timed_out);
}

/* Answers */

static void answer(struct session *session, const struct slimta_reply *reply)
{
    /* Without memory the engine closes; its CLOSE comes next. */
    (void)sli_smtp_server_answer(&session->engine, reply);
    wait_for(session, session->edge->command_timeout_ms);
}

static void out_of_memory(struct session *session)
{
    sli_smtp_server_terminate(
        &session->engine, 421, "4.3.0 Unhandled system error");
}

/* Events of the engine */

static void on_question(
    struct session *session, const struct sli_smtp_event *event)
{
    (void)event;
    answer(session, NULL);
}

static void on_ehlo(struct session *session, const struct sli_smtp_event *event)
{
    const struct slimta_alloc *alloc = &session->edge->edge.alloc;
    char *name = sli_alloc_text(alloc, event->greeting.name);

    if (name == NULL) {
        out_of_memory(session);
        return;
    }
    sli_free(alloc, session->ehlo_as);
    session->ehlo_as = name;
    answer(session, NULL);
}

static void on_mail(struct session *session, const struct sli_smtp_event *event)
{
    const struct sli_mail_facts facts = {
        .address = session->peer,
        .ehlo_as = sli_slice_text(session->ehlo_as),
        .protocol = sli_smtp_server_protocol(&session->engine),
        .receiver = sli_slice_text(session->edge->hostname),
    };

    if (sli_mail_envelope_new(&session->envelope, &session->edge->edge.alloc,
            &facts, event->mail.path.mailbox, &event->mail.params) != 0) {
        out_of_memory(session);
        return;
    }
    answer(session, NULL);
}

static void on_rcpt(struct session *session, const struct sli_smtp_event *event)
{
    if (sli_mail_envelope_add_recipient(session->envelope,
            event->rcpt.path.mailbox, &event->rcpt.params) != 0) {
        out_of_memory(session);
        return;
    }
    answer(session, NULL);
}

static void on_data(struct session *session, const struct sli_smtp_event *event)
{
    (void)event;
    wait_for(session, session->edge->queue_write_timeout_ms);
    sli_edge_handoff_begin(&session->handoff, session->envelope);
}

/* What the client has left of its time. */
static uint64_t time_left(const struct session *session)
{
    uint64_t now = sli_io_loop_now(shard_of(session)->loop);

    if (!sli_io_timer_is_set(&session->timer)) {
        return SLIMTA_UNLIMITED;
    }
    return session->timer.due_ms > now ? session->timer.due_ms - now : 0;
}

/* While the queue or the disk is busy its time runs, not the client's. */
static void on_content(
    struct session *session, const struct sli_smtp_event *event)
{
    session->data_left_ms = time_left(session);
    sli_edge_handoff_write(&session->handoff, event->content);
    if (sli_edge_handoff_is_busy(&session->handoff)) {
        wait_for(session, session->edge->queue_write_timeout_ms);
    }
}

static void drop_transaction(struct session *session)
{
    sli_edge_handoff_abort(&session->handoff);
    slimta_envelope_unref(session->envelope);
    session->envelope = NULL;
}

static void on_reset(
    struct session *session, const struct sli_smtp_event *event)
{
    (void)event;
    drop_transaction(session);
}

static void on_end(struct session *session, const struct sli_smtp_event *event)
{
    if (event->end.is_refused) {
        drop_transaction(session);
        answer(session, NULL);
        return;
    }
    wait_for(session, session->edge->queue_timeout_ms);
    sli_edge_handoff_finish(&session->handoff);
}

/* The engine has nothing more to say. */
static void on_close(
    struct session *session, const struct sli_smtp_event *event)
{
    enum sli_smtp_close why = event->close;

    close_session(session,
        why == SLI_SMTP_CLOSE_QUIT || why == SLI_SMTP_CLOSE_EOF
            ? SLI_IO_CONN_FLUSH
            : SLI_IO_CONN_LINGER);
}

static void (*const on_event[])(
    struct session *session, const struct sli_smtp_event *event) = {
    [SLI_SMTP_EVENT_BANNER] = on_question,
    [SLI_SMTP_EVENT_EHLO] = on_ehlo,
    [SLI_SMTP_EVENT_MAIL] = on_mail,
    [SLI_SMTP_EVENT_RCPT] = on_rcpt,
    [SLI_SMTP_EVENT_DATA] = on_data,
    [SLI_SMTP_EVENT_END] = on_end,
    [SLI_SMTP_EVENT_RSET] = on_question,
    [SLI_SMTP_EVENT_NOOP] = on_question,
    [SLI_SMTP_EVENT_QUIT] = on_question,
    [SLI_SMTP_EVENT_COMMAND] = on_question,
    [SLI_SMTP_EVENT_CONTENT] = on_content,
    [SLI_SMTP_EVENT_RESET] = on_reset,
    [SLI_SMTP_EVENT_CLOSE] = on_close,
};

/* Answers of the queue */

static struct session *session_of(struct sli_edge_handoff *handoff)
{
    return SLI_LIST_ITEM(handoff, struct session, handoff);
}

static void begun(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct session *session = session_of(handoff);

    answer(session, refusal);
    if (refusal == NULL) {
        wait_for(session, session->edge->data_timeout_ms);
    } else {
        /* The queue has seen the envelope: nothing can be added any more. */
        sli_smtp_server_give_up(&session->engine);
    }
    pump(session);
}

static void ready(struct sli_edge_handoff *handoff)
{
    struct session *session = session_of(handoff);

    wait_for(session, session->data_left_ms);
    pump(session);
}

/* The envelope was handed over, or is dropped: a refused message may not come
 * again in this transaction. */
static void finished(struct sli_edge_handoff *handoff, const char *id,
    const struct slimta_reply *refusal)
{
    struct session *session = session_of(handoff);
    struct slimta_reply *reply = &shard_of(session)->reply;

    slimta_envelope_unref(session->envelope);
    session->envelope = NULL;
    if (refusal == NULL && sli_smtp_replies_set_queued(reply, id) == 0) {
        refusal = reply;
    }
    answer(session, refusal);
    pump(session);
}

static const struct sli_edge_handoff_handler handoff_handler = {
    .begun = begun, .ready = ready, .finished = finished};

/* The pump: from input to events to output */

static void send_output(struct session *session)
{
    struct sli_buf *output = &shard_of(session)->output;

    if (sli_buf_size(output) > 0 && !session->is_closing &&
        sli_io_conn_write(&session->conn, sli_buf_slice(output)) != 0) {
        close_session(session, SLI_IO_CONN_NOW);
    }
    sli_buf_clear(output);
}

static int has_transaction(const struct session *session)
{
    return session->envelope != NULL;
}

/* A session that is to leave does so between two transactions. */
static void leave_if_draining(struct session *session)
{
    if (session->is_draining && !has_transaction(session) &&
        !sli_smtp_server_is_waiting(&session->engine)) {
        session->is_draining = 0;
        sli_smtp_server_terminate(
            &session->engine, 421, "4.3.2 Service shutting down");
    }
}

/* Whether the engine may go on now. */
static int can_go_on(const struct session *session)
{
    return !session->is_closing &&
        !sli_edge_handoff_is_busy(&session->handoff) &&
        sli_io_conn_pending(&session->conn) <= PENDING_HIGH;
}

/* One event; 0 when there is none. */
static int step(struct session *session)
{
    struct sli_smtp_event event;

    leave_if_draining(session);
    sli_smtp_server_next(&session->engine, &event);
    if (event.type == SLI_SMTP_EVENT_NONE ||
        event.type == SLI_SMTP_EVENT_WAIT) {
        return 0;
    }
    if (event.type == SLI_SMTP_EVENT_CLOSE) {
        send_output(session);
    }
    on_event[event.type](session, &event);
    if (sli_buf_size(&shard_of(session)->output) > OUTPUT_HIGH) {
        send_output(session);
    }
    return 1;
}

/* What came but cannot be used yet is kept, and no more is read for now. */
static void settle(struct session *session)
{
    if (session->is_closing) {
        return;
    }
    if (sli_smtp_server_park(&session->engine) != 0) {
        pump(session); /* the engine has closed */
    } else if (sli_smtp_server_is_waiting(&session->engine) ||
        !can_go_on(session)) {
        if (sli_smtp_server_has_parked(&session->engine)) {
            sli_io_conn_pause(&session->conn);
        }
    } else {
        sli_io_conn_resume(&session->conn);
    }
}

static void pump(struct session *session)
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
    struct session *session = SLI_LIST_ITEM(conn, struct session, conn);

    /* Without memory the engine closes; its CLOSE comes next. */
    (void)sli_smtp_server_feed(&session->engine, octets);
    pump(session);
}

static void ended(struct sli_io_conn *conn)
{
    struct session *session = SLI_LIST_ITEM(conn, struct session, conn);

    sli_smtp_server_end_input(&session->engine);
    pump(session);
}

static void drained(struct sli_io_conn *conn)
{
    pump(SLI_LIST_ITEM(conn, struct session, conn));
}

static void lost(struct sli_io_conn *conn, int error)
{
    (void)error;
    close_session(SLI_LIST_ITEM(conn, struct session, conn), SLI_IO_CONN_NOW);
}

static const struct sli_io_conn_handler conn_handler = {
    .received = received,
    .ended = ended,
    .drained = drained,
    .lost = lost,
    .closed = closed,
};

/* The door */

static struct session *session_new(
    struct sli_edge_shard *shard, const struct slimta_address *peer)
{
    struct smtp_edge *edge = (struct smtp_edge *)shard->edge;
    struct session *session =
        sli_alloc_zero(&edge->edge.alloc, sizeof *session);

    if (session != NULL) {
        session->edge = edge;
        session->peer = *peer;
        sli_list_init(&session->member.link);
        session->member.shard = shard;
    }
    return session;
}

static void accept_connection(
    struct sli_edge_shard *shard, int fd, const struct slimta_address *peer)
{
    struct session *session = session_new(shard, peer);

    if (session == NULL ||
        sli_io_conn_open(&session->conn, shard->loop, fd, &conn_handler) != 0) {
        sli_free(&shard->edge->alloc, session);
        (void)close(fd);
        sli_edge_shard_session_ends(shard, peer);
        return;
    }
    sli_list_append(&shard->members, &session->member.link);
    sli_smtp_server_init(
        &session->engine, &session->edge->smtp, &shard->output);
    sli_edge_handoff_init(
        &session->handoff, shard, &session->edge->handoff, &handoff_handler);
    session->is_draining = (unsigned char)sli_edge_shard_is_draining(shard);
    wait_for(session, session->edge->command_timeout_ms);
    pump(session);
}

static void turn_away(struct sli_edge_shard *shard, int fd)
{
    static const char reply[] = "421 4.7.0 Too many connections\r\n";

    (void)shard;
    (void)send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static struct session *session_of_member(struct sli_edge_member *member)
{
    return SLI_LIST_ITEM(member, struct session, member);
}

static void drain(struct sli_edge_member *member)
{
    struct session *session = session_of_member(member);

    session->is_draining = 1;
    pump(session);
}

static void kill_session(struct sli_edge_member *member)
{
    close_session(session_of_member(member), SLI_IO_CONN_NOW);
}

const struct sli_edge_door sli_edge_smtp_door = {
    .accept = accept_connection,
    .turn_away = turn_away,
    .drain = drain,
    .kill = kill_session,
};
