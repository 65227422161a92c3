/** Tests of lib/http/client.c: responses of hops that keep to the protocol, and
 * of those that do not, cut everywhere. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fail_alloc.h"
#include "http/client.h"
#include "http/verdict.h"
#include "sample.h"

enum { BODY = 10, TEXT_ROOM = 512 };

struct talk {
    struct fail_alloc alloc;
    struct sli_http_client_config config;
    struct sli_http_fields fields;
    struct sli_buf output;
    struct sli_http_client client;
    struct slimta_envelope *envelope;
    struct slimta_alloc plain;
    char told[TEXT_ROOM]; /* the events */
    int has_closed;       /* CLOSE is one of them */
};

static void talk_begin(struct talk *talk, size_t fail_at,
    enum fail_alloc_mode mode, struct sli_http_scan_limits limits)
{
    static const char *const recipients[] = {"c@d.example", NULL};
    struct sample sample = sample_make();
    int err = 0;

    assert_int_equal(sli_alloc_init(&talk->plain, NULL), 0);
    sample.recipients = recipients;
    talk->envelope = sample_build(&sample, &talk->plain, &err);
    fail_alloc_init(&talk->alloc, fail_at, mode);
    talk->config = (struct sli_http_client_config){
        .alloc = &talk->alloc.table, .head = limits};
    sli_buf_init(&talk->output, &talk->plain, SIZE_MAX);
    sli_http_fields_init(&talk->fields, &talk->alloc.table);
    sli_http_client_init(
        &talk->client, &talk->config, &talk->output, &talk->fields);
    talk->told[0] = '\0';
    talk->has_closed = 0;
}

static void talk_end(struct talk *talk)
{
    sli_http_client_fini(&talk->client);
    sli_http_fields_fini(&talk->fields);
    sli_buf_fini(&talk->output);
    slimta_envelope_unref(talk->envelope);
    assert_int_equal(atomic_load(&talk->alloc.live), 0);
}

static int post(struct talk *talk, uint64_t sent)
{
    struct sli_http_posting posting = {
        .path = SLI_LITERAL("/"),
        .host = SLI_LITERAL("mx.example"),
        .ehlo = SLI_LITERAL("edge.example"),
        .envelope = talk->envelope,
        .body_bytes = BODY,
    };
    int err = sli_http_client_post(&talk->client, &posting);

    sli_http_client_sent(&talk->client, sent);
    return err;
}

static void note(struct talk *talk, const char *text)
{
    assert_true(strlen(talk->told) + strlen(text) < TEXT_ROOM);
    (void)strcat(talk->told, text);
}

static void tell(struct talk *talk, const struct sli_http_client_event *event)
{
    static const char *const closes[] = {
        "done", "lost", "given up", "broken", "memory"};
    static const char *const outcomes[] = {"", " not taken", " unknown"};
    char text[128];

    if (event->type == SLI_HTTP_CLIENT_REPLY) {
        (void)snprintf(text, sizeof text, "%s %d %d;",
            event->is_accepted ? "yes" : "no", event->status,
            slimta_reply_code(event->reply));
    } else if (event->type == SLI_HTTP_CLIENT_READY) {
        (void)snprintf(text, sizeof text, "ready;");
    } else {
        talk->has_closed = 1;
        assert_int_equal(event->reply == NULL,
            event->close.reason == SLI_HTTP_CLIENT_CLOSE_DONE);
        (void)snprintf(text, sizeof text, "%s%s;", closes[event->close.reason],
            outcomes[event->close.outcome]);
    }
    note(talk, text);
}

static void pull(struct talk *talk)
{
    struct sli_http_client_event event;

    do {
        sli_http_client_next(&talk->client, &event);
        if (event.type != SLI_HTTP_CLIENT_NONE) {
            tell(talk, &event);
        }
    } while (event.type != SLI_HTTP_CLIENT_NONE &&
        event.type != SLI_HTTP_CLIENT_CLOSE);
}

static int is_closed(const struct talk *talk)
{
    return sli_http_client_state(&talk->client) == SLI_HTTP_CLIENT_STATE_CLOSED;
}

static void feed(struct talk *talk, struct slimta_slice octets)
{
    char *piece = malloc(octets.size + 1);

    assert_non_null(piece);
    memcpy(piece, octets.data, octets.size);
    if (!is_closed(talk)) {
        sli_http_client_feed(&talk->client, sli_slice(piece, octets.size));
        pull(talk);
        sli_http_client_park(&talk->client);
    }
    free(piece);
}

struct row {
    const char *response;
    const char *wanted; /* what is told, the hop gone at the end */
    int is_early;       /* the body was not sent yet */
};

static const struct sli_http_scan_limits roomy = {4096, 64};

static void play(struct talk *talk, const struct row *row, size_t first,
    size_t piece, size_t cutoff)
{
    struct slimta_slice left = sli_slice_text(row->response);

    if (cutoff < left.size) {
        left.size = cutoff;
    }
    assert_int_equal(post(talk, row->is_early ? BODY - 1 : BODY), 0);
    while (left.size > 0) {
        size_t size = first > 0 ? first : piece;

        size = size < left.size ? size : left.size;
        feed(talk, sli_slice(left.data, size));
        left = sli_slice_skip(left, size);
        first = 0;
    }
    if (!is_closed(talk)) {
        sli_http_client_lost(&talk->client, 0);
    }
    if (!talk->has_closed) {
        pull(talk);
    }
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"

static const struct row rows[] = {
    {OK_HEAD "\r\n", "yes 200 250;ready;lost;", 0},
    {"HTTP/1.1 204 No Content\r\nX-Smtp-Reply: 250; message=\"2.6.0 "
     "Ok\"\r\n\r\n",
        "yes 204 250;ready;lost;", 0},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        "yes 204 250;ready;lost;", 0},
    {"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", "no 304 451;ready;lost;",
        0},
    {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab", "yes 200 250;ready;lost;",
        0},
    {"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\na", "yes 200 250;lost;", 0},
    {"HTTP/1.1 500 No\r\nContent-Length: 1\r\n"
     "X-Smtp-Reply: 550; message=\"5.1.1 No\"\r\n\r\nx",
        "no 500 550;ready;lost;", 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\nT: x\r\n\r\n",
        "yes 200 250;ready;lost;", 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx",
        "yes 200 250;done;", 0},
    /* The end of the connection is that of the body: not waited for. */
    {"HTTP/1.1 200 OK\r\n\r\nabc", "yes 200 250;done;", 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "yes 200 250;done;", 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        "yes 200 250;ready;lost;", 0},
    {OK_HEAD "Connection: close\r\n\r\n", "yes 200 250;done;", 0},
    {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "no 503 451;done;", 0},
    /* Interim responses, RFC 9110 section 15.2. */
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\nA: b\r\n\r\n" OK_HEAD
     "\r\n",
        "yes 200 250;ready;lost;", 0},
    {"HTTP/1.1 101 Switching\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 100 Continue\r\n\r\n", "lost unknown;", 0},
    /* RFC 9112 section 6.3: the message's length is in doubt, its fate is not.
     */
    {OK_HEAD "Content-Length: 1\r\n\r\n", "yes 200 250;done;", 0},
    {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", "yes 200 250;done;", 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "yes 200 250;done;",
        0},
    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "yes 200 250;done;", 0},
    /* No responses. */
    {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "broken unknown;", 0},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 200 O\rK\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1  200 OK\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 20 OK\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 2000 OK\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 099 OK\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.1 600 OK\r\n\r\n", "broken unknown;", 0},
    {"HTTP/2.0 200 OK\r\n\r\n", "broken unknown;", 0},
    {"HTTP/1.x 200 OK\r\n\r\n", "broken unknown;", 0},
    {"http/1.1 200 OK\r\n\r\n", "broken unknown;", 0},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", "broken unknown;", 0},
    {"220 mx.example ESMTP\r\n", "broken unknown;", 0},
    {"", "lost unknown;", 0},
    /* What follows belongs to no request. */
    {OK_HEAD "\r\nHTTP/1.1 408 Slow\r\n\r\n", "yes 200 250;ready;broken;", 0},
    /* Before the message was sent. */
    {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n"
     "X-Smtp-Reply: 550; message=\"5.1.1 No\"\r\n\r\n",
        "no 500 550;done;", 1},
    {OK_HEAD "\r\n", "broken not taken;", 1},
    {"", "lost not taken;", 1},
    {"rubbish\r\n", "broken not taken;", 1},
};

static void takes_responses_however_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t size = strlen(rows[i].response);

        for (size_t first = 0; first <= size; first++) {
            struct talk talk;

            talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
            play(&talk, &rows[i], first, first == 0 ? 1 : SIZE_MAX, SIZE_MAX);
            assert_string_equal(talk.told, rows[i].wanted);
            talk_end(&talk);
        }
    }
}

/* The hop is gone after any octet: yes is said only when it was heard whole. */
static void bears_a_hop_that_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t at = 0; at < strlen(rows[i].response); at++) {
            struct talk talk;
            const char *end;

            talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
            play(&talk, &rows[i], 0, SIZE_MAX, at);
            end = strstr(rows[i].response, "\r\n\r\n");
            if (end == NULL || at < (size_t)(end - rows[i].response) + 4) {
                assert_null(strstr(talk.told, "yes"));
                assert_non_null(strstr(
                    talk.told, rows[i].is_early ? "not taken" : "unknown"));
            }
            talk_end(&talk);
        }
    }
}

/* Without memory a yes is a yes, or unknown. */
static void bears_no_memory(void **state)
{
    static const enum fail_alloc_mode modes[] = {
        FAIL_ALLOC_ONCE, FAIL_ALLOC_ONWARD};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i / 2];
        int has_failed = 1;

        for (size_t n = 1; has_failed; n++) {
            struct talk talk;

            talk_begin(&talk, n, modes[i % 2], roomy);
            play(&talk, row, 0, 9, SIZE_MAX);
            has_failed = fail_alloc_has_failed(&talk.alloc);
            assert_true(!has_failed || strcmp(talk.told, row->wanted) == 0 ||
                strstr(talk.told, "memory") != NULL);
            assert_true(strstr(row->wanted, "yes") != NULL ||
                strstr(talk.told, "yes") == NULL);
            talk_end(&talk);
        }
    }
}

static void is_used_again(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(post(&talk, BODY), 0);
        assert_int_equal(post(&talk, BODY), SLIMTA_ESTATE);
        feed(&talk, SLI_LITERAL(OK_HEAD "\r\n"));
        assert_int_equal(
            sli_http_client_state(&talk.client), SLI_HTTP_CLIENT_STATE_IDLE);
    }
    assert_string_equal(
        talk.told, "yes 200 250;ready;yes 200 250;ready;yes 200 250;ready;");
    sli_http_client_lost(&talk.client, 0);
    assert_int_equal(post(&talk, BODY), SLIMTA_ESTATE);
    talk_end(&talk);
}

static void tells_what_did_not_leave(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
    assert_int_equal(post(&talk, BODY), 0);
    sli_http_client_lost(&talk.client, 1);
    pull(&talk);
    assert_string_equal(talk.told, "lost not taken;");
    talk_end(&talk);
    talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
    assert_int_equal(post(&talk, BODY), 0);
    sli_http_client_give_up(&talk.client, 0, 451, "4.4.2 Timed out");
    pull(&talk);
    assert_string_equal(talk.told, "given up unknown;");
    talk_end(&talk);
}

/* A status line of `size` octets with its CRLF, then the end of the head. */
static void play_line(size_t size, const char *wanted)
{
    char text[2048] = "HTTP/1.1 200 ";
    size_t used = strlen(text);
    struct talk talk;
    struct row row = {text, wanted, 0};

    memset(text + used, 'x', size - used - 2);
    (void)strcpy(text + size - 2, "\r\nContent-Length: 0\r\n\r\n");
    for (size_t piece = 1; piece < 2048; piece += 1000) {
        talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
        play(&talk, &row, 0, piece, SIZE_MAX);
        assert_string_equal(talk.told, wanted);
        talk_end(&talk);
    }
}

static void limits_the_line(void **state)
{
    (void)state;
    play_line(SLI_HTTP_CLIENT_LINE_MAX - 1, "yes 200 250;ready;lost;");
    play_line(SLI_HTTP_CLIENT_LINE_MAX, "yes 200 250;ready;lost;");
    play_line(SLI_HTTP_CLIENT_LINE_MAX + 1, "broken unknown;");
}

static void limits_the_fields(void **state)
{
    /* 23 octets in two lines. */
    static const struct row row = {OK_HEAD "A:\r\n\r\n", NULL, 0};
    static const struct {
        struct sli_http_scan_limits limits;
        const char *wanted;
    } cases[] = {
        {{25, 2}, "yes 200 250;ready;lost;"},
        {{26, 3}, "yes 200 250;ready;lost;"},
        {{24, 2}, "broken unknown;"},
        {{25, 1}, "broken unknown;"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct talk talk;

        talk_begin(&talk, 0, FAIL_ALLOC_ONCE, cases[i].limits);
        play(&talk, &row, 0, SIZE_MAX, SIZE_MAX);
        assert_string_equal(talk.told, cases[i].wanted);
        talk_end(&talk);
    }
}

static void limits_interim_responses(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct talk talk;

        talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
        assert_int_equal(post(&talk, BODY), 0);
        for (int i = 0; i < SLI_HTTP_CLIENT_INTERIM_MAX + extra; i++) {
            feed(&talk, SLI_LITERAL("HTTP/1.1 100 Continue\r\n\r\n"));
        }
        feed(&talk, SLI_LITERAL(OK_HEAD "\r\n"));
        assert_string_equal(
            talk.told, extra == 0 ? "yes 200 250;ready;" : "broken unknown;");
        talk_end(&talk);
    }
}

/* More than this of a body that nobody wants is not worth the connection. */
static void limits_what_is_skipped(void **state)
{
    static char body[SLI_HTTP_CLIENT_SKIP_MAX + 1];

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct talk talk;
        char head[128];

        (void)snprintf(head, sizeof head,
            "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
            SLI_HTTP_CLIENT_SKIP_MAX + extra);
        talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
        assert_int_equal(post(&talk, BODY), 0);
        feed(&talk, sli_slice_text(head));
        feed(&talk, sli_slice(body, SLI_HTTP_CLIENT_SKIP_MAX + extra));
        assert_string_equal(
            talk.told, extra == 0 ? "yes 200 250;ready;" : "yes 200 250;done;");
        talk_end(&talk);
    }
}

static void lends_the_refused_recipients(void **state)
{
    struct talk talk;
    struct sli_http_client_event event;

    (void)state;
    talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
    assert_int_equal(post(&talk, BODY), 0);
    sli_http_client_feed(&talk.client,
        SLI_LITERAL(
            OK_HEAD "X-Smtp-Rcpt-Reply: 1; 550; message=\"5.1.1 No\"\r\n\r\n"));
    sli_http_client_next(&talk.client, &event);
    assert_int_equal(event.type, SLI_HTTP_CLIENT_REPLY);
    assert_true(sli_slice_is(
        event.recipients, SLI_LITERAL("1; 550; message=\"5.1.1 No\"")));
    talk_end(&talk);
}

static void holds_nothing_while_idle(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, FAIL_ALLOC_ONCE, roomy);
    assert_int_equal(post(&talk, BODY), 0);
    feed(&talk, SLI_LITERAL(OK_HEAD "\r\n"));
    sli_http_fields_fini(&talk.fields);
    sli_http_fields_init(&talk.fields, &talk.alloc.table);
    assert_int_equal(atomic_load(&talk.alloc.live), 0);
    talk_end(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_responses_however_cut),
        cmocka_unit_test(bears_a_hop_that_leaves),
        cmocka_unit_test(bears_no_memory),
        cmocka_unit_test(is_used_again),
        cmocka_unit_test(tells_what_did_not_leave),
        cmocka_unit_test(limits_the_line),
        cmocka_unit_test(limits_the_fields),
        cmocka_unit_test(limits_interim_responses),
        cmocka_unit_test(limits_what_is_skipped),
        cmocka_unit_test(lends_the_refused_recipients),
        cmocka_unit_test(holds_nothing_while_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
