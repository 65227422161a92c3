/** What an SMTP session does about each event of its engine: it asks the
 * validators, then acts, then answers. */
#include "edge/smtp_events.h"

#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "mail/envelope.h"
#include "smtp/extensions.h"
#include "smtp/replies.h"

static const struct slimta_alloc *alloc_of(
    const struct sli_edge_smtp_session *session)
{
    return &session->edge->edge.alloc;
}

static struct sli_edge_shard *shard_of(
    const struct sli_edge_smtp_session *session)
{
    return sli_edge_session_shard(&session->base);
}

static struct sli_edge_smtp_session *smtp_of(struct slimta_session *session)
{
    return (struct sli_edge_smtp_session *)session;
}

static void out_of_memory(struct sli_edge_smtp_session *session)
{
    sli_edge_smtp_session_terminate(
        session, SLIMTA_CLOSED_FAILURE, 421, "4.3.0 Unhandled system error");
}

/* Answers */

static void answer(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    /* Without memory the engine closes; its CLOSE comes next. */
    (void)sli_smtp_server_answer(&session->engine, reply);
    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
}

/* Whether the session goes on as after the default. 221 only ends it. */
static int is_yes(const struct slimta_reply *reply)
{
    return reply == NULL ||
        (slimta_reply_code(reply) < 400 && slimta_reply_code(reply) != 221);
}

static void drop_kept(struct sli_edge_smtp_session *session)
{
    if (session->kept != NULL) {
        sli_mail_reply_fini(session->kept);
        sli_free(alloc_of(session), session->kept);
        session->kept = NULL;
    }
}

/* Keeps a copy of a reply for a later answer; without memory there is none. */
static void keep(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    struct slimta_reply *copy = NULL;

    drop_kept(session);
    if (reply != NULL) {
        copy = sli_alloc(alloc_of(session), sizeof *copy);
    }
    if (copy == NULL) {
        return;
    }
    sli_mail_reply_init(copy, alloc_of(session));
    session->kept = copy;
    if (sli_mail_reply_copy(copy, reply) != 0) {
        drop_kept(session);
    }
}

static void drop_held(struct sli_edge_smtp_session *session)
{
    sli_free(alloc_of(session), session->held);
    session->held = NULL;
    session->octets = (struct slimta_slice){NULL, 0};
}

static void drop_extensions(struct sli_edge_smtp_session *session)
{
    sli_smtp_extensions_free(session->extensions);
    session->extensions = NULL;
}

void sli_edge_smtp_events_forget(struct sli_edge_smtp_session *session)
{
    sli_edge_policy_cancel(&session->base);
    drop_kept(session);
    drop_held(session);
    drop_extensions(session);
}

/* Asking validators */

static int has(
    const struct sli_edge_smtp_session *session, enum sli_edge_step step)
{
    return sli_edge_policy_has(&session->edge->edge, step);
}

/* Asks with `reply` as the default, and lets the validators' time run. */
static void ask_with(struct sli_edge_smtp_session *session,
    enum sli_edge_step step, const struct slimta_reply *reply,
    sli_edge_round_done done)
{
    sli_edge_policy_ask(&session->base, step, reply, done);
    if (sli_edge_policy_is_waiting(&session->base.round)) {
        sli_edge_smtp_session_wait(
            session, session->edge->validator_timeout_ms);
    }
}

/* Asks about the engine's question with the engine's default. */
static void ask(struct sli_edge_smtp_session *session, enum sli_edge_step step,
    sli_edge_round_done done)
{
    struct slimta_reply *reply = &shard_of(session)->reply;

    if (!has(session, step)) {
        done(&session->base, NULL);
    } else if (sli_smtp_server_default(&session->engine, reply) != 0) {
        out_of_memory(session);
    } else {
        ask_with(session, step, reply, done);
    }
}

/* Most questions end with the validators' reply. */
static void answer_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    answer(smtp_of(base), reply);
}

/* The beginning: `connect`, then `banner` */

static void connect_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    if (!is_yes(reply) || !has(session, SLI_EDGE_STEP_BANNER)) {
        answer(session, reply);
    } else if (reply != NULL) {
        ask_with(session, SLI_EDGE_STEP_BANNER, reply, answer_done);
    } else {
        ask(session, SLI_EDGE_STEP_BANNER, answer_done);
    }
}

static void on_banner(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_CONNECT, connect_done);
}

/* EHLO and HELO, then `extensions` */

static void extensions_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    sli_smtp_server_offer(&session->engine, session->extensions);
    answer(session, reply != NULL ? reply : session->kept);
    drop_kept(session);
    drop_extensions(session);
}

static void ask_extensions(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    if (sli_smtp_extensions_new(&session->extensions, alloc_of(session),
            &session->edge->smtp) != 0) {
        out_of_memory(session);
        return;
    }
    keep(session, reply);
    if (reply != NULL) {
        ask_with(session, SLI_EDGE_STEP_EXTENSIONS, reply, extensions_done);
    } else {
        ask(session, SLI_EDGE_STEP_EXTENSIONS, extensions_done);
    }
}

static void greeting_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);
    struct sli_smtp_event event;

    sli_smtp_server_asked(&session->engine, &event);
    if (is_yes(reply) &&
        sli_edge_session_set_ehlo(base, event.greeting.name) != 0) {
        out_of_memory(session);
    } else if (is_yes(reply) && event.greeting.extended &&
        has(session, SLI_EDGE_STEP_EXTENSIONS)) {
        ask_extensions(session, reply);
    } else {
        answer(session, reply);
    }
}

static void on_ehlo(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    ask(session,
        event->greeting.extended ? SLI_EDGE_STEP_EHLO : SLI_EDGE_STEP_HELO,
        greeting_done);
}

/* The envelope */

static int make_envelope(struct sli_edge_smtp_session *session)
{
    struct slimta_session *base = &session->base;
    const struct sli_mail_facts facts = {
        .address = base->client,
        .ehlo_as = sli_slice_text(slimta_session_ehlo_as(base)),
        .protocol = sli_smtp_server_protocol(&session->engine),
        .receiver = sli_slice_text(session->edge->hostname),
    };
    struct sli_smtp_event event;

    sli_smtp_server_asked(&session->engine, &event);
    return sli_mail_envelope_new(&base->envelope, alloc_of(session), &facts,
        event.mail.path.mailbox, &event.mail.params);
}

static void mail_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    if (is_yes(reply) && make_envelope(session) != 0) {
        out_of_memory(session);
        return;
    }
    answer(session, reply);
}

static void on_mail(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_MAIL, mail_done);
}

static int add_recipient(struct sli_edge_smtp_session *session)
{
    struct sli_smtp_event event;

    sli_smtp_server_asked(&session->engine, &event);
    return sli_mail_envelope_add_recipient(
        session->base.envelope, event.rcpt.path.mailbox, &event.rcpt.params);
}

static void rcpt_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    if (is_yes(reply) && add_recipient(session) != 0) {
        out_of_memory(session);
        return;
    }
    answer(session, reply);
}

static void on_rcpt(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_RCPT, rcpt_done);
}

/* The content */

static void data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    if (!is_yes(reply)) {
        answer(session, reply);
        return;
    }
    keep(session, reply);
    sli_edge_smtp_session_wait(session, session->edge->queue_write_timeout_ms);
    sli_edge_handoff_begin(&session->handoff, base->envelope);
}

static void on_data(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_DATA, data_done);
}

static void drop_transaction(struct sli_edge_smtp_session *session)
{
    sli_edge_handoff_abort(&session->handoff);
    sli_edge_session_drop_envelope(&session->base);
}

static void chunk_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    if (is_yes(reply)) {
        sli_edge_handoff_write(&session->handoff, session->octets);
    } else if (slimta_reply_code(reply) == 421) {
        base->reason = SLIMTA_CLOSED_REPLY;
        sli_smtp_server_terminate_with(&session->engine, reply);
    } else {
        sli_edge_handoff_refuse(&session->handoff, reply);
    }
    drop_held(session);
}

/* The octets are the engine's only until it goes on. */
static void hold_octets(struct sli_edge_smtp_session *session)
{
    session->held = sli_alloc(alloc_of(session), session->octets.size);
    if (session->held == NULL) {
        sli_edge_policy_cancel(&session->base);
        out_of_memory(session);
        return;
    }
    memcpy(session->held, session->octets.data, session->octets.size);
    session->octets.data = session->held;
}

static void ask_chunk(struct sli_edge_smtp_session *session)
{
    ask_with(session, SLI_EDGE_STEP_CHUNK,
        sli_edge_shard_reply(shard_of(session), 250, "2.0.0 Ok"), chunk_done);
    if (sli_edge_policy_is_waiting(&session->base.round)) {
        hold_octets(session);
    }
}

/* While the host or the disk is busy its time runs, not the client's. */
static void on_content(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    session->data_left_ms = sli_edge_smtp_session_time_left(session);
    if (has(session, SLI_EDGE_STEP_CHUNK)) {
        session->octets = event->content;
        ask_chunk(session);
    } else {
        sli_edge_handoff_write(&session->handoff, event->content);
    }
    if (sli_edge_handoff_is_busy(&session->handoff)) {
        sli_edge_smtp_session_wait(
            session, session->edge->queue_write_timeout_ms);
    }
}

/* The end of the content: `have_data`, the queue, `queued` */

static void have_data_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    if (!is_yes(reply)) {
        drop_transaction(session);
        answer(session, reply);
        return;
    }
    sli_edge_smtp_session_wait(session, session->edge->queue_timeout_ms);
    sli_edge_handoff_finish(&session->handoff);
}

static void on_end(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    if (event->end.is_refused) {
        drop_transaction(session);
        answer(session, NULL);
        return;
    }
    ask(session, SLI_EDGE_STEP_HAVE_DATA, have_data_done);
}

/* A queue's no stays one, whatever the validators make of it. */
static void queued_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    if (reply == NULL || (session->is_refused && is_yes(reply))) {
        reply = session->kept;
    }
    if (reply == NULL && session->is_refused) {
        reply = sli_edge_shard_reply(
            shard_of(session), 451, "4.3.0 Error queuing message");
    }
    answer(session, reply);
    drop_kept(session);
    session->results = NULL;
    sli_edge_session_drop_envelope(base);
}

static void on_reset(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    drop_transaction(session);
}

/* Commands that only say something */

static void on_rset(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_RSET, answer_done);
}

static void on_noop(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_NOOP, answer_done);
}

static void on_quit(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_QUIT, answer_done);
}

/* 3xx would promise something that only the engine can keep. */
static void command_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    int is_3xx = reply != NULL && slimta_reply_code(reply) / 100 == 3;

    answer(smtp_of(base), is_3xx ? NULL : reply);
}

static void on_command(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    ask(session, SLI_EDGE_STEP_COMMAND, command_done);
}

/* The engine has nothing more to say. */
static void on_close(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    static const enum slimta_closed reasons[] = {
        [SLI_SMTP_CLOSE_QUIT] = SLIMTA_CLOSED_QUIT,
        [SLI_SMTP_CLOSE_EOF] = SLIMTA_CLOSED_CLIENT,
        [SLI_SMTP_CLOSE_REPLY] = SLIMTA_CLOSED_REPLY,
        [SLI_SMTP_CLOSE_ERRORS] = SLIMTA_CLOSED_LIMIT,
        [SLI_SMTP_CLOSE_MEMORY] = SLIMTA_CLOSED_FAILURE,
    };

    /* Whoever terminated it has said why. */
    if (event->close != SLI_SMTP_CLOSE_TERMINATED) {
        session->base.reason = reasons[event->close];
    }
    sli_edge_smtp_session_close(session,
        event->close == SLI_SMTP_CLOSE_QUIT ||
                event->close == SLI_SMTP_CLOSE_EOF
            ? SLI_IO_CONN_FLUSH
            : SLI_IO_CONN_LINGER);
}

static void (*const actions[])(struct sli_edge_smtp_session *session,
    const struct sli_smtp_event *event) = {
    [SLI_SMTP_EVENT_BANNER] = on_banner,
    [SLI_SMTP_EVENT_EHLO] = on_ehlo,
    [SLI_SMTP_EVENT_MAIL] = on_mail,
    [SLI_SMTP_EVENT_RCPT] = on_rcpt,
    [SLI_SMTP_EVENT_DATA] = on_data,
    [SLI_SMTP_EVENT_END] = on_end,
    [SLI_SMTP_EVENT_RSET] = on_rset,
    [SLI_SMTP_EVENT_NOOP] = on_noop,
    [SLI_SMTP_EVENT_QUIT] = on_quit,
    [SLI_SMTP_EVENT_COMMAND] = on_command,
    [SLI_SMTP_EVENT_CONTENT] = on_content,
    [SLI_SMTP_EVENT_RESET] = on_reset,
    [SLI_SMTP_EVENT_CLOSE] = on_close,
};

void sli_edge_smtp_events_act(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    actions[event->type](session, event);
}

/* What validators are told */

/* Copies words into the shard's scratch, each ended with NUL; they fit, being
 * parts of one command. */
static const char *put_word(char **at, struct slimta_slice word)
{
    char *start = *at;

    if (word.size > 0) {
        memcpy(start, word.data, word.size);
    }
    start[word.size] = '\0';
    *at = start + word.size + 1;
    return start;
}

static void fill_command(
    struct sli_edge_smtp_session *session, struct sli_edge_arguments *arguments)
{
    struct sli_smtp_event event;
    char *at = shard_of(session)->text;

    sli_smtp_server_asked(&session->engine, &event);
    switch (event.type) {
    case SLI_SMTP_EVENT_EHLO:
        arguments->text = put_word(&at, event.greeting.name);
        break;
    case SLI_SMTP_EVENT_MAIL:
        arguments->text = put_word(&at, event.mail.path.mailbox);
        arguments->params = event.mail.params;
        break;
    case SLI_SMTP_EVENT_RCPT:
        arguments->recipient = event.rcpt.params;
        arguments->recipient.address = put_word(&at, event.rcpt.path.mailbox);
        break;
    case SLI_SMTP_EVENT_COMMAND:
        arguments->text = put_word(&at, event.command.verb);
        arguments->more = put_word(&at, event.command.argument);
        break;
    default:
        break;
    }
}

static void fill_arguments(struct slimta_session *base, enum sli_edge_step step,
    struct sli_edge_arguments *arguments)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    arguments->octets = session->octets;
    arguments->extensions = session->extensions;
    arguments->results = session->results;
    if (step != SLI_EDGE_STEP_CHUNK) {
        fill_command(session, arguments);
    }
}

/* While content comes, whoever is awaited has his own time. */
static void time_content(struct sli_edge_smtp_session *session)
{
    if (sli_smtp_server_state(&session->engine) != SLI_SMTP_STATE_CONTENT ||
        sli_smtp_server_is_waiting(&session->engine) ||
        sli_edge_policy_is_waiting(&session->base.round)) {
        return;
    }
    sli_edge_smtp_session_wait(session,
        sli_edge_handoff_is_busy(&session->handoff)
            ? session->edge->queue_write_timeout_ms
            : session->data_left_ms);
}

/* A host that took its time has answered. */
static void go_on(struct slimta_session *base)
{
    struct sli_edge_smtp_session *session = smtp_of(base);

    time_content(session);
    sli_edge_smtp_session_pump(session);
}

static const char *protocol(const struct slimta_session *base)
{
    return sli_smtp_server_protocol(
        &((const struct sli_edge_smtp_session *)base)->engine);
}

static int is_extended(const struct slimta_session *base)
{
    return ((const struct sli_edge_smtp_session *)base)->engine.is_extended;
}

const struct sli_edge_session_kind sli_edge_smtp_events_kind = {
    .arguments = fill_arguments,
    .go_on = go_on,
    .protocol = protocol,
    .is_extended = is_extended,
};

/* Answers of the queue */

static struct sli_edge_smtp_session *session_of(
    struct sli_edge_handoff *handoff)
{
    return SLI_LIST_ITEM(handoff, struct sli_edge_smtp_session, handoff);
}

static void begun(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct sli_edge_smtp_session *session = session_of(handoff);

    answer(session, refusal != NULL ? refusal : session->kept);
    drop_kept(session);
    if (refusal == NULL) {
        session->data_left_ms = session->edge->data_timeout_ms;
        sli_edge_smtp_session_wait(session, session->data_left_ms);
    } else {
        /* The queue has seen the envelope: nothing can be added any more. */
        sli_smtp_server_give_up(&session->engine);
    }
    sli_edge_smtp_session_pump(session);
}

static void ready(struct sli_edge_handoff *handoff)
{
    go_on(&session_of(handoff)->base);
}

static void ask_queued(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    if (!has(session, SLI_EDGE_STEP_QUEUED)) {
        sli_edge_session_drop_envelope(&session->base);
        answer(session, reply);
        return;
    }
    keep(session, reply);
    ask_with(session, SLI_EDGE_STEP_QUEUED, reply, queued_done);
}

static void finished(struct sli_edge_handoff *handoff, const char *id,
    const struct slimta_reply *refusal)
{
    struct sli_edge_smtp_session *session = session_of(handoff);
    struct slimta_reply *reply = &shard_of(session)->reply;

    session->is_refused = refusal != NULL;
    if (refusal != NULL) {
        ask_queued(session, refusal);
    } else if (sli_smtp_replies_set_queued(reply, id) == 0) {
        ask_queued(session, reply);
    } else {
        /* The queue has the message: the default says so without its name. */
        sli_edge_session_drop_envelope(&session->base);
        answer(session, NULL);
    }
    sli_edge_smtp_session_pump(session);
}

const struct sli_edge_handoff_handler sli_edge_smtp_events_handoff = {
    .begun = begun, .ready = ready, .finished = finished};
