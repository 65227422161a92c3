/** The receiving SMTP engine: octets in, events and octets out. */
#include "smtp/server.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "smtp/answer.h"
#include "smtp/commands.h"
#include "smtp/extensions.h"
#include "smtp/machine.h"
#include "smtp/output.h"
#include "smtp/questions.h"
#include "smtp/text_line.h"

void sli_smtp_server_init(struct sli_smtp_server *server,
    const struct sli_smtp_config *config, struct sli_buf *output)
{
    *server = (struct sli_smtp_server){
        .config = config,
        .output = output,
        .state = SLI_SMTP_STATE_START,
        .question = SLI_SMTP_EVENT_NONE,
        .offered = SLI_SMTP_EXTENSIONS_ALL,
    };
    sli_smtp_input_init(&server->input, config->alloc);
}

void sli_smtp_server_fini(struct sli_smtp_server *server)
{
    sli_smtp_input_fini(&server->input);
}

/* There is no memory to go on. The last word may still find room: what it
 * stands in place of was not written. */
static void close_without_memory(struct sli_smtp_server *server)
{
    if (server->state != SLI_SMTP_STATE_CLOSED) {
        (void)sli_buf_append(server->output,
            sli_smtp_replies_get(SLI_SMTP_REPLY_SYSTEM_ERROR)->wire);
        sli_smtp_machine_close(server, SLI_SMTP_CLOSE_MEMORY);
    }
}

int sli_smtp_server_feed(
    struct sli_smtp_server *server, struct slimta_slice input)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return 0;
    }
    if (sli_smtp_input_feed(&server->input, input) != 0) {
        close_without_memory(server);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

int sli_smtp_server_park(struct sli_smtp_server *server)
{
    if (sli_smtp_input_park(&server->input) != 0) {
        close_without_memory(server);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

int sli_smtp_server_has_parked(const struct sli_smtp_server *server)
{
    return sli_buf_size(&server->input.rest) > 0;
}

void sli_smtp_server_end_input(struct sli_smtp_server *server)
{
    server->has_ended = 1;
}

/* Writes a fixed reply to a command, or the last one when that makes one error
 * too many. */
static void say(struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    int is_last = sli_smtp_replies_get(id)->code >= 500 &&
        sli_smtp_machine_count_error(server);

    if (is_last) {
        id = SLI_SMTP_REPLY_TOO_MANY_ERRORS;
    }
    if (sli_smtp_replies_get(id)->code >= 400) {
        server->refused = id;
    }
    if (sli_buf_append(server->output, sli_smtp_replies_get(id)->wire) != 0) {
        close_without_memory(server);
    } else if (is_last) {
        sli_smtp_machine_close(server, SLI_SMTP_CLOSE_ERRORS);
    }
}

static void tell_end(
    const struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    event->type = SLI_SMTP_EVENT_END;
    event->end.is_refused = server->transaction.refusal != SLI_SMTP_REPLY_NONE;
    event->end.size = server->transaction.size;
}

/* What of the line the default answer holds. */
static struct slimta_slice echo_of(const struct sli_smtp_event *event)
{
    switch (event->type) {
    case SLI_SMTP_EVENT_EHLO:
        return event->greeting.name;
    case SLI_SMTP_EVENT_MAIL:
        return event->mail.path.mailbox;
    case SLI_SMTP_EVENT_RCPT:
        return event->rcpt.path.mailbox;
    default:
        return (struct slimta_slice){NULL, 0};
    }
}

static void ask(struct sli_smtp_server *server,
    const struct sli_smtp_event *event, struct slimta_slice line)
{
    struct slimta_slice echo = echo_of(event);

    server->question = event->type;
    server->line_size = line.size;
    server->echo_size = echo.size;
    server->echo_offset = echo.size == 0 ? 0 : (size_t)(echo.data - line.data);
}

void sli_smtp_server_asked(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    event->type = server->question;
    if (server->line_size > 0) {
        struct slimta_slice line = sli_smtp_input_front(&server->input);

        /* It was checked before, and nothing has changed since. */
        line.size = server->line_size - 2;
        (void)sli_smtp_commands_check(server, line, event);
    } else if (event->type == SLI_SMTP_EVENT_END) {
        tell_end(server, event);
    }
}

void sli_smtp_server_offer(
    struct sli_smtp_server *server, const struct slimta_extensions *extensions)
{
    server->extensions = extensions;
}

/* Each of the read functions returns 1 when it has got on without an event. */

static void keep_verb(struct sli_smtp_server *server, struct slimta_slice line)
{
    size_t size = 0;

    while (size < line.size && line.data[size] != ' ') {
        size++;
    }
    line.size = size;
    if (size > SLI_SMTP_VERB_MAX || !sli_ascii_all(line, SLI_ASCII_ALPHA)) {
        size = 0;
    }
    memcpy(server->refused_verb, line.data, size);
    server->refused_verb[size] = '\0';
}

static int read_line(struct sli_smtp_server *server, struct slimta_slice line,
    struct sli_smtp_event *event)
{
    struct slimta_slice text = sli_slice(line.data, line.size - 2);
    enum sli_smtp_reply_id id = sli_smtp_commands_check(server, text, event);

    if (id == SLI_SMTP_REPLY_NONE) {
        ask(server, event, line);
        return 0;
    }
    event->type = SLI_SMTP_EVENT_NONE;
    keep_verb(server, text);
    sli_smtp_input_consume(&server->input, line.size);
    say(server, id);
    return 1;
}

/* All that was fed is used up. */
static int read_end(struct sli_smtp_server *server)
{
    if (server->has_ended) {
        sli_smtp_machine_close(server, SLI_SMTP_CLOSE_EOF);
        return 1;
    }
    return 0;
}

/* A client that only goes round in circles is sent away. */
static int limit_commands(struct sli_smtp_server *server)
{
    if (!sli_smtp_machine_count_command(server)) {
        return 0;
    }
    server->refused_verb[0] = '\0';
    say(server, SLI_SMTP_REPLY_TOO_MANY_COMMANDS);
    sli_smtp_machine_close(server, SLI_SMTP_CLOSE_COMMANDS);
    return 1;
}

static int read_command(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    uint64_t max = server->config->max_command_bytes;
    struct slimta_slice line;

    switch (sli_smtp_input_line(
        &server->input, max < SIZE_MAX ? (size_t)max : SIZE_MAX, &line)) {
    case SLI_SMTP_INPUT_LINE:
        return limit_commands(server) || read_line(server, line, event);
    case SLI_SMTP_INPUT_MORE:
        return read_end(server);
    case SLI_SMTP_INPUT_TOO_LONG:
        if (!limit_commands(server)) {
            say(server,
                server->state == SLI_SMTP_STATE_REFUSED
                    ? SLI_SMTP_REPLY_BAD_SEQUENCE
                    : SLI_SMTP_REPLY_LINE_TOO_LONG);
        }
        return 1;
    case SLI_SMTP_INPUT_NO_MEMORY:
        break;
    }
    close_without_memory(server);
    return 1;
}

/* RFC 1870 section 6.3: what follows is read, and thrown away. */
static void limit_size(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_transaction *transaction = &server->transaction;
    uint64_t max = server->config->max_message_bytes;

    if (transaction->size > max) {
        uint64_t before = transaction->size - content->size;

        transaction->refusal = SLI_SMTP_REPLY_MESSAGE_TOO_LARGE;
        content->size = (size_t)(max - before);
    }
}

/* RFC 5321 section 4.5.3.1.6. */
static void limit_line(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_transaction *transaction = &server->transaction;
    uint64_t max = server->config->max_line_bytes;
    size_t fit;

    if (max == 0 || max == SLIMTA_UNLIMITED) {
        return;
    }
    fit = sli_smtp_text_line_fit(&transaction->line_size, max, *content);
    if (fit < content->size) {
        transaction->refusal = SLI_SMTP_REPLY_TEXT_LINE_TOO_LONG;
        content->size = fit;
    }
}

/* Counts a run and cuts what passes a limit off it: what was lent up to there
 * does not depend on how the input was cut. The first refusal stands: a line
 * that is too long within what the size allows comes before the size. */
static void limit_content(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_transaction *transaction = &server->transaction;

    transaction->size += content->size;
    if (transaction->refusal != SLI_SMTP_REPLY_NONE) {
        content->size = 0;
    } else if (transaction->reader.has_bare &&
        transaction->reader.policy == SLIMTA_BARE_REFUSE) {
        transaction->refusal = SLI_SMTP_REPLY_BARE_NEWLINE;
        content->size = 0;
    } else {
        limit_size(server, content);
        limit_line(server, content);
    }
}

/* The next run of content that is not empty; 0 when there is none. */
static int next_content(
    struct sli_smtp_server *server, struct slimta_slice *content)
{
    struct sli_smtp_data_reader *reader = &server->transaction.reader;
    struct slimta_slice front = sli_smtp_input_front(&server->input);

    while (front.size > 0 && reader->state != SLI_SMTP_DATA_DONE) {
        struct slimta_slice unread = front;
        int has_more = sli_smtp_data_reader_next(reader, &unread, content);

        sli_smtp_input_consume(&server->input, front.size - unread.size);
        sli_smtp_hops_read(&server->transaction.hops, *content);
        limit_content(server, content);
        if (has_more && content->size > 0) {
            return 1;
        }
        front = sli_smtp_input_front(&server->input);
    }
    return 0;
}

/* RFC 5321 section 6.3. Said at the end alone, so that what was lent before
 * does not depend on how the input was cut. */
static void limit_hops(struct sli_smtp_server *server)
{
    struct sli_smtp_transaction *transaction = &server->transaction;
    uint64_t max = server->config->max_received;

    if (max != 0 && transaction->hops.count > max &&
        transaction->refusal == SLI_SMTP_REPLY_NONE) {
        transaction->refusal = SLI_SMTP_REPLY_TOO_MANY_HOPS;
    }
}

static int read_content(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    const struct sli_smtp_transaction *transaction = &server->transaction;

    if (next_content(server, &event->content)) {
        event->type = SLI_SMTP_EVENT_CONTENT;
        return 0;
    }
    if (transaction->reader.state != SLI_SMTP_DATA_DONE) {
        return read_end(server);
    }
    limit_hops(server);
    tell_end(server, event);
    ask(server, event, sli_slice("", 0));
    return 0;
}

static int read_state(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    switch (server->state) {
    case SLI_SMTP_STATE_START:
        event->type = SLI_SMTP_EVENT_BANNER;
        ask(server, event, sli_slice("", 0));
        return 0;
    case SLI_SMTP_STATE_CONTENT:
        return read_content(server, event);
    case SLI_SMTP_STATE_CLOSED:
        event->type = SLI_SMTP_EVENT_CLOSE;
        event->close = server->close;
        return 0;
    default:
        return read_command(server, event);
    }
}

/* What has happened while reading, and is told before anything else. */
static int owes_telling(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    if (server->refused != SLI_SMTP_REPLY_NONE) {
        const struct sli_smtp_reply *reply =
            sli_smtp_replies_get(server->refused);

        event->type = SLI_SMTP_EVENT_REFUSED;
        event->refused.verb = server->refused_verb;
        event->refused.code = reply->code;
        event->refused.text = reply->text;
        server->refused = SLI_SMTP_REPLY_NONE;
        return 1;
    }
    if (server->owes_reset) {
        event->type = SLI_SMTP_EVENT_RESET;
        server->owes_reset = 0;
        return 1;
    }
    return 0;
}

void sli_smtp_server_next(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    int goes_on = 1;

    event->type = SLI_SMTP_EVENT_NONE;
    if (server->question != SLI_SMTP_EVENT_NONE) {
        event->type = SLI_SMTP_EVENT_WAIT;
        return;
    }
    while (goes_on) {
        if (owes_telling(server, event)) {
            return;
        }
        goes_on = read_state(server, event);
    }
    if (event->type == SLI_SMTP_EVENT_NONE) {
        sli_smtp_input_release(&server->input);
    }
}

int sli_smtp_server_default(
    const struct sli_smtp_server *server, struct slimta_reply *reply)
{
    return sli_smtp_answer_default(server, reply);
}

int sli_smtp_server_answer(
    struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    const struct sli_smtp_question *question;
    enum sli_smtp_close reason = SLI_SMTP_CLOSE_REPLY;
    struct sli_smtp_answer settled;
    int err;

    if (server->question == SLI_SMTP_EVENT_NONE) {
        return SLIMTA_ESTATE;
    }
    question = sli_smtp_questions_get(server->question);
    settled = sli_smtp_answer_settle(server, reply);
    err = sli_smtp_answer_write(server, &settled, &reason);
    if (server->question == SLI_SMTP_EVENT_EHLO && settled.is_success) {
        server->offered = sli_smtp_extensions_offered(server->extensions);
    }
    server->extensions = NULL;
    server->question = SLI_SMTP_EVENT_NONE;
    if (server->line_size > 0) {
        sli_smtp_input_consume(&server->input, server->line_size);
    }
    if (settled.is_success && question->proceed != NULL) {
        question->proceed(server);
    } else if (!settled.is_success && question->refuse != NULL) {
        question->refuse(server);
    }
    if (err != 0) {
        close_without_memory(server);
        return SLIMTA_ENOMEM;
    }
    if (settled.closes || reason == SLI_SMTP_CLOSE_ERRORS) {
        sli_smtp_machine_close(server, reason);
    }
    return 0;
}

void sli_smtp_server_terminate(
    struct sli_smtp_server *server, int code, const char *text)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return;
    }
    if (text != NULL) {
        struct sli_smtp_output_text parts = {.before = sli_slice_text(text)};

        (void)sli_smtp_output_line(
            server->output, code, SLI_SMTP_OUTPUT_LAST, &parts);
    }
    sli_smtp_machine_close(server, SLI_SMTP_CLOSE_TERMINATED);
}

void sli_smtp_server_terminate_with(
    struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    if (server->state != SLI_SMTP_STATE_CLOSED) {
        (void)sli_smtp_output_reply(server->output, reply,
            slimta_reply_code(reply), SLI_SMTP_OUTPUT_ENHANCED,
            SLI_SMTP_OUTPUT_LAST);
        sli_smtp_machine_close(server, SLI_SMTP_CLOSE_TERMINATED);
    }
}

void sli_smtp_server_give_up(struct sli_smtp_server *server)
{
    sli_smtp_machine_reset(server);
}

const char *sli_smtp_server_protocol(const struct sli_smtp_server *server)
{
    if (!server->is_extended) {
        return "SMTP";
    }
    return server->transaction.smtputf8 ? "UTF8SMTP" : "ESMTP";
}

enum sli_smtp_state sli_smtp_server_state(const struct sli_smtp_server *server)
{
    return server->state;
}

uint64_t sli_smtp_server_commands(const struct sli_smtp_server *server)
{
    return server->commands;
}

int sli_smtp_server_is_waiting(const struct sli_smtp_server *server)
{
    return server->question != SLI_SMTP_EVENT_NONE;
}
