/** One connection to a next hop over SMTP or LMTP: greeting, TLS, AUTH, then
 * one message after the other. */
#include "queue/smtp/link.h"

#include "base/slice.h"
#include "io/loop.h"
#include "io/secure.h"
#include "queue/smtp/auth.h"
#include "queue/smtp/message.h"

static struct sli_queue_smtp_link *link_of(struct sli_io_conn *conn)
{
    return sli_queue_smtp_link_of(sli_queue_link_of(conn));
}

/* Sending */

/* What the connection does not take is not sent whole: RFC 5321 section 4.2.5,
 * a content without its end was not handed over. */
static void send_now(
    struct sli_queue_smtp_link *link, struct slimta_slice octets)
{
    link->has_moved = 1;
    if (sli_io_conn_write(&link->link.conn, octets) != 0) {
        sli_smtp_client_lost(
            &link->engine, sli_io_conn_pending(&link->link.conn) + 1);
    }
}

/* Returns whether there was anything. */
static int flush(struct sli_queue_smtp_link *link)
{
    struct slimta_slice octets = sli_buf_slice(&link->output);

    if (octets.size == 0) {
        return 0;
    }
    send_now(link, octets);
    sli_buf_fini(&link->output);
    return 1;
}

void sli_queue_smtp_link_send(
    struct sli_queue_smtp_link *link, struct slimta_slice octets)
{
    (void)flush(link);
    send_now(link, octets);
}

int sli_queue_smtp_link_is_drained(const struct sli_queue_smtp_link *link)
{
    return sli_buf_size(&link->output) == 0 &&
        sli_io_conn_pending(&link->link.conn) == 0;
}

void sli_queue_smtp_link_give_up(
    struct sli_queue_smtp_link *link, enum sli_smtp_reply_id id)
{
    sli_smtp_client_give_up(
        &link->engine, sli_io_conn_pending(&link->link.conn), id);
}

/* Getting ready */

void sli_queue_smtp_link_fail(struct sli_queue_smtp_link *link,
    enum sli_smtp_reply_id id, const char *reason)
{
    const struct sli_smtp_reply *fixed = sli_smtp_replies_get(id);

    link->is_over = 1;
    sli_queue_link_failed_with(&link->link, fixed->code, fixed->text, reason);
}

static int is_secure(const struct sli_queue_smtp_link *link)
{
    return sli_io_secure_stream(&link->link.conn) != NULL;
}

static void start_tls(struct sli_queue_smtp_link *link)
{
    if (sli_queue_link_secure(&link->link) != 0) {
        sli_queue_smtp_link_fail(
            link, SLI_SMTP_REPLY_HOP_NO_MEMORY, "no memory for TLS");
    }
}

/* What of the hop's abilities its clients may rely on. RFC 8689 section 4.2.1:
 * REQUIRETLS means something only between those who know each other. */
static uint64_t promises_of(const struct sli_queue_smtp_link *link)
{
    static const struct {
        unsigned offered;
        uint64_t promised;
    } promises[] = {
        {SLI_SMTP_CAPABILITY_DSN, SLIMTA_CAN_DSN},
        {SLI_SMTP_CAPABILITY_REQUIRETLS, SLIMTA_CAN_REQUIRETLS},
        {SLI_SMTP_CAPABILITY_DELIVERBY, SLIMTA_CAN_DELIVERBY},
        {SLI_SMTP_CAPABILITY_MT_PRIORITY, SLIMTA_CAN_MT_PRIORITY},
        {SLI_SMTP_CAPABILITY_FUTURERELEASE, SLIMTA_CAN_FUTURERELEASE},
    };
    unsigned offered = sli_smtp_client_capabilities(&link->engine)->offered;
    uint64_t flags = 0;

    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        if ((offered & promises[i].offered) != 0) {
            flags |= promises[i].promised;
        }
    }
    return link->is_private ? flags : flags & ~(uint64_t)SLIMTA_CAN_REQUIRETLS;
}

static void open_for_messages(struct sli_queue_smtp_link *link)
{
    atomic_store_explicit(
        &link->queue->capabilities, promises_of(link), memory_order_relaxed);
    link->is_open = 1;
}

/* The hop will not be spoken to otherwise than it is now. */
static void go_on(struct sli_queue_smtp_link *link)
{
    if (link->queue->user == NULL || link->is_known) {
        open_for_messages(link);
    } else if (is_secure(link)) {
        sli_queue_smtp_auth_start(link);
    } else {
        /* RFC 4954 section 9. */
        sli_queue_smtp_link_fail(link, SLI_SMTP_REPLY_HOP_NO_TLS,
            "no TLS, and nobody is told who we are in the clear");
    }
}

static void refuse_clear(struct sli_queue_smtp_link *link, const char *reason)
{
    if (link->queue->tls_policy == SLIMTA_HOP_TLS_REQUIRED) {
        sli_queue_smtp_link_fail(link, SLI_SMTP_REPLY_HOP_NO_TLS, reason);
    } else {
        go_on(link);
    }
}

static void greeted(struct sli_queue_smtp_link *link)
{
    unsigned offered = sli_smtp_client_capabilities(&link->engine)->offered;

    if (is_secure(link) || link->queue->tls_policy == SLIMTA_HOP_TLS_OFF) {
        go_on(link);
    } else if ((offered & SLI_SMTP_CAPABILITY_STARTTLS) != 0) {
        (void)sli_smtp_client_starttls(&link->engine);
    } else {
        refuse_clear(link, "STARTTLS is not offered");
    }
}

/* Events */

static const char *reason_of(const struct sli_queue_smtp_link *link,
    const struct sli_smtp_client_event *end)
{
    if (link->reason != NULL) {
        return link->reason;
    }
    return end->reply == NULL ? "closed" : slimta_reply_text(end->reply);
}

/* What is told first may ask for another link: this one is closed by then. */
static void ended(
    struct sli_queue_smtp_link *link, const struct sli_smtp_client_event *end)
{
    struct sli_queue_smtp_message *message = link->message;

    link->is_over = 1;
    link->message = NULL;
    (void)flush(link); /* QUIT, as a courtesy */
    if (!link->is_open) {
        sli_queue_link_failed(&link->link, end->reply, reason_of(link, end));
        return;
    }
    sli_queue_link_close(&link->link, SLI_IO_CONN_NOW);
    if (message != NULL) {
        sli_queue_smtp_message_lost(message, end, reason_of(link, end));
    }
}

static void act_on(
    struct sli_queue_smtp_link *link, const struct sli_smtp_client_event *event)
{
    switch (event->type) {
    case SLI_SMTP_CLIENT_GREETED:
        greeted(link);
        break;
    case SLI_SMTP_CLIENT_STARTTLS:
        if (event->is_accepted) {
            start_tls(link);
        } else {
            refuse_clear(link, slimta_reply_text(event->reply));
        }
        break;
    case SLI_SMTP_CLIENT_CHALLENGE:
        sli_queue_smtp_auth_challenged(link, event->challenge);
        break;
    case SLI_SMTP_CLIENT_AUTH:
        sli_queue_smtp_auth_ended(link, event);
        if (!link->is_over) {
            go_on(link);
        }
        break;
    case SLI_SMTP_CLIENT_CLOSE:
        ended(link, event);
        break;
    default:
        if (link->message != NULL) {
            sli_queue_smtp_message_heard(link->message, event);
        }
        break;
    }
}

/* Until nothing is left to be said or heard. */
static void pump(struct sli_queue_smtp_link *link)
{
    struct sli_smtp_client_event event;
    int goes_on = 1;

    link->is_pumping = 1;
    while (goes_on && !link->is_over) {
        goes_on = flush(link);
        sli_smtp_client_next(&link->engine, &event);
        if (event.type != SLI_SMTP_CLIENT_NONE) {
            goes_on = 1;
            link->has_moved = 1;
            act_on(link, &event);
        }
    }
    link->is_pumping = 0;
}

/* The time that is given for what comes next. A link that is not ready has the
 * pool's for all of it. */
static void set_timer(struct sli_queue_smtp_link *link)
{
    uint64_t after = UINT64_MAX;

    if (sli_smtp_client_is_waiting(&link->engine)) {
        after =
            sli_smtp_client_state(&link->engine) == SLI_SMTP_CLIENT_STATE_END
            ? link->queue->data_timeout_ms
            : link->queue->command_timeout_ms;
    } else if (sli_io_conn_pending(&link->link.conn) > 0) {
        after = link->queue->command_timeout_ms;
    }
    sli_queue_link_set_timer(&link->link, after);
}

static int is_free(const struct sli_queue_smtp_link *link)
{
    return link->is_open && !link->is_idle && link->message == NULL &&
        sli_smtp_client_state(&link->engine) == SLI_SMTP_CLIENT_STATE_READY &&
        !sli_smtp_client_is_waiting(&link->engine);
}

/* A peer that merely dribbles octets gets no more time by that. */
void sli_queue_smtp_link_act(struct sli_queue_smtp_link *link)
{
    if (link->is_pumping || link->is_over) {
        return;
    }
    pump(link);
    if (link->is_over) {
        return;
    }
    if (link->message != NULL && sli_queue_smtp_link_is_drained(link)) {
        sli_queue_smtp_message_drained(link->message);
    }
    if (is_free(link)) {
        link->is_idle = 1;
        sli_queue_link_ready(&link->link);
    } else if (link->has_moved && link->is_open && !link->is_idle) {
        link->has_moved = 0;
        set_timer(link);
    }
}

void sli_queue_smtp_link_leave(struct sli_queue_smtp_link *link)
{
    enum sli_smtp_client_state state = sli_smtp_client_state(&link->engine);

    link->message = NULL;
    if (state != SLI_SMTP_CLIENT_STATE_READY &&
        (state != SLI_SMTP_CLIENT_STATE_MAIL ||
            sli_smtp_client_rset(&link->engine) != 0)) {
        sli_queue_smtp_link_give_up(link, SLI_SMTP_REPLY_HOP_LOST);
    }
    sli_queue_smtp_link_act(link);
}

/* What the connection tells */

static void on_received(struct sli_io_conn *conn, struct slimta_slice octets)
{
    struct sli_queue_smtp_link *link = link_of(conn);

    if (link->is_over) {
        return;
    }
    sli_smtp_client_feed(&link->engine, octets);
    sli_queue_smtp_link_act(link);
    if (!link->is_over) {
        sli_smtp_client_park(&link->engine);
        sli_queue_smtp_link_act(link); /* there may have been no memory */
    }
}

static void lose(struct sli_queue_smtp_link *link, const char *reason)
{
    if (link->is_over) {
        return;
    }
    link->reason = reason;
    sli_smtp_client_lost(&link->engine, sli_io_conn_pending(&link->link.conn));
    sli_queue_smtp_link_act(link);
}

static void on_ended(struct sli_io_conn *conn)
{
    lose(link_of(conn), "the hop has closed the connection");
}

static void on_lost(struct sli_io_conn *conn, int error)
{
    lose(link_of(conn), slimta_error_name(error));
}

static void on_drained(struct sli_io_conn *conn)
{
    link_of(conn)->has_moved = 1;
    sli_queue_smtp_link_act(link_of(conn));
}

static void on_secured(struct sli_io_conn *conn)
{
    struct sli_queue_smtp_link *link = link_of(conn);

    link->is_private = link->link.hop->name != NULL &&
        sli_tls_stream_info(sli_io_secure_stream(conn))->peer_is_verified;
    (void)sli_smtp_client_secured(&link->engine);
    sli_queue_smtp_link_act(link);
}

static void on_failed(struct sli_io_conn *conn, const char *reason)
{
    struct sli_queue_smtp_link *link = link_of(conn);

    if (link->is_open) {
        lose(link, reason);
    } else if (!link->is_over) {
        sli_queue_smtp_link_fail(link, SLI_SMTP_REPLY_HOP_TLS_FAILED, reason);
    }
}

static const struct sli_io_conn_handler handler = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .lost = on_lost,
    .secured = on_secured,
    .failed = on_failed,
    .closed = sli_queue_link_closed,
};

/* What the pool tells */

static void on_opened(struct sli_queue_link *base)
{
    struct sli_queue_smtp_link *link = sli_queue_smtp_link_of(base);
    const struct slimta_alloc *alloc = &base->pool->config->alloc;

    link->queue =
        SLI_LIST_ITEM(base->pool->pools, struct sli_queue_smtp, pools);
    sli_buf_init(&link->output, alloc, SIZE_MAX);
    sli_smtp_client_init(
        &link->engine, &link->queue->engine, &link->output, NULL);
    if (link->queue->tls_policy == SLIMTA_HOP_TLS_IMMEDIATE) {
        start_tls(link);
    }
}

static void on_timed_out(struct sli_queue_link *base)
{
    struct sli_queue_smtp_link *link = sli_queue_smtp_link_of(base);

    sli_queue_smtp_link_give_up(link, SLI_SMTP_REPLY_HOP_TIMEOUT);
    sli_queue_smtp_link_act(link);
}

/* RFC 5321 section 4.1.1.10. Nobody waits for the reply. */
static void on_retire(struct sli_queue_link *base)
{
    struct sli_queue_smtp_link *link = sli_queue_smtp_link_of(base);

    (void)sli_smtp_client_quit(&link->engine);
    (void)flush(link);
    link->is_over = 1;
    sli_queue_link_close(base, SLI_IO_CONN_LINGER);
}

static void on_stop(struct sli_queue_link *base)
{
    struct sli_queue_smtp_link *link = sli_queue_smtp_link_of(base);

    sli_queue_smtp_link_give_up(link, SLI_SMTP_REPLY_HOP_LOST);
    sli_queue_smtp_link_act(link);
}

static void on_fini(struct sli_queue_link *base)
{
    struct sli_queue_smtp_link *link = sli_queue_smtp_link_of(base);

    sli_queue_smtp_auth_drop(link);
    sli_smtp_client_fini(&link->engine);
    sli_buf_fini(&link->output);
}

/* A message waits before it sends more, so that what is pending is at most what
 * one write brings, twice as much in dots and CRs, beside what the host has put
 * before the message: that is in memory anyway. */
const struct sli_queue_link_kind sli_queue_smtp_link_kind = {
    .size = sizeof(struct sli_queue_smtp_link),
    .handler = &handler,
    .max_pending = SIZE_MAX,
    .opened = on_opened,
    .timed_out = on_timed_out,
    .retire = on_retire,
    .stop = on_stop,
    .fini = on_fini,
};
