/** What is told and counted of an SMTP session. */
#include "edge/smtp/tell.h"

#include "base/slice.h"
#include "edge/events.h"
#include "edge/smtp/ask.h"
#include "edge/smtp/session.h"

static struct sli_edge_shard *shard_of(
    const struct sli_edge_smtp_session *session)
{
    return sli_edge_session_shard(&session->base);
}

static uint64_t now_ms(const struct sli_edge_smtp_session *session)
{
    return sli_io_loop_now(shard_of(session)->loop);
}

static struct slimta_slice sender_of(
    const struct sli_edge_smtp_session *session)
{
    const struct slimta_envelope *envelope = session->base.envelope;

    return envelope == NULL ? SLI_LITERAL("")
                            : sli_slice_text(slimta_envelope_sender(envelope));
}

void sli_edge_smtp_tell_begin(struct sli_edge_smtp_session *session)
{
    const struct slimta_session *base = &session->base;

    session->tally.began_ms = now_ms(session);
    sli_edge_events_connect(shard_of(session), base->id,
        slimta_session_client(base), slimta_session_peer(base),
        slimta_session_local(base));
}

void sli_edge_smtp_tell_received(
    struct sli_edge_smtp_session *session, size_t size)
{
    session->tally.bytes_in += size;
    sli_edge_count(&shard_of(session)->counters, SLI_EDGE_COUNT_BYTES_IN, size);
}

void sli_edge_smtp_tell_commands(struct sli_edge_smtp_session *session)
{
    uint64_t commands = sli_smtp_server_commands(&session->engine);

    sli_edge_count(&shard_of(session)->counters, SLI_EDGE_COUNT_COMMANDS,
        commands - session->tally.commands);
    session->tally.commands = commands;
}

void sli_edge_smtp_tell_sent(struct sli_edge_smtp_session *session, size_t size)
{
    session->tally.bytes_out += size;
    sli_edge_count(
        &shard_of(session)->counters, SLI_EDGE_COUNT_BYTES_OUT, size);
}

void sli_edge_smtp_tell_tls(struct sli_edge_smtp_session *session)
{
    sli_edge_events_tls(shard_of(session), session->base.id, session->base.tls);
}

void sli_edge_smtp_tell_tls_failed(
    struct sli_edge_smtp_session *session, const char *reason)
{
    sli_edge_events_tls_failed(shard_of(session), session->base.id, reason);
}

void sli_edge_smtp_tell_discarded(
    struct sli_edge_smtp_session *session, size_t size)
{
    sli_edge_events_tls_discarded(shard_of(session), session->base.id, size);
}

void sli_edge_smtp_tell_data(struct sli_edge_smtp_session *session)
{
    session->tally.message_ms = now_ms(session);
    session->tally.message_bytes = 0;
    session->tally.has_message = 1;
}

void sli_edge_smtp_tell_content(
    struct sli_edge_smtp_session *session, size_t size)
{
    session->tally.message_bytes += size;
}

static void tell_message(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    const struct sli_edge_message_facts facts = {
        .sender = sender_of(session),
        .recipients = session->engine.transaction.recipients,
        .bytes = session->engine.transaction.size,
        .queue_id = session->base.results == NULL
            ? NULL
            : sli_edge_results_name(session->base.results),
        .took_ms = now_ms(session) - session->tally.message_ms,
    };

    session->tally.has_message = 0;
    if (reply == NULL || slimta_reply_code(reply) < 400) {
        session->tally.messages++;
    }
    sli_edge_events_message(shard_of(session), session->base.id, &facts, reply);
}

/* A question without an event of its own is told when it is refused. */
static void tell_rest(struct sli_edge_smtp_session *session,
    const struct sli_smtp_event *event, const struct slimta_reply *reply)
{
    static const char *const verbs[] = {
        [SLI_SMTP_EVENT_BANNER] = "connect",
        [SLI_SMTP_EVENT_EHLO] = "EHLO",
        [SLI_SMTP_EVENT_DATA] = "DATA",
        [SLI_SMTP_EVENT_CHUNKS] = "BDAT",
        [SLI_SMTP_EVENT_RSET] = "RSET",
        [SLI_SMTP_EVENT_NOOP] = "NOOP",
        [SLI_SMTP_EVENT_QUIT] = "QUIT",
        [SLI_SMTP_EVENT_STARTTLS] = "STARTTLS",
        [SLI_SMTP_EVENT_XCLIENT] = "XCLIENT",
        [SLI_SMTP_EVENT_XFORWARD] = "XFORWARD",
        [SLI_SMTP_EVENT_COMMAND] = "",
    };

    if (reply != NULL && slimta_reply_code(reply) >= 400) {
        sli_edge_events_reject(shard_of(session), session->base.id,
            event->type == SLI_SMTP_EVENT_COMMAND
                ? event->command.verb
                : sli_slice_text(verbs[event->type]),
            reply);
    }
}

static const char *greeting_of(const struct sli_edge_smtp_session *session,
    const struct sli_smtp_event *event)
{
    if (session->edge->smtp.dialect == SLIMTA_DIALECT_LMTP) {
        return "LHLO";
    }
    return event->greeting.extended ? "EHLO" : "HELO";
}

static void tell_greeting(struct sli_edge_smtp_session *session,
    const struct sli_smtp_event *event, const struct slimta_reply *reply)
{
    if (reply != NULL && slimta_reply_code(reply) >= 400) {
        tell_rest(session, event, reply);
    } else {
        sli_edge_events_ehlo(shard_of(session), session->base.id,
            greeting_of(session, event), event->greeting.name);
    }
}

static int is_end(const struct sli_smtp_event *event)
{
    return event->type == SLI_SMTP_EVENT_END ||
        event->type == SLI_SMTP_EVENT_CHUNK;
}

/* The default of a question is a success but for these. */
static int has_refusal(const struct sli_smtp_event *event)
{
    return event->type == SLI_SMTP_EVENT_COMMAND ||
        (is_end(event) && event->end.is_refused);
}

/* A chunk that is not the last ends the message only with a refusal. */
static void tell_chunk(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    if (reply != NULL && slimta_reply_code(reply) >= 400) {
        tell_message(session, reply);
    }
}

static void tell(struct sli_edge_smtp_session *session,
    const struct sli_smtp_event *event, const struct slimta_reply *reply)
{
    struct sli_edge_shard *shard = shard_of(session);
    uint64_t id = session->base.id;

    switch (event->type) {
    case SLI_SMTP_EVENT_NONE:
    case SLI_SMTP_EVENT_AUTH: /* what comes of it is told where it is known */
    case SLI_SMTP_EVENT_AUTH_ANSWER:
        break;
    case SLI_SMTP_EVENT_EHLO:
        tell_greeting(session, event, reply);
        break;
    case SLI_SMTP_EVENT_MAIL:
        sli_edge_events_mail(shard, id, event->mail.path.mailbox, reply);
        break;
    case SLI_SMTP_EVENT_RCPT:
        sli_edge_events_rcpt(shard, id, event->rcpt.path.mailbox, reply);
        break;
    case SLI_SMTP_EVENT_CHUNK:
        tell_chunk(session, reply);
        break;
    case SLI_SMTP_EVENT_END:
        tell_message(session, reply);
        break;
    default:
        tell_rest(session, event, reply);
        break;
    }
}

/* The command is only read again when somebody wants to hear of it. */
static void look(
    struct sli_edge_smtp_session *session, struct sli_smtp_event *event)
{
    *event = (struct sli_smtp_event){.type = session->engine.question};
    if (session->edge->edge.events.tell != NULL || is_end(event)) {
        sli_edge_smtp_ask_question(session, event);
    }
}

void sli_edge_smtp_tell_answer(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    struct sli_edge_shard *shard = shard_of(session);
    struct sli_smtp_event event;

    look(session, &event);
    if (reply == NULL && has_refusal(&event) &&
        sli_smtp_server_default(&session->engine, &shard->reply) == 0) {
        reply = &shard->reply;
    }
    tell(session, &event, reply);
}

void sli_edge_smtp_tell_refused(struct sli_edge_smtp_session *session,
    const char *verb, int code, const char *text)
{
    struct sli_edge_shard *shard = shard_of(session);

    sli_edge_events_reject(shard, session->base.id, sli_slice_text(verb),
        sli_edge_shard_reply(shard, code, text));
}

void sli_edge_smtp_tell_aborted(struct sli_edge_smtp_session *session)
{
    if (session->tally.has_message) {
        session->tally.has_message = 0;
        sli_edge_events_aborted(shard_of(session), session->base.id,
            sender_of(session), session->tally.message_bytes,
            session->base.reason);
    }
}

void sli_edge_smtp_tell_memory(
    struct sli_edge_smtp_session *session, const char *where)
{
    sli_edge_events_memory(shard_of(session), session->base.id, where);
}

void sli_edge_smtp_tell_limit(
    struct sli_edge_smtp_session *session, const char *limit, uint64_t value)
{
    sli_edge_events_limit(shard_of(session), session->base.id, limit, value);
}

void sli_edge_smtp_tell_closed(struct sli_edge_smtp_session *session)
{
    const struct sli_edge_smtp_tally *tally = &session->tally;
    const struct sli_edge_closed_facts facts = {
        .reason = session->base.reason,
        .messages = tally->messages,
        .bytes_in = tally->bytes_in,
        .bytes_out = tally->bytes_out,
        .took_ms = now_ms(session) - tally->began_ms,
    };

    sli_edge_events_closed(shard_of(session), session->base.id, &facts);
}
