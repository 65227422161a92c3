/**
 * Feeds a next hop's octets to the sending HTTP engine, whole and cut, and
 * demands the same events, and an outcome that is the right one. The first two
 * octets choose how much of the message was sent, and the cut.
 */
#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "http/client.h"
#include "http/verdict.h"
#include "mail/envelope.h"
#include "pieces.h"

enum { CHOICES = 2, BODY = 10, REQUESTS = 3 };

enum choice {
    IS_EARLY = 1, /* the body is not sent yet */
    CLOSES = 2,
    IS_SMALL = 4 /* little room for a head */
};

struct session {
    struct sli_http_client client;
    struct sli_http_fields fields;
    struct sli_buf output;
    struct sli_buf events;
    const struct slimta_alloc *alloc;
    const struct slimta_envelope *envelope;
    unsigned choices;
    unsigned requests;
    int is_owed; /* a reply */
    int is_closed;
    struct pieces pieces;
};

static void put_reply(struct session *session, const struct slimta_reply *reply)
{
    struct slimta_slice text = sli_mail_reply_text(reply);

    put_number(&session->events, (uint64_t)slimta_reply_code(reply));
    put(&session->events, text);
    for (size_t i = 0; i < text.size; i++) {
        demand(sli_ascii_is(text.data[i], SLI_ASCII_PRINT) ||
            text.data[i] == '\t');
    }
    demand(slimta_reply_code(reply) != 421);
}

static void read_recipients(struct session *session, struct slimta_slice list)
{
    struct slimta_reply reply;
    uint64_t index = 0;

    sli_mail_reply_init(&reply, session->alloc);
    while (sli_http_verdict_next(&list, &index, &reply)) {
        put_number(&session->events, index);
        put_reply(session, &reply);
        demand(slimta_reply_code(&reply) >= 400);
    }
    sli_mail_reply_fini(&reply);
}

static void tell(
    struct session *session, const struct sli_http_client_event *event)
{
    int is_early = (session->choices & IS_EARLY) != 0;

    put_number(&session->events, event->type);
    switch (event->type) {
    case SLI_HTTP_CLIENT_REPLY:
        demand(session->is_owed && !(is_early && event->is_accepted));
        demand(
            event->is_accepted == (slimta_reply_code(event->reply) / 100 == 2));
        session->is_owed = 0;
        put_reply(session, event->reply);
        read_recipients(session, event->recipients);
        break;
    case SLI_HTTP_CLIENT_CLOSE:
        session->is_closed = 1;
        put_number(&session->events, event->close.reason);
        demand(event->close.outcome ==
            (!session->is_owed ? SLI_HTTP_CLIENT_OUTCOME_NONE
                    : is_early ? SLI_HTTP_CLIENT_OUTCOME_NOT_TAKEN
                               : SLI_HTTP_CLIENT_OUTCOME_UNKNOWN));
        break;
    default:
        demand(!session->is_owed && !is_early);
        break;
    }
}

static void act(struct session *session)
{
    struct sli_http_posting posting = {
        .path = SLI_LITERAL("/"),
        .host = SLI_LITERAL("mx.example"),
        .ehlo = SLI_LITERAL("edge.example"),
        .envelope = session->envelope,
        .body_bytes = BODY,
        .closes = (session->choices & CLOSES) != 0,
    };
    uint64_t sent = (session->choices & IS_EARLY) != 0 ? BODY - 1 : BODY;

    if (session->requests < REQUESTS &&
        sli_http_client_post(&session->client, &posting) == 0) {
        sli_http_client_sent(&session->client, sent);
        session->requests++;
        session->is_owed = 1;
    }
}

static void pump(struct session *session)
{
    struct sli_http_client_event event;

    for (;;) {
        act(session);
        sli_http_client_next(&session->client, &event);
        if (event.type == SLI_HTTP_CLIENT_NONE || session->is_closed) {
            break;
        }
        tell(session, &event);
    }
    sli_http_client_park(&session->client);
    drop_piece(&session->pieces);
}

static void run(struct session *session, const struct slimta_alloc *alloc,
    unsigned choices, struct slimta_slice input, size_t piece)
{
    struct sli_http_client_config config = {.alloc = alloc, .head = {4096, 32}};
    const struct slimta_mail_params params = {.size = sizeof params};
    const struct sli_mail_facts facts = {
        .client = {.ehlo_as = "x", .protocol = "SMTP"}, .receiver = "y"};
    struct slimta_envelope *envelope = NULL;
    struct slimta_slice octets;

    if ((choices & IS_SMALL) != 0) {
        config.head = (struct sli_http_scan_limits){64, 3};
    }
    demand(sli_mail_envelope_new(&envelope, alloc, &facts,
               SLI_LITERAL("a@b.example"), &params) == 0);
    *session = (struct session){.choices = choices,
        .alloc = alloc,
        .envelope = envelope,
        .pieces = {.rest = input, .size = piece}};
    sli_buf_init(&session->output, alloc, SIZE_MAX);
    sli_buf_init(&session->events, alloc, SIZE_MAX);
    sli_http_fields_init(&session->fields, alloc);
    sli_http_client_init(
        &session->client, &config, &session->output, &session->fields);
    pump(session);
    while (take_piece(&session->pieces, &octets)) {
        sli_http_client_feed(&session->client, octets);
        pump(session);
    }
    sli_http_client_lost(&session->client, 0);
    pump(session);
    demand(session->is_closed);
    sli_http_client_fini(&session->client);
    sli_http_fields_fini(&session->fields);
    sli_buf_fini(&session->output);
    slimta_envelope_unref(envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_alloc alloc;
    struct session whole;
    struct session cut;
    struct slimta_slice input;

    if (size < CHOICES) {
        return 0;
    }
    demand(sli_alloc_init(&alloc, NULL) == 0);
    input = sli_slice(data + CHOICES, size - CHOICES);
    run(&whole, &alloc, data[0], input, SIZE_MAX);
    run(&cut, &alloc, data[0], input, (size_t)data[1] + 1);
    demand_same(&whole.events, &cut.events);
    sli_buf_fini(&whole.events);
    sli_buf_fini(&cut.events);
    return 0;
}
