/** How a receiving engine reads on: a line, or octets of a message, by its
 * state. */
#include "smtp/reader.h"

#include "base/slice.h"
#include "smtp/cmd_auth.h"
#include "smtp/cmd_bdat.h"
#include "smtp/commands.h"
#include "smtp/content.h"
#include "smtp/machine.h"
#include "smtp/say.h"

void sli_smtp_reader_tell_end(
    const struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    const struct sli_smtp_transaction *transaction = &server->transaction;

    event->type = transaction->is_chunked && !transaction->is_last_chunk
        ? SLI_SMTP_EVENT_CHUNK
        : SLI_SMTP_EVENT_END;
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

/* Each of the read functions returns 1 when it has got on without an event. */

/* A line of an exchange is refused, and with it the exchange. */
static void give_up_auth(
    struct sli_smtp_server *server, enum sli_smtp_reply_id id)
{
    sli_smtp_say_keep_verb(server, SLI_LITERAL("AUTH"));
    sli_smtp_machine_give_up_auth(server, sli_smtp_replies_get(id)->code);
    sli_smtp_say(server, id);
}

static void refuse_line(struct sli_smtp_server *server,
    struct slimta_slice line, enum sli_smtp_reply_id id)
{
    int is_auth = server->state == SLI_SMTP_STATE_AUTH;
    struct slimta_slice text = sli_slice(line.data, line.size - 2);
    int has_octets;

    sli_buf_fini(&server->decoded);
    if (id == SLI_SMTP_REPLY_SYSTEM_ERROR) {
        sli_smtp_say_no_memory(server);
        return;
    }
    if (!is_auth) {
        sli_smtp_say_keep_verb(server, text);
    }
    has_octets = !is_auth && sli_smtp_cmd_bdat_has_octets(server, text);
    sli_smtp_input_wipe(&server->input, line.size);
    if (is_auth) {
        give_up_auth(server, id);
    } else if (has_octets) {
        sli_smtp_cmd_bdat_refuse(server, id);
    } else {
        sli_smtp_say(server, id);
    }
}

static int read_line(struct sli_smtp_server *server, struct slimta_slice line,
    struct sli_smtp_event *event)
{
    struct slimta_slice text = sli_slice(line.data, line.size - 2);
    enum sli_smtp_reply_id id = server->state == SLI_SMTP_STATE_AUTH
        ? sli_smtp_cmd_auth_check_answer(server, text, event)
        : sli_smtp_commands_check(server, text, event);

    if (id == SLI_SMTP_REPLY_NONE && event->type == SLI_SMTP_EVENT_NONE) {
        sli_input_consume(&server->input.octets, line.size);
        return 1;
    }
    if (id == SLI_SMTP_REPLY_NONE) {
        ask(server, event, line);
        return 0;
    }
    event->type = SLI_SMTP_EVENT_NONE;
    refuse_line(server, line, id);
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
    sli_smtp_say(server, SLI_SMTP_REPLY_TOO_MANY_COMMANDS);
    sli_smtp_machine_close(server, SLI_SMTP_CLOSE_COMMANDS);
    return 1;
}

/* How long the next line may be. RFC 4954 section 4: those of AUTH are longer
 * than others. */
static struct sli_smtp_input_limits limits_of(
    const struct sli_smtp_server *server)
{
    uint64_t max = server->config->max_command_bytes;
    uint64_t auth = server->config->max_auth_bytes;
    struct sli_smtp_input_limits limits = {
        .max = max < SIZE_MAX ? (size_t)max : SIZE_MAX,
        .word_max = auth < SIZE_MAX ? (size_t)auth : SIZE_MAX,
    };

    if (server->state == SLI_SMTP_STATE_AUTH) {
        limits.max = limits.word_max;
    } else if (sli_smtp_cmd_auth_is_known(server)) {
        limits.word = SLI_LITERAL("AUTH ");
    }
    return limits;
}

static void refuse_long_line(struct sli_smtp_server *server, int is_auth)
{
    if (server->state == SLI_SMTP_STATE_AUTH) {
        give_up_auth(server, SLI_SMTP_REPLY_AUTH_TOO_LONG);
    } else if (!limit_commands(server)) {
        server->auth.was_last = is_auth;
        sli_smtp_say_keep_verb(
            server, is_auth ? SLI_LITERAL("AUTH") : SLI_LITERAL(""));
        sli_smtp_say(server, sli_smtp_commands_too_long(server, is_auth));
    }
}

static int read_next_line(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    struct sli_smtp_input_limits limits = limits_of(server);
    enum sli_smtp_input_result result;
    struct slimta_slice line;

    result = sli_smtp_input_line(&server->input, &limits, &line);
    switch (result) {
    case SLI_SMTP_INPUT_LINE:
        if (server->state != SLI_SMTP_STATE_AUTH && limit_commands(server)) {
            return 1;
        }
        return read_line(server, line, event);
    case SLI_SMTP_INPUT_MORE:
        return read_end(server);
    case SLI_SMTP_INPUT_TOO_LONG:
    case SLI_SMTP_INPUT_WORD_TOO_LONG:
        refuse_long_line(server, result == SLI_SMTP_INPUT_WORD_TOO_LONG);
        return 1;
    case SLI_SMTP_INPUT_NO_MEMORY:
        break;
    }
    sli_smtp_say_no_memory(server);
    return 1;
}

static int read_content(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    if (sli_smtp_content_next(server, &event->content)) {
        event->type = SLI_SMTP_EVENT_CONTENT;
        return 0;
    }
    if (!sli_smtp_content_is_over(server)) {
        return read_end(server);
    }
    sli_smtp_reader_tell_end(server, event);
    if (event->type == SLI_SMTP_EVENT_END) {
        sli_smtp_content_end(server);
        sli_smtp_reader_tell_end(server, event);
    }
    ask(server, event, sli_slice("", 0));
    return 0;
}

int sli_smtp_reader_step(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    if (server->skip.is_due) {
        return sli_smtp_cmd_bdat_skip(server) || read_end(server);
    }
    switch (server->state) {
    case SLI_SMTP_STATE_TLS:
        return read_end(server);
    case SLI_SMTP_STATE_START:
        if (sli_smtp_machine_is_handshaking(server)) {
            return read_end(server);
        }
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
        return read_next_line(server, event);
    }
}
