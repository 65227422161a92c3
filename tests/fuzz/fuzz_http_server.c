/**
 * Feeds a client's octets to the receiving HTTP engine, whole and cut, and
 * demands the same responses and the same events. The first three octets choose
 * limits, cut and answers.
 */
#include "base/alloc.h"
#include "base/slice.h"
#include "http/server.h"
#include "pieces.h"

enum { CHOICES = 3 };

enum choice {
    IS_LATE = 1, /* answers come when the input is gone */
    CLOSES = 2,
    IS_SMALL = 4, /* little room for a head */
    IS_EARLY = 8, /* some requests are answered before their body */
    ENDS = 16,    /* the client shuts down its side */
    DRAINS = 32   /* the request after the first ones is not wanted */
};

struct session {
    struct sli_http_server server;
    struct sli_http_fields fields;
    struct sli_buf output;
    struct sli_buf said;   /* what was sent but for each 100 */
    struct sli_buf events; /* what was told */
    unsigned choices;
    uint32_t answers; /* what chooses the next answers */
    int is_open;      /* HEAD was told and nothing was answered */
    int is_closed;
    struct pieces pieces;
};

static void tell_head(
    struct session *session, const struct sli_http_event *event)
{
    const struct sli_http_request *request = &event->head.request;
    struct sli_buf *events = &session->events;

    demand(request->method.size > 0 && request->target.size > 0);
    put(events, request->method);
    put(events, request->target);
    put_number(events, request->framing);
    put_number(events, request->body_bytes);
    for (size_t i = 0; i < request->field_count; i++) {
        struct slimta_slice value = request->fields[i].value;

        demand(request->fields[i].name.size > 0);
        demand(value.size == 0 ||
            (memchr(value.data, '\n', value.size) == NULL &&
                memchr(value.data, '\0', value.size) == NULL));
        put(events, request->fields[i].name);
        put(events, sli_slice(":", 1));
        put(events, value);
    }
}

/* Runs of content are not parted; everything else begins with its type. */
static void tell(struct session *session, const struct sli_http_event *event)
{
    struct sli_buf *events = &session->events;

    if (event->type != SLI_HTTP_EVENT_CONTENT) {
        put_number(events, event->type);
    }
    switch (event->type) {
    case SLI_HTTP_EVENT_HEAD:
        demand(!session->is_open);
        session->is_open = 1;
        tell_head(session, event);
        break;
    case SLI_HTTP_EVENT_CONTENT:
        demand(session->is_open && event->content.size > 0);
        put(events, event->content);
        break;
    case SLI_HTTP_EVENT_END:
        demand(session->is_open);
        break;
    case SLI_HTTP_EVENT_ABORTED:
        demand(session->is_open);
        session->is_open = 0;
        break;
    case SLI_HTTP_EVENT_REFUSED:
        demand(!session->is_open);
        put_number(events, event->refused);
        break;
    case SLI_HTTP_EVENT_CLOSE:
        demand(!session->is_open);
        put_number(events, event->close);
        break;
    default:
        break;
    }
}

static void park(struct session *session)
{
    demand(sli_http_server_park(&session->server) == 0);
    drop_piece(&session->pieces);
}

/* Whether a 100 is said depends on when the body comes. */
static void keep_output(struct session *session)
{
    struct slimta_slice said = sli_buf_slice(&session->output);

    if (!sli_slice_is(said, SLI_LITERAL("HTTP/1.1 100 Continue\r\n\r\n"))) {
        put(&session->said, said);
    }
    sli_buf_clear(&session->output);
}

static void give_answer(
    struct session *session, enum sli_http_event_type question)
{
    static const struct sli_http_field field = {
        {"Content-Length", 14}, {"4", 1}};
    const struct sli_http_response response = {.status = 200,
        .fields = &field,
        .field_count = 1,
        .body = SLI_LITERAL("body")};

    session->answers = session->answers * UINT32_C(1664525) + 1013904223;
    if (session->choices & IS_LATE) {
        struct sli_http_event again;

        park(session);
        sli_http_server_asked(&session->server, &again);
        demand(again.type == question);
    }
    if (question == SLI_HTTP_EVENT_HEAD &&
        (!(session->choices & IS_EARLY) || session->answers >> 31 == 0)) {
        demand(sli_http_server_continue(&session->server) == 0);
    } else {
        demand(sli_http_server_respond(&session->server, &response) == 0);
        session->is_open = 0;
    }
    keep_output(session);
}

static void pump(struct session *session)
{
    struct sli_http_event event;

    while (!session->is_closed) {
        sli_http_server_next(&session->server, &event);
        if (event.type == SLI_HTTP_EVENT_NONE) {
            break;
        }
        demand(event.type != SLI_HTTP_EVENT_WAIT);
        tell(session, &event);
        session->is_closed = event.type == SLI_HTTP_EVENT_CLOSE;
        if (event.type == SLI_HTTP_EVENT_HEAD ||
            event.type == SLI_HTTP_EVENT_END ||
            event.type == SLI_HTTP_EVENT_REFUSED) {
            give_answer(session, event.type);
        }
    }
    park(session);
}

static void play(struct session *session)
{
    struct slimta_slice octets;

    while (!session->is_closed && take_piece(&session->pieces, &octets)) {
        demand(sli_http_server_feed(&session->server, octets) == 0);
        pump(session);
    }
    if (session->choices & DRAINS) {
        sli_http_server_drain(&session->server);
        pump(session);
    }
    if (session->choices & ENDS) {
        sli_http_server_end_input(&session->server);
        pump(session);
        demand(session->is_closed);
    }
}

static void run(struct session *session, const uint8_t *data,
    struct slimta_slice input, size_t piece, const struct slimta_alloc *alloc)
{
    struct sli_http_config config = {
        .alloc = alloc, .head = {16384, 64}, .closes = data[1] & CLOSES};

    *session = (struct session){.choices = data[1],
        .answers = data[2],
        .pieces = {.rest = input, .size = piece}};
    if (data[1] & IS_SMALL) {
        config.head = (struct sli_http_scan_limits){data[2], data[2] % 8};
    }
    sli_buf_init(&session->output, alloc, SIZE_MAX);
    sli_buf_init(&session->said, alloc, SIZE_MAX);
    sli_buf_init(&session->events, alloc, SIZE_MAX);
    sli_http_fields_init(&session->fields, alloc);
    sli_http_server_init(
        &session->server, &config, &session->output, &session->fields);
    play(session);
}

static void end(struct session *session)
{
    sli_http_server_fini(&session->server);
    sli_http_fields_fini(&session->fields);
    sli_buf_fini(&session->output);
    sli_buf_fini(&session->said);
    sli_buf_fini(&session->events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_alloc alloc;
    struct slimta_slice input;
    struct session whole;
    struct session cut;

    if (size < CHOICES) {
        return 0;
    }
    demand(sli_alloc_init(&alloc, NULL) == 0);
    input = sli_slice(data + CHOICES, size - CHOICES);
    run(&whole, data, input, SIZE_MAX, &alloc);
    run(&cut, data, input, data[0] % 64 + 1, &alloc);
    /* How early an answer is depends on how much has come. */
    if (!(data[1] & IS_EARLY)) {
        demand_same(&whole.said, &cut.said);
        demand_same(&whole.events, &cut.events);
    }
    end(&whole);
    end(&cut);
    return 0;
}
