/**
 * Plays dialogues against the receiving HTTP engine, cut in every way, and
 * demands the same outcome each time.
 *
 * A dialogue is a text file of lines:
 *   # a comment
 *   config: NAME VALUE     max-bytes, max-fields, closes
 *   answer: HEAD continue        the owner's answer to the next HEAD or
 *   answer: HEAD STATUS [BODY]   END that has none yet; without one HEAD
 *   answer: END STATUS [BODY]    is answered with continue, END with 200
 *   C: TEXT                the client sends TEXT and CRLF
 *   c: TEXT                the client sends TEXT
 *   x: COUNT TEXT          the client sends TEXT that often
 *   wait:                  it sends no more before all that is answered
 *   drain:                 the same, then no more requests are wanted
 *   end: input             the client has shut down its side
 *   end: STATUS            the owner terminates with a response
 *   end: silence           the same without one
 *   S: TEXT                a line of the server
 *   s: TEXT                text of the server
 *   E: EVENT               an event, if there is one at all
 * with \r \n \\ \xNN in every TEXT. Responses have X-Smtp-Reply if the engine
 * refused, and Content-Length. The order of C, S and E lines to each other is
 * for the reader.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "http/server.h"
#include "verdict.h"

enum { ANSWERS_MAX = 64, STOPS_MAX = 64 };

struct canned {
    enum sli_http_event_type question;
    int status; /* 0: continue */
    char *body;
};

/* Where the client waits. */
struct stop {
    size_t at;
    int drains;
};

struct dialogue {
    struct sli_http_config config;
    struct canned answers[ANSWERS_MAX];
    size_t answer_count;
    struct stop stops[STOPS_MAX + 1];
    size_t stop_count;
    struct script script;
    int ends_input;
    int terminates;
    int end_status; /* 0: silence */
};

struct play {
    const struct dialogue *dialogue;
    const struct way *way;
    struct sli_http_server server;
    struct text *events;
    int is_in_content;
    int is_closed;
    size_t answered[SLI_HTTP_EVENT_CLOSE + 1];
    char *piece;
};

static const char *const close_names[] = {
    [SLI_HTTP_CLOSE_DONE] = "DONE",
    [SLI_HTTP_CLOSE_EARLY] = "EARLY",
    [SLI_HTTP_CLOSE_REFUSED] = "REFUSED",
    [SLI_HTTP_CLOSE_EOF] = "EOF",
    [SLI_HTTP_CLOSE_DRAINED] = "DRAINED",
    [SLI_HTTP_CLOSE_TERMINATED] = "TERMINATED",
    [SLI_HTTP_CLOSE_MEMORY] = "MEMORY",
};

/* Events as text */

static void add_framing(
    struct text *text, const struct sli_http_request *request)
{
    switch (request->framing) {
    case SLI_HTTP_FRAMING_NONE:
        add_text(text, " none\n");
        break;
    case SLI_HTTP_FRAMING_SIZED:
        add_text(text, " sized ");
        add_number(text, request->body_bytes);
        add_text(text, "\n");
        break;
    case SLI_HTTP_FRAMING_CHUNKED:
        add_text(text, " chunked\n");
        break;
    }
}

static void add_head(struct text *text, const struct sli_http_event *event)
{
    const struct sli_http_request *request = &event->head.request;

    add_text(text, "HEAD ");
    add_escaped(text, request->method);
    add_text(text, " ");
    add_escaped(text, request->target);
    add_text(text, event->head.minor == 0 ? " 1.0" : " 1.1");
    add_framing(text, request);
    for (size_t i = 0; i < request->field_count; i++) {
        add_text(text, "FIELD ");
        add_escaped(text, request->fields[i].name);
        add_text(text, ":");
        add_text(text, request->fields[i].value.size > 0 ? " " : "");
        add_escaped(text, request->fields[i].value);
        add_text(text, "\n");
    }
}

static void add_event(struct text *text, const struct sli_http_event *event)
{
    switch (event->type) {
    case SLI_HTTP_EVENT_HEAD:
        add_head(text, event);
        break;
    case SLI_HTTP_EVENT_END:
        add_text(text, "END\n");
        break;
    case SLI_HTTP_EVENT_REFUSED:
        add_text(text, "REFUSED ");
        add_number(
            text, (uint64_t)sli_http_refusals_get(event->refused)->status);
        add_text(text, "\n");
        break;
    case SLI_HTTP_EVENT_ABORTED:
        add_text(text, "ABORTED\n");
        break;
    case SLI_HTTP_EVENT_CLOSE:
        add_text(text, "CLOSE ");
        add_text(text, close_names[event->close]);
        add_text(text, "\n");
        break;
    default:
        die("an event that cannot be");
    }
}

/* One line for each event; runs of content are put together. */
static void tell(struct play *play, const struct sli_http_event *event)
{
    int is_content = event->type == SLI_HTTP_EVENT_CONTENT;

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
    } else {
        add_event(play->events, event);
    }
    play->is_in_content = is_content;
}

/* Playing */

static const struct canned *find_answer(
    struct play *play, enum sli_http_event_type question)
{
    size_t nth = play->answered[question]++;

    for (size_t i = 0; i < play->dialogue->answer_count; i++) {
        const struct canned *canned = &play->dialogue->answers[i];

        if (canned->question == question && nth-- == 0) {
            return canned;
        }
    }
    return NULL;
}

static void respond(struct play *play, int status, const char *body,
    enum sli_http_refusal refusal, int terminates)
{
    char length[SLI_ASCII_NUMBER_MAX];
    struct slimta_slice text = sli_slice_text(body);
    struct sli_http_field fields[2];
    struct sli_http_response response = {
        .status = status, .fields = fields, .body = text};

    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        fields[response.field_count++] =
            (struct sli_http_field){SLI_LITERAL("X-Smtp-Reply"),
                sli_http_refusals_get(refusal)->smtp_reply};
    }
    fields[response.field_count++] =
        (struct sli_http_field){SLI_LITERAL("Content-Length"),
            sli_slice(length, sli_ascii_format_number(text.size, length))};
    if (terminates) {
        sli_http_server_terminate(&play->server, &response);
    } else {
        (void)sli_http_server_respond(&play->server, &response);
    }
}

static void give_answer(struct play *play, const struct sli_http_event *event)
{
    const struct canned *canned;

    /* Without memory to keep its input the engine waits for nothing more. */
    if (!sli_http_server_is_waiting(&play->server)) {
        return;
    }
    if (event->type == SLI_HTTP_EVENT_REFUSED) {
        respond(play, sli_http_refusals_get(event->refused)->status, "",
            event->refused, 0);
        return;
    }
    canned = find_answer(play, event->type);
    if (event->type == SLI_HTTP_EVENT_HEAD &&
        (canned == NULL || canned->status == 0)) {
        (void)sli_http_server_continue(&play->server);
    } else {
        respond(play, canned == NULL ? 200 : canned->status,
            canned == NULL ? "" : canned->body, SLI_HTTP_REFUSAL_NONE, 0);
    }
}

static void drop_piece(struct play *play)
{
    (void)sli_http_server_park(&play->server);
    free(play->piece);
    play->piece = NULL;
}

/* The input is gone, and the question told again is the same. */
static void wait_for_answer(
    struct play *play, const struct sli_http_event *told)
{
    struct text before = {NULL, 0};
    struct text after = {NULL, 0};
    struct sli_http_event event;

    add_event(&before, told);
    drop_piece(play);
    sli_http_server_asked(&play->server, &event);
    if (sli_http_server_is_waiting(&play->server)) {
        add_event(&after, &event);
        if (!is_same(before, after)) {
            die("a question that has changed");
        }
        sli_http_server_next(&play->server, &event);
        if (event.type != SLI_HTTP_EVENT_WAIT) {
            die("something happens before an answer");
        }
    }
    free_text(&before);
    free_text(&after);
}

static void pump(struct play *play)
{
    struct sli_http_event event;

    for (;;) {
        sli_http_server_next(&play->server, &event);
        if (event.type == SLI_HTTP_EVENT_NONE || play->is_closed) {
            break;
        }
        tell(play, &event);
        play->is_closed = event.type == SLI_HTTP_EVENT_CLOSE;
        if (sli_http_server_is_waiting(&play->server) &&
            event.type != SLI_HTTP_EVENT_ABORTED) {
            if (play->way->is_late) {
                wait_for_answer(play, &event);
            }
            give_answer(play, &event);
        }
    }
    drop_piece(play);
}

static void feed_until(struct play *play, size_t *at, size_t end)
{
    while (*at < end) {
        size_t size = piece_size(play->way, *at, end);

        play->piece = copied(play->dialogue->script.input.data + *at, size);
        (void)sli_http_server_feed(&play->server, sli_slice(play->piece, size));
        pump(play);
        *at += size;
    }
}

static void feed(struct play *play)
{
    const struct dialogue *dialogue = play->dialogue;
    size_t at = 0;

    for (size_t i = 0; i < dialogue->stop_count; i++) {
        feed_until(play, &at, dialogue->stops[i].at);
        if (dialogue->stops[i].drains) {
            sli_http_server_drain(&play->server);
            pump(play);
        }
    }
    feed_until(play, &at, dialogue->script.input.size);
}

static void end(struct play *play)
{
    const struct dialogue *dialogue = play->dialogue;

    if (dialogue->ends_input) {
        sli_http_server_end_input(&play->server);
        pump(play);
    }
    if (dialogue->terminates) {
        if (dialogue->end_status == 0) {
            sli_http_server_terminate(&play->server, NULL);
        } else {
            respond(play, dialogue->end_status, "", SLI_HTTP_REFUSAL_NONE, 1);
        }
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
    struct sli_http_config config = dialogue->config;
    struct sli_http_fields fields;
    struct sli_buf buf;

    config.alloc = alloc;
    sli_buf_init(&buf, alloc, SIZE_MAX);
    sli_http_fields_init(&fields, alloc);
    sli_http_server_init(&play.server, &config, &buf, &fields);
    feed(&play);
    end(&play);
    add(&got->output, sli_buf_slice(&buf).data, sli_buf_size(&buf));
    sli_http_server_fini(&play.server);
    sli_http_fields_fini(&fields);
    sli_buf_fini(&buf);
    return 1;
}

/* Checks */

static const struct way ways[] = {
    {.name = "whole", .piece = SIZE_MAX},
    {.name = "whole, late", .piece = SIZE_MAX, .is_late = 1},
    {.name = "octets", .piece = 1},
    {.name = "octets, late", .piece = 1, .is_late = 1},
    {.name = "sevens", .piece = 7, .is_late = 1},
    {.name = NULL},
};

static const struct way ways_without_memory[] = {
    {.name = "whole", .piece = SIZE_MAX},
    {.name = "whole, late", .piece = SIZE_MAX, .is_late = 1},
    {.name = "thirteens", .piece = 13},
    {.name = NULL},
};

/* Without memory a connection ends; it says what it would have said up to some
 * response, then at most one 503, and so never a success that was not due. */
static int is_cut_short(
    const struct outcome *wanted, const struct outcome *outcome)
{
    static const char last[] =
        "HTTP/1.1 503 Service Unavailable\r\n"
        "X-Smtp-Reply: 451; message=\"4.3.0 Unhandled system error\"\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n";
    size_t size = sizeof last - 1;
    struct text got = outcome->output;

    if (got.size >= size &&
        memcmp(got.data + got.size - size, last, size) == 0) {
        got.size -= size;
    }
    return has_closed(outcome) && got.size <= wanted->output.size &&
        memcmp(got.data, wanted->output.data, got.size) == 0;
}

/* Reading a file */

static void read_config(struct dialogue *dialogue, const char *text)
{
    struct sli_http_config *config = &dialogue->config;

    if (has_prefix(&text, "max-bytes ")) {
        config->head.max_bytes = number_of(text);
    } else if (has_prefix(&text, "max-fields ")) {
        config->head.max_fields = number_of(text);
    } else if (has_prefix(&text, "closes")) {
        config->closes = 1;
    } else {
        die("an unknown config");
    }
}

static void read_answer(struct dialogue *dialogue, const char *text)
{
    struct canned *canned = &dialogue->answers[dialogue->answer_count++];

    if (dialogue->answer_count == ANSWERS_MAX) {
        die("too many answers");
    }
    if (has_prefix(&text, "HEAD ")) {
        canned->question = SLI_HTTP_EVENT_HEAD;
    } else if (has_prefix(&text, "END ")) {
        canned->question = SLI_HTTP_EVENT_END;
    } else {
        die("an answer to no question");
    }
    canned->status = atoi(text);
    text += strcspn(text, " ");
    canned->body = unescaped(text + (*text == ' '));
}

static void read_stop(struct dialogue *dialogue, int drains)
{
    if (dialogue->stop_count == STOPS_MAX) {
        die("too many stops");
    }
    dialogue->stops[dialogue->stop_count++] =
        (struct stop){dialogue->script.input.size, drains};
}

static void read_end(struct dialogue *dialogue, const char *text)
{
    if (strcmp(text, "input") == 0) {
        dialogue->ends_input = 1;
    } else {
        dialogue->terminates = 1;
        dialogue->end_status = strcmp(text, "silence") == 0 ? 0 : atoi(text);
    }
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
    } else if (has_prefix(&text, "end: ")) {
        read_end(dialogue, text);
    } else if (has_prefix(&text, "wait:")) {
        read_stop(dialogue, 0);
    } else if (has_prefix(&text, "drain:")) {
        read_stop(dialogue, 1);
    } else {
        die(line);
    }
}

static int read_file(struct dialogue *dialogue, const char *path)
{
    *dialogue = (struct dialogue){
        .config = {.head = {.max_bytes = 16384, .max_fields = 64}}};
    init_script(&dialogue->script);
    return read_lines(dialogue, path, read_line);
}

static void free_dialogue(struct dialogue *dialogue)
{
    for (size_t i = 0; i < dialogue->answer_count; i++) {
        free(dialogue->answers[i].body);
    }
    free_script(&dialogue->script);
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
