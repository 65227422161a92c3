/** One connection to a next hop over HTTP: TLS, then one request after the
 * other. */
#ifndef QUEUE_HTTP_LINK_H
#define QUEUE_HTTP_LINK_H

#include "queue/http/queue.h"

struct sli_queue_http_message;

struct sli_queue_http_link {
    struct sli_queue_link link; /* first */
    struct sli_queue_http *queue;
    struct sli_http_client engine;
    struct sli_buf output;
    struct sli_http_fields fields;
    struct sli_queue_http_message *message; /* until it is told, or NULL */
    const char *reason;       /* why it ends; lives as `link.conn` */
    unsigned char has_answer; /* octets of one came since the request */
    unsigned char is_over;    /* closed: nothing may follow */
    unsigned char is_acting;
};

/** How such links behave. */
extern const struct sli_queue_link_kind sli_queue_http_link_kind;

static inline struct sli_queue_http_link *sli_queue_http_link_of(
    struct sli_queue_link *link)
{
    return (struct sli_queue_http_link *)link;
}

/** Begins a request, whose head is sent. The body follows with
 * sli_queue_http_link_send; then sli_queue_http_link_act, which tells the
 * message what comes of it. SLIMTA_EINVAL, SLIMTA_ENOMEM: nothing was done, and
 * nothing may follow but sli_queue_http_link_give_up. */
int sli_queue_http_link_post(
    struct sli_queue_http_link *link, const struct sli_http_posting *posting);

/** Sends the next octets of the body. Whether more may follow: all that was
 * sent has left, and the link is as it should be. */
int sli_queue_http_link_send(
    struct sli_queue_http_link *link, struct slimta_slice octets);

/** Gives the request up: `code` and `text` (static, with an enhanced code) are
 * what is to be said, `reason` is for the event. */
void sli_queue_http_link_give_up(struct sli_queue_http_link *link, int code,
    const char *text, const char *reason);

/** Pulls events. The last thing to do: the message may be gone behind it. */
void sli_queue_http_link_act(struct sli_queue_http_link *link);

/** Octets wait to leave. */
static inline int sli_queue_http_link_is_drained(
    const struct sli_queue_http_link *link)
{
    return sli_io_conn_pending(&link->link.conn) == 0;
}

#endif
