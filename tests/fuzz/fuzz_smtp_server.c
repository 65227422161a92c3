/**
 * Feeds a client's octets to the receiving engine, whole and cut, and demands
 * the same replies and the same events. The first three octets choose limits,
 * cut and answers. The octet 22, with which the records of a handshake begin,
 * stands for a whole one.
 */
#include "base/alloc.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "pieces.h"
#include "smtp/server.h"

enum { CHOICES = 3, HANDSHAKE = 22 };

struct session {
    struct sli_smtp_server server;
    struct sli_buf output;
    struct sli_buf events;
    const struct slimta_alloc *alloc;
    uint32_t answers; /* what chooses the next answers */
    int is_late;      /* they come when the input is gone */
    int is_weak;      /* what TLS comes to is refused */
    int is_closed;
    struct pieces pieces;
};

/* Runs of content are not parted; everything else begins with its type. */
static void tell(struct session *session, const struct sli_smtp_event *event)
{
    struct sli_buf *events = &session->events;

    if (event->type != SLI_SMTP_EVENT_CONTENT) {
        put_number(events, event->type);
    }
    switch (event->type) {
    case SLI_SMTP_EVENT_EHLO:
        put_number(events, (uint64_t)event->greeting.extended);
        put(events, event->greeting.name);
        break;
    case SLI_SMTP_EVENT_MAIL:
        put(events, event->mail.path.mailbox);
        put_number(events, event->mail.params.size_bytes);
        put_number(events, event->mail.params.body);
        put_number(events, (uint64_t)event->mail.params.smtputf8);
        put(events, sli_slice_text(event->mail.params.auth));
        put(events, sli_slice_text(event->mail.params.envid));
        put_number(events, event->mail.params.ret);
        put_number(events, (uint64_t)event->mail.params.by_seconds);
        put_number(events, (uint64_t)event->mail.params.priority);
        put_number(events, (uint64_t)event->mail.params.hold_until_ms);
        break;
    case SLI_SMTP_EVENT_RCPT:
        put(events, event->rcpt.path.mailbox);
        put_number(events, event->rcpt.params.notify);
        put(events, sli_slice_text(event->rcpt.params.orcpt_type));
        put(events, sli_slice_text(event->rcpt.params.orcpt));
        break;
    case SLI_SMTP_EVENT_XCLIENT:
    case SLI_SMTP_EVENT_XFORWARD:
        put_number(events, event->peer.said);
        put(events, sli_slice(event->peer.client.ip, 16));
        put(events, sli_slice_text(event->peer.name));
        put(events, sli_slice_text(event->peer.helo));
        put(events, sli_slice_text(event->peer.login));
        break;
    case SLI_SMTP_EVENT_CONTENT:
        demand(event->content.size > 0);
        put(events, event->content);
        break;
    case SLI_SMTP_EVENT_AUTH:
        put(events, sli_slice_text(event->auth.mechanism));
        put_number(events, (uint64_t)event->auth.has_initial);
        put(events, event->auth.initial);
        break;
    case SLI_SMTP_EVENT_AUTH_ANSWER:
        put(events, event->auth_answer);
        break;
    case SLI_SMTP_EVENT_AUTH_GIVEN_UP:
        put_number(events, (uint64_t)event->given_up.code);
        break;
    case SLI_SMTP_EVENT_CHUNK:
    case SLI_SMTP_EVENT_END:
        put_number(events, event->end.size);
        put_number(events, (uint64_t)event->end.is_refused);
        break;
    case SLI_SMTP_EVENT_COMMAND:
        put(events, event->command.verb);
        put(events, event->command.argument);
        break;
    case SLI_SMTP_EVENT_REFUSED:
        demand(event->refused.code >= 400);
        put(events, sli_slice_text(event->refused.verb));
        put_number(events, (uint64_t)event->refused.code);
        break;
    case SLI_SMTP_EVENT_CLOSE:
        put_number(events, event->close);
        break;
    default:
        break;
    }
}

static void park(struct session *session)
{
    demand(sli_smtp_server_park(&session->server) == 0);
    drop_piece(&session->pieces);
}

static void reply_with(struct session *session, int code, const char *text)
{
    struct slimta_reply reply;

    sli_mail_reply_init(&reply, session->alloc);
    demand(sli_smtp_server_default(&session->server, &reply) == 0);
    demand(slimta_reply_set(&reply, code, text) == 0);
    demand(sli_smtp_server_answer(&session->server, &reply) == 0);
    sli_mail_reply_fini(&reply);
}

/* Mostly the exchange goes on. */
static void go_on_with_auth(struct session *session, size_t pick)
{
    if (pick < 64) {
        demand(sli_smtp_server_answer(&session->server, NULL) == 0);
    } else if (pick < 128) {
        reply_with(session, 235, "2.7.0 Welcome");
    } else {
        demand(sli_smtp_server_challenge(
                   &session->server, sli_slice("challenge", pick % 10)) == 0);
    }
}

/* Mostly the default, now and then something else. */
static void give_answer(
    struct session *session, enum sli_smtp_event_type question)
{
    static const struct {
        int code;
        const char *text;
    } answers[] = {{250, "2.1.0 Fine"}, {450, "4.7.1 Later"}, {550, "No\nNo"},
        {354, "Go on"}, {251, "2.1.5 Forwarded"}, {421, "4.3.2 Away"}};
    size_t pick;

    session->answers = session->answers * UINT32_C(1664525) + 1013904223;
    pick = session->answers >> 24;
    if (session->is_late) {
        park(session);
    }
    if (pick < sizeof answers / sizeof *answers) {
        reply_with(session, answers[pick].code, answers[pick].text);
    } else if (question == SLI_SMTP_EVENT_AUTH ||
        question == SLI_SMTP_EVENT_AUTH_ANSWER) {
        go_on_with_auth(session, pick);
    } else {
        demand(sli_smtp_server_answer(&session->server, NULL) == 0);
    }
}

static void pump(struct session *session)
{
    struct sli_smtp_event event;

    while (!session->is_closed) {
        sli_smtp_server_next(&session->server, &event);
        if (event.type == SLI_SMTP_EVENT_NONE) {
            break;
        }
        demand(event.type != SLI_SMTP_EVENT_WAIT);
        tell(session, &event);
        session->is_closed = event.type == SLI_SMTP_EVENT_CLOSE;
        if (sli_smtp_server_is_waiting(&session->server)) {
            give_answer(session, event.type);
        }
    }
    park(session);
}

/* What the owner does after a handshake, where one is due. */
static void secure(struct session *session)
{
    struct slimta_reply reply;

    if (sli_smtp_server_secured(&session->server) != 0) {
        return;
    }
    sli_smtp_server_set_mechanisms(
        &session->server, "PLAIN LOGIN CRAM-MD5", NULL);
    if (session->is_weak) {
        sli_mail_reply_init(&reply, session->alloc);
        demand(slimta_reply_set(&reply, 554, "5.7.0 Weak") == 0);
        demand(sli_smtp_server_refuse_all(&session->server, &reply) == 0);
        sli_mail_reply_fini(&reply);
    }
    pump(session);
}

static void feed(struct session *session, struct slimta_slice input)
{
    struct slimta_slice octets;

    session->pieces.rest = input;
    while (!session->is_closed && take_piece(&session->pieces, &octets)) {
        demand(sli_smtp_server_feed(&session->server, octets) == 0);
        pump(session);
    }
}

/* No piece goes past a handshake. */
static void play(
    struct session *session, struct slimta_slice input, size_t piece)
{
    const char *handshake;

    session->pieces.size = piece;
    pump(session);
    for (;;) {
        handshake =
            input.size == 0 ? NULL : memchr(input.data, HANDSHAKE, input.size);
        if (handshake == NULL) {
            break;
        }
        feed(session, sli_slice(input.data, (size_t)(handshake - input.data)));
        secure(session);
        input = sli_slice_skip(input, (size_t)(handshake - input.data) + 1);
    }
    feed(session, input);
    sli_smtp_server_end_input(&session->server);
    pump(session);
    demand(session->is_closed);
}

/* RFC 5321 sections 4.2 and 4.5.3.1.5: short lines of printable ASCII. */
static void check_output(struct slimta_slice output)
{
    size_t column = 0;

    for (size_t i = 0; i < output.size; i++) {
        unsigned char octet = (unsigned char)output.data[i];

        column++;
        demand(column <= 512);
        demand((octet >= 32 && octet < 127) || octet == '\t' || octet == '\r' ||
            octet == '\n');
        if (octet == '\n') {
            demand(column >= 6 && output.data[i - 1] == '\r');
            column = 0;
        }
    }
    demand(column == 0);
}

static void start(struct session *session, const struct sli_smtp_config *config,
    uint32_t answers)
{
    *session = (struct session){.alloc = config->alloc, .answers = answers};
    sli_buf_init(&session->output, config->alloc, SIZE_MAX);
    sli_buf_init(&session->events, config->alloc, SIZE_MAX);
    sli_smtp_server_init(&session->server, config, &session->output);
    sli_smtp_server_set_mechanisms(
        &session->server, "CRAM-MD5", "PLAIN CRAM-MD5");
    sli_smtp_server_set_capabilities(
        &session->server, (answers & 2) != 0 ? UINT64_MAX : 0);
    sli_smtp_server_set_now(&session->server, INT64_C(1795348800000));
    if ((answers & 8) != 0) {
        sli_smtp_server_trust_peer(&session->server);
    }
    session->is_weak = (answers & 1) != 0;
}

static void stop(struct session *session)
{
    sli_smtp_server_fini(&session->server);
    sli_buf_fini(&session->output);
    sli_buf_fini(&session->events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_alloc alloc;
    struct sli_smtp_config config = {
        .alloc = &alloc,
        .hostname = "mx.example",
        .max_command_bytes = 512,
        .max_ehlo_bytes = 255,
    };
    struct session whole;
    struct session cut;

    if (size < CHOICES || sli_alloc_init(&alloc, NULL) != 0) {
        return 0;
    }
    config.bare_newlines = (enum slimta_bare_newlines)(data[0] % 3);
    config.max_message_bytes = (data[0] & 64) != 0 ? SLIMTA_UNLIMITED : 40;
    config.max_recipients = 2;
    config.max_auth_bytes = 64;
    config.tls = (enum sli_smtp_tls)(data[0] >> 3 & 3);
    config.max_received = (data[0] & 32) != 0 ? 1 : 0;
    config.max_line_bytes = (data[0] & 16) != 0 ? 8 : SLIMTA_UNLIMITED;
    config.dialect = (data[2] & 4) != 0 && (data[2] & 64) != 0
        ? SLIMTA_DIALECT_LMTP
        : SLIMTA_DIALECT_SMTP;
    config.min_by_seconds = 10;
    config.max_hold_seconds = 3600;
    config.max_errors = (data[0] & 128) != 0 ? SLIMTA_UNLIMITED : 6;
    start(&whole, &config, data[2]);
    start(&cut, &config, data[2]);
    cut.is_late = data[1] & 1;
    play(&whole, sli_slice(data + CHOICES, size - CHOICES), SIZE_MAX);
    play(&cut, sli_slice(data + CHOICES, size - CHOICES),
        1 + (size_t)data[1] / 2);
    check_output(sli_buf_slice(&whole.output));
    demand_same(&whole.output, &cut.output);
    demand_same(&whole.events, &cut.events);
    stop(&whole);
    stop(&cut);
    return 0;
}
