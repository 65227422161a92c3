/** One message that is handed on over SMTP or LMTP while its client waits. */
#include "queue/smtp/message.h"

#include <slimta/envelope.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "queue/answer.h"

enum {
    /* What is sent from where it stands; less leaves with what comes behind. */
    UNCOPIED_MIN = 16384,
    HELD_MAX = 2 * SLIMTA_WRITE_MAX
};

/* What the open op asks. */
enum question { BEGIN, RECIPIENT, WRITE, COMMIT };

struct sli_queue_smtp_message {
    struct sli_queue_turn turn;
    struct sli_queue_smtp *queue;
    struct slimta_envelope *envelope; /* one reference */
    struct sli_queue_smtp_link *link; /* NULL: before its turn, or lost */
    struct slimta_op *op;             /* the question that is open, or NULL */
    enum question question;
    struct slimta_reply failure; /* what is answered from now on; code 0: all
                                    is well */
    struct sli_buf held;         /* content that came before the hop's 354 */
    int has_data;                /* DATA was said */
    int is_whole;                /* all of the content has come */
    /* LMTP with several recipients: the envelope split, one reference each. */
    struct slimta_envelope **parts;
    size_t part_count;
    size_t ended; /* of them, that the hop has answered */
};

static const struct slimta_alloc *alloc_of(const struct sli_queue_smtp *queue)
{
    return &queue->pools.config.alloc;
}

static void message_free(struct sli_queue_smtp_message *message)
{
    const struct slimta_alloc *alloc = alloc_of(message->queue);

    for (size_t i = 0; i < message->part_count; i++) {
        slimta_envelope_unref(message->parts[i]);
    }
    sli_free(alloc, message->parts);
    slimta_envelope_unref(message->envelope);
    sli_mail_reply_fini(&message->failure);
    sli_buf_fini(&message->held);
    sli_free(alloc, message);
}

/* Gives the link back. */
static void leave(struct sli_queue_smtp_message *message)
{
    struct sli_queue_smtp_link *link = message->link;

    message->link = NULL;
    if (link != NULL) {
        sli_queue_smtp_link_leave(link);
    }
}

/* Questions and their answers */

static void take(struct sli_queue_smtp_message *message, enum question question,
    struct slimta_op *op)
{
    slimta_op_take(op);
    message->op = op;
    message->question = question;
}

static void finish(struct sli_queue_smtp_message *message)
{
    struct slimta_op *op = message->op;

    message->op = NULL;
    if (op != NULL) {
        (void)slimta_op_finish(op);
    }
}

/* Nobody waits for the answer to `recipient` or `write`: abort follows. */
static void on_cancel(struct slimta_op *op, void *user)
{
    (void)op;
    finish(user);
}

static void on_begin_cancelled(struct slimta_op *op, void *user)
{
    struct sli_queue_smtp_message *message = user;

    (void)op;
    sli_queue_pool_forget(&message->turn);
    finish(message);
    leave(message);
    message_free(message);
}

static void refuse_fixed(struct slimta_op *op, enum sli_smtp_reply_id id)
{
    const struct sli_smtp_reply *fixed = sli_smtp_replies_get(id);

    (void)slimta_op_refused(op, NULL, fixed->code, fixed->text);
}

/* Refuses all that the hop has not answered yet. */
static void refuse(
    struct sli_queue_smtp_message *message, const struct slimta_reply *reply)
{
    if (message->op == NULL) {
        return;
    }
    if (message->ended == 0) {
        sli_queue_answer_refuse(message->op, NULL, reply);
    } else {
        sli_queue_answer_refuse_each(message->op,
            message->parts + message->ended,
            message->part_count - message->ended, reply);
    }
}

/* Whether the message ends with the answer to its open question. */
static int is_last(const struct sli_queue_smtp_message *message)
{
    return message->op != NULL &&
        (message->question == BEGIN || message->question == COMMIT);
}

/* The message will not be taken. Whoever asks from now on hears why. */
static void fail(
    struct sli_queue_smtp_message *message, const struct slimta_reply *why)
{
    int ends = is_last(message);

    refuse(message, why);
    if (!ends && sli_mail_reply_copy(&message->failure, why) != 0) {
        const struct sli_smtp_reply *fixed =
            sli_smtp_replies_get(SLI_SMTP_REPLY_HOP_NO_MEMORY);

        sli_mail_reply_set_fixed(&message->failure, fixed->code, fixed->text);
    }
    finish(message);
    leave(message);
    if (ends) {
        message_free(message);
    }
}

/* The beginning */

static struct sli_smtp_mail mail_of(
    const struct sli_queue_smtp_message *message)
{
    const struct slimta_envelope *envelope = message->envelope;
    const struct slimta_mail_params *params = slimta_envelope_params(envelope);
    struct sli_smtp_mail mail = {
        .sender = sli_slice_text(slimta_envelope_sender(envelope)),
        .params = params,
    };

    if (params->has_size && params->size_bytes < UINT64_MAX / 2) {
        mail.size_bytes = params->size_bytes +
            slimta_envelope_prepended(envelope).size +
            slimta_envelope_received(envelope, NULL, NULL, 0);
    }
    return mail;
}

static enum sli_smtp_reply_id check(
    const struct sli_queue_smtp_link *link, const struct sli_smtp_mail *mail)
{
    /* RFC 8689 section 4.2.1. */
    if (mail->params->requiretls && !link->is_private) {
        return SLI_SMTP_REPLY_HOP_NO_REQUIRETLS;
    }
    return sli_smtp_capabilities_check(
        sli_smtp_client_capabilities(&link->engine), mail);
}

/* 0 when the engine has no words for an address. Whatever else hinders it is
 * the end of the link, which is told when that acts. */
static int has_said(struct sli_queue_smtp_link *link, int err)
{
    if (err == SLIMTA_ESTATE) {
        sli_queue_smtp_link_give_up(link, SLI_SMTP_REPLY_HOP_LOST);
    }
    return err != SLIMTA_EINVAL;
}

static void came(struct sli_queue_turn *turn, struct sli_queue_link *base)
{
    struct sli_queue_smtp_message *message =
        SLI_LIST_ITEM(turn, struct sli_queue_smtp_message, turn);
    struct sli_queue_smtp_link *link = sli_queue_smtp_link_of(base);
    struct sli_smtp_mail mail = mail_of(message);
    enum sli_smtp_reply_id id = check(link, &mail);

    link->is_idle = 0;
    link->message = message;
    message->link = link;
    if (id == SLI_SMTP_REPLY_NONE &&
        !has_said(link, sli_smtp_client_mail(&link->engine, &mail))) {
        id = SLI_SMTP_REPLY_BAD_SENDER;
    }
    if (id == SLI_SMTP_REPLY_NONE) {
        sli_queue_smtp_link_act(link);
        return;
    }
    refuse_fixed(message->op, id);
    finish(message);
    leave(message);
    message_free(message);
}

static void failed(struct sli_queue_turn *turn, const struct slimta_reply *why)
{
    fail(SLI_LIST_ITEM(turn, struct sli_queue_smtp_message, turn), why);
}

void sli_queue_smtp_message_begin(struct sli_queue_smtp *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    const struct slimta_alloc *alloc = alloc_of(queue);
    struct sli_queue_smtp_message *message =
        sli_alloc_zero(alloc, sizeof *message);

    if (message == NULL) {
        slimta_envelope_unref(envelope);
        refuse_fixed(op, SLI_SMTP_REPLY_HOP_NO_MEMORY);
        return;
    }
    message->turn.came = came;
    message->turn.failed = failed;
    message->queue = queue;
    message->envelope = envelope;
    sli_mail_reply_init(&message->failure, alloc);
    sli_buf_init(&message->held, alloc, HELD_MAX);
    take(message, BEGIN, op);
    slimta_op_on_cancel(op, on_begin_cancelled, message);
    sli_queue_pool_ask(
        sli_queue_pool_find(&queue->pools, slimta_op_loop(op)), &message->turn);
}

static void heard_mail(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *event)
{
    struct slimta_op *op = message->op;

    if (!event->is_accepted) {
        fail(message, event->reply);
        return;
    }
    message->op = NULL;
    slimta_op_begun(op, message);
    if (slimta_op_finish(op) != 0) {
        sli_queue_smtp_message_abort(message); /* nobody else will */
    }
}

/* Recipients */

void sli_queue_smtp_message_recipient(struct sli_queue_smtp_message *message,
    const struct slimta_recipient *recipient, struct slimta_op *op)
{
    struct sli_queue_smtp_link *link = message->link;
    enum sli_smtp_reply_id id;

    if (link == NULL) {
        sli_queue_answer_refuse(op, NULL, &message->failure);
        return;
    }
    id = sli_smtp_client_check_rcpt(
        &link->engine, sli_slice_text(recipient->address));
    if (id == SLI_SMTP_REPLY_NONE &&
        !has_said(link, sli_smtp_client_rcpt(&link->engine, recipient))) {
        id = SLI_SMTP_REPLY_BAD_RECIPIENT;
    }
    if (id != SLI_SMTP_REPLY_NONE) {
        refuse_fixed(op, id);
        return;
    }
    take(message, RECIPIENT, op);
    slimta_op_on_cancel(op, on_cancel, message);
    sli_queue_smtp_link_act(link);
}

static void heard_rcpt(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *event)
{
    if (!event->is_accepted) {
        refuse(message, event->reply);
    }
    finish(message);
}

/* The content */

static void pass_on(
    struct sli_queue_smtp_message *message, struct slimta_slice octets)
{
    struct sli_queue_smtp_link *link = message->link;
    struct slimta_slice run;

    while (sli_smtp_client_content(&link->engine, &octets, &run)) {
        if (run.size >= UNCOPIED_MIN) {
            sli_queue_smtp_link_send(link, run);
        } else if (sli_buf_append(&link->output, run) != 0) {
            sli_queue_smtp_link_give_up(link, SLI_SMTP_REPLY_HOP_NO_MEMORY);
        }
    }
}

/* What an edge puts before the content (RFC 5321 section 4.4). */
static void send_trace(struct sli_queue_smtp_message *message)
{
    char received[SLIMTA_RECEIVED_MAX];
    size_t size = slimta_envelope_received(
        message->envelope, NULL, received, sizeof received);

    pass_on(message, slimta_envelope_prepended(message->envelope));
    pass_on(message,
        sli_slice(
            received, size < sizeof received ? size : sizeof received - 1));
}

static void say_data(struct sli_queue_smtp_message *message)
{
    message->has_data = 1;
    if (sli_smtp_client_data(&message->link->engine) == SLIMTA_ESTATE) {
        sli_queue_smtp_link_give_up(
            message->link, SLI_SMTP_REPLY_HOP_NO_RECIPIENTS);
    }
}

static void heard_data(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *event)
{
    if (!event->is_accepted) {
        fail(message, event->reply);
        return;
    }
    send_trace(message);
    pass_on(message, sli_buf_slice(&message->held));
    sli_buf_fini(&message->held);
    if (message->is_whole) {
        (void)sli_smtp_client_end_content(&message->link->engine);
    }
}

/* Before the hop's 354: DATA is on its way with the first octets, and what
 * comes with the next ones has to wait for it. */
static void hold(
    struct sli_queue_smtp_message *message, struct slimta_slice octets)
{
    if (sli_buf_append(&message->held, octets) != 0) {
        sli_queue_smtp_link_give_up(
            message->link, SLI_SMTP_REPLY_HOP_NO_MEMORY);
    } else if (!message->has_data) {
        say_data(message);
    }
}

static int is_in_content(const struct sli_queue_smtp_message *message)
{
    return sli_smtp_client_state(&message->link->engine) ==
        SLI_SMTP_CLIENT_STATE_CONTENT;
}

/* A short message needs no answer before its end: all of it leaves at once. */
void sli_queue_smtp_message_write(struct sli_queue_smtp_message *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    int is_first = !message->has_data;

    if (message->link != NULL) {
        if (is_in_content(message)) {
            pass_on(message, octets);
        } else {
            hold(message, octets);
        }
        sli_queue_smtp_link_act(message->link);
    }
    if (message->link == NULL) {
        sli_queue_answer_refuse(op, NULL, &message->failure);
    } else if (!is_first &&
        (!is_in_content(message) ||
            !sli_queue_smtp_link_is_drained(message->link))) {
        take(message, WRITE, op);
        slimta_op_on_cancel(op, on_cancel, message);
    }
}

void sli_queue_smtp_message_drained(struct sli_queue_smtp_message *message)
{
    if (message->op != NULL && message->question == WRITE &&
        is_in_content(message)) {
        finish(message);
    }
}

/* The end */

/* RFC 2033 section 4.2: each recipient has an end of its own. All memory for
 * that is there before the hop is asked, so that its word is never lost. */
static int make_parts(struct sli_queue_smtp_message *message)
{
    size_t count = slimta_envelope_recipient_count(message->envelope);
    int err = 0;

    if (!message->queue->engine.is_lmtp || count < 2) {
        return 0;
    }
    message->parts = sli_alloc_array(
        alloc_of(message->queue), count, sizeof *message->parts);
    if (message->parts == NULL) {
        return SLIMTA_ENOMEM;
    }
    while (message->part_count < count && err == 0) {
        err = slimta_envelope_split(&message->parts[message->part_count],
            message->envelope, message->part_count, 1);
        message->part_count += err == 0;
    }
    return err;
}

void sli_queue_smtp_message_commit(
    struct sli_queue_smtp_message *message, struct slimta_op *op)
{
    struct sli_queue_smtp_link *link = message->link;

    take(message, COMMIT, op);
    if (link == NULL) {
        fail(message, &message->failure);
        return;
    }
    message->is_whole = 1;
    if (make_parts(message) != 0) {
        sli_queue_smtp_link_give_up(link, SLI_SMTP_REPLY_HOP_NO_MEMORY);
    } else if (!message->has_data) {
        say_data(message);
    } else if (is_in_content(message)) {
        (void)sli_smtp_client_end_content(&link->engine);
    }
    sli_queue_smtp_link_act(link);
}

static void answer(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *event)
{
    struct slimta_envelope *part =
        message->parts == NULL ? NULL : message->parts[message->ended];
    char id[SLI_QUEUE_ANSWER_ID_MAX + 1];

    if (event->is_accepted) {
        sli_queue_answer_id(event->reply, id);
        (void)slimta_op_queued(message->op, part, id);
    } else {
        sli_queue_answer_refuse(message->op, part, event->reply);
    }
}

static void heard_end(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *event)
{
    answer(message, event);
    message->ended++;
    if (message->ended < message->part_count) {
        return;
    }
    finish(message);
    leave(message);
    message_free(message);
}

void sli_queue_smtp_message_heard(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *event)
{
    switch (event->type) {
    case SLI_SMTP_CLIENT_MAIL:
        heard_mail(message, event);
        break;
    case SLI_SMTP_CLIENT_RCPT:
        heard_rcpt(message, event);
        break;
    case SLI_SMTP_CLIENT_DATA:
        heard_data(message, event);
        break;
    case SLI_SMTP_CLIENT_END:
        heard_end(message, event);
        break;
    default:
        break;
    }
}

/* A link that was idle, and has gone before it heard of the message. */
static int was_stale(const struct sli_queue_smtp_message *message,
    const struct sli_queue_link *link, const struct sli_smtp_client_event *end)
{
    return message->op != NULL && message->question == BEGIN &&
        link->carried > 0 &&
        (end->close.reason == SLI_SMTP_CLIENT_CLOSE_LOST ||
            end->close.reason == SLI_SMTP_CLIENT_CLOSE_GOODBYE);
}

void sli_queue_smtp_message_lost(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *end, const char *reason)
{
    struct sli_queue_link *link = &message->link->link;

    message->link = NULL;
    if (end->close.outcome == SLI_SMTP_CLIENT_OUTCOME_UNKNOWN) {
        sli_queue_tell_unknown_commit(
            &link->pool->config->tell, message->envelope, link->hop, reason);
    }
    if (was_stale(message, link, end)) {
        sli_queue_pool_ask_again(link->pool, &message->turn, link->hop);
    } else {
        fail(message, end->reply);
    }
}

void sli_queue_smtp_message_abort(struct sli_queue_smtp_message *message)
{
    leave(message);
    message_free(message);
}
