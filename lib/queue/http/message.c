/** One message of a queue that hands mail on over HTTP. */
#include "queue/http/message.h"

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/slice.h"
#include "io/work.h"
#include "mail/reply.h"
#include "queue/answer.h"
#include "queue/http/parts.h"

/* What is read of a spilled message at a time. */
enum { PIECE = 65536 };

struct sli_queue_http_message {
    struct sli_queue_turn turn;
    struct sli_queue_http *queue;
    struct sli_queue_pool *pool;
    struct slimta_envelope *envelope;
    struct slimta_op *op;              /* NULL: it is answered */
    struct sli_queue_http_link *link;  /* NULL: none yet, or no more */
    const struct sli_queue_hop *stale; /* whose link was, once, or NULL */
    unsigned char is_sending;          /* something is left to be sent */
    unsigned char is_reading;          /* `work` has the piece */

    /* What is sent next: */
    struct sli_buf trace; /* what stands above the content, then nothing */
    size_t block;         /* of a content in memory */
    uint64_t offset;      /* in one that is spilled */
    struct sli_io_work work;
    char *piece; /* PIECE octets, or NULL */
    size_t piece_size;
    int piece_err;
};

static const struct slimta_alloc *alloc_of(
    const struct sli_queue_http_message *message)
{
    return &message->queue->pools.config.alloc;
}

/* The end */

/* Goes when nobody has it any more: a job may still read. */
static void let_go(struct sli_queue_http_message *message)
{
    const struct slimta_alloc *alloc = alloc_of(message);

    message->link = NULL;
    if (message->is_reading || message->op != NULL) {
        return;
    }
    slimta_envelope_unref(message->envelope);
    sli_buf_fini(&message->trace);
    sli_free(alloc, message->piece);
    sli_free(alloc, message);
}

static void finish(struct sli_queue_http_message *message)
{
    struct slimta_op *op = message->op;

    message->op = NULL;
    (void)slimta_op_finish(op);
    let_go(message);
}

static void refuse(
    struct sli_queue_http_message *message, int code, const char *text)
{
    (void)slimta_op_refused(message->op, NULL, code, text);
    finish(message);
}

static void tell_unknown(struct sli_queue_http_message *message,
    const struct sli_queue_hop *hop, const char *reason)
{
    sli_queue_tell_unknown_commit(
        &message->queue->pools.config.tell, message->envelope, hop, reason);
}

/* Sending */

/* What an edge puts above the content (RFC 5321 section 4.4). */
static int make_trace(struct sli_queue_http_message *message)
{
    char received[SLIMTA_RECEIVED_MAX];
    size_t size = slimta_envelope_received(
        message->envelope, NULL, received, sizeof received);
    int err = sli_buf_append(
        &message->trace, slimta_envelope_prepended(message->envelope));

    return err != 0
        ? err
        : sli_buf_append(&message->trace,
              sli_slice(received,
                  size < sizeof received ? size : sizeof received - 1));
}

static struct slimta_content *content_of(
    const struct sli_queue_http_message *message)
{
    return slimta_envelope_content(message->envelope);
}

/* Sends it; returns whether more may follow now. */
static int send_octets(
    struct sli_queue_http_message *message, struct slimta_slice octets)
{
    return octets.size == 0 || sli_queue_http_link_send(message->link, octets);
}

static int send_trace(struct sli_queue_http_message *message)
{
    int may_follow = send_octets(message, sli_buf_slice(&message->trace));

    sli_buf_fini(&message->trace);
    return may_follow;
}

static void send_blocks(struct sli_queue_http_message *message)
{
    struct slimta_slice block;
    int may_follow = 1;

    while (may_follow) {
        if (!slimta_content_block(
                content_of(message), message->block, &block)) {
            message->is_sending = 0;
            return;
        }
        message->block++;
        may_follow = send_octets(message, block);
    }
}

/* The link was stale. While a job reads, that has the piece: it comes first. */
static void ask_again(struct sli_queue_http_message *message)
{
    sli_buf_fini(&message->trace);
    sli_queue_pool_ask_again(message->pool, &message->turn, message->stale);
}

static void send_more(struct sli_queue_http_message *message);

static void on_read(struct sli_io_work *work)
{
    struct sli_queue_http_message *message =
        SLI_LIST_ITEM(work, struct sli_queue_http_message, work);
    struct sli_queue_pool *pool = message->pool;
    struct sli_queue_http_link *link = message->link;

    message->is_reading = 0;
    if (link == NULL && message->op != NULL) {
        ask_again(message);
    } else if (link == NULL) {
        let_go(message);
    } else if (message->piece_err != 0 || message->piece_size == 0) {
        sli_queue_http_link_give_up(link, 451, "4.3.0 Error reading message",
            "the message cannot be read");
        sli_queue_http_link_act(link);
    } else {
        message->offset += message->piece_size;
        if (send_octets(
                message, sli_slice(message->piece, message->piece_size))) {
            send_more(message);
        }
        sli_queue_http_link_act(link);
    }
    sli_queue_pool_job_ends(pool);
}

/* In the thread pool. */
static void read_piece(struct sli_io_work *work)
{
    struct sli_queue_http_message *message =
        SLI_LIST_ITEM(work, struct sli_queue_http_message, work);

    message->piece_err = slimta_content_read(content_of(message),
        message->offset, message->piece, PIECE, &message->piece_size);
}

static void start_reading(struct sli_queue_http_message *message)
{
    if (message->offset == slimta_content_size(content_of(message))) {
        message->is_sending = 0;
        return;
    }
    if (message->piece == NULL) {
        message->piece = sli_alloc(alloc_of(message), PIECE);
    }
    if (message->piece == NULL) {
        sli_queue_http_link_give_up(message->link, 451,
            "4.3.0 Unhandled system error", "out of memory");
        return;
    }
    message->is_reading = 1;
    sli_queue_pool_job_begins(message->pool);
    sli_io_work_start(message->pool->loop, &message->work, SLI_IO_WORK_DISK,
        read_piece, on_read);
}

/* What the connection takes now. sli_queue_http_link_act follows. */
static void send_more(struct sli_queue_http_message *message)
{
    if (!message->is_sending || message->is_reading || !send_trace(message)) {
        return;
    }
    if (slimta_content_is_spilled(content_of(message))) {
        start_reading(message);
    } else {
        send_blocks(message);
    }
}

void sli_queue_http_message_drained(struct sli_queue_http_message *message)
{
    struct sli_queue_http_link *link = message->link;

    send_more(message);
    sli_queue_http_link_act(link);
}

/* The request */

/* RFC 5321 section 4.1.1.1: what the client has greeted with, or, when it has
 * not, who received it. */
static struct slimta_slice ehlo_of(const struct sli_queue_http_message *message)
{
    const char *name = message->queue->ehlo_name;

    if (name == NULL) {
        name = slimta_envelope_client(message->envelope)->ehlo_as;
    }
    if (*name == '\0') {
        name = slimta_envelope_receiver(message->envelope);
    }
    return sli_slice_text(name);
}

static int post(
    struct sli_queue_http_message *message, const struct sli_queue_hop *hop)
{
    const struct sli_http_posting posting = {
        .path = hop->path,
        .host = hop->authority,
        .ehlo = ehlo_of(message),
        .envelope = message->envelope,
        .body_bytes = sli_buf_size(&message->trace) +
            slimta_content_size(content_of(message)),
        .name = sli_slice_text(message->queue->user),
        .password = sli_slice_text(message->queue->password),
    };

    return sli_queue_http_link_post(message->link, &posting);
}

static void on_came(struct sli_queue_turn *turn, struct sli_queue_link *base)
{
    struct sli_queue_http_message *message =
        SLI_LIST_ITEM(turn, struct sli_queue_http_message, turn);
    struct sli_queue_http_link *link = sli_queue_http_link_of(base);
    int err;

    message->link = link;
    link->message = message;
    message->is_sending = 1;
    message->block = 0;
    message->offset = 0;
    err = make_trace(message);
    if (err == 0) {
        err = post(message, base->hop);
    }
    if (err != 0) {
        sli_queue_http_link_give_up(
            link, 451, "4.3.0 Unhandled system error", slimta_error_name(err));
    } else if (sli_queue_http_link_is_drained(link)) {
        send_more(message);
    }
    sli_queue_http_link_act(link);
}

static void on_turn_failed(
    struct sli_queue_turn *turn, const struct slimta_reply *why)
{
    struct sli_queue_http_message *message =
        SLI_LIST_ITEM(turn, struct sli_queue_http_message, turn);

    sli_queue_answer_refuse(message->op, NULL, why);
    finish(message);
}

/* What comes of it */

void sli_queue_http_message_answered(struct sli_queue_http_message *message,
    const struct sli_http_client_event *event)
{
    if (!event->is_accepted) {
        sli_queue_answer_refuse(message->op, NULL, event->reply);
    } else if (sli_queue_http_parts_answer(message->op, message->envelope,
                   event, alloc_of(message)) != 0) {
        /* A refused recipient must not be lost: rather comes the message twice.
         */
        tell_unknown(message, message->link->link.hop, "out of memory");
        (void)slimta_op_refused(
            message->op, NULL, 451, "4.3.0 Unhandled system error");
    }
    finish(message);
}

/* RFC 9110 section 9.2.2: only what cannot have been acted upon is sent again;
 * and only over a link that may have been closed by then. */
static int may_try_again(const struct sli_queue_http_message *message,
    const struct sli_http_client_event *event)
{
    return event->close.reason == SLI_HTTP_CLIENT_CLOSE_LOST &&
        event->close.outcome == SLI_HTTP_CLIENT_OUTCOME_NOT_TAKEN &&
        message->link->link.carried > 0 && !message->link->has_answer &&
        message->stale == NULL && !slimta_op_is_cancelled(message->op);
}

void sli_queue_http_message_lost(struct sli_queue_http_message *message,
    const struct sli_http_client_event *event, const char *reason)
{
    const struct sli_queue_hop *hop = message->link->link.hop;

    if (event->close.outcome == SLI_HTTP_CLIENT_OUTCOME_UNKNOWN) {
        tell_unknown(message, hop, reason);
    }
    if (may_try_again(message, event)) {
        message->stale = hop;
        message->link = NULL;
        if (!message->is_reading) {
            ask_again(message);
        }
    } else if (event->reply != NULL) {
        sli_queue_answer_refuse(message->op, NULL, event->reply);
        finish(message);
    } else {
        refuse(message, 451, "4.4.2 Connection to next hop lost");
    }
}

/* Nobody waits any more. What was sent whole is waited for: its reply says
 * whether it was taken. */
static void on_cancel(struct slimta_op *op, void *user)
{
    struct sli_queue_http_message *message = user;
    struct sli_queue_http_link *link = message->link;

    (void)op;
    if (link == NULL) {
        sli_queue_pool_forget(&message->turn);
        refuse(message, 451, "4.4.5 Next hop is busy");
    } else if (message->is_sending || !sli_queue_http_link_is_drained(link)) {
        sli_queue_http_link_give_up(
            link, 451, "4.4.2 Given up", "nobody waits for the message");
        sli_queue_http_link_act(link);
    }
}

void sli_queue_http_message_enqueue(struct sli_queue_http *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    const struct slimta_alloc *alloc = &queue->pools.config.alloc;
    struct sli_queue_http_message *message =
        sli_alloc_zero(alloc, sizeof *message);

    if (message == NULL) {
        slimta_envelope_unref(envelope);
        return; /* the op's own reply is 451 */
    }
    slimta_op_take(op);
    message->queue = queue;
    message->pool = sli_queue_pool_find(&queue->pools, slimta_op_loop(op));
    message->envelope = envelope;
    message->op = op;
    message->turn.came = on_came;
    message->turn.failed = on_turn_failed;
    sli_buf_init(&message->trace, alloc, SIZE_MAX);
    slimta_op_on_cancel(op, on_cancel, message);
    sli_queue_pool_ask(message->pool, &message->turn);
}
