/** The answer to a question of the receiving engine: what it comes to, and its
 * way into the output. */
#include "smtp/answer.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "smtp/extensions.h"
#include "smtp/machine.h"
#include "smtp/output.h"
#include "smtp/questions.h"
#include "smtp/say.h"

/* RFC 6531 section 3.7.4: a reply holds no UTF-8; RFC 5321 section 4.5.3.1.5:
 * nor more than a line. Then the address is left out. */
static int may_echo(
    const struct sli_smtp_question *question, struct slimta_slice echo)
{
    size_t size = question->before.size + echo.size + question->after.size;

    return size < SLI_SMTP_OUTPUT_TEXT_MAX - sizeof "250 \r\n" &&
        sli_ascii_all(echo, SLI_ASCII_PRINT);
}

static struct sli_smtp_output_text default_text(
    const struct sli_smtp_server *server)
{
    const struct sli_smtp_question *question =
        sli_smtp_questions_get(server->question);
    struct slimta_slice echo = {NULL, 0};

    if (server->question == SLI_SMTP_EVENT_BANNER) {
        echo = sli_slice_text(server->config->hostname);
        if (server->config->dialect == SLIMTA_DIALECT_LMTP) {
            return (struct sli_smtp_output_text){
                .middle = echo, .after = SLI_LITERAL(" LMTP Mail Gateway")};
        }
    } else if (server->echo_size > 0) {
        echo = sli_slice(
            sli_input_front(&server->input.octets).data + server->echo_offset,
            server->echo_size);
    }
    if (server->question == SLI_SMTP_EVENT_EHLO &&
        server->config->greeting == SLIMTA_GREETING_HOSTNAME) {
        return (struct sli_smtp_output_text){
            sli_slice_text(server->config->hostname), SLI_LITERAL(" Hello "),
            echo};
    }
    if (question->without.size > 0 && !may_echo(question, echo)) {
        return (struct sli_smtp_output_text){.before = question->without};
    }
    return (struct sli_smtp_output_text){
        question->before, echo, question->after};
}

static int is_refused_content(const struct sli_smtp_server *server)
{
    return (server->question == SLI_SMTP_EVENT_END ||
               server->question == SLI_SMTP_EVENT_CHUNK) &&
        server->transaction.refusal != SLI_SMTP_REPLY_NONE;
}

static size_t copy_part(char *out, size_t size, struct slimta_slice part)
{
    size_t room = SLI_SMTP_OUTPUT_TEXT_MAX - size;
    size_t count = part.size < room ? part.size : room;

    if (count > 0) {
        memcpy(out + size, part.data, count);
    }
    return size + count;
}

int sli_smtp_answer_default(
    const struct sli_smtp_server *server, struct slimta_reply *reply)
{
    char text[SLI_SMTP_OUTPUT_TEXT_MAX];
    struct sli_smtp_output_text parts;
    size_t size;

    if (server->question == SLI_SMTP_EVENT_NONE) {
        return SLIMTA_ESTATE;
    }
    if (is_refused_content(server)) {
        const struct sli_smtp_reply *refusal =
            sli_smtp_replies_get(server->transaction.refusal);

        return sli_mail_reply_set(
            reply, refusal->code, sli_slice_text(refusal->text));
    }
    parts = default_text(server);
    size = copy_part(text, 0, parts.before);
    size = copy_part(text, size, parts.middle);
    size = copy_part(text, size, parts.after);
    return sli_mail_reply_set(reply,
        sli_smtp_questions_get(server->question)->code, sli_slice(text, size));
}

static int is_positive(int code)
{
    return code < 400;
}

static int keeps_code(const struct sli_smtp_server *server, int code)
{
    return !is_positive(code) || code == 221 ||
        server->question == SLI_SMTP_EVENT_COMMAND ||
        (server->question == SLI_SMTP_EVENT_RCPT && code == 251);
}

uint64_t sli_smtp_answer_times(const struct sli_smtp_server *server)
{
    uint64_t recipients = server->transaction.recipients;

    return server->config->dialect == SLIMTA_DIALECT_LMTP && recipients > 0
        ? recipients
        : 1;
}

struct sli_smtp_answer sli_smtp_answer_settle(
    const struct sli_smtp_server *server, const struct slimta_reply *reply)
{
    enum sli_smtp_event_type question = server->question;
    const struct sli_smtp_question *row = sli_smtp_questions_get(question);
    struct sli_smtp_answer settled = {
        .code = row->success != 0 ? row->success : row->code,
        .reply = reply,
        .times =
            question == SLI_SMTP_EVENT_END ? sli_smtp_answer_times(server) : 1,
    };
    int code = reply == NULL ? row->code : slimta_reply_code(reply);

    /* What only goes on is no success of AUTH: see
     * sli_smtp_server_challenge. */
    if (row->success != 0 && code / 100 == 3) {
        settled.reply = NULL;
        code = row->code;
    }
    if (is_refused_content(server) && is_positive(code)) {
        settled.reply = NULL;
        code = sli_smtp_replies_get(server->transaction.refusal)->code;
    }
    if (keeps_code(server, code)) {
        settled.code = code;
    }
    settled.closes = settled.code == 221 || settled.code == 421;
    /* A client takes 221 for a yes to its message, so it is one; in the middle
     * of a session it only ends that. */
    settled.is_success = is_positive(settled.code) &&
        (settled.code != 221 || question == SLI_SMTP_EVENT_END);
    return settled;
}

/* The reply to EHLO goes on with the extensions. */
static int write_greeting_end(
    struct sli_smtp_server *server, size_t size_before, int err)
{
    if (err == 0) {
        err = sli_smtp_extensions_write(
            server->output, server, server->extensions);
    }
    if (err != 0) {
        server->output->end = server->output->start + size_before;
    }
    return err;
}

static int write_answer(
    struct sli_smtp_server *server, const struct sli_smtp_answer *settled)
{
    int has_extensions = server->question == SLI_SMTP_EVENT_EHLO &&
        server->asks_extended && settled->is_success &&
        !sli_smtp_extensions_is_empty(server->extensions);
    enum sli_smtp_output_more more =
        has_extensions ? SLI_SMTP_OUTPUT_MORE : SLI_SMTP_OUTPUT_LAST;
    size_t size = sli_buf_size(server->output);
    int err;

    if (settled->reply != NULL) {
        err =
            sli_smtp_output_reply(server->output, settled->reply, settled->code,
                sli_smtp_questions_get(server->question)->form, more);
    } else if (is_refused_content(server)) {
        err = sli_buf_append(server->output,
            sli_smtp_replies_get(server->transaction.refusal)->wire);
    } else {
        struct sli_smtp_output_text text = default_text(server);

        err = sli_smtp_output_line(server->output, settled->code, more, &text);
    }
    return has_extensions ? write_greeting_end(server, size, err) : err;
}

/* Who closes says it once. */
static int write_times(
    struct sli_smtp_server *server, const struct sli_smtp_answer *settled)
{
    uint64_t times = settled->closes ? 1 : settled->times;
    size_t before = sli_buf_size(server->output);
    int err = 0;

    for (uint64_t i = 0; i < times && err == 0; i++) {
        err = write_answer(server, settled);
    }
    if (err != 0) {
        server->output->end = server->output->start + before;
    }
    return err;
}

int sli_smtp_answer_write(struct sli_smtp_server *server,
    const struct sli_smtp_answer *settled, enum sli_smtp_close *reason)
{
    if (settled->code >= 500 &&
        sli_smtp_questions_get(server->question)->is_command &&
        sli_smtp_machine_count_error(server)) {
        *reason = SLI_SMTP_CLOSE_ERRORS;
        return sli_buf_append(server->output,
            sli_smtp_replies_get(SLI_SMTP_REPLY_TOO_MANY_ERRORS)->wire);
    }
    return sli_smtp_questions_get(server->question)->is_silent &&
            settled->is_success
        ? 0
        : write_times(server, settled);
}

void sli_smtp_answer_late(struct sli_smtp_server *server,
    const struct slimta_reply *reply, uint64_t times)
{
    enum sli_smtp_close reason = SLI_SMTP_CLOSE_REPLY;
    struct sli_smtp_answer settled;
    int err;

    server->question = SLI_SMTP_EVENT_CHUNKS;
    settled = sli_smtp_answer_settle(server, reply);
    settled.times = times;
    err = sli_smtp_answer_write(server, &settled, &reason);
    server->question = SLI_SMTP_EVENT_NONE;
    if (err != 0) {
        sli_smtp_say_no_memory(server);
    } else if (reason == SLI_SMTP_CLOSE_ERRORS) {
        sli_smtp_machine_close(server, reason);
    }
}
