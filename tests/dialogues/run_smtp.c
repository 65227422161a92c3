/**
 * Plays dialogues against the receiving engine, cut in every way, and demands
 * the same outcome each time.
 *
 * A dialogue is a text file of lines:
 *
 *     # a comment
 *     config: NAME VALUE         hostname, max-recipients, max-errors,
 *                                max-received, max-idle-commands,
 *                                max-command-bytes, max-message-bytes,
 *                                max-auth-bytes, bare-newlines (refuse,
 *                                normalise, pass), greeting (hello, hostname),
 *                                tls (offered, required, immediate),
 *                                mechanisms (of AUTH, in the clear),
 *                                secure-mechanisms (under TLS), capability (of
 *                                the queue: dsn, requiretls, binarymime,
 *                                deliverby, mt-priority, futurerelease),
 *                                min-by-seconds, max-hold-seconds, dialect
 *                                (lmtp), trusts-peer (for XCLIENT)
 *     refusal: CODE TEXT         what TLS comes to is refused with this
 *     answer: QUESTION CODE TEXT the host's answer to the next question of
 *     answer: QUESTION default   that kind which has no answer yet; with 334,
 *                                TEXT is the challenge
 *     end: input                 the client has shut down its side
 *     end: CODE TEXT             the owner terminates the session
 *     C: TEXT                    the client sends TEXT and CRLF
 *     c: TEXT                    the client sends TEXT
 *     x: COUNT TEXT              the client sends TEXT that often
 *     T:                         the handshake is done
 *     S: TEXT                    a line of the server
 *     E: EVENT                   an event; all but BANNER, if there is one at
 *                                all
 *
 * with \r \n \\ \xNN in every TEXT. The order of C, S and E lines to each other
 * is for the reader: outcomes must not depend on it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/error.h>
#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "mail/reply.h"
#include "smtp/server.h"
#include "verdict.h"

/* 2026-11-22T12:00:00Z. */
#define NOW_MS INT64_C(1795348800000)

enum { ANSWERS_MAX = 64, HANDSHAKES_MAX = 4 };

struct canned {
    enum sli_smtp_event_type question;
    int code; /* 0: the default */
    char *text;
};

struct dialogue {
    struct sli_smtp_config config;
    char hostname[256];
    struct canned answers[ANSWERS_MAX];
    size_t answer_count;
    char mechanisms[256];
    char secure_mechanisms[256];
    uint64_t capabilities;
    int trusts_peer;
    int refusal_code; /* 0: none */
    char *refusal_text;
    struct script script;
    size_t handshakes[HANDSHAKES_MAX]; /* before which octets of the input */
    size_t handshake_count;
    int ends_input;
    int end_code;
    char *end_text;
};

struct play {
    const struct dialogue *dialogue;
    const struct way *way;
    struct sli_smtp_server server;
    struct text *events;
    int is_in_content;
    int is_closed;
    size_t answered[SLI_SMTP_EVENT_CLOSE + 1];
    struct slimta_alloc plain; /* for what is the host's own */
    char *piece;
};

/* Names */

static const char *const event_names[] = {
    [SLI_SMTP_EVENT_BANNER] = "BANNER",
    [SLI_SMTP_EVENT_EHLO] = "EHLO",
    [SLI_SMTP_EVENT_MAIL] = "MAIL",
    [SLI_SMTP_EVENT_RCPT] = "RCPT",
    [SLI_SMTP_EVENT_DATA] = "DATA",
    [SLI_SMTP_EVENT_CHUNKS] = "CHUNKS",
    [SLI_SMTP_EVENT_CHUNK] = "CHUNK",
    [SLI_SMTP_EVENT_END] = "END",
    [SLI_SMTP_EVENT_RSET] = "RSET",
    [SLI_SMTP_EVENT_NOOP] = "NOOP",
    [SLI_SMTP_EVENT_QUIT] = "QUIT",
    [SLI_SMTP_EVENT_STARTTLS] = "STARTTLS",
    [SLI_SMTP_EVENT_AUTH] = "AUTH",
    [SLI_SMTP_EVENT_AUTH_ANSWER] = "AUTH_ANSWER",
    [SLI_SMTP_EVENT_XCLIENT] = "XCLIENT",
    [SLI_SMTP_EVENT_XFORWARD] = "XFORWARD",
    [SLI_SMTP_EVENT_COMMAND] = "COMMAND",
    [SLI_SMTP_EVENT_CONTENT] = "CONTENT",
    [SLI_SMTP_EVENT_REFUSED] = "REFUSED",
    [SLI_SMTP_EVENT_AUTH_GIVEN_UP] = "AUTH_GIVEN_UP",
    [SLI_SMTP_EVENT_RESET] = "RESET",
    [SLI_SMTP_EVENT_START_TLS] = "START_TLS",
    [SLI_SMTP_EVENT_CLOSE] = "CLOSE",
};

static const char *const close_names[] = {
    [SLI_SMTP_CLOSE_QUIT] = "QUIT",
    [SLI_SMTP_CLOSE_EOF] = "EOF",
    [SLI_SMTP_CLOSE_REPLY] = "REPLY",
    [SLI_SMTP_CLOSE_ERRORS] = "ERRORS",
    [SLI_SMTP_CLOSE_COMMANDS] = "COMMANDS",
    [SLI_SMTP_CLOSE_CHUNK] = "CHUNK",
    [SLI_SMTP_CLOSE_TERMINATED] = "TERMINATED",
    [SLI_SMTP_CLOSE_MEMORY] = "MEMORY",
};

static enum sli_smtp_event_type question_of(const char *name, size_t size)
{
    for (int i = SLI_SMTP_EVENT_BANNER; i <= SLI_SMTP_EVENT_COMMAND; i++) {
        if (strlen(event_names[i]) == size &&
            memcmp(event_names[i], name, size) == 0) {
            return (enum sli_smtp_event_type)i;
        }
    }
    die("an answer to no question");
    return SLI_SMTP_EVENT_NONE;
}

/* Events as text */

static void add_angled(struct text *text, struct slimta_slice octets)
{
    add_text(text, " <");
    add_escaped(text, octets);
    add_text(text, ">");
}

static void add_signed(struct text *text, int64_t number)
{
    if (number < 0) {
        add_text(text, "-");
    }
    add_number(text, (uint64_t)(number < 0 ? -number : number));
}

/* What the queue is asked to honour. */
static void add_wishes(
    struct text *text, const struct slimta_mail_params *params)
{
    if (params->ret != SLIMTA_RET_NONE) {
        add_text(
            text, params->ret == SLIMTA_RET_FULL ? " RET=FULL" : " RET=HDRS");
    }
    if (params->envid != NULL) {
        add_text(text, " ENVID=");
        add_escaped(text, sli_slice_text(params->envid));
    }
    if (params->requiretls) {
        add_text(text, " REQUIRETLS");
    }
    if (params->by != SLIMTA_BY_NONE) {
        add_text(text, " BY=");
        add_signed(text, params->by_seconds);
        add_text(text, params->by == SLIMTA_BY_RETURN ? ";R" : ";N");
        add_text(text, params->by_trace ? "T" : "");
    }
    if (params->has_priority) {
        add_text(text, " MT-PRIORITY=");
        add_signed(text, params->priority);
    }
    if (params->hold_until_ms != 0) {
        add_text(text, params->hold_was_until ? " HOLDUNTIL=" : " HOLDFOR=");
        add_signed(text, (params->hold_until_ms - NOW_MS) / 1000);
    }
}

static void add_reports(
    struct text *text, const struct slimta_recipient *recipient)
{
    static const struct {
        unsigned flag;
        const char *name;
    } words[] = {{SLIMTA_NOTIFY_NEVER, " NEVER"},
        {SLIMTA_NOTIFY_SUCCESS, " SUCCESS"},
        {SLIMTA_NOTIFY_FAILURE, " FAILURE"}, {SLIMTA_NOTIFY_DELAY, " DELAY"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if ((recipient->notify & words[i].flag) != 0) {
            add_text(text, words[i].name);
        }
    }
    if (recipient->orcpt != NULL) {
        add_text(text, " ORCPT=");
        add_escaped(text, sli_slice_text(recipient->orcpt_type));
        add_text(text, ";");
        add_escaped(text, sli_slice_text(recipient->orcpt));
    }
}

static void add_params(
    struct text *text, const struct slimta_mail_params *params)
{
    static const char *const bodies[] = {
        [SLIMTA_BODY_7BIT] = "7BIT",
        [SLIMTA_BODY_8BITMIME] = "8BITMIME",
        [SLIMTA_BODY_BINARYMIME] = "BINARYMIME",
    };

    if (params->has_size) {
        add_text(text, " SIZE=");
        add_number(text, params->size_bytes);
    }
    if (params->has_body) {
        add_text(text, " BODY=");
        add_text(text, bodies[params->body]);
    }
    if (params->smtputf8) {
        add_text(text, " SMTPUTF8");
    }
    if (params->auth != NULL) {
        add_text(text, " AUTH=");
        add_escaped(text, sli_slice_text(params->auth));
    }
    add_wishes(text, params);
}

static void add_if(struct text *text, const char *name, const char *value)
{
    if (value != NULL) {
        add_text(text, name);
        add_escaped(text, sli_slice_text(value));
    }
}

static void add_peer(struct text *text, const struct sli_smtp_peer *peer)
{
    char address[SLIMTA_ADDRESS_TEXT_MAX];

    add_text(text, " ");
    add_number(text, peer->said);
    (void)slimta_address_format(&peer->client, address, sizeof address);
    add_if(text, " ", address);
    (void)slimta_address_format(&peer->local, address, sizeof address);
    add_if(text, " ", address);
    add_if(text, " NAME=", peer->name);
    add_if(text, " HELO=", peer->helo);
    add_if(text, " LOGIN=", peer->login);
}

static void add_auth(struct text *text, const struct sli_smtp_event *event)
{
    add_text(text, " ");
    add_text(text, event->auth.mechanism);
    if (event->auth.has_initial) {
        add_angled(text, event->auth.initial);
    }
}

static void add_details(struct play *play, const struct sli_smtp_event *event)
{
    struct text *text = play->events;

    switch (event->type) {
    case SLI_SMTP_EVENT_EHLO:
        add_text(text, " ");
        add_escaped(text, event->greeting.name);
        break;
    case SLI_SMTP_EVENT_MAIL:
        add_angled(text, event->mail.path.mailbox);
        add_params(text, &event->mail.params);
        add_text(text, " ");
        add_text(text, sli_smtp_server_protocol(&play->server));
        break;
    case SLI_SMTP_EVENT_RCPT:
        add_angled(text, event->rcpt.path.mailbox);
        add_reports(text, &event->rcpt.params);
        break;
    case SLI_SMTP_EVENT_XCLIENT:
    case SLI_SMTP_EVENT_XFORWARD:
        add_peer(text, &event->peer);
        break;
    case SLI_SMTP_EVENT_AUTH:
        add_auth(text, event);
        break;
    case SLI_SMTP_EVENT_AUTH_ANSWER:
        add_angled(text, event->auth_answer);
        break;
    case SLI_SMTP_EVENT_AUTH_GIVEN_UP:
        add_text(text, " ");
        add_number(text, (uint64_t)event->given_up.code);
        break;
    case SLI_SMTP_EVENT_CHUNK:
    case SLI_SMTP_EVENT_END:
        add_text(text, " ");
        add_number(text, event->end.size);
        add_text(text, event->end.is_refused ? " refused" : " ok");
        break;
    case SLI_SMTP_EVENT_COMMAND:
        add_text(text, " ");
        add_escaped(text, event->command.verb);
        add_text(text, event->command.argument.size > 0 ? " " : "");
        add_escaped(text, event->command.argument);
        break;
    case SLI_SMTP_EVENT_CLOSE:
        add_text(text, " ");
        add_text(text, close_names[event->close]);
        break;
    default:
        break;
    }
}

/* One line for each event; runs of content are put together. */
static void tell(struct play *play, const struct sli_smtp_event *event)
{
    int is_content = event->type == SLI_SMTP_EVENT_CONTENT;

    if (play->is_in_content && !is_content) {
        add_text(play->events, "\n");
    }
    if (is_content) {
        if (!play->is_in_content) {
            add_text(play->events, "CONTENT ");
        }
        if (event->content.size == 0) {
            die("an empty run of content");
        }
        add_escaped(play->events, event->content);
    } else if (event->type != SLI_SMTP_EVENT_BANNER) {
        int is_helo =
            event->type == SLI_SMTP_EVENT_EHLO && !event->greeting.extended;

        add_text(play->events, is_helo ? "HELO" : event_names[event->type]);
        add_details(play, event);
        add_text(play->events, "\n");
    }
    play->is_in_content = is_content;
}

/* Playing */

static const struct canned *find_answer(
    struct play *play, enum sli_smtp_event_type question)
{
    size_t nth = play->answered[question]++;

    for (size_t i = 0; i < play->dialogue->answer_count; i++) {
        const struct canned *canned = &play->dialogue->answers[i];

        if (canned->question == question && nth-- == 0) {
            return canned->code == 0 ? NULL : canned;
        }
    }
    return NULL;
}

static void give_answer(struct play *play, enum sli_smtp_event_type question)
{
    const struct canned *canned = find_answer(play, question);
    struct slimta_reply reply;

    /* Without memory to keep its input the engine waits for nothing more. */
    if (!sli_smtp_server_is_waiting(&play->server)) {
        return;
    }
    if (canned != NULL && canned->code == 334) {
        (void)sli_smtp_server_challenge(
            &play->server, sli_slice_text(canned->text));
        return;
    }
    if (canned == NULL && !play->way->is_spoken) {
        (void)sli_smtp_server_answer(&play->server, NULL);
        return;
    }
    sli_mail_reply_init(&reply, &play->plain);
    if (sli_smtp_server_default(&play->server, &reply) != 0 ||
        (canned != NULL &&
            slimta_reply_set(&reply, canned->code, canned->text) != 0)) {
        die("a reply that cannot be");
    }
    (void)sli_smtp_server_answer(&play->server, &reply);
    sli_mail_reply_fini(&reply);
}

static int is_question(enum sli_smtp_event_type type)
{
    return type >= SLI_SMTP_EVENT_BANNER && type <= SLI_SMTP_EVENT_COMMAND;
}

static void drop_piece(struct play *play)
{
    (void)sli_smtp_server_park(&play->server);
    free(play->piece);
    play->piece = NULL;
}

static void pump(struct play *play)
{
    struct sli_smtp_event event;

    for (;;) {
        sli_smtp_server_next(&play->server, &event);
        if (event.type == SLI_SMTP_EVENT_NONE || play->is_closed) {
            break;
        }
        if (event.type == SLI_SMTP_EVENT_REFUSED) {
            continue; /* the reply says it */
        }
        tell(play, &event);
        play->is_closed = event.type == SLI_SMTP_EVENT_CLOSE;
        if (is_question(event.type)) {
            if (play->way->is_late) {
                drop_piece(play);
            }
            give_answer(play, event.type);
        }
    }
    drop_piece(play);
}

/* What the owner does when TLS is on. */
static void secure(struct play *play)
{
    const struct dialogue *dialogue = play->dialogue;

    (void)sli_smtp_server_secured(&play->server);
    sli_smtp_server_set_mechanisms(
        &play->server, dialogue->secure_mechanisms, NULL);
    if (dialogue->refusal_text != NULL) {
        struct slimta_reply reply;

        sli_mail_reply_init(&reply, &play->plain);
        if (slimta_reply_set(
                &reply, dialogue->refusal_code, dialogue->refusal_text) != 0) {
            die("a refusal that cannot be");
        }
        (void)sli_smtp_server_refuse_all(&play->server, &reply);
        sli_mail_reply_fini(&reply);
    }
    pump(play);
}

/* No piece goes past a handshake. */
static void feed(struct play *play)
{
    const struct dialogue *dialogue = play->dialogue;
    const struct text *input = &dialogue->script.input;
    size_t done = 0;
    size_t at = 0;

    for (;;) {
        int is_last = done == dialogue->handshake_count;
        size_t end = is_last ? input->size : dialogue->handshakes[done];
        size_t size = piece_size(play->way, at, end);

        if (size > 0) {
            play->piece = copied(input->data + at, size);
            (void)sli_smtp_server_feed(
                &play->server, sli_slice(play->piece, size));
            pump(play);
            at += size;
        } else if (is_last) {
            return;
        } else {
            secure(play);
            done++;
        }
    }
}

static void end(struct play *play)
{
    const struct dialogue *dialogue = play->dialogue;

    if (dialogue->ends_input) {
        sli_smtp_server_end_input(&play->server);
        pump(play);
    }
    if (dialogue->end_text != NULL) {
        sli_smtp_server_terminate(
            &play->server, dialogue->end_code, dialogue->end_text);
        pump(play);
    }
    if (play->is_in_content) {
        add_text(play->events, "\n");
    }
}

static int run(const struct dialogue *dialogue, const struct way *way,
    const struct slimta_alloc *alloc, struct outcome *got)
{
    struct play play = {
        .dialogue = dialogue, .way = way, .events = &got->events};
    struct sli_smtp_config config = dialogue->config;
    struct sli_buf buf;

    (void)sli_alloc_init(&play.plain, NULL);
    config.alloc = alloc;
    sli_buf_init(&buf, alloc, SIZE_MAX);
    sli_smtp_server_init(&play.server, &config, &buf);
    sli_smtp_server_set_mechanisms(
        &play.server, dialogue->mechanisms, dialogue->secure_mechanisms);
    sli_smtp_server_set_capabilities(&play.server, dialogue->capabilities);
    sli_smtp_server_set_now(&play.server, NOW_MS);
    if (dialogue->trusts_peer) {
        sli_smtp_server_trust_peer(&play.server);
    }
    pump(&play);
    feed(&play);
    end(&play);
    add(&got->output, sli_buf_slice(&buf).data, sli_buf_size(&buf));
    sli_smtp_server_fini(&play.server);
    sli_buf_fini(&buf);
    return 1;
}

/* Checks */

static const struct way ways[] = {
    {.name = "whole", .piece = SIZE_MAX},
    {.name = "whole, late", .piece = SIZE_MAX, .is_late = 1},
    {.name = "whole, spoken", .piece = SIZE_MAX, .is_spoken = 1},
    {.name = "whole, late and spoken",
        .piece = SIZE_MAX,
        .is_late = 1,
        .is_spoken = 1},
    {.name = "octets", .piece = 1},
    {.name = "octets, late", .piece = 1, .is_late = 1},
    {.name = "sevens", .piece = 7, .is_late = 1, .is_spoken = 1},
    {.name = NULL},
};

static const struct way ways_without_memory[] = {
    {.name = "whole", .piece = SIZE_MAX},
    {.name = "whole, late", .piece = SIZE_MAX, .is_late = 1},
    {.name = "thirteens", .piece = 13},
    {.name = NULL},
};

/* What was wanted up to some reply, then at most one 421. */
static int is_beginning(struct text wanted, struct text got)
{
    size_t same = 0;

    while (same < wanted.size && same < got.size &&
        wanted.data[same] == got.data[same]) {
        same++;
    }
    while (same > 0 && same < got.size && got.data[same - 1] != '\n') {
        same--;
    }
    if (same == got.size) {
        return same == 0 || got.data[same - 1] == '\n';
    }
    return got.size - same > 6 && memcmp(got.data + same, "421 4.", 6) == 0 &&
        memchr(got.data + same, '\n', got.size - same) ==
        got.data + got.size - 1;
}

/* Without memory a session ends, and says no success that was not due. */
static int is_cut_short(const struct outcome *wanted, const struct outcome *got)
{
    return has_closed(got) && is_beginning(wanted->output, got->output);
}

/* Reading a file */

static void read_policy(struct sli_smtp_config *config, const char *value)
{
    if (strcmp(value, "normalise") == 0) {
        config->bare_newlines = SLIMTA_BARE_NORMALISE;
    } else if (strcmp(value, "pass") == 0) {
        config->bare_newlines = SLIMTA_BARE_PASS;
    } else {
        config->bare_newlines = SLIMTA_BARE_REFUSE;
    }
}

static void read_greeting(struct sli_smtp_config *config, const char *value)
{
    if (strcmp(value, "hello") == 0) {
        config->greeting = SLIMTA_GREETING_HELLO;
    } else if (strcmp(value, "hostname") == 0) {
        config->greeting = SLIMTA_GREETING_HOSTNAME;
    } else {
        die("an unknown greeting");
    }
}

static void read_tls(struct sli_smtp_config *config, const char *value)
{
    if (strcmp(value, "offered") == 0) {
        config->tls = SLI_SMTP_TLS_OFFERED;
    } else if (strcmp(value, "required") == 0) {
        config->tls = SLI_SMTP_TLS_REQUIRED;
    } else if (strcmp(value, "immediate") == 0) {
        config->tls = SLI_SMTP_TLS_IMMEDIATE;
    } else {
        die("an unknown way of TLS");
    }
}

static void read_capability(struct dialogue *dialogue, const char *value)
{
    static const struct {
        const char *name;
        uint64_t flag;
    } known[] = {{"dsn", SLIMTA_CAN_DSN}, {"requiretls", SLIMTA_CAN_REQUIRETLS},
        {"binarymime", SLIMTA_CAN_BINARYMIME},
        {"deliverby", SLIMTA_CAN_DELIVERBY},
        {"mt-priority", SLIMTA_CAN_MT_PRIORITY},
        {"futurerelease", SLIMTA_CAN_FUTURERELEASE}};
    size_t i = 0;

    while (
        i < sizeof known / sizeof *known && strcmp(known[i].name, value) != 0) {
        i++;
    }
    if (i == sizeof known / sizeof *known) {
        die("an unknown capability");
    }
    dialogue->capabilities |= known[i].flag;
}

/* One of the numbers of the configuration; 0 when it is something else. */
static int read_number(struct sli_smtp_config *config, const char *text)
{
    const struct {
        const char *name;
        uint64_t *number;
    } known[] = {
        {"max-message-bytes ", &config->max_message_bytes},
        {"max-recipients ", &config->max_recipients},
        {"max-command-bytes ", &config->max_command_bytes},
        {"max-ehlo-bytes ", &config->max_ehlo_bytes},
        {"max-errors ", &config->max_errors},
        {"max-received ", &config->max_received},
        {"max-line-bytes ", &config->max_line_bytes},
        {"max-idle-commands ", &config->max_idle_commands},
        {"max-auth-bytes ", &config->max_auth_bytes},
        {"min-by-seconds ", &config->min_by_seconds},
        {"max-hold-seconds ", &config->max_hold_seconds},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (has_prefix(&text, known[i].name)) {
            *known[i].number = number_of(text);
            return 1;
        }
    }
    return 0;
}

static void read_config(struct dialogue *dialogue, const char *text)
{
    struct sli_smtp_config *config = &dialogue->config;

    if (read_number(config, text)) {
        return;
    }
    if (has_prefix(&text, "hostname ")) {
        (void)snprintf(
            dialogue->hostname, sizeof dialogue->hostname, "%s", text);
    } else if (has_prefix(&text, "mechanisms ")) {
        (void)snprintf(
            dialogue->mechanisms, sizeof dialogue->mechanisms, "%s", text);
    } else if (has_prefix(&text, "secure-mechanisms ")) {
        (void)snprintf(dialogue->secure_mechanisms,
            sizeof dialogue->secure_mechanisms, "%s", text);
    } else if (has_prefix(&text, "capability ")) {
        read_capability(dialogue, text);
    } else if (strcmp(text, "trusts-peer") == 0) {
        dialogue->trusts_peer = 1;
    } else if (strcmp(text, "dialect lmtp") == 0) {
        config->dialect = SLIMTA_DIALECT_LMTP;
    } else if (has_prefix(&text, "tls ")) {
        read_tls(config, text);
    } else if (has_prefix(&text, "greeting ")) {
        read_greeting(config, text);
    } else if (has_prefix(&text, "bare-newlines ")) {
        read_policy(config, text);
    } else {
        die("an unknown config");
    }
}

static void read_answer(struct dialogue *dialogue, const char *text)
{
    struct canned *canned = &dialogue->answers[dialogue->answer_count++];
    size_t size = strcspn(text, " ");

    if (dialogue->answer_count == ANSWERS_MAX) {
        die("too many answers");
    }
    canned->question = question_of(text, size);
    text += size + 1;
    if (strcmp(text, "default") != 0) {
        canned->code = atoi(text);
        canned->text = unescaped(text + strcspn(text, " ") + 1);
    }
}

static void read_end(struct dialogue *dialogue, const char *text)
{
    if (strcmp(text, "input") == 0) {
        dialogue->ends_input = 1;
    } else {
        dialogue->end_code = atoi(text);
        dialogue->end_text = unescaped(text + 4);
    }
}

static void read_handshake(struct dialogue *dialogue)
{
    if (dialogue->handshake_count == HANDSHAKES_MAX) {
        die("too many handshakes");
    }
    dialogue->handshakes[dialogue->handshake_count++] =
        dialogue->script.input.size;
}

static void read_line(struct dialogue *dialogue, char *line)
{
    const char *text = line;

    if (read_script_line(&dialogue->script, line, 'C')) {
        return;
    }
    if (has_prefix(&text, "config: ")) {
        read_config(dialogue, text);
    } else if (has_prefix(&text, "answer: ")) {
        read_answer(dialogue, text);
    } else if (has_prefix(&text, "refusal: ")) {
        dialogue->refusal_code = atoi(text);
        dialogue->refusal_text = unescaped(text + 4);
    } else if (has_prefix(&text, "T:")) {
        read_handshake(dialogue);
    } else if (has_prefix(&text, "end: ")) {
        read_end(dialogue, text);
    } else {
        die(line);
    }
}

static int read_file(struct dialogue *dialogue, const char *path)
{
    *dialogue = (struct dialogue){.config = {
                                      .max_message_bytes = 1000,
                                      .max_recipients = 100,
                                      .max_command_bytes = 4096,
                                      .max_ehlo_bytes = 255,
                                      .max_errors = 100,
                                      .max_auth_bytes = 12290,
                                  }};
    read_config(dialogue, "hostname mx.example");
    init_script(&dialogue->script);
    dialogue->config.hostname = dialogue->hostname;
    return read_lines(dialogue, path, read_line);
}

static void free_dialogue(struct dialogue *dialogue)
{
    for (size_t i = 0; i < dialogue->answer_count; i++) {
        free(dialogue->answers[i].text);
    }
    free_script(&dialogue->script);
    free(dialogue->end_text);
    free(dialogue->refusal_text);
}

int main(int argc, char **argv)
{
    static struct dialogue dialogue;
    static const struct trial trial = {&dialogue, &dialogue.script, run,
        is_cut_short, ways, ways_without_memory};

    (void)printf("1..%d\n", (argc - 1) * 2);
    for (int i = 1; i < argc; i++) {
        int is_good = read_file(&dialogue, argv[i]);

        report(is_good && check_cuts(&trial), argv[i], "cut in every way");
        report(is_good && check_failures(&trial), argv[i], "without memory");
        free_dialogue(&dialogue);
    }
    return 0;
}
