/** The receiving SMTP engine: octets in, events and octets out. */
#include "smtp/server.h"

#include <slimta/error.h>

#include "base/slice.h"
#include "mail/reply.h"
#include "smtp/answer.h"
#include "smtp/cmd_auth.h"
#include "smtp/commands.h"
#include "smtp/content.h"
#include "smtp/extensions.h"
#include "smtp/machine.h"
#include "smtp/output.h"
#include "smtp/questions.h"
#include "smtp/say.h"

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
    sli_buf_init(&server->decoded, config->alloc, SIZE_MAX);
    sli_buf_keep_secret(&server->decoded);
}

void sli_smtp_server_fini(struct sli_smtp_server *server)
{
    sli_smtp_input_fini(&server->input);
    sli_buf_fini(&server->decoded);
    sli_mail_reply_free(server->config->alloc, server->refusal);
    server->refusal = NULL;
}

int sli_smtp_server_feed(
    struct sli_smtp_server *server, struct slimta_slice input)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return 0;
    }
    if (sli_smtp_machine_is_handshaking(server)) {
        server->discarded += input.size;
        return 0;
    }
    if (sli_input_feed(&server->input.octets, input) != 0) {
        sli_smtp_say_no_memory(server);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

int sli_smtp_server_park(struct sli_smtp_server *server)
{
    if (sli_input_park(&server->input.octets) != 0) {
        sli_smtp_say_no_memory(server);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

int sli_smtp_server_has_parked(const struct sli_smtp_server *server)
{
    return sli_buf_size(&server->input.octets.rest) > 0;
}

void sli_smtp_server_end_input(struct sli_smtp_server *server)
{
    server->has_ended = 1;
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
    if (event->type == SLI_SMTP_EVENT_AUTH ||
        event->type == SLI_SMTP_EVENT_AUTH_ANSWER) {
        sli_smtp_cmd_auth_tell(server, event->type, event);
    } else if (server->line_size > 0) {
        struct slimta_slice line = sli_input_front(&server->input.octets);

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

    sli_buf_fini(&server->decoded);
    if (id == SLI_SMTP_REPLY_SYSTEM_ERROR) {
        sli_smtp_say_no_memory(server);
        return;
    }
    if (!is_auth) {
        sli_smtp_say_keep_verb(server, sli_slice(line.data, line.size - 2));
    }
    sli_smtp_input_wipe(&server->input, line.size);
    if (is_auth) {
        give_up_auth(server, id);
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
    const struct sli_smtp_transaction *transaction = &server->transaction;

    if (sli_smtp_content_next(server, &event->content)) {
        event->type = SLI_SMTP_EVENT_CONTENT;
        return 0;
    }
    if (transaction->reader.state != SLI_SMTP_DATA_DONE) {
        return read_end(server);
    }
    sli_smtp_content_end(server);
    tell_end(server, event);
    ask(server, event, sli_slice("", 0));
    return 0;
}

static int read_state(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
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

/* What has happened while reading, and is told before anything else. */
static int owes_telling(
    struct sli_smtp_server *server, struct sli_smtp_event *event)
{
    if (sli_smtp_say_tell(server, event)) {
        return 1;
    }
    if (server->auth.is_given_up) {
        event->type = SLI_SMTP_EVENT_AUTH_GIVEN_UP;
        event->given_up.code = server->auth.given_up_code;
        server->auth.is_given_up = 0;
        return 1;
    }
    if (server->owes_reset) {
        event->type = SLI_SMTP_EVENT_RESET;
        server->owes_reset = 0;
        return 1;
    }
    if (server->owes_start_tls) {
        event->type = SLI_SMTP_EVENT_START_TLS;
        event->start_tls.discarded = server->discarded;
        server->owes_start_tls = 0;
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
        sli_input_release(&server->input.octets);
    }
}

int sli_smtp_server_default(
    const struct sli_smtp_server *server, struct slimta_reply *reply)
{
    return sli_smtp_answer_default(server, reply);
}

/* The question is answered: nothing that came with it is kept. */
static void forget_line(struct sli_smtp_server *server)
{
    server->question = SLI_SMTP_EVENT_NONE;
    if (server->line_size > 0) {
        sli_smtp_input_wipe(&server->input, server->line_size);
    }
    sli_buf_fini(&server->decoded);
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
        server->auth.taken_off = sli_smtp_extensions_mechanisms_off(
            server->extensions, server->auth.mechanisms);
    }
    server->extensions = NULL;
    forget_line(server);
    if (settled.is_success && question->proceed != NULL) {
        question->proceed(server);
    } else if (!settled.is_success && question->refuse != NULL) {
        question->refuse(server);
    }
    if (err != 0) {
        sli_smtp_say_no_memory(server);
        return SLIMTA_ENOMEM;
    }
    if (settled.closes || reason == SLI_SMTP_CLOSE_ERRORS) {
        sli_smtp_machine_close(server, reason);
    }
    return 0;
}

void sli_smtp_server_set_mechanisms(
    struct sli_smtp_server *server, const char *mechanisms, const char *secure)
{
    server->auth.mechanisms = mechanisms;
    server->auth.secure = secure;
    server->auth.taken_off = 0;
    if (sli_smtp_cmd_auth_is_known(server)) {
        sli_input_keep_secret(&server->input.octets);
    }
}

int sli_smtp_server_challenge(
    struct sli_smtp_server *server, struct slimta_slice octets)
{
    if (server->question != SLI_SMTP_EVENT_AUTH &&
        server->question != SLI_SMTP_EVENT_AUTH_ANSWER) {
        return SLIMTA_ESTATE;
    }
    if (octets.size > SLI_SMTP_CMD_AUTH_CHALLENGE_MAX) {
        return SLIMTA_EINVAL;
    }
    if (sli_smtp_cmd_auth_write(server->output, octets) != 0) {
        sli_smtp_say_no_memory(server);
        return SLIMTA_ENOMEM;
    }
    forget_line(server);
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_AUTH);
    return 0;
}

int sli_smtp_server_reads_secrets(const struct sli_smtp_server *server)
{
    return sli_smtp_cmd_auth_is_known(server) && !server->auth.is_done;
}

int sli_smtp_server_secured(struct sli_smtp_server *server)
{
    if (!sli_smtp_machine_is_handshaking(server)) {
        return SLIMTA_ESTATE;
    }
    server->is_secure = 1;
    server->is_extended = 0;
    server->offered = SLI_SMTP_EXTENSIONS_ALL;
    server->auth = (struct sli_smtp_auth){0};
    if (server->state == SLI_SMTP_STATE_TLS) {
        sli_smtp_machine_enter(server, SLI_SMTP_STATE_CONNECTED);
    }
    return 0;
}

int sli_smtp_server_refuse_all(
    struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    const struct slimta_alloc *alloc = server->config->alloc;
    int code = slimta_reply_code(reply);

    if (code == 221 || code == 421) {
        sli_smtp_server_terminate_with(server, reply);
        return 0;
    }
    sli_mail_reply_free(alloc, server->refusal);
    server->refusal = sli_mail_reply_clone(alloc, reply);
    if (server->refusal == NULL) {
        sli_smtp_say_no_memory(server);
        return SLIMTA_ENOMEM;
    }
    return 0;
}

void sli_smtp_server_terminate(
    struct sli_smtp_server *server, int code, const char *text)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return;
    }
    if (text != NULL && !sli_smtp_machine_is_handshaking(server)) {
        struct sli_smtp_output_text parts = {.before = sli_slice_text(text)};

        (void)sli_smtp_output_line(
            server->output, code, SLI_SMTP_OUTPUT_LAST, &parts);
    }
    sli_smtp_machine_close(server, SLI_SMTP_CLOSE_TERMINATED);
}

void sli_smtp_server_terminate_with(
    struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return;
    }
    if (!sli_smtp_machine_is_handshaking(server)) {
        (void)sli_smtp_output_reply(server->output, reply,
            slimta_reply_code(reply), SLI_SMTP_OUTPUT_ENHANCED,
            SLI_SMTP_OUTPUT_LAST);
    }
    sli_smtp_machine_close(server, SLI_SMTP_CLOSE_TERMINATED);
}

void sli_smtp_server_give_up(struct sli_smtp_server *server)
{
    sli_smtp_machine_reset(server);
}

int sli_smtp_server_is_secure(const struct sli_smtp_server *server)
{
    return server->is_secure;
}

int sli_smtp_server_is_authenticated(const struct sli_smtp_server *server)
{
    return server->auth.is_done;
}

const char *sli_smtp_server_protocol(const struct sli_smtp_server *server)
{
    static const char *const words[2][2][2] = {
        {{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
        {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}},
    };

    if (!server->is_extended) {
        return "SMTP";
    }
    return words[server->transaction.smtputf8 != 0][server->is_secure]
                [server->auth.is_done];
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
