/** The receiving HTTP/1.1 engine: octets in, events and octets out. */
#include "http/server.h"

#include <slimta/error.h>

#include "base/slice.h"

void sli_http_server_init(struct sli_http_server *server,
    const struct sli_http_config *config, struct sli_buf *output,
    struct sli_http_fields *fields)
{
    *server = (struct sli_http_server){
        .config = config,
        .output = output,
        .fields = fields,
        .state = SLI_HTTP_STATE_IDLE,
    };
    sli_input_init(&server->input, config->alloc);
    sli_input_keep_secret(&server->input); /* credentials in a head */
    sli_http_scan_init(&server->scan, config->head);
}

void sli_http_server_fini(struct sli_http_server *server)
{
    sli_input_fini(&server->input);
}

/* The only function that changes the state. */
static void enter(struct sli_http_server *server, enum sli_http_state state)
{
    server->state = state;
}

/* Whether HEAD was told, and no response has been said since. */
static int is_open(const struct sli_http_server *server)
{
    return server->state == SLI_HTTP_STATE_ASKED ||
        server->state == SLI_HTTP_STATE_BODY ||
        server->state == SLI_HTTP_STATE_ENDED;
}

/* Whether a request has begun, and no response has been said to it. */
static int owes_response(const struct sli_http_server *server)
{
    return is_open(server) || server->state == SLI_HTTP_STATE_HEAD ||
        server->state == SLI_HTTP_STATE_REFUSED;
}

/* The first reason stands. */
static void close_for(
    struct sli_http_server *server, enum sli_http_close reason)
{
    if (server->state == SLI_HTTP_STATE_CLOSED) {
        return;
    }
    server->owes_aborted |= is_open(server);
    server->owes_refused = 0;
    server->close = reason;
    sli_input_fini(&server->input);
    enter(server, SLI_HTTP_STATE_CLOSED);
}

/* There is no memory to go on. The last word may still find room: what it
 * stands in place of was not written. RFC 9110 section 6.6.1: a 5xx needs no
 * Date. */
static int close_without_memory(struct sli_http_server *server)
{
    if (owes_response(server)) {
        const struct sli_http_field fields[] = {
            {SLI_LITERAL("X-Smtp-Reply"),
                sli_http_refusals_get(SLI_HTTP_REFUSAL_NO_MEMORY)->smtp_reply},
            {SLI_LITERAL("Content-Length"), SLI_LITERAL("0")},
        };
        const struct sli_http_response response = {
            .status = sli_http_refusals_get(SLI_HTTP_REFUSAL_NO_MEMORY)->status,
            .fields = fields,
            .field_count = sizeof fields / sizeof *fields,
        };

        (void)sli_http_response_write(
            server->output, &response, SLI_HTTP_CONNECTION_CLOSE, 0);
    }
    close_for(server, SLI_HTTP_CLOSE_MEMORY);
    return SLIMTA_ENOMEM;
}

int sli_http_server_feed(
    struct sli_http_server *server, struct slimta_slice input)
{
    if (server->state == SLI_HTTP_STATE_CLOSED) {
        return 0;
    }
    return sli_input_feed(&server->input, input) == 0
        ? 0
        : close_without_memory(server);
}

int sli_http_server_park(struct sli_http_server *server)
{
    return sli_input_park(&server->input) == 0 ? 0
                                               : close_without_memory(server);
}

int sli_http_server_has_parked(const struct sli_http_server *server)
{
    return sli_buf_size(&server->input.rest) > 0;
}

void sli_http_server_end_input(struct sli_http_server *server)
{
    server->has_ended = 1;
}

/* Each of the read functions returns 1 when it has got on without an event. */

/* All that was fed is used up. */
static int read_end(struct sli_http_server *server)
{
    if (server->has_ended) {
        close_for(server, SLI_HTTP_CLOSE_EOF);
        return 1;
    }
    return 0;
}

/* The engine cannot go on with this client: what follows has no known place. */
static int refuse(struct sli_http_server *server, enum sli_http_refusal refusal)
{
    server->owes_aborted |= is_open(server);
    server->owes_refused = 1;
    server->refusal = refusal;
    sli_input_fini(&server->input);
    enter(server, SLI_HTTP_STATE_REFUSED);
    return 1;
}

static enum sli_http_refusal tell_head(const struct sli_http_server *server,
    struct sli_http_event *event, struct sli_http_head *head)
{
    enum sli_http_refusal refusal =
        sli_http_head_read(sli_input_front(&server->input), &server->scan,
            server->fields->items, head);

    event->type = SLI_HTTP_EVENT_HEAD;
    event->head.request = head->request;
    event->head.minor = head->minor;
    return refusal;
}

static int ask(struct sli_http_server *server, struct sli_http_event *event)
{
    struct sli_http_head head;
    enum sli_http_refusal refusal = tell_head(server, event, &head);

    server->is_head = sli_slice_is(head.request.method, SLI_LITERAL("HEAD"));
    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        event->type = SLI_HTTP_EVENT_NONE;
        return refuse(server, refusal);
    }
    server->minor = head.minor;
    server->keeps = head.keeps;
    server->expects_continue = head.expects_continue;
    sli_http_body_init(&server->body, &head.request);
    enter(server, SLI_HTTP_STATE_ASKED);
    return 0;
}

/* Scans what has not been scanned; REFUSAL_NONE also when more is needed. */
static enum sli_http_refusal scan(struct sli_http_server *server)
{
    enum sli_http_refusal refusal = SLI_HTTP_REFUSAL_NONE;

    while (refusal == SLI_HTTP_REFUSAL_NONE &&
        server->scan.state != SLI_HTTP_SCAN_DONE) {
        struct slimta_slice run =
            sli_input_at(&server->input, (size_t)server->scan.size);
        size_t used;

        if (run.size == 0) {
            break;
        }
        refusal = sli_http_scan_next(&server->scan, run, &used);
    }
    return refusal;
}

static int read_head(
    struct sli_http_server *server, struct sli_http_event *event)
{
    enum sli_http_refusal refusal = scan(server);

    enter(server,
        server->scan.state > SLI_HTTP_SCAN_BLANK_LF ? SLI_HTTP_STATE_HEAD
                                                    : SLI_HTTP_STATE_IDLE);
    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        return refuse(server, refusal);
    }
    if (server->scan.state != SLI_HTTP_SCAN_DONE) {
        return read_end(server);
    }
    if (sli_input_gather(&server->input, (size_t)server->scan.size) != 0 ||
        sli_http_fields_reserve(server->fields, (size_t)server->scan.fields) !=
            0) {
        (void)close_without_memory(server);
        return 1;
    }
    return ask(server, event);
}

/* The next octets of the body; 0 when there are none. */
static int next_content(
    struct sli_http_server *server, struct slimta_slice *content)
{
    struct slimta_slice front = sli_input_front(&server->input);

    while (front.size > 0 && server->body.state < SLI_HTTP_BODY_DONE) {
        struct slimta_slice unread = front;
        int has_content = sli_http_body_next(&server->body, &unread, content);

        sli_input_consume(&server->input, front.size - unread.size);
        if (has_content) {
            return 1;
        }
        front = sli_input_front(&server->input);
    }
    return 0;
}

static int read_body(
    struct sli_http_server *server, struct sli_http_event *event)
{
    if (next_content(server, &event->content)) {
        event->type = SLI_HTTP_EVENT_CONTENT;
        return 0;
    }
    switch (server->body.state) {
    case SLI_HTTP_BODY_DONE:
        event->type = SLI_HTTP_EVENT_END;
        enter(server, SLI_HTTP_STATE_ENDED);
        return 0;
    case SLI_HTTP_BODY_REFUSED:
        return refuse(server, server->body.refusal);
    default:
        return read_end(server);
    }
}

/* The request is answered and all of it is read. */
static void begin_next(struct sli_http_server *server)
{
    sli_http_scan_init(&server->scan, server->config->head);
    server->is_head = 0;
    enter(server, SLI_HTTP_STATE_IDLE);
}

static int skip_body(struct sli_http_server *server)
{
    struct slimta_slice content;

    while (next_content(server, &content)) {
    }
    switch (server->body.state) {
    case SLI_HTTP_BODY_DONE:
        begin_next(server);
        return 1;
    case SLI_HTTP_BODY_REFUSED:
        close_for(server, SLI_HTTP_CLOSE_REFUSED);
        return 1;
    default:
        return read_end(server);
    }
}

static int read_idle(
    struct sli_http_server *server, struct sli_http_event *event)
{
    if (server->is_draining) {
        close_for(server, SLI_HTTP_CLOSE_DRAINED);
        return 1;
    }
    return read_head(server, event);
}

static int read_state(
    struct sli_http_server *server, struct sli_http_event *event)
{
    switch (server->state) {
    case SLI_HTTP_STATE_IDLE:
        return read_idle(server, event);
    case SLI_HTTP_STATE_HEAD:
        return read_head(server, event);
    case SLI_HTTP_STATE_BODY:
        return read_body(server, event);
    case SLI_HTTP_STATE_SKIPPING:
        return skip_body(server);
    case SLI_HTTP_STATE_CLOSED:
        event->type = SLI_HTTP_EVENT_CLOSE;
        event->close = server->close;
        return 0;
    default:
        event->type = SLI_HTTP_EVENT_WAIT;
        return 0;
    }
}

/* What has happened while reading, and is told before anything else. */
static int owes_telling(
    struct sli_http_server *server, struct sli_http_event *event)
{
    if (server->owes_aborted) {
        event->type = SLI_HTTP_EVENT_ABORTED;
        server->owes_aborted = 0;
        return 1;
    }
    if (server->owes_refused) {
        event->type = SLI_HTTP_EVENT_REFUSED;
        event->refused = server->refusal;
        server->owes_refused = 0;
        return 1;
    }
    return 0;
}

void sli_http_server_next(
    struct sli_http_server *server, struct sli_http_event *event)
{
    int goes_on = 1;

    event->type = SLI_HTTP_EVENT_NONE;
    while (goes_on) {
        if (owes_telling(server, event)) {
            return;
        }
        goes_on = read_state(server, event);
    }
    if (event->type == SLI_HTTP_EVENT_NONE) {
        sli_input_release(&server->input);
    }
}

void sli_http_server_asked(
    struct sli_http_server *server, struct sli_http_event *event)
{
    struct sli_http_head head;

    event->type = SLI_HTTP_EVENT_NONE;
    if (server->state == SLI_HTTP_STATE_ASKED) {
        /* It was checked before, and nothing has changed since. */
        (void)tell_head(server, event, &head);
    } else if (server->state == SLI_HTTP_STATE_ENDED) {
        event->type = SLI_HTTP_EVENT_END;
    } else if (server->state == SLI_HTTP_STATE_REFUSED) {
        event->type = SLI_HTTP_EVENT_REFUSED;
        event->refused = server->refusal;
    }
}

/* The head that was asked about is answered; its octets go. A client whose body
 * has begun to come waits for no 100. */
static void leave_head(struct sli_http_server *server)
{
    if (server->state == SLI_HTTP_STATE_ASKED) {
        sli_input_consume(&server->input, (size_t)server->scan.size);
        if (sli_input_size(&server->input) > 0) {
            server->expects_continue = 0;
        }
    }
}

int sli_http_server_continue(struct sli_http_server *server)
{
    const struct sli_http_response response = {.status = 100};

    if (server->state != SLI_HTTP_STATE_ASKED) {
        return SLIMTA_ESTATE;
    }
    leave_head(server);
    enter(server, SLI_HTTP_STATE_BODY);
    if (server->expects_continue) {
        server->expects_continue = 0;
        if (sli_http_response_write(server->output, &response,
                SLI_HTTP_CONNECTION_DEFAULT, 0) != 0) {
            return close_without_memory(server);
        }
    }
    return 0;
}

/* Whether the rest of the body is there already. */
static int has_rest(const struct sli_http_server *server)
{
    struct sli_http_body body = server->body;
    struct slimta_slice run = sli_input_at(&server->input, 0);
    size_t at = 0;

    while (run.size > 0 && body.state < SLI_HTTP_BODY_DONE) {
        struct slimta_slice content;
        size_t before = run.size;

        while (sli_http_body_next(&body, &run, &content)) {
        }
        at += before - run.size;
        run = sli_input_at(&server->input, at);
    }
    return body.state == SLI_HTTP_BODY_DONE;
}

/* Whether the connection can be used again behind the rest of the body. A
 * client that was not told to go on may leave the body out or not, and nobody
 * can tell it from the next request then (RFC 9110 section 10.1.1). */
static int is_rest_short(const struct sli_http_server *server)
{
    const struct sli_http_body *body = &server->body;

    if (body->state == SLI_HTTP_BODY_DONE) {
        return 1;
    }
    if (server->expects_continue) {
        return 0;
    }
    return (!body->is_chunked && body->left <= SLI_HTTP_SKIP_MAX) ||
        has_rest(server);
}

/* Goes on behind a response that has been written. */
static void leave_request(struct sli_http_server *server, int keeps)
{
    int is_refused = server->state == SLI_HTTP_STATE_REFUSED;
    int is_early = !is_refused && server->body.state != SLI_HTTP_BODY_DONE;

    /* It is answered: nothing is given up any more. */
    enter(server, SLI_HTTP_STATE_SKIPPING);
    if (!keeps) {
        close_for(server,
            is_refused     ? SLI_HTTP_CLOSE_REFUSED
                : is_early ? SLI_HTTP_CLOSE_EARLY
                           : SLI_HTTP_CLOSE_DONE);
    } else if (!is_early) {
        begin_next(server);
    }
}

int sli_http_server_respond(
    struct sli_http_server *server, const struct sli_http_response *response)
{
    enum sli_http_connection connection = SLI_HTTP_CONNECTION_CLOSE;
    int keeps;

    if (!is_open(server) && server->state != SLI_HTTP_STATE_REFUSED) {
        return SLIMTA_ESTATE;
    }
    leave_head(server);
    keeps = server->state != SLI_HTTP_STATE_REFUSED && server->keeps &&
        !server->config->closes && !server->is_draining &&
        is_rest_short(server);
    if (keeps) {
        connection = server->minor == 0 ? SLI_HTTP_CONNECTION_KEEP
                                        : SLI_HTTP_CONNECTION_DEFAULT;
    }
    if (sli_http_response_write(
            server->output, response, connection, server->is_head) != 0) {
        return close_without_memory(server);
    }
    leave_request(server, keeps);
    return 0;
}

void sli_http_server_terminate(
    struct sli_http_server *server, const struct sli_http_response *response)
{
    if (response != NULL && owes_response(server)) {
        (void)sli_http_response_write(server->output, response,
            SLI_HTTP_CONNECTION_CLOSE, server->is_head);
    }
    close_for(server, SLI_HTTP_CLOSE_TERMINATED);
}

void sli_http_server_drain(struct sli_http_server *server)
{
    server->is_draining = 1;
}

enum sli_http_state sli_http_server_state(const struct sli_http_server *server)
{
    return server->state;
}

int sli_http_server_is_waiting(const struct sli_http_server *server)
{
    return server->state == SLI_HTTP_STATE_ASKED ||
        server->state == SLI_HTTP_STATE_ENDED ||
        server->state == SLI_HTTP_STATE_REFUSED;
}
