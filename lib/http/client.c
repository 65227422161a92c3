/** The sending HTTP/1.1 engine: octets in, events and octets out. */
#include "http/client.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "http/head.h"
#include "http/verdict.h"

void sli_http_client_init(struct sli_http_client *client,
    const struct sli_http_client_config *config, struct sli_buf *output,
    struct sli_http_fields *fields)
{
    *client = (struct sli_http_client){
        .config = config,
        .output = output,
        .fields = fields,
        .state = SLI_HTTP_CLIENT_STATE_IDLE,
    };
    sli_input_init(&client->input, config->alloc);
    sli_mail_reply_init(&client->reply, config->alloc);
}

void sli_http_client_fini(struct sli_http_client *client)
{
    sli_input_fini(&client->input);
    sli_mail_reply_fini(&client->reply);
}

static int has_message(const struct sli_http_client *client)
{
    return !client->has_told &&
        (client->state == SLI_HTTP_CLIENT_STATE_LINE ||
            client->state == SLI_HTTP_CLIENT_STATE_FIELDS);
}

/* RFC 9112 section 8: a request whose body was not sent whole is incomplete. */
static enum sli_http_client_outcome outcome_of(
    const struct sli_http_client *client)
{
    if (!has_message(client)) {
        return SLI_HTTP_CLIENT_OUTCOME_NONE;
    }
    return client->unsent_body > 0 || client->unsent > 0
        ? SLI_HTTP_CLIENT_OUTCOME_NOT_TAKEN
        : SLI_HTTP_CLIENT_OUTCOME_UNKNOWN;
}

/* The first reason stands. */
static void end(struct sli_http_client *client,
    enum sli_http_client_close reason, int code, const char *text)
{
    if (client->state == SLI_HTTP_CLIENT_STATE_CLOSED) {
        return;
    }
    client->close = reason;
    client->outcome = outcome_of(client);
    if (client->outcome == SLI_HTTP_CLIENT_OUTCOME_UNKNOWN) {
        code = 451;
        text = "4.4.2 Response of next hop lost";
    }
    sli_mail_reply_set_fixed(&client->reply, code, text);
    sli_input_fini(&client->input);
    client->state = SLI_HTTP_CLIENT_STATE_CLOSED;
}

static void done(struct sli_http_client *client)
{
    end(client, SLI_HTTP_CLIENT_CLOSE_DONE, 451, "4.4.2 Connection closed");
}

static void broken(struct sli_http_client *client)
{
    end(client, SLI_HTTP_CLIENT_CLOSE_BROKEN, 451,
        "4.4.0 Next hop does not keep to the protocol");
}

static int no_memory(struct sli_http_client *client)
{
    end(client, SLI_HTTP_CLIENT_CLOSE_MEMORY, 451,
        "4.3.0 Unhandled system error");
    return SLIMTA_ENOMEM;
}

int sli_http_client_post(
    struct sli_http_client *client, const struct sli_http_posting *posting)
{
    int err;

    if (client->state != SLI_HTTP_CLIENT_STATE_IDLE || client->has_ended) {
        return SLIMTA_ESTATE;
    }
    err = sli_http_posting_write(client->output, posting);
    if (err == SLIMTA_ENOMEM) {
        return no_memory(client);
    }
    if (err == 0) {
        client->state = SLI_HTTP_CLIENT_STATE_LINE;
        client->searched = 0;
        client->interim = 0;
        client->has_told = 0;
        client->keeps = !posting->closes;
        client->unsent_body = posting->body_bytes;
    }
    return err;
}

void sli_http_client_sent(struct sli_http_client *client, uint64_t size)
{
    client->unsent_body -=
        size < client->unsent_body ? size : client->unsent_body;
}

void sli_http_client_feed(
    struct sli_http_client *client, struct slimta_slice input)
{
    if (client->state != SLI_HTTP_CLIENT_STATE_CLOSED && input.size > 0 &&
        sli_input_feed(&client->input, input) != 0) {
        (void)no_memory(client);
    }
}

void sli_http_client_park(struct sli_http_client *client)
{
    if (sli_input_park(&client->input) != 0) {
        (void)no_memory(client);
    }
}

/* Each of the read functions returns 1 when it has got on, 0 when more input is
 * needed. */

/* RFC 9112 section 4: "HTTP/1.x 200 OK"; servers leave the reason out, and the
 * space before it. */
static int read_status(struct sli_http_client *client, struct slimta_slice line)
{
    static const char version[] = "HTTP/1.";
    size_t prefix = sizeof version - 1;
    uint64_t status = 0;
    uint64_t minor = 0;

    if (line.size < prefix + 5 || memcmp(line.data, version, prefix) != 0 ||
        !sli_ascii_number(sli_slice(line.data + prefix, 1), 1, &minor) ||
        line.data[prefix + 1] != ' ' ||
        !sli_ascii_number(sli_slice(line.data + prefix + 2, 3), 3, &status) ||
        (line.size > prefix + 5 && line.data[prefix + 5] != ' ') ||
        memchr(line.data, '\r', line.size) != NULL ||
        memchr(line.data, '\0', line.size) != NULL) {
        return 0;
    }
    client->minor = (int)minor;
    client->status = (int)status;
    return status >= 100 && status <= 599;
}

/* Where the first LF is, behind what was searched; 0 and all of it searched
 * when there is none. */
static int find_lf(struct sli_http_client *client)
{
    size_t size = sli_input_size(&client->input);

    while (client->searched < size) {
        struct slimta_slice part =
            sli_input_at(&client->input, client->searched);
        const char *lf = memchr(part.data, '\n', part.size);

        if (lf != NULL) {
            client->searched += (size_t)(lf - part.data);
            return 1;
        }
        client->searched += part.size;
    }
    return 0;
}

static void take_line(struct sli_http_client *client)
{
    struct slimta_slice line = sli_input_front(&client->input);

    line.size = client->line_size;
    if (line.size < 2 || line.data[line.size - 2] != '\r' ||
        !read_status(client, sli_slice(line.data, line.size - 2))) {
        broken(client);
        return;
    }
    sli_http_scan_init_trailer(&client->scan, client->config->head);
    client->state = SLI_HTTP_CLIENT_STATE_FIELDS;
}

static int read_line(struct sli_http_client *client)
{
    int has_lf = find_lf(client);

    if (client->searched >= SLI_HTTP_CLIENT_LINE_MAX) {
        broken(client);
        return 1;
    }
    if (!has_lf) {
        return 0;
    }
    client->line_size = client->searched + 1;
    if (sli_input_gather(&client->input, client->line_size) != 0) {
        (void)no_memory(client);
        return 1;
    }
    take_line(client);
    return 1;
}

/* RFC 9110 section 15.2: an interim response says nothing of the message; 101
 * would, of a protocol that nobody asked for. */
static void skip_interim(struct sli_http_client *client)
{
    client->interim++;
    client->searched = 0;
    if (client->status == 101 ||
        client->interim > SLI_HTTP_CLIENT_INTERIM_MAX) {
        broken(client);
        return;
    }
    client->state = SLI_HTTP_CLIENT_STATE_LINE;
}

/* RFC 9110 sections 15.3.5 and 15.4.5. */
static int has_no_body(const struct sli_http_client *client)
{
    return client->status == 204 || client->status == 304;
}

/* RFC 9112 section 6.3. What ends with the connection is not waited for, and
 * after a response that came before the end of the request there is no other.
 */
static void begin_body(
    struct sli_http_client *client, struct sli_http_head *head)
{
    if (has_no_body(client) || !head->keeps) {
        head->request.framing = SLI_HTTP_FRAMING_NONE;
    } else if (head->request.framing == SLI_HTTP_FRAMING_NONE) {
        client->keeps = 0;
    }
    client->keeps = client->keeps && head->keeps && client->unsent_body == 0;
    client->skipped = 0;
    sli_http_body_init(&client->body, &head->request);
    client->state = SLI_HTTP_CLIENT_STATE_BODY;
}

static void tell(struct sli_http_client *client,
    const struct sli_http_head *head, struct sli_http_client_event *event)
{
    const struct sli_http_request *response = &head->request;

    sli_http_verdict_read(&client->reply, client->status, response->fields,
        response->field_count);
    client->has_told = 1;
    event->type = SLI_HTTP_CLIENT_REPLY;
    event->is_accepted = client->status / 100 == 2;
    event->status = client->status;
    event->reply = &client->reply;
    event->recipients =
        sli_http_verdict_recipients(response->fields, response->field_count);
}

/* The head is whole, and stands at the front. */
static void take_head(
    struct sli_http_client *client, struct sli_http_client_event *event)
{
    size_t size = client->line_size + (size_t)client->scan.size;
    struct slimta_slice text;
    struct sli_http_head head;

    if (sli_input_gather(&client->input, size) != 0 ||
        sli_http_fields_reserve(client->fields, (size_t)client->scan.fields) !=
            0) {
        (void)no_memory(client);
        return;
    }
    text = sli_input_front(&client->input);
    text = sli_slice(text.data + client->line_size, size - client->line_size);
    /* What it says of its own length does not matter to the message. */
    if (sli_http_head_read_response(text, &client->scan, client->fields->items,
            client->minor, &head) != SLI_HTTP_REFUSAL_NONE) {
        head.keeps = 0;
    }
    sli_input_consume(&client->input, size);
    if (client->status < 200) {
        skip_interim(client);
    } else if (client->status < 300 && client->unsent_body > 0) {
        /* Nobody can have taken what was not sent. */
        broken(client);
    } else {
        begin_body(client, &head);
        tell(client, &head, event);
    }
}

static int read_fields(
    struct sli_http_client *client, struct sli_http_client_event *event)
{
    for (;;) {
        struct slimta_slice part = sli_input_at(
            &client->input, client->line_size + (size_t)client->scan.size);
        size_t used = 0;

        if (part.size == 0) {
            return 0;
        }
        if (sli_http_scan_next(&client->scan, part, &used) !=
            SLI_HTTP_REFUSAL_NONE) {
            broken(client);
            return 1;
        }
        if (client->scan.state == SLI_HTTP_SCAN_DONE) {
            take_head(client, event);
            return 1;
        }
    }
}

static void finish(
    struct sli_http_client *client, struct sli_http_client_event *event)
{
    if (!client->keeps) {
        done(client);
        return;
    }
    client->state = SLI_HTTP_CLIENT_STATE_IDLE;
    event->type = SLI_HTTP_CLIENT_READY;
}

/* Throws the front of the body away. */
static void skip_body(struct sli_http_client *client)
{
    struct slimta_slice front = sli_input_front(&client->input);
    struct slimta_slice rest = front;
    struct slimta_slice content;

    while (sli_http_body_next(&client->body, &rest, &content)) {
        client->skipped += content.size;
    }
    sli_input_consume(&client->input, front.size - rest.size);
    if (client->skipped > SLI_HTTP_CLIENT_SKIP_MAX) {
        client->keeps = 0;
    }
}

static int read_body(
    struct sli_http_client *client, struct sli_http_client_event *event)
{
    if (client->body.state != SLI_HTTP_BODY_DONE && client->keeps) {
        if (sli_input_size(&client->input) == 0) {
            return 0;
        }
        skip_body(client);
    }
    if (client->body.state == SLI_HTTP_BODY_REFUSED) {
        client->keeps = 0;
    }
    if (client->body.state == SLI_HTTP_BODY_DONE || !client->keeps) {
        finish(client, event);
    }
    return 1;
}

/* Octets where nothing was asked: a hop may close an idle connection with a
 * 408, and whatever it says there belongs to no request. */
static int read_idle(struct sli_http_client *client)
{
    if (sli_input_size(&client->input) == 0) {
        return 0;
    }
    broken(client);
    return 1;
}

static int read_state(
    struct sli_http_client *client, struct sli_http_client_event *event)
{
    switch (client->state) {
    case SLI_HTTP_CLIENT_STATE_IDLE:
        return read_idle(client);
    case SLI_HTTP_CLIENT_STATE_LINE:
        return read_line(client);
    case SLI_HTTP_CLIENT_STATE_FIELDS:
        return read_fields(client, event);
    default:
        return read_body(client, event);
    }
}

static void tell_close(
    const struct sli_http_client *client, struct sli_http_client_event *event)
{
    event->type = SLI_HTTP_CLIENT_CLOSE;
    event->reply =
        client->close == SLI_HTTP_CLIENT_CLOSE_DONE ? NULL : &client->reply;
    event->close.reason = client->close;
    event->close.outcome = client->outcome;
}

void sli_http_client_next(
    struct sli_http_client *client, struct sli_http_client_event *event)
{
    int goes_on = 1;

    *event = (struct sli_http_client_event){.type = SLI_HTTP_CLIENT_NONE};
    while (goes_on && event->type == SLI_HTTP_CLIENT_NONE) {
        if (client->state == SLI_HTTP_CLIENT_STATE_CLOSED) {
            tell_close(client, event);
            return;
        }
        goes_on = read_state(client, event);
        if (!goes_on && client->has_ended) {
            end(client, SLI_HTTP_CLIENT_CLOSE_LOST, 451,
                "4.4.2 Connection to next hop lost");
            goes_on = 1;
        }
    }
    if (event->type == SLI_HTTP_CLIENT_NONE) {
        sli_input_release(&client->input);
        sli_mail_reply_fini(&client->reply);
    }
}

void sli_http_client_lost(struct sli_http_client *client, size_t unsent)
{
    client->has_ended = 1;
    client->unsent = unsent;
}

void sli_http_client_give_up(
    struct sli_http_client *client, size_t unsent, int code, const char *text)
{
    client->unsent = unsent;
    end(client, SLI_HTTP_CLIENT_CLOSE_GIVEN_UP, code, text);
}

enum sli_http_client_state sli_http_client_state(
    const struct sli_http_client *client)
{
    return client->state;
}
