/** What an SMTP session does about each event of its engine: it asks the
 * validators, then acts, then answers. */
#include "edge/smtp/events.h"

#include <string.h>

#include "base/slice.h"
#include "edge/ask.h"
#include "edge/exchange.h"
#include "edge/message.h"
#include "edge/smtp/ask.h"
#include "edge/smtp/auth.h"
#include "edge/smtp/lmtp.h"
#include "edge/smtp/message.h"
#include "edge/smtp/offer.h"
#include "edge/smtp/tell.h"
#include "edge/smtp/tls.h"
#include "edge/smtp/xclient.h"
#include "mail/envelope.h"
#include "smtp/extensions.h"

/* The beginning: `connect`, then `banner` */

static void connect_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    if (!sli_edge_ask_is_yes(reply) ||
        !sli_edge_ask_has(&session->base, SLI_EDGE_STEP_BANNER)) {
        sli_edge_smtp_ask_answer(session, reply);
    } else if (reply != NULL) {
        sli_edge_ask(&session->base, SLI_EDGE_STEP_BANNER, reply,
            sli_edge_smtp_ask_answer_done);
    } else {
        sli_edge_smtp_ask(
            session, SLI_EDGE_STEP_BANNER, sli_edge_smtp_ask_answer_done);
    }
}

static void on_banner(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(session, SLI_EDGE_STEP_CONNECT, connect_done);
}

/* EHLO and HELO, then `extensions` */

static void extensions_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    sli_smtp_server_offer(&session->engine, session->extensions);
    sli_edge_smtp_ask_answer(
        session, reply != NULL ? reply : session->base.kept);
    sli_edge_ask_drop_kept(&session->base);
    sli_edge_smtp_ask_drop_extensions(session);
}

static void ask_extensions(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    if (sli_smtp_extensions_new(&session->extensions,
            sli_edge_smtp_session_alloc(session), &session->engine) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
        return;
    }
    sli_edge_ask_keep(&session->base, reply);
    if (reply != NULL) {
        sli_edge_ask(
            &session->base, SLI_EDGE_STEP_EXTENSIONS, reply, extensions_done);
    } else {
        sli_edge_smtp_ask(session, SLI_EDGE_STEP_EXTENSIONS, extensions_done);
    }
}

static void greeting_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);
    struct sli_smtp_event event;

    sli_edge_smtp_ask_question(session, &event);
    if (sli_edge_ask_is_yes(reply) &&
        sli_edge_session_set_ehlo(base, event.greeting.name) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    } else if (sli_edge_ask_is_yes(reply) && event.greeting.extended &&
        sli_edge_ask_has(&session->base, SLI_EDGE_STEP_EXTENSIONS)) {
        ask_extensions(session, reply);
    } else {
        sli_edge_smtp_ask_answer(session, reply);
    }
}

static void on_ehlo(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    sli_edge_smtp_offer_renew(session);
    sli_edge_smtp_ask(session,
        event->greeting.extended ? SLI_EDGE_STEP_EHLO : SLI_EDGE_STEP_HELO,
        greeting_done);
}

/* The envelope */

static int make_envelope(struct sli_edge_smtp_session *session)
{
    struct slimta_session *base = &session->base;
    const struct sli_mail_facts facts = {
        .client = sli_edge_session_facts(base),
        .receiver = session->edge->edge.hostname,
    };
    struct sli_smtp_event event;

    sli_edge_smtp_ask_question(session, &event);
    return sli_mail_envelope_new(&base->envelope,
        sli_edge_smtp_session_alloc(session), &facts, event.mail.path.mailbox,
        &event.mail.params);
}

static void mail_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    if (!sli_edge_ask_is_yes(reply)) {
        sli_edge_smtp_ask_answer(session, reply);
    } else if (make_envelope(session) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    } else if (sli_edge_handoff_wants_early(&session->base.handoff)) {
        sli_edge_message_open(base, reply);
    } else {
        sli_edge_smtp_ask_answer(session, reply);
    }
}

static void on_mail(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(session, SLI_EDGE_STEP_MAIL, mail_done);
}

static int add_recipient(struct sli_edge_smtp_session *session)
{
    struct sli_smtp_event event;

    sli_edge_smtp_ask_question(session, &event);
    return sli_mail_envelope_add_recipient(
        session->base.envelope, event.rcpt.path.mailbox, &event.rcpt.params);
}

/* The recipient that the engine asks about, its address in the shard's scratch;
 * the other texts are the engine's. */
static struct slimta_recipient asked_recipient(
    struct sli_edge_smtp_session *session)
{
    char *at = sli_edge_session_shard(&session->base)->text;
    struct slimta_recipient recipient;
    struct sli_smtp_event event;

    sli_edge_smtp_ask_question(session, &event);
    recipient = event.rcpt.params;
    recipient.address = sli_slice_put_text(&at, event.rcpt.path.mailbox);
    return recipient;
}

static void rcpt_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    if (!sli_edge_ask_is_yes(reply)) {
        sli_edge_smtp_ask_answer(session, reply);
    } else if (sli_edge_handoff_wants_early(&session->base.handoff)) {
        struct slimta_recipient recipient = asked_recipient(session);

        sli_edge_message_list(base, &recipient, reply);
    } else if (add_recipient(session) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    } else {
        sli_edge_smtp_ask_answer(session, reply);
    }
}

static void on_rcpt(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(session, SLI_EDGE_STEP_RCPT, rcpt_done);
}

static void on_refused(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    sli_edge_smtp_tell_refused(
        session, event->refused.verb, event->refused.code, event->refused.text);
}

static void on_reset(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_tell_aborted(session);
    sli_edge_message_drop(&session->base);
}

/* Commands that only say something */

static void on_rset(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(
        session, SLI_EDGE_STEP_RSET, sli_edge_smtp_ask_answer_done);
}

static void on_noop(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(
        session, SLI_EDGE_STEP_NOOP, sli_edge_smtp_ask_answer_done);
}

static void on_quit(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(
        session, SLI_EDGE_STEP_QUIT, sli_edge_smtp_ask_answer_done);
}

/* 3xx would promise something that only the engine can keep. */
static void command_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    int is_3xx = reply != NULL && slimta_reply_code(reply) / 100 == 3;

    sli_edge_smtp_ask_answer(
        sli_edge_smtp_session_of(base), is_3xx ? NULL : reply);
}

static void on_command(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(session, SLI_EDGE_STEP_COMMAND, command_done);
}

/* What the engine could not go on with. */
static void tell_close(
    struct sli_edge_smtp_session *session, enum sli_smtp_close why)
{
    if (why == SLI_SMTP_CLOSE_ERRORS) {
        sli_edge_smtp_tell_limit(
            session, "max_errors", session->edge->smtp.max_errors);
    } else if (why == SLI_SMTP_CLOSE_COMMANDS) {
        sli_edge_smtp_tell_limit(session, "max_idle_commands",
            session->edge->smtp.max_idle_commands);
    } else if (why == SLI_SMTP_CLOSE_MEMORY) {
        sli_edge_smtp_tell_memory(session, "command");
    }
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
        [SLI_SMTP_CLOSE_COMMANDS] = SLIMTA_CLOSED_LIMIT,
        [SLI_SMTP_CLOSE_CHUNK] = SLIMTA_CLOSED_REPLY,
        [SLI_SMTP_CLOSE_MEMORY] = SLIMTA_CLOSED_FAILURE,
    };

    /* Whoever terminated it has said why. */
    if (event->close != SLI_SMTP_CLOSE_TERMINATED) {
        session->base.reason = reasons[event->close];
    }
    tell_close(session, event->close);
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
    [SLI_SMTP_EVENT_DATA] = sli_edge_smtp_message_on_data,
    [SLI_SMTP_EVENT_CHUNKS] = sli_edge_smtp_message_on_data,
    [SLI_SMTP_EVENT_CHUNK] = sli_edge_smtp_message_on_chunk,
    [SLI_SMTP_EVENT_END] = sli_edge_smtp_message_on_end,
    [SLI_SMTP_EVENT_RSET] = on_rset,
    [SLI_SMTP_EVENT_NOOP] = on_noop,
    [SLI_SMTP_EVENT_QUIT] = on_quit,
    [SLI_SMTP_EVENT_STARTTLS] = sli_edge_smtp_tls_on_starttls,
    [SLI_SMTP_EVENT_AUTH] = sli_edge_smtp_auth_on_auth,
    [SLI_SMTP_EVENT_AUTH_ANSWER] = sli_edge_smtp_auth_on_answer,
    [SLI_SMTP_EVENT_XCLIENT] = sli_edge_smtp_xclient_on_xclient,
    [SLI_SMTP_EVENT_XFORWARD] = sli_edge_smtp_xclient_on_xforward,
    [SLI_SMTP_EVENT_COMMAND] = on_command,
    [SLI_SMTP_EVENT_CONTENT] = sli_edge_smtp_message_on_content,
    [SLI_SMTP_EVENT_REFUSED] = on_refused,
    [SLI_SMTP_EVENT_AUTH_GIVEN_UP] = sli_edge_smtp_auth_on_given_up,
    [SLI_SMTP_EVENT_RESET] = on_reset,
    [SLI_SMTP_EVENT_START_TLS] = sli_edge_smtp_tls_on_start_tls,
    [SLI_SMTP_EVENT_CLOSE] = on_close,
};

void sli_edge_smtp_events_act(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    session->event = event;
    actions[event->type](session, event);
    session->event = NULL;
}

/* What validators are told */

static void fill_command(
    struct sli_edge_smtp_session *session, struct sli_edge_arguments *arguments)
{
    struct sli_smtp_event event;
    /* The words fit, being parts of one command. */
    char *at = sli_edge_session_shard(&session->base)->text;

    sli_edge_smtp_ask_question(session, &event);
    switch (event.type) {
    case SLI_SMTP_EVENT_EHLO:
        arguments->text = sli_slice_put_text(&at, event.greeting.name);
        break;
    case SLI_SMTP_EVENT_MAIL:
        arguments->text = sli_slice_put_text(&at, event.mail.path.mailbox);
        arguments->params = event.mail.params;
        break;
    case SLI_SMTP_EVENT_RCPT:
        arguments->recipient = event.rcpt.params;
        arguments->recipient.address =
            sli_slice_put_text(&at, event.rcpt.path.mailbox);
        break;
    case SLI_SMTP_EVENT_COMMAND:
        arguments->text = sli_slice_put_text(&at, event.command.verb);
        arguments->more = sli_slice_put_text(&at, event.command.argument);
        break;
    default:
        break;
    }
}

static void fill_arguments(struct slimta_session *base, enum sli_edge_step step,
    struct sli_edge_arguments *arguments)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    arguments->octets = session->base.octets;
    arguments->extensions = session->extensions;
    arguments->results = session->base.results;
    if (step == SLI_EDGE_STEP_AUTH || step == SLI_EDGE_STEP_SECRET) {
        sli_edge_exchange_fill(base, step, arguments);
    } else if (step != SLI_EDGE_STEP_CHUNK && step != SLI_EDGE_STEP_TLS) {
        fill_command(session, arguments); /* those two answer no command */
    }
}

static void lent(struct slimta_session *base, struct slimta_results *results,
    struct slimta_extensions *extensions)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    session->base.results = results;
    session->extensions = extensions;
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

static void wait(struct slimta_session *base, uint64_t time_ms)
{
    sli_edge_smtp_session_wait(sli_edge_smtp_session_of(base), time_ms);
}

static void terminate(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    base->reason = SLIMTA_CLOSED_REPLY;
    sli_smtp_server_terminate_with(
        &sli_edge_smtp_session_of(base)->engine, reply);
}

static void out_of_memory(struct slimta_session *base)
{
    sli_edge_smtp_ask_out_of_memory(sli_edge_smtp_session_of(base));
}

static void heard(struct slimta_session *base)
{
    sli_edge_smtp_lmtp_part(sli_edge_smtp_session_of(base));
}

static void answer(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    sli_edge_smtp_lmtp_answer(sli_edge_smtp_session_of(base), reply);
}

const struct sli_edge_session_kind sli_edge_smtp_events_kind = {
    .arguments = fill_arguments,
    .lent = lent,
    .go_on = sli_edge_smtp_message_go_on,
    .protocol = protocol,
    .is_extended = is_extended,
    .wait = wait,
    .answer = answer,
    .heard = heard,
    .terminate = terminate,
    .out_of_memory = out_of_memory,
    .opened = sli_edge_smtp_message_early_answer,
    .listed = sli_edge_smtp_message_early_answer,
    .begun = sli_edge_smtp_message_begun,
    .is_receiving = sli_edge_smtp_message_is_receiving,
    .say_queued = sli_edge_smtp_message_say_queued,
    .proved = sli_edge_smtp_message_early_answer,
    .challenge = sli_edge_smtp_auth_challenge,
};
