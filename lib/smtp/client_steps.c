/** What each reply means at its step, and every way in which a sending engine's
 * state changes. */
#include "smtp/client_steps.h"

#include <slimta/error.h>

#include "base/base64.h"
#include "base/slice.h"
#include "smtp/client_lines.h"

void sli_smtp_client_steps_enter(
    struct sli_smtp_client *client, enum sli_smtp_client_state state)
{
    client->state = state;
}

void sli_smtp_client_steps_expect(
    struct sli_smtp_client *client, enum sli_smtp_client_step step)
{
    client->due[step]++;
}

enum sli_smtp_client_step sli_smtp_client_steps_due(
    const struct sli_smtp_client *client)
{
    for (int step = 0; step < SLI_SMTP_CLIENT_STEP_CONTENT; step++) {
        if (client->due[step] > 0) {
            return (enum sli_smtp_client_step)step;
        }
    }
    return client->state == SLI_SMTP_CLIENT_STATE_CONTENT
        ? SLI_SMTP_CLIENT_STEP_CONTENT
        : SLI_SMTP_CLIENT_STEP_IDLE;
}

int sli_smtp_client_steps_is_due(const struct sli_smtp_client *client)
{
    return sli_smtp_client_steps_due(client) < SLI_SMTP_CLIENT_STEP_CONTENT;
}

/* RFC 5321 section 4.2.5: up to the end of the content nothing is taken; from
 * there on only a reply tells. What did not leave whole is not the end. */
static enum sli_smtp_client_outcome outcome_of(
    const struct sli_smtp_client *client)
{
    switch (client->state) {
    case SLI_SMTP_CLIENT_STATE_MAIL:
    case SLI_SMTP_CLIENT_STATE_CONTENT:
        return SLI_SMTP_CLIENT_OUTCOME_NOT_TAKEN;
    case SLI_SMTP_CLIENT_STATE_END:
        return client->unsent > 0 ? SLI_SMTP_CLIENT_OUTCOME_NOT_TAKEN
                                  : SLI_SMTP_CLIENT_OUTCOME_UNKNOWN;
    default:
        return SLI_SMTP_CLIENT_OUTCOME_NONE;
    }
}

void sli_smtp_client_steps_close(struct sli_smtp_client *client,
    enum sli_smtp_client_close reason, enum sli_smtp_reply_id id)
{
    if (client->state == SLI_SMTP_CLIENT_STATE_CLOSED) {
        return;
    }
    client->close = reason;
    client->outcome = outcome_of(client);
    client->unknown = client->outcome == SLI_SMTP_CLIENT_OUTCOME_UNKNOWN
        ? client->due[SLI_SMTP_CLIENT_STEP_END]
        : 0;
    if (client->unknown > 0) {
        id = SLI_SMTP_REPLY_HOP_UNKNOWN;
    }
    client->close_reply = id;
    sli_smtp_input_fini(&client->input);
    sli_smtp_reply_reader_fini(&client->reader);
    sli_buf_fini(&client->initial);
    sli_buf_fini(&client->challenge);
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_CLOSED);
}

static void no_memory(struct sli_smtp_client *client)
{
    sli_smtp_client_steps_close(
        client, SLI_SMTP_CLIENT_CLOSE_MEMORY, SLI_SMTP_REPLY_HOP_NO_MEMORY);
}

static void broken(struct sli_smtp_client *client)
{
    sli_smtp_client_steps_close(
        client, SLI_SMTP_CLIENT_CLOSE_BROKEN, SLI_SMTP_REPLY_HOP_BROKEN);
}

static void say(struct sli_smtp_client *client, const char *verb,
    const char *argument, enum sli_smtp_client_step step)
{
    if (sli_smtp_client_lines_plain(client, verb, argument) != 0) {
        no_memory(client);
    } else {
        sli_smtp_client_steps_expect(client, step);
    }
}

/* What a reply does. The event has its type, and the reply. */

static void keep(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)client;
    (void)event;
}

/* CLOSE says it. RFC 5321 section 3.1: QUIT is a courtesy. */
static void refuse_session(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    event->type = SLI_SMTP_CLIENT_NONE;
    if (client->state == SLI_SMTP_CLIENT_STATE_START) {
        (void)sli_smtp_client_lines_plain(client, "QUIT", NULL);
    }
    sli_smtp_client_steps_close(
        client, SLI_SMTP_CLIENT_CLOSE_REFUSED, SLI_SMTP_REPLY_NONE);
}

/* RFC 5321 section 4.1.1.1; RFC 2033 section 4.1. */
static void greet(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    event->type = SLI_SMTP_CLIENT_NONE;
    say(client, client->config->is_lmtp ? "LHLO" : "EHLO",
        client->config->ehlo_name, SLI_SMTP_CLIENT_STEP_EHLO);
}

static void take_ehlo(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    client->is_extended = 1;
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
}

static void take_helo(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    client->capabilities = (struct sli_smtp_capabilities){0};
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
}

/* RFC 5321 section 3.2: a server that does not know EHLO. LMTP has nothing to
 * fall back on. */
static void fall_back(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    if (client->config->is_lmtp) {
        refuse_session(client, event);
        return;
    }
    event->type = SLI_SMTP_CLIENT_NONE;
    say(client, "HELO", client->config->ehlo_name, SLI_SMTP_CLIENT_STEP_HELO);
}

static void begin_tls(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_TLS);
}

static void take_auth(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    client->is_authenticated = 1;
    sli_buf_fini(&client->initial);
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
}

static void refuse_auth(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    sli_buf_fini(&client->initial);
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
}

/* Sends the response that AUTH had no room for. */
static void send_initial(struct sli_smtp_client *client)
{
    int err =
        sli_smtp_client_lines_response(client, sli_buf_slice(&client->initial));

    sli_buf_fini(&client->initial);
    if (err != 0) {
        no_memory(client);
        return;
    }
    sli_smtp_client_steps_expect(client, SLI_SMTP_CLIENT_STEP_AUTH);
}

/* 1, 0 when the text is no base64; SLIMTA_ENOMEM. */
static int decode(struct sli_smtp_client *client, struct slimta_slice text)
{
    size_t size = 0;
    char *room;

    sli_buf_clear(&client->challenge);
    room =
        sli_buf_reserve(&client->challenge, SLI_BASE64_DECODED_MAX(text.size));
    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    if (!sli_base64_decode(text, SLI_BASE64_OPTIONAL, room, &size)) {
        return 0;
    }
    sli_buf_added(&client->challenge, size);
    return 1;
}

static void challenge(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    int is_decoded;

    event->type = SLI_SMTP_CLIENT_NONE;
    if (client->reader.code != 334 || client->reader.lines != 1) {
        broken(client);
        return;
    }
    if (sli_buf_size(&client->initial) > 0) {
        send_initial(client);
        return;
    }
    is_decoded = decode(client, client->reader.last);
    if (is_decoded < 0) {
        no_memory(client);
    } else if (is_decoded == 0) {
        say(client, "*", NULL, SLI_SMTP_CLIENT_STEP_AUTH_CANCEL);
    } else {
        event->type = SLI_SMTP_CLIENT_CHALLENGE;
        event->reply = NULL;
        event->is_accepted = 0;
        event->challenge = sli_buf_slice(&client->challenge);
    }
}

static void take_mail(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    client->transaction.is_accepted = 1;
}

static void refuse_mail(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    client->transaction.is_refused = 1;
}

/* A hop that has refused the sender has no recipient to accept. */
static void take_rcpt(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    if (client->transaction.is_refused) {
        event->type = SLI_SMTP_CLIENT_NONE;
        broken(client);
        return;
    }
    event->index = client->transaction.answered++;
    client->transaction.accepted++;
}

static void refuse_rcpt(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    event->index = client->transaction.answered++;
}

/* RFC 2920 section 3.1: 354 may come although every recipient, sent ahead, has
 * been refused; then the content is empty, and a refusal is what comes. RFC
 * 2033 section 4.2: in LMTP it may not, and nothing would come. */
static void take_data(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    if (client->transaction.accepted > 0) {
        sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_CONTENT);
        return;
    }
    event->type = SLI_SMTP_CLIENT_NONE;
    if (client->config->is_lmtp) {
        broken(client);
        return;
    }
    say(client, ".", NULL, SLI_SMTP_CLIENT_STEP_EMPTY);
}

/* Whatever is said to that, no recipient has it. */
static void end_empty(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    event->is_accepted = 0;
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
}

static void take_empty(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    const struct sli_smtp_reply *fixed =
        sli_smtp_replies_get(SLI_SMTP_REPLY_HOP_NO_RECIPIENTS);

    sli_mail_reply_set_fixed(&client->reply, fixed->code, fixed->text);
    end_empty(client, event);
}

static void end(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    event->index = client->transaction.ended++;
    if (client->due[SLI_SMTP_CLIENT_STEP_END] == 0) {
        sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
    }
}

static void reset(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    (void)event;
    sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
}

/* Whatever was said. */
static void leave(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    event->type = SLI_SMTP_CLIENT_NONE;
    sli_smtp_client_steps_close(
        client, SLI_SMTP_CLIENT_CLOSE_QUIT, SLI_SMTP_REPLY_NONE);
}

/*
 * RFC 5321 section 4.2.1: the first digit says what is meant. What is NULL here
 * has no meaning at its step, and the session cannot go on. 421 is the same at
 * every step but two, and no matter of this table.
 */
static const struct {
    enum sli_smtp_client_event_type event;
    void (*on[4])(struct sli_smtp_client *client,
        struct sli_smtp_client_event *event); /* 2yz, 3yz, 4yz, 5yz */
} steps[] = {
    [SLI_SMTP_CLIENT_STEP_BANNER] = {SLI_SMTP_CLIENT_NONE,
        {greet, NULL, refuse_session, refuse_session}},
    [SLI_SMTP_CLIENT_STEP_EHLO] = {SLI_SMTP_CLIENT_GREETED,
        {take_ehlo, NULL, refuse_session, fall_back}},
    [SLI_SMTP_CLIENT_STEP_HELO] = {SLI_SMTP_CLIENT_GREETED,
        {take_helo, NULL, refuse_session, refuse_session}},
    [SLI_SMTP_CLIENT_STEP_STARTTLS] = {SLI_SMTP_CLIENT_STARTTLS,
        {begin_tls, NULL, keep, keep}},
    [SLI_SMTP_CLIENT_STEP_AUTH] = {SLI_SMTP_CLIENT_AUTH,
        {take_auth, challenge, refuse_auth, refuse_auth}},
    [SLI_SMTP_CLIENT_STEP_AUTH_CANCEL] = {SLI_SMTP_CLIENT_AUTH,
        {NULL, NULL, refuse_auth, refuse_auth}},
    [SLI_SMTP_CLIENT_STEP_MAIL] = {SLI_SMTP_CLIENT_MAIL,
        {take_mail, NULL, refuse_mail, refuse_mail}},
    [SLI_SMTP_CLIENT_STEP_RCPT] = {SLI_SMTP_CLIENT_RCPT,
        {take_rcpt, NULL, refuse_rcpt, refuse_rcpt}},
    [SLI_SMTP_CLIENT_STEP_DATA] = {SLI_SMTP_CLIENT_DATA,
        {NULL, take_data, keep, keep}},
    [SLI_SMTP_CLIENT_STEP_EMPTY] = {SLI_SMTP_CLIENT_DATA,
        {take_empty, NULL, end_empty, end_empty}},
    [SLI_SMTP_CLIENT_STEP_END] = {SLI_SMTP_CLIENT_END, {end, NULL, end, end}},
    [SLI_SMTP_CLIENT_STEP_RSET] = {SLI_SMTP_CLIENT_RSET,
        {reset, NULL, NULL, NULL}},
    [SLI_SMTP_CLIENT_STEP_QUIT] = {SLI_SMTP_CLIENT_NONE,
        {leave, leave, leave, leave}},
    [SLI_SMTP_CLIENT_STEP_CONTENT] = {SLI_SMTP_CLIENT_NONE,
        {NULL, NULL, refuse_session, refuse_session}},
    [SLI_SMTP_CLIENT_STEP_IDLE] = {SLI_SMTP_CLIENT_NONE,
        {NULL, NULL, NULL, NULL}},
};

/* RFC 5321 section 3.8: the hop shuts down, in reply to anything or to nothing.
 * Behind a content it answers that, and a QUIT is answered in any case. */
static int is_goodbye(
    const struct sli_smtp_client *client, enum sli_smtp_client_step step)
{
    return client->reader.code == 421 && step != SLI_SMTP_CLIENT_STEP_END &&
        step != SLI_SMTP_CLIENT_STEP_QUIT;
}

/* What a reply leaves behind once nothing else is due. */
static void settle(struct sli_smtp_client *client)
{
    if (client->state == SLI_SMTP_CLIENT_STATE_CLOSED ||
        sli_smtp_client_steps_is_due(client)) {
        return;
    }
    if (client->is_leaving) {
        sli_smtp_client_steps_close(
            client, SLI_SMTP_CLIENT_CLOSE_GOODBYE, SLI_SMTP_REPLY_HOP_LOST);
    } else if (client->owes_rset) {
        client->owes_rset = 0;
        say(client, "RSET", NULL, SLI_SMTP_CLIENT_STEP_RSET);
    } else if (client->state == SLI_SMTP_CLIENT_STATE_MAIL &&
        client->transaction.is_refused) {
        sli_smtp_client_steps_enter(client, SLI_SMTP_CLIENT_STATE_READY);
    }
}

void sli_smtp_client_steps_take(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event)
{
    enum sli_smtp_client_step step = sli_smtp_client_steps_due(client);
    int class = client->reader.code / 100;
    void (*act)(struct sli_smtp_client * client,
        struct sli_smtp_client_event * event) = steps[step].on[class - 2];

    sli_smtp_reply_reader_finish(&client->reader, &client->reply);
    /* Said on it would end the session of whoever hears it. */
    if (client->reader.code == 421) {
        (void)slimta_reply_set(&client->reply, 451, NULL);
    }
    if (is_goodbye(client, step)) {
        sli_smtp_client_steps_close(
            client, SLI_SMTP_CLIENT_CLOSE_GOODBYE, SLI_SMTP_REPLY_NONE);
        return;
    }
    if (act == NULL) {
        broken(client);
        return;
    }
    if (step < SLI_SMTP_CLIENT_STEP_CONTENT) {
        client->due[step]--;
    }
    client->is_leaving |= client->reader.code == 421;
    event->type = steps[step].event;
    event->is_accepted = class <= 3;
    event->reply = &client->reply;
    act(client, event);
    settle(client);
}
