/** One connection to a next hop over HTTP: TLS, then one request after the
 * other. */
#include "queue/http/link.h"

#include <slimta/error.h>

#include "base/list.h"
#include "base/slice.h"
#include "io/secure.h"
#include "queue/http/message.h"

/* How long the rest of a response is waited for, which nobody needs. */
enum { REST_MS = 5000 };

static struct sli_queue_http_link *link_of(struct sli_io_conn *conn)
{
    return sli_queue_http_link_of(sli_queue_link_of(conn));
}

/* What the engine tells */

static void heard_reply(
    struct sli_queue_http_link *link, const struct sli_http_client_event *event)
{
    struct sli_queue_http_message *message = link->message;

    link->message = NULL;
    sli_queue_link_set_timer(&link->link, REST_MS);
    if (message != NULL) {
        sli_queue_http_message_answered(message, event);
    }
}

static void heard_close(
    struct sli_queue_http_link *link, const struct sli_http_client_event *event)
{
    struct sli_queue_http_message *message = link->message;
    enum sli_io_conn_close how =
        event->close.reason == SLI_HTTP_CLIENT_CLOSE_DONE ? SLI_IO_CONN_FLUSH
                                                          : SLI_IO_CONN_NOW;

    link->message = NULL;
    link->is_over = 1;
    if (link->reason == NULL) {
        link->reason = event->close.reason == SLI_HTTP_CLIENT_CLOSE_MEMORY
            ? "out of memory"
            : "the hop does not keep to the protocol";
    }
    sli_queue_link_close(&link->link, how);
    if (message != NULL) {
        sli_queue_http_message_lost(message, event, link->reason);
    }
}

/* Returns whether the link is ready for another message. It is only when
 * nothing is left behind the response: that would be taken for the next one. */
static int pull(struct sli_queue_http_link *link)
{
    struct sli_http_client_event event;
    int is_ready = 0;

    for (;;) {
        sli_http_client_next(&link->engine, &event);
        switch (event.type) {
        case SLI_HTTP_CLIENT_REPLY:
            heard_reply(link, &event);
            break;
        case SLI_HTTP_CLIENT_READY:
            is_ready = 1;
            break;
        case SLI_HTTP_CLIENT_CLOSE:
            heard_close(link, &event);
            return 0;
        case SLI_HTTP_CLIENT_NONE:
        default:
            return is_ready;
        }
    }
}

void sli_queue_http_link_act(struct sli_queue_http_link *link)
{
    int is_ready;

    if (link->is_over || link->is_acting) {
        return;
    }
    link->is_acting = 1;
    is_ready = pull(link);
    link->is_acting = 0;
    if (is_ready) {
        sli_http_fields_fini(&link->fields);
        sli_queue_link_ready(&link->link);
    }
}

/* What the message says */

static void lose(
    struct sli_queue_http_link *link, size_t unsent, const char *reason)
{
    link->reason = reason;
    sli_http_client_lost(
        &link->engine, sli_io_conn_pending(&link->link.conn) + unsent);
}

/* 0 when the connection is broken. */
static int write_octets(
    struct sli_queue_http_link *link, struct slimta_slice octets)
{
    int err = sli_io_conn_write(&link->link.conn, octets);

    if (err != 0) {
        lose(link, octets.size, slimta_error_name(err));
    }
    return err == 0;
}

int sli_queue_http_link_post(
    struct sli_queue_http_link *link, const struct sli_http_posting *posting)
{
    int err = sli_http_client_post(&link->engine, posting);

    link->has_answer = 0;
    if (err == 0) {
        (void)write_octets(link, sli_buf_slice(&link->output));
    }
    sli_buf_fini(&link->output);
    sli_queue_link_set_timer(&link->link, link->queue->reply_timeout_ms);
    return err;
}

int sli_queue_http_link_send(
    struct sli_queue_http_link *link, struct slimta_slice octets)
{
    /* Content never goes out without its head. */
    if (sli_http_client_state(&link->engine) == SLI_HTTP_CLIENT_STATE_CLOSED ||
        !write_octets(link, octets)) {
        return 0;
    }
    sli_http_client_sent(&link->engine, octets.size);
    sli_queue_link_set_timer(&link->link, link->queue->reply_timeout_ms);
    return sli_queue_http_link_is_drained(link);
}

void sli_queue_http_link_give_up(struct sli_queue_http_link *link, int code,
    const char *text, const char *reason)
{
    link->reason = reason;
    sli_http_client_give_up(
        &link->engine, sli_io_conn_pending(&link->link.conn), code, text);
}

/* What the connection tells */

static void on_received(struct sli_io_conn *conn, struct slimta_slice octets)
{
    struct sli_queue_http_link *link = link_of(conn);

    link->has_answer = 1;
    sli_http_client_feed(&link->engine, octets);
    sli_queue_http_link_act(link);
    if (!link->is_over) {
        sli_http_client_park(&link->engine);
        sli_queue_http_link_act(link); /* there may have been no memory */
    }
}

/* Before it was ready; or what the engine makes of it. */
static void end(struct sli_queue_http_link *link, const char *reason)
{
    if (link->link.state == SLI_QUEUE_LINK_OPENING) {
        link->is_over = 1;
        sli_queue_link_failed_with(
            &link->link, 451, "4.4.2 Connection to next hop lost", reason);
    } else if (!link->is_over) {
        lose(link, 0, reason);
        sli_queue_http_link_act(link);
    }
}

static void on_ended(struct sli_io_conn *conn)
{
    end(link_of(conn), "the hop has closed the connection");
}

static void on_lost(struct sli_io_conn *conn, int error)
{
    end(link_of(conn), slimta_error_name(error));
}

static void on_drained(struct sli_io_conn *conn)
{
    struct sli_queue_http_link *link = link_of(conn);

    if (link->message != NULL) {
        sli_queue_link_set_timer(&link->link, link->queue->reply_timeout_ms);
        sli_queue_http_message_drained(link->message);
    }
}

/* A password is for whoever has a certificate that holds, also where a host has
 * asked for less. */
static void on_secured(struct sli_io_conn *conn)
{
    struct sli_queue_http_link *link = link_of(conn);

    if (link->queue->user != NULL &&
        !sli_tls_stream_info(sli_io_secure_stream(conn))->peer_is_verified) {
        link->is_over = 1;
        sli_queue_link_failed_with(&link->link, 451,
            "4.7.5 Next hop cannot be trusted with a password",
            "its certificate does not hold");
    } else {
        sli_queue_link_ready(&link->link);
    }
}

static void on_failed(struct sli_io_conn *conn, const char *reason)
{
    struct sli_queue_http_link *link = link_of(conn);

    if (link->link.state == SLI_QUEUE_LINK_OPENING) {
        link->is_over = 1;
        sli_queue_link_failed_with(
            &link->link, 451, "4.7.5 TLS with next hop failed", reason);
    } else {
        end(link, reason);
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
    struct sli_queue_http_link *link = sli_queue_http_link_of(base);
    const struct slimta_alloc *alloc = &base->pool->config->alloc;

    link->queue =
        SLI_LIST_ITEM(base->pool->pools, struct sli_queue_http, pools);
    sli_buf_init(&link->output, alloc, SIZE_MAX);
    sli_http_fields_init(&link->fields, alloc);
    sli_http_client_init(
        &link->engine, &link->queue->engine, &link->output, &link->fields);
    if (!base->hop->is_https) {
        sli_queue_link_ready(base);
    } else if (sli_queue_link_secure(base) != 0) {
        link->is_over = 1;
        sli_queue_link_failed_with(
            base, 451, "4.3.0 Unhandled system error", "out of memory");
    }
}

static void on_timed_out(struct sli_queue_link *base)
{
    struct sli_queue_http_link *link = sli_queue_http_link_of(base);

    if (base->state == SLI_QUEUE_LINK_OPENING) {
        link->is_over = 1;
        sli_queue_link_failed_with(
            base, 451, "4.4.2 Next hop timed out", "timed out");
        return;
    }
    sli_queue_http_link_give_up(
        link, 451, "4.4.2 Next hop timed out", "timed out");
    sli_queue_http_link_act(link);
}

static void on_stop(struct sli_queue_link *base)
{
    struct sli_queue_http_link *link = sli_queue_http_link_of(base);

    sli_queue_http_link_give_up(
        link, 451, "4.3.2 Service is stopping", "the queue leaves its loop");
    sli_queue_http_link_act(link);
}

static void on_fini(struct sli_queue_link *base)
{
    struct sli_queue_http_link *link = sli_queue_http_link_of(base);

    sli_http_client_fini(&link->engine);
    sli_http_fields_fini(&link->fields);
    sli_buf_fini(&link->output);
}

/* A message sends no more than one piece before that has left, beside the head,
 * so that nothing needs a limit here. */
const struct sli_queue_link_kind sli_queue_http_link_kind = {
    .size = sizeof(struct sli_queue_http_link),
    .handler = &handler,
    .max_pending = SIZE_MAX,
    .opened = on_opened,
    .timed_out = on_timed_out,
    .stop = on_stop,
    .fini = on_fini,
};
