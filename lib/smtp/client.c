/** The sending SMTP and LMTP engine: octets in, events and octets out. */
#include "smtp/client.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/client_lines.h"
#include "smtp/client_steps.h"

void sli_smtp_client_init(struct sli_smtp_client *client,
    const struct sli_smtp_client_config *config, struct sli_buf *output,
    const struct sli_smtp_capabilities *known)
{
    *client = (struct sli_smtp_client){
        .config = config,
        .output = output,
        .state = SLI_SMTP_CLIENT_STATE_START,
    };
    if (known != NULL) {
        client->capabilities = *known;
    }
    sli_smtp_input_init(&client->input, config->alloc);
    sli_smtp_reply_reader_init(&client->reader, config->alloc);
    sli_mail_reply_init(&client->reply, config->alloc);
    sli_buf_init(&client->challenge, config->alloc, SIZE_MAX);
    sli_buf_init(&client->initial, config->alloc, SIZE_MAX);
    sli_buf_keep_secret(&client->initial);
    sli_smtp_client_steps_expect(client, SLI_SMTP_CLIENT_STEP_BANNER);
}

void sli_smtp_client_fini(struct sli_smtp_client *client)
{
    sli_smtp_input_fini(&client->input);
    sli_smtp_reply_reader_fini(&client->reader);
    sli_mail_reply_fini(&client->reply);
    sli_buf_fini(&client->challenge);
    sli_buf_fini(&client->initial);
}

static int no_memory(struct sli_smtp_client *client)
{
    sli_smtp_client_steps_close(
        client, SLI_SMTP_CLIENT_CLOSE_MEMORY, SLI_SMTP_REPLY_HOP_NO_MEMORY);
    return SLIMTA_ENOMEM;
}

static void broken(struct sli_smtp_client *client)
{
    sli_smtp_client_steps_close(
        client, SLI_SMTP_CLIENT_CLOSE_BROKEN, SLI_SMTP_REPLY_HOP_BROKEN);
}

/* RFC 3207 section 6: what stands in the clear behind the 220 is not the hop's.
 */
static void refuse_injected(struct sli_smtp_client *client)
{
    sli_smtp_client_steps_close(
        client, SLI_SMTP_CLIENT_CLOSE_INJECTED, SLI_SMTP_REPLY_HOP_BROKEN);
}

void sli_smtp_client_feed(
    struct sli_smtp_client *client, struct slimta_slice input)
{
    if (client->state == SLI_SMTP_CLIENT_STATE_CLOSED || input.size == 0) {
        return;
    }
    if (client->state == SLI_SMTP_CLIENT_STATE_TLS) {
        refuse_injected(client);
    } else if (sli_input_feed(&client->input.octets, input) != 0) {
        (void)no_memory(client);
    }
}

void sli_smtp_client_park(struct sli_smtp_client *client)
{
    if (sli_input_park(&client->input.octets) != 0) {
        (void)no_memory(client);
    }
}

/* Reading */

/* The lines of a greeting's reply are looked at as they come. */
static void read_capability(
    struct sli_smtp_client *client, enum sli_smtp_client_step step)
{
    if (step != SLI_SMTP_CLIENT_STEP_EHLO || client->reader.code / 100 != 2) {
        return;
    }
    if (client->reader.lines == 1) {
        client->capabilities = (struct sli_smtp_capabilities){0};
    } else {
        sli_smtp_capabilities_read(&client->capabilities, client->reader.last);
    }
}

/* Nothing may stand behind a 220 to STARTTLS. */
static int is_injected(const struct sli_smtp_client *client)
{
    return client->state == SLI_SMTP_CLIENT_STATE_TLS &&
        sli_input_front(&client->input.octets).size > 0;
}

static void take_line(struct sli_smtp_client *client, struct slimta_slice line,
    struct sli_smtp_client_event *event)
{
    struct slimta_slice text = sli_slice(line.data, line.size - 2);
    enum sli_smtp_reply_result result =
        sli_smtp_reply_reader_take(&client->reader, text);

    sli_input_consume(&client->input.octets, line.size);
    if (result == SLI_SMTP_REPLY_BROKEN) {
        broken(client);
        return;
    }
    read_capability(client, sli_smtp_client_steps_due(client));
    if (result == SLI_SMTP_REPLY_WHOLE) {
        sli_smtp_client_steps_take(client, event);
    }
    if (is_injected(client)) {
        event->type = SLI_SMTP_CLIENT_NONE;
        refuse_injected(client);
    }
}

/* No whole line is there. RFC 5321 section 2.3.8: an LF alone ends none, and
 * none will come of one that has it. */
static int read_rest(struct sli_smtp_client *client)
{
    struct slimta_slice rest = sli_input_front(&client->input.octets);

    if (rest.size > 0 && memchr(rest.data, '\n', rest.size) != NULL) {
        broken(client);
        return 1;
    }
    if (client->has_ended) {
        sli_smtp_client_steps_close(
            client, SLI_SMTP_CLIENT_CLOSE_LOST, SLI_SMTP_REPLY_HOP_LOST);
        return 1;
    }
    return 0;
}

static void tell_close(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    if (client->close_reply != SLI_SMTP_REPLY_NONE) {
        const struct sli_smtp_reply *fixed =
            sli_smtp_replies_get(client->close_reply);

        sli_mail_reply_set_fixed(&client->reply, fixed->code, fixed->text);
    }
    event->type = SLI_SMTP_CLIENT_CLOSE;
    event->reply =
        client->close == SLI_SMTP_CLIENT_CLOSE_QUIT ? NULL : &client->reply;
    event->close.reason = client->close;
    event->close.outcome = client->outcome;
    event->close.unknown = client->unknown;
}

/* Returns 1 when it has got on without an event. */
static int read_next(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    static const struct sli_smtp_input_limits limits = {
        .max = SLI_SMTP_REPLY_LINE_MAX,
        .word = {"334 ", 4},
        .word_max = SLI_SMTP_REPLY_CHALLENGE_MAX,
    };
    struct slimta_slice line;

    if (client->state == SLI_SMTP_CLIENT_STATE_CLOSED) {
        tell_close(client, event);
        return 0;
    }
    switch (sli_smtp_input_line(&client->input, &limits, &line)) {
    case SLI_SMTP_INPUT_LINE:
        take_line(client, line, event);
        return 1;
    case SLI_SMTP_INPUT_MORE:
        return read_rest(client);
    case SLI_SMTP_INPUT_NO_MEMORY:
        (void)no_memory(client);
        return 1;
    default:
        broken(client);
        return 1;
    }
}

void sli_smtp_client_next(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    int goes_on;

    do {
        *event = (struct sli_smtp_client_event){.type = SLI_SMTP_CLIENT_NONE};
        goes_on = read_next(client, event);
    } while (goes_on && event->type == SLI_SMTP_CLIENT_NONE);
    if (event->type == SLI_SMTP_CLIENT_NONE) {
        sli_input_release(&client->input.octets);
        sli_mail_reply_fini(&client->reply);
        sli_buf_fini(&client->challenge);
    }
}

void sli_smtp_client_lost(struct sli_smtp_client *client, size_t unsent)
{
    client->has_ended = 1;
    client->unsent = unsent;
}

void sli_smtp_client_give_up(
    struct sli_smtp_client *client, size_t unsent, enum sli_smtp_reply_id id)
{
    client->unsent = unsent;
    sli_smtp_client_steps_close(client, SLI_SMTP_CLIENT_CLOSE_GIVEN_UP, id);
}

/* Commands */

/* RFC 2920 section 3.1: MAIL, RCPT and RSET may stand before others in a group.
 */
static int is_group(const struct sli_smtp_client *client)
{
    for (int step = 0; step < SLI_SMTP_CLIENT_STEP_CONTENT; step++) {
        if (client->due[step] > 0 && step != SLI_SMTP_CLIENT_STEP_MAIL &&
            step != SLI_SMTP_CLIENT_STEP_RCPT) {
            return 0;
        }
    }
    return 1;
}

int sli_smtp_client_may_send(const struct sli_smtp_client *client)
{
    if (client->owes_rset || client->has_ended ||
        (client->state != SLI_SMTP_CLIENT_STATE_READY &&
            client->state != SLI_SMTP_CLIENT_STATE_MAIL)) {
        return 0;
    }
    if ((client->capabilities.offered & SLI_SMTP_CAPABILITY_PIPELINING) == 0) {
        return !sli_smtp_client_steps_is_due(client);
    }
    return is_group(client);
}

/* What was said stands in the output: its reply is due. */
static int sent(
    struct sli_smtp_client *client, int err, enum sli_smtp_client_step step)
{
    if (err == SLIMTA_ENOMEM) {
        return no_memory(client);
    }
    if (err == 0) {
        sli_smtp_client_steps_expect(client, step);
    }
    return err;
}

/* Between two transactions, with nothing due. */
static int is_ready(const struct sli_smtp_client *client)
{
    return client->state == SLI_SMTP_CLIENT_STATE_READY &&
        !sli_smtp_client_steps_is_due(client) && !client->has_ended;
}

int sli_smtp_client_starttls(struct sli_smtp_client *client)
{
    if (!is_ready(client) || client->is_secure) {
        return SLIMTA_ESTATE;
    }
    return sent(client, sli_smtp_client_lines_plain(client, "STARTTLS", NULL),
        SLI_SMTP_CLIENT_STEP_STARTTLS);
}

int sli_smtp_client_secured(struct sli_smtp_client *client)
{
    int is_first = client->state == SLI_SMTP_CLIENT_STATE_START &&
        client->due[SLI_SMTP_CLIENT_STEP_BANNER] > 0;

    if (client->is_secure ||
        (!is_first && client->state != SLI_SMTP_CLIENT_STATE_TLS)) {
        return SLIMTA_ESTATE;
    }
    client->is_secure = 1;
    if (is_first) {
        return 0;
    }
    client->capabilities = (struct sli_smtp_capabilities){0};
    client->is_extended = 0;
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_START);
    return sent(client,
        sli_smtp_client_lines_plain(client,
            client->config->is_lmtp ? "LHLO" : "EHLO",
            client->config->ehlo_name),
        SLI_SMTP_CLIENT_STEP_EHLO);
}

int sli_smtp_client_auth(struct sli_smtp_client *client, const char *mechanism,
    const struct slimta_slice *initial)
{
    int err;

    if (!is_ready(client) || client->is_authenticated) {
        return SLIMTA_ESTATE;
    }
    sli_buf_keep_secret(client->output);
    if (initial != NULL && !sli_smtp_client_lines_fits(mechanism, *initial)) {
        if (sli_buf_append(&client->initial, *initial) != 0) {
            return no_memory(client);
        }
        initial = NULL;
    }
    err = sent(client, sli_smtp_client_lines_auth(client, mechanism, initial),
        SLI_SMTP_CLIENT_STEP_AUTH);
    if (err == 0) {
        sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_AUTH);
    }
    return err;
}

static int is_challenged(const struct sli_smtp_client *client)
{
    return client->state == SLI_SMTP_CLIENT_STATE_AUTH &&
        !sli_smtp_client_steps_is_due(client);
}

int sli_smtp_client_auth_answer(
    struct sli_smtp_client *client, struct slimta_slice octets)
{
    if (!is_challenged(client)) {
        return SLIMTA_ESTATE;
    }
    return sent(client, sli_smtp_client_lines_response(client, octets),
        SLI_SMTP_CLIENT_STEP_AUTH);
}

int sli_smtp_client_auth_cancel(struct sli_smtp_client *client)
{
    if (!is_challenged(client)) {
        return SLIMTA_ESTATE;
    }
    return sent(client, sli_smtp_client_lines_plain(client, "*", NULL),
        SLI_SMTP_CLIENT_STEP_AUTH_CANCEL);
}

int sli_smtp_client_mail(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail)
{
    int err;

    if (!is_ready(client)) {
        return SLIMTA_ESTATE;
    }
    if (sli_smtp_capabilities_check(&client->capabilities, mail) !=
        SLI_SMTP_REPLY_NONE) {
        return SLIMTA_EINVAL;
    }
    err = sent(client, sli_smtp_client_lines_mail(client, mail),
        SLI_SMTP_CLIENT_STEP_MAIL);
    if (err == 0) {
        client->transaction = (struct sli_smtp_client_transaction){
            .has_utf8 = sli_smtp_capabilities_needs_utf8(mail)};
        sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_MAIL);
    }
    return err;
}

enum sli_smtp_reply_id sli_smtp_client_check_rcpt(
    const struct sli_smtp_client *client, struct slimta_slice address)
{
    return !client->transaction.has_utf8 &&
            !sli_ascii_all(address, SLI_ASCII_PRINT)
        ? SLI_SMTP_REPLY_HOP_NEEDS_UTF8
        : SLI_SMTP_REPLY_NONE;
}

/* In a transaction that has not been refused. */
static int may_go_on(const struct sli_smtp_client *client)
{
    return client->state == SLI_SMTP_CLIENT_STATE_MAIL &&
        !client->transaction.is_refused && sli_smtp_client_may_send(client);
}

int sli_smtp_client_rcpt(
    struct sli_smtp_client *client, const struct slimta_recipient *recipient)
{
    if (!may_go_on(client)) {
        return SLIMTA_ESTATE;
    }
    if (sli_smtp_client_check_rcpt(client,
            sli_slice_text(recipient->address)) != SLI_SMTP_REPLY_NONE) {
        return SLIMTA_EINVAL;
    }
    return sent(client, sli_smtp_client_lines_rcpt(client, recipient),
        SLI_SMTP_CLIENT_STEP_RCPT);
}

int sli_smtp_client_data(struct sli_smtp_client *client)
{
    if (!may_go_on(client) ||
        (client->transaction.accepted == 0 &&
            client->due[SLI_SMTP_CLIENT_STEP_RCPT] == 0)) {
        return SLIMTA_ESTATE;
    }
    sli_smtp_data_writer_init(&client->transaction.writer);
    return sent(client, sli_smtp_client_lines_plain(client, "DATA", NULL),
        SLI_SMTP_CLIENT_STEP_DATA);
}

static int is_7bit(struct slimta_slice octets)
{
    for (size_t i = 0; i < octets.size; i++) {
        if (sli_ascii_is(octets.data[i], SLI_ASCII_HIGH)) {
            return 0;
        }
    }
    return 1;
}

int sli_smtp_client_content(struct sli_smtp_client *client,
    struct slimta_slice *octets, struct slimta_slice *run)
{
    if (client->state != SLI_SMTP_CLIENT_STATE_CONTENT ||
        !sli_smtp_data_writer_next(&client->transaction.writer, octets, run)) {
        return 0;
    }
    /* RFC 6152 section 3: under no circumstances to a hop without 8BITMIME.
     * Nothing but the end of the session takes a content back. */
    if ((client->capabilities.offered & SLI_SMTP_CAPABILITY_8BITMIME) == 0 &&
        !is_7bit(*run)) {
        sli_smtp_client_steps_close(
            client, SLI_SMTP_CLIENT_CLOSE_UNFIT, SLI_SMTP_REPLY_HOP_NEEDS_8BIT);
        return 0;
    }
    return 1;
}

int sli_smtp_client_end_content(struct sli_smtp_client *client)
{
    struct slimta_slice end;

    if (client->state != SLI_SMTP_CLIENT_STATE_CONTENT) {
        return SLIMTA_ESTATE;
    }
    end = sli_smtp_data_writer_end(&client->transaction.writer);
    if (sli_buf_append(client->output, end) != 0) {
        return no_memory(client);
    }
    /* RFC 2033 section 4.2: one for each accepted recipient. */
    client->due[SLI_SMTP_CLIENT_STEP_END] =
        client->config->is_lmtp ? client->transaction.accepted : 1;
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_END);
    return 0;
}

int sli_smtp_client_rset(struct sli_smtp_client *client)
{
    int is_behind = client->due[SLI_SMTP_CLIENT_STEP_DATA] > 0 ||
        client->due[SLI_SMTP_CLIENT_STEP_EMPTY] > 0;

    if (client->state != SLI_SMTP_CLIENT_STATE_MAIL || client->owes_rset ||
        is_behind || client->due[SLI_SMTP_CLIENT_STEP_RSET] > 0) {
        return SLIMTA_ESTATE;
    }
    if (sli_smtp_client_steps_is_due(client)) {
        client->owes_rset = 1;
        return 0;
    }
    return sent(client, sli_smtp_client_lines_plain(client, "RSET", NULL),
        SLI_SMTP_CLIENT_STEP_RSET);
}

int sli_smtp_client_quit(struct sli_smtp_client *client)
{
    int err;

    if ((client->state != SLI_SMTP_CLIENT_STATE_READY &&
            client->state != SLI_SMTP_CLIENT_STATE_MAIL) ||
        sli_smtp_client_steps_is_due(client)) {
        return SLIMTA_ESTATE;
    }
    err = sent(client, sli_smtp_client_lines_plain(client, "QUIT", NULL),
        SLI_SMTP_CLIENT_STEP_QUIT);
    if (err == 0) {
        sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_LEAVING);
    }
    return err;
}

enum sli_smtp_client_state sli_smtp_client_state(
    const struct sli_smtp_client *client)
{
    return client->state;
}

int sli_smtp_client_is_waiting(const struct sli_smtp_client *client)
{
    return client->state != SLI_SMTP_CLIENT_STATE_CLOSED &&
        sli_smtp_client_steps_is_due(client);
}

const struct sli_smtp_capabilities *sli_smtp_client_capabilities(
    const struct sli_smtp_client *client)
{
    return &client->capabilities;
}
