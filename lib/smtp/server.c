/** The receiving SMTP engine: octets in, events and octets out. */
#include "smtp/server.h"

#include <slimta/error.h>

#include "base/slice.h"
#include "mail/reply.h"
#include "smtp/answer.h"
#include "smtp/cmd_auth.h"
#include "smtp/cmd_bdat.h"
#include "smtp/commands.h"
#include "smtp/extensions.h"
#include "smtp/machine.h"
#include "smtp/output.h"
#include "smtp/questions.h"
#include "smtp/reader.h"
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
    sli_smtp_machine_drop_skip(server);
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
    } else if (event->type == SLI_SMTP_EVENT_END ||
        event->type == SLI_SMTP_EVENT_CHUNK) {
        sli_smtp_reader_tell_end(server, event);
    }
}

void sli_smtp_server_offer(
    struct sli_smtp_server *server, const struct slimta_extensions *extensions)
{
    server->extensions = extensions;
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
        goes_on = sli_smtp_reader_step(server, event);
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

/* What an answer has come to is done. `err` is that of writing it. */
static int conclude(struct sli_smtp_server *server,
    const struct sli_smtp_answer *settled, enum sli_smtp_close reason, int err)
{
    const struct sli_smtp_question *question =
        sli_smtp_questions_get(server->question);

    forget_line(server);
    if (settled->is_success && question->proceed != NULL) {
        question->proceed(server);
    } else if (!settled->is_success && question->refuse != NULL) {
        question->refuse(server);
    }
    if (err != 0) {
        sli_smtp_say_no_memory(server);
        return SLIMTA_ENOMEM;
    }
    if (settled->closes || reason == SLI_SMTP_CLOSE_ERRORS) {
        sli_smtp_machine_close(server, reason);
    }
    return 0;
}

/* The owner's refusal of a first chunk waits for the octets of that. */
static int refuse_chunks(
    struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    int err = sli_smtp_cmd_bdat_refuse_with(server, reply);

    forget_line(server);
    if (err != 0) {
        sli_smtp_say_no_memory(server);
    }
    return err;
}

static void take_offer(struct sli_smtp_server *server)
{
    server->offered = sli_smtp_extensions_offered(server->extensions);
    server->auth.taken_off = sli_smtp_extensions_mechanisms_off(
        server->extensions, server->auth.mechanisms);
}

int sli_smtp_server_answer(
    struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    enum sli_smtp_close reason = SLI_SMTP_CLOSE_REPLY;
    struct sli_smtp_answer settled;
    int err;

    if (server->question == SLI_SMTP_EVENT_NONE) {
        return SLIMTA_ESTATE;
    }
    settled = sli_smtp_answer_settle(server, reply);
    if (server->question == SLI_SMTP_EVENT_CHUNKS && !settled.is_success &&
        !settled.closes) {
        return refuse_chunks(server, reply);
    }
    err = sli_smtp_answer_write(server, &settled, &reason);
    if (server->question == SLI_SMTP_EVENT_EHLO && settled.is_success) {
        take_offer(server);
    }
    server->extensions = NULL;
    return conclude(server, &settled, reason, err);
}

int sli_smtp_server_answer_each(struct sli_smtp_server *server,
    const struct slimta_reply *(*reply)(void *user, size_t index), void *user)
{
    enum sli_smtp_close reason = SLI_SMTP_CLOSE_REPLY;
    struct sli_smtp_answer whole = {0};
    int err = 0;

    if (server->question != SLI_SMTP_EVENT_END ||
        server->config->dialect != SLIMTA_DIALECT_LMTP) {
        return SLIMTA_ESTATE;
    }
    for (uint64_t i = 0; i < server->transaction.recipients && err == 0; i++) {
        struct sli_smtp_answer one =
            sli_smtp_answer_settle(server, reply(user, (size_t)i));

        one.times = 1;
        whole.is_success |= one.is_success;
        whole.closes |= one.closes;
        err = sli_smtp_answer_write(server, &one, &reason);
    }
    return conclude(server, &whole, reason, err);
}

void sli_smtp_server_set_capabilities(
    struct sli_smtp_server *server, uint64_t capabilities)
{
    server->capabilities = capabilities;
}

void sli_smtp_server_trust_peer(struct sli_smtp_server *server)
{
    server->trusts_peer = 1;
}

void sli_smtp_server_set_now(struct sli_smtp_server *server, int64_t now_ms)
{
    server->now_ms = now_ms;
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
    static const char *const words[2][2][2][2] = {
        {{{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
            {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}}},
        {{{"LMTP", "LMTPA"}, {"LMTPS", "LMTPSA"}},
            {{"UTF8LMTP", "UTF8LMTPA"}, {"UTF8LMTPS", "UTF8LMTPSA"}}},
    };
    int is_lmtp = server->config->dialect == SLIMTA_DIALECT_LMTP;

    if (!server->is_extended && !is_lmtp) {
        return "SMTP";
    }
    return words[is_lmtp][server->transaction.smtputf8 != 0][server->is_secure]
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
