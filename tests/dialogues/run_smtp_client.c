/**
 * Plays dialogues against the sending SMTP engine, cut in every way, cut off at
 * every octet, and without memory.
 *
 * A dialogue is a text file of lines:
 *
 *     # a comment
 *     config: lmtp               LMTP, not SMTP
 *     config: immediate          TLS from the beginning
 *     config: apart              recipients one by one, whatever is offered
 *     config: refused            STARTTLS is asked for also where not offered
 *     starttls:                  the owner wants it, where it is offered
 *     auth: MECHANISM [TEXT]     and this; TEXT is the initial response, "=" an
 *                                empty one
 *     answer: TEXT               its answer to the next challenge; "*" cancels
 *     from: ADDRESS [PARAMS]     a message: size=N, body=7BIT, body=8BITMIME,
 *                                body=BINARYMIME, utf8, auth=TEXT
 *     to: ADDRESS                a recipient of it
 *     content: TEXT              octets of it, one write for each line
 *     quit:                      after the last message
 *     end: lost                  the hop is gone
 *     end: unsent                the same, and not all of ours has left
 *     end: timeout
 *     S: TEXT                    the hop says TEXT and CRLF
 *     s: TEXT                    the hop says TEXT
 *     x: COUNT TEXT              the hop says TEXT that often
 *     T:                         the handshake is done
 *     C: TEXT                    a line of ours
 *     E: EVENT                   an event
 *
 * with \r \n \\ \xNN in every TEXT. Our side acts on each event at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/client.h"
#include "verdict.h"

enum { MESSAGES_MAX = 8, PARTS_MAX = 16, HANDSHAKES_MAX = 4 };

struct message {
    char *sender;
    struct slimta_mail_params params;
    char *auth;
    uint64_t size_bytes;
    char *recipients[PARTS_MAX];
    size_t recipient_count;
    struct text content[PARTS_MAX];
    size_t content_count;
};

struct dialogue {
    int is_lmtp;
    int is_immediate;
    int is_apart;
    int insists_on_tls;
    int wants_tls;
    char *mechanism;
    struct text initial;
    int has_initial;
    char *answers[PARTS_MAX];
    size_t answer_count;
    struct message messages[MESSAGES_MAX];
    size_t message_count;
    int quits;
    int is_lost;
    int is_unsent;
    int times_out;
    struct script script;
    size_t handshakes[HANDSHAKES_MAX];
    size_t handshake_count;
};

enum phase { PHASE_START, PHASE_TLS, PHASE_AUTH, PHASE_MAIL, PHASE_QUIT };

struct play {
    const struct dialogue *dialogue;
    struct sli_smtp_client client;
    struct sli_buf *output;
    struct text *events;
    char *piece;
    enum phase phase;
    size_t answered;
    size_t message; /* that is under way, or comes next */
    size_t recipient;
    int has_data;
    int is_given_up;
    int is_closed;
    size_t accepted; /* recipients of this message */
    size_t owed;     /* replies to the end of its content */
    int is_sound;
};

static const char *const event_names[] = {
    [SLI_SMTP_CLIENT_GREETED] = "GREETED",
    [SLI_SMTP_CLIENT_STARTTLS] = "STARTTLS",
    [SLI_SMTP_CLIENT_CHALLENGE] = "CHALLENGE",
    [SLI_SMTP_CLIENT_AUTH] = "AUTH",
    [SLI_SMTP_CLIENT_MAIL] = "MAIL",
    [SLI_SMTP_CLIENT_RCPT] = "RCPT",
    [SLI_SMTP_CLIENT_DATA] = "DATA",
    [SLI_SMTP_CLIENT_END] = "END",
    [SLI_SMTP_CLIENT_RSET] = "RSET",
    [SLI_SMTP_CLIENT_CLOSE] = "CLOSE",
};

static const char *const close_names[] = {
    [SLI_SMTP_CLIENT_CLOSE_QUIT] = "QUIT",
    [SLI_SMTP_CLIENT_CLOSE_REFUSED] = "REFUSED",
    [SLI_SMTP_CLIENT_CLOSE_GOODBYE] = "GOODBYE",
    [SLI_SMTP_CLIENT_CLOSE_LOST] = "LOST",
    [SLI_SMTP_CLIENT_CLOSE_GIVEN_UP] = "GIVEN_UP",
    [SLI_SMTP_CLIENT_CLOSE_BROKEN] = "BROKEN",
    [SLI_SMTP_CLIENT_CLOSE_INJECTED] = "INJECTED",
    [SLI_SMTP_CLIENT_CLOSE_UNFIT] = "UNFIT",
    [SLI_SMTP_CLIENT_CLOSE_MEMORY] = "MEMORY",
};

static const char *const outcome_names[] = {
    [SLI_SMTP_CLIENT_OUTCOME_NONE] = "none",
    [SLI_SMTP_CLIENT_OUTCOME_NOT_TAKEN] = "not-taken",
    [SLI_SMTP_CLIENT_OUTCOME_UNKNOWN] = "unknown",
};

/* Events as text */

static void add_reply(struct text *text, const struct slimta_reply *reply)
{
    if (reply == NULL) {
        return;
    }
    add_text(text, " ");
    add_number(text, (uint64_t)slimta_reply_code(reply));
    add_text(text, *slimta_reply_enhanced(reply) == '\0' ? "" : " ");
    add_text(text, slimta_reply_enhanced(reply));
    add_text(text, *slimta_reply_text(reply) == '\0' ? "" : " ");
    add_escaped(text, sli_slice_text(slimta_reply_text(reply)));
}

static void add_greeted(struct play *play)
{
    const struct sli_smtp_capabilities *found =
        sli_smtp_client_capabilities(&play->client);
    static const char *const names[] = {"PIPELINING", "SIZE", "8BITMIME",
        "SMTPUTF8", "STARTTLS", "AUTH", "DSN", "REQUIRETLS", "DELIVERBY",
        "MT-PRIORITY", "FUTURERELEASE"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((found->offered >> i & 1) != 0) {
            add_text(play->events, " ");
            add_text(play->events, names[i]);
        }
    }
    if (found->max_size > 0) {
        add_text(play->events, " max=");
        add_number(play->events, found->max_size);
    }
    if (found->mechanisms[0] != '\0') {
        add_text(play->events, " with ");
        add_text(play->events, found->mechanisms);
    }
}

static void add_close(
    struct play *play, const struct sli_smtp_client_event *event)
{
    add_text(play->events, " ");
    add_text(play->events, close_names[event->close.reason]);
    add_text(play->events, " ");
    add_text(play->events, outcome_names[event->close.outcome]);
    if (event->close.unknown > 0) {
        add_text(play->events, " ");
        add_number(play->events, event->close.unknown);
    }
    add_reply(play->events, event->reply);
}

static void tell(struct play *play, const struct sli_smtp_client_event *event)
{
    struct text *text = play->events;

    add_text(text, event_names[event->type]);
    switch (event->type) {
    case SLI_SMTP_CLIENT_GREETED:
        add_greeted(play);
        break;
    case SLI_SMTP_CLIENT_CLOSE:
        add_close(play, event);
        break;
    case SLI_SMTP_CLIENT_CHALLENGE:
        add_text(text, " <");
        add_escaped(text, event->challenge);
        add_text(text, ">");
        break;
    case SLI_SMTP_CLIENT_RCPT:
    case SLI_SMTP_CLIENT_END:
        add_text(text, " ");
        add_number(text, event->index);
        /* fall through */
    default:
        add_text(text, event->is_accepted ? " yes" : " no");
        add_reply(text, event->reply);
        break;
    }
    add_text(text, "\n");
}

/* The owner */

static void unsound(struct play *play, const char *what)
{
    (void)printf("# %s\n", what);
    play->is_sound = 0;
}

static const struct message *message_of(const struct play *play)
{
    return play->message < play->dialogue->message_count
        ? &play->dialogue->messages[play->message]
        : NULL;
}

static void finish_message(struct play *play)
{
    play->message++;
    play->recipient = 0;
    play->has_data = 0;
    play->is_given_up = 0;
    play->accepted = 0;
}

static int say_mail(struct play *play)
{
    const struct message *message = message_of(play);
    struct sli_smtp_mail mail = {
        .sender = sli_slice_text(message->sender),
        .params = &message->params,
        .size_bytes = message->size_bytes,
    };
    enum sli_smtp_reply_id id = sli_smtp_capabilities_check(
        sli_smtp_client_capabilities(&play->client), &mail);
    int err = sli_smtp_client_mail(&play->client, &mail);

    if (err == SLIMTA_EINVAL) {
        add_text(play->events, "UNFIT ");
        add_text(play->events, sli_smtp_replies_get(id)->text);
        add_text(play->events, "\n");
        finish_message(play);
        return 1;
    }
    return err == 0;
}

static int say_rcpt(struct play *play)
{
    const struct message *message = message_of(play);
    const struct slimta_recipient recipient = {.size = sizeof recipient,
        .address = message->recipients[play->recipient]};
    int err;

    if (play->dialogue->is_apart && sli_smtp_client_is_waiting(&play->client)) {
        return 0;
    }
    err = sli_smtp_client_rcpt(&play->client, &recipient);
    play->recipient += err != SLIMTA_ESTATE;
    if (err == SLIMTA_EINVAL) {
        add_text(play->events, "UNFIT RCPT\n");
    }
    return err == 0 || err == SLIMTA_EINVAL;
}

static int say_data(struct play *play)
{
    if (play->dialogue->is_apart && sli_smtp_client_is_waiting(&play->client)) {
        return 0;
    }
    play->has_data = sli_smtp_client_data(&play->client) == 0;
    if (!play->has_data && !play->is_given_up &&
        sli_smtp_client_may_send(&play->client)) {
        play->is_given_up = sli_smtp_client_rset(&play->client) == 0;
    }
    return play->has_data;
}

/* One command, if one can be said; 1 when more may follow. */
static int say_next(struct play *play)
{
    const struct message *message = message_of(play);
    enum sli_smtp_client_state state = sli_smtp_client_state(&play->client);

    if (message == NULL || play->is_given_up || play->has_data) {
        return 0;
    }
    if (state == SLI_SMTP_CLIENT_STATE_READY) {
        return say_mail(play);
    }
    if (state != SLI_SMTP_CLIENT_STATE_MAIL) {
        return 0;
    }
    return play->recipient < message->recipient_count ? say_rcpt(play)
                                                      : say_data(play);
}

static int wants_tls(const struct play *play)
{
    unsigned offered = sli_smtp_client_capabilities(&play->client)->offered;

    return play->dialogue->wants_tls &&
        ((offered & SLI_SMTP_CAPABILITY_STARTTLS) != 0 ||
            play->dialogue->insists_on_tls);
}

static int say_auth(struct play *play)
{
    const struct dialogue *dialogue = play->dialogue;
    struct slimta_slice initial =
        sli_slice(dialogue->initial.data, dialogue->initial.size);

    return sli_smtp_client_auth(&play->client, dialogue->mechanism,
               dialogue->has_initial ? &initial : NULL) == 0;
}

/* What the owner does between two messages, step by step. */
static void act(struct play *play)
{
    if (play->phase == PHASE_START) {
        return;
    }
    if (play->phase == PHASE_TLS) {
        play->phase = PHASE_AUTH;
        if (wants_tls(play) && sli_smtp_client_starttls(&play->client) == 0) {
            return;
        }
    }
    if (play->phase == PHASE_AUTH &&
        !sli_smtp_client_is_waiting(&play->client) &&
        sli_smtp_client_state(&play->client) == SLI_SMTP_CLIENT_STATE_READY) {
        play->phase = PHASE_MAIL;
        if (play->dialogue->mechanism != NULL && say_auth(play)) {
            return;
        }
    }
    while (play->phase == PHASE_MAIL && say_next(play)) {
    }
    if (play->phase == PHASE_MAIL && message_of(play) == NULL &&
        play->dialogue->quits && sli_smtp_client_quit(&play->client) == 0) {
        play->phase = PHASE_QUIT;
    }
}

static void send_content(struct play *play)
{
    const struct message *message = message_of(play);

    for (size_t i = 0; i < message->content_count; i++) {
        struct slimta_slice octets =
            sli_slice(message->content[i].data, message->content[i].size);
        struct slimta_slice run;

        while (sli_smtp_client_content(&play->client, &octets, &run)) {
            if (run.size == 0) {
                unsound(play, "an empty run of content");
            }
            if (sli_buf_append(play->output, run) != 0) {
                sli_smtp_client_give_up(
                    &play->client, 1, SLI_SMTP_REPLY_HOP_NO_MEMORY);
                return;
            }
        }
    }
    if (sli_smtp_client_end_content(&play->client) == 0) {
        play->owed = play->dialogue->is_lmtp ? play->accepted : 1;
    }
}

static void answer_challenge(struct play *play)
{
    const struct dialogue *dialogue = play->dialogue;
    const char *answer = play->answered < dialogue->answer_count
        ? dialogue->answers[play->answered++]
        : "*";

    if (strcmp(answer, "*") == 0) {
        (void)sli_smtp_client_auth_cancel(&play->client);
    } else {
        (void)sli_smtp_client_auth_answer(
            &play->client, sli_slice_text(answer));
    }
}

/* What is said at the end must be what was seen. */
static void check_close(
    struct play *play, const struct sli_smtp_client_event *event)
{
    int is_unknown = play->owed > 0 && !play->dialogue->is_unsent;

    if (is_unknown !=
        (event->close.outcome == SLI_SMTP_CLIENT_OUTCOME_UNKNOWN)) {
        unsound(play, "an outcome that is not the one");
    }
    if (is_unknown && event->close.unknown != play->owed) {
        unsound(play, "not as many are unknown");
    }
    if (event->close.reason != SLI_SMTP_CLIENT_CLOSE_QUIT &&
        slimta_reply_code(event->reply) < 400) {
        unsound(play, "an end that says yes");
    }
    play->is_closed = 1;
}

static void react(struct play *play, const struct sli_smtp_client_event *event)
{
    switch (event->type) {
    case SLI_SMTP_CLIENT_GREETED:
        play->phase = play->phase == PHASE_START ? PHASE_TLS : play->phase;
        break;
    case SLI_SMTP_CLIENT_CHALLENGE:
        answer_challenge(play);
        break;
    case SLI_SMTP_CLIENT_MAIL:
        if (!event->is_accepted && !play->has_data) {
            /* What was sent ahead is answered, and told, first. */
            play->has_data = play->recipient > 0;
        }
        break;
    case SLI_SMTP_CLIENT_RCPT:
        play->accepted += (size_t)event->is_accepted;
        break;
    case SLI_SMTP_CLIENT_DATA:
        if (event->is_accepted) {
            send_content(play);
        } else if (sli_smtp_client_rset(&play->client) == 0) {
            play->is_given_up = 1;
        }
        break;
    case SLI_SMTP_CLIENT_END:
        play->owed--;
        break;
    case SLI_SMTP_CLIENT_CLOSE:
        check_close(play, event);
        break;
    default:
        break;
    }
    if ((event->type == SLI_SMTP_CLIENT_MAIL ||
            event->type == SLI_SMTP_CLIENT_RCPT ||
            event->type == SLI_SMTP_CLIENT_DATA ||
            event->type == SLI_SMTP_CLIENT_END ||
            event->type == SLI_SMTP_CLIENT_RSET) &&
        sli_smtp_client_state(&play->client) == SLI_SMTP_CLIENT_STATE_READY &&
        !sli_smtp_client_is_waiting(&play->client) && play->owed == 0) {
        finish_message(play);
    }
}

/* Playing */

static void pump(struct play *play)
{
    struct sli_smtp_client_event event;

    for (;;) {
        act(play);
        sli_smtp_client_next(&play->client, &event);
        if (event.type == SLI_SMTP_CLIENT_NONE || play->is_closed) {
            break;
        }
        tell(play, &event);
        react(play, &event);
    }
    sli_smtp_client_park(&play->client);
    free(play->piece);
    play->piece = NULL;
}

/* No piece goes past a handshake. */
static void feed(struct play *play, const struct way *way)
{
    const struct dialogue *dialogue = play->dialogue;
    const struct text *input = &dialogue->script.input;
    size_t total = way->cutoff > 0 && way->cutoff < input->size ? way->cutoff
                                                                : input->size;
    size_t done = 0;
    size_t at = 0;

    while (at < total) {
        size_t end = done < dialogue->handshake_count &&
                dialogue->handshakes[done] < total
            ? dialogue->handshakes[done]
            : total;
        size_t size = piece_size(way, at, end);

        if (size > 0) {
            play->piece = copied(input->data + at, size);
            sli_smtp_client_feed(&play->client, sli_slice(play->piece, size));
            at += size;
        } else {
            (void)sli_smtp_client_secured(&play->client);
            done++;
        }
        pump(play);
    }
}

static void end(struct play *play, const struct way *way)
{
    const struct dialogue *dialogue = play->dialogue;

    if (dialogue->times_out && way->cutoff == 0) {
        sli_smtp_client_give_up(&play->client, 0, SLI_SMTP_REPLY_HOP_TIMEOUT);
    } else if (dialogue->is_lost || dialogue->is_unsent || way->cutoff > 0) {
        sli_smtp_client_lost(&play->client, (size_t)dialogue->is_unsent);
    }
    pump(play);
}

static int run(const struct dialogue *dialogue, const struct way *way,
    const struct slimta_alloc *alloc, struct outcome *got)
{
    const struct sli_smtp_client_config config = {
        .alloc = alloc,
        .ehlo_name = "edge.example",
        .is_lmtp = dialogue->is_lmtp,
    };
    struct play play = {
        .dialogue = dialogue, .events = &got->events, .is_sound = 1};
    struct sli_buf buf;

    sli_buf_init(&buf, alloc, SIZE_MAX);
    play.output = &buf;
    sli_smtp_client_init(&play.client, &config, &buf, NULL);
    if (dialogue->is_immediate) {
        (void)sli_smtp_client_secured(&play.client);
    }
    pump(&play);
    feed(&play, way);
    end(&play, way);
    add(&got->output, sli_buf_slice(&buf).data, sli_buf_size(&buf));
    sli_smtp_client_fini(&play.client);
    sli_buf_fini(&buf);
    return play.is_sound;
}

/* Checks */

static const struct way ways[] = {
    {.name = "whole", .piece = SIZE_MAX},
    {.name = "octets", .piece = 1},
    {.name = "sevens", .piece = 7},
    {.name = NULL},
};

static const struct way ways_without_memory[] = {
    {.name = "whole", .piece = SIZE_MAX},
    {.name = "thirteens", .piece = 13},
    {.name = NULL},
};

/* The octets without the QUIT of courtesy, which may stand last. */
static struct text without_quit(struct text output)
{
    if (output.size >= 6 &&
        memcmp(output.data + output.size - 6, "QUIT\r\n", 6) == 0) {
        output.size -= 6;
    }
    return output;
}

/* Nothing else is said than before; that the outcome is the right one, run has
 * seen (check_close). */
static int is_cut_short(
    const struct outcome *wanted, const struct outcome *outcome)
{
    struct text got = without_quit(outcome->output);

    return got.size <= wanted->output.size &&
        memcmp(wanted->output.data, got.data, got.size) == 0;
}

/* Reading a file */

static void read_config(struct dialogue *dialogue, const char *text)
{
    if (strcmp(text, "lmtp") == 0) {
        dialogue->is_lmtp = 1;
    } else if (strcmp(text, "immediate") == 0) {
        dialogue->is_immediate = 1;
    } else if (strcmp(text, "apart") == 0) {
        dialogue->is_apart = 1;
    } else if (strcmp(text, "refused") == 0) {
        dialogue->insists_on_tls = 1;
    } else {
        die("an unknown config");
    }
}

static void read_param(struct message *message, const char *text)
{
    if (has_prefix(&text, "size=")) {
        message->size_bytes = number_of(text);
    } else if (strcmp(text, "utf8") == 0) {
        message->params.smtputf8 = 1;
    } else if (has_prefix(&text, "auth=")) {
        message->auth = unescaped(text);
        message->params.auth = message->auth;
    } else if (has_prefix(&text, "body=")) {
        message->params.has_body = 1;
        message->params.body = strcmp(text, "8BITMIME") == 0
            ? SLIMTA_BODY_8BITMIME
            : strcmp(text, "BINARYMIME") == 0 ? SLIMTA_BODY_BINARYMIME
                                              : SLIMTA_BODY_7BIT;
    } else {
        die("an unknown parameter");
    }
}

static void read_message(struct dialogue *dialogue, char *text)
{
    struct message *message = &dialogue->messages[dialogue->message_count++];
    char *word = strchr(text, ' ');

    if (dialogue->message_count > MESSAGES_MAX) {
        die("too many messages");
    }
    while (word != NULL) {
        char *next;

        *word++ = '\0';
        next = strchr(word, ' ');
        if (next != NULL) {
            *next = '\0';
        }
        read_param(message, word);
        word = next;
    }
    message->sender = unescaped(text);
}

static struct message *last_message(struct dialogue *dialogue)
{
    if (dialogue->message_count == 0) {
        die("no message yet");
    }
    return &dialogue->messages[dialogue->message_count - 1];
}

static void read_recipient(struct dialogue *dialogue, const char *text)
{
    struct message *message = last_message(dialogue);

    if (message->recipient_count == PARTS_MAX) {
        die("too many recipients");
    }
    message->recipients[message->recipient_count++] = unescaped(text);
}

static void read_content(struct dialogue *dialogue, const char *text)
{
    struct message *message = last_message(dialogue);

    if (message->content_count == PARTS_MAX) {
        die("too much content");
    }
    add_unescaped(&message->content[message->content_count++], text);
}

static void read_auth(struct dialogue *dialogue, const char *text)
{
    const char *space = strchr(text, ' ');

    dialogue->mechanism = unescaped(text);
    if (space != NULL) {
        dialogue->mechanism[space - text] = '\0';
        dialogue->has_initial = 1;
        add_unescaped(
            &dialogue->initial, strcmp(space, " =") == 0 ? "" : space + 1);
    }
}

static void read_end(struct dialogue *dialogue, const char *text)
{
    dialogue->is_lost = strcmp(text, "lost") == 0;
    dialogue->is_unsent = strcmp(text, "unsent") == 0;
    dialogue->times_out = strcmp(text, "timeout") == 0;
}

static int read_plan(struct dialogue *dialogue, char *line)
{
    const char *text = line;

    if (has_prefix(&text, "config: ")) {
        read_config(dialogue, text);
    } else if (has_prefix(&text, "starttls:")) {
        dialogue->wants_tls = 1;
    } else if (has_prefix(&text, "auth: ")) {
        read_auth(dialogue, text);
    } else if (has_prefix(&text, "answer: ")) {
        dialogue->answers[dialogue->answer_count++] = unescaped(text);
    } else if (has_prefix(&text, "from: ")) {
        read_message(dialogue, line + strlen("from: "));
    } else if (has_prefix(&text, "to: ")) {
        read_recipient(dialogue, text);
    } else if (has_prefix(&text, "content: ")) {
        read_content(dialogue, text);
    } else if (has_prefix(&text, "quit:")) {
        dialogue->quits = 1;
    } else if (has_prefix(&text, "end: ")) {
        read_end(dialogue, text);
    } else {
        return 0;
    }
    return 1;
}

static void read_line(struct dialogue *dialogue, char *line)
{
    if (read_script_line(&dialogue->script, line, 'S') ||
        read_plan(dialogue, line)) {
        return;
    }
    if (strcmp(line, "T:") != 0) {
        die(line);
    }
    dialogue->handshakes[dialogue->handshake_count++] =
        dialogue->script.input.size;
}

/* Every session comes to an end, so some event is written down. */
static int read_file(struct dialogue *dialogue, const char *path)
{
    *dialogue = (struct dialogue){.is_lmtp = 0};
    init_script(&dialogue->script);
    return read_lines(dialogue, path, read_line) &&
        dialogue->script.wanted.events.size > 0;
}

static void free_message(struct message *message)
{
    free(message->sender);
    free(message->auth);
    for (size_t i = 0; i < message->recipient_count; i++) {
        free(message->recipients[i]);
    }
    for (size_t i = 0; i < message->content_count; i++) {
        free_text(&message->content[i]);
    }
}

static void free_dialogue(struct dialogue *dialogue)
{
    for (size_t i = 0; i < dialogue->message_count; i++) {
        free_message(&dialogue->messages[i]);
    }
    for (size_t i = 0; i < dialogue->answer_count; i++) {
        free(dialogue->answers[i]);
    }
    free(dialogue->mechanism);
    free_text(&dialogue->initial);
    free_script(&dialogue->script);
}

int main(int argc, char **argv)
{
    static struct dialogue dialogue;
    static const struct trial trial = {&dialogue, &dialogue.script, run,
        is_cut_short, ways, ways_without_memory};

    (void)printf("1..%d\n", (argc - 1) * 3);
    for (int i = 1; i < argc; i++) {
        int is_good = read_file(&dialogue, argv[i]);

        report(is_good && check_cuts(&trial), argv[i], "cut in every way");
        report(is_good && check_cutoffs(&trial), argv[i], "cut off");
        report(is_good && check_failures(&trial), argv[i], "without memory");
        free_dialogue(&dialogue);
    }
    return 0;
}
