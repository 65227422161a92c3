/** Tests of lib/http/server.c that no dialogue can tell. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "http/server.h"

struct fixture {
    struct fail_alloc alloc;
    struct sli_http_config config;
    struct sli_buf output;
    struct sli_http_fields fields;
    struct sli_http_server server;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fail_alloc_init(&fixture.alloc, 0, FAIL_ALLOC_ONCE);
    fixture.config = (struct sli_http_config){
        .alloc = &fixture.alloc.table, .head = {16384 + 400000, 1064}};
    sli_buf_init(&fixture.output, &fixture.alloc.table, 4096);
    sli_http_fields_init(&fixture.fields, &fixture.alloc.table);
    sli_http_server_init(
        &fixture.server, &fixture.config, &fixture.output, &fixture.fields);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sli_http_server_fini(&fixture->server);
    sli_http_fields_fini(&fixture->fields);
    sli_buf_fini(&fixture->output);
    return (int)atomic_load(&fixture->alloc.live);
}

static void feed(struct fixture *fixture, const char *text)
{
    assert_int_equal(
        sli_http_server_feed(&fixture->server, sli_slice_text(text)), 0);
}

static void expect(struct fixture *fixture, enum sli_http_event_type type)
{
    struct sli_http_event event;

    sli_http_server_next(&fixture->server, &event);
    assert_int_equal(event.type, type);
}

static void expect_close(struct fixture *fixture, enum sli_http_close reason)
{
    struct sli_http_event event;

    sli_http_server_next(&fixture->server, &event);
    assert_int_equal(event.type, SLI_HTTP_EVENT_CLOSE);
    assert_int_equal(event.close, reason);
    assert_int_equal(
        sli_http_server_state(&fixture->server), SLI_HTTP_STATE_CLOSED);
}

static int respond(struct fixture *fixture, int status)
{
    const struct sli_http_response response = {.status = status};

    return sli_http_server_respond(&fixture->server, &response);
}

static void expect_output(struct fixture *fixture, const char *wanted)
{
    struct slimta_slice got = sli_buf_slice(&fixture->output);

    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
    sli_buf_clear(&fixture->output);
}

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define SIZED(size) HEAD "Content-Length: " #size "\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n"
#define EXPECTS "Expect: 100-continue\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n\r\n"
#define OK_CLOSE "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

/* RFC 9110 section 10.1.1: a client whose body is there waits for nothing. */
static void leaves_100_out_when_the_body_comes(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, SIZED(4) EXPECTS "b");
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(sli_http_server_continue(&fixture->server), 0);
    expect_output(fixture, "");
    expect(fixture, SLI_HTTP_EVENT_CONTENT);
    feed(fixture, "ody");
    expect(fixture, SLI_HTTP_EVENT_CONTENT);
    expect(fixture, SLI_HTTP_EVENT_END);
}

/* And is known to send the rest of it, too. */
static void keeps_when_an_expected_body_comes(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, SIZED(4) EXPECTS "b");
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(respond(fixture, 200), 0);
    expect_output(fixture, OK);
    expect(fixture, SLI_HTTP_EVENT_NONE);
    assert_int_equal(
        sli_http_server_state(&fixture->server), SLI_HTTP_STATE_SKIPPING);
    feed(fixture, "ody" GET);
    expect(fixture, SLI_HTTP_EVENT_HEAD);
}

static void keeps_when_the_rest_is_there(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, CHUNKED "\r\n4\r\nbody\r\n0\r\n\r\n" GET);
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(respond(fixture, 200), 0);
    expect_output(fixture, OK);
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(respond(fixture, 200), 0);
    expect_output(fixture, OK);
    /* In two runs. */
    feed(fixture, CHUNKED "\r\n4\r\nbo");
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    feed(fixture, "dy\r\n0\r\n\r\n");
    assert_int_equal(respond(fixture, 200), 0);
    expect_output(fixture, OK);
    expect(fixture, SLI_HTTP_EVENT_NONE);
    assert_int_equal(
        sli_http_server_state(&fixture->server), SLI_HTTP_STATE_IDLE);
}

/* A long body that is there is read, one that is not is not waited for. */
static void keeps_a_long_body_that_is_there(void **state)
{
    enum { SIZE = 70000 };
    static const char head[] = SIZED(70000) "\r\n";
    static char text[sizeof head - 1 + SIZE];
    struct fixture *fixture = *state;

    memset(text, 'x', sizeof text);
    memcpy(text, head, sizeof head - 1);
    for (size_t missing = 0; missing < 2; missing++) {
        struct slimta_slice input = sli_slice(text, sizeof text - missing);

        assert_int_equal(sli_http_server_feed(&fixture->server, input), 0);
        expect(fixture, SLI_HTTP_EVENT_HEAD);
        assert_int_equal(respond(fixture, 200), 0);
        expect_output(fixture, missing == 0 ? OK : OK_CLOSE);
        if (missing == 0) {
            expect(fixture, SLI_HTTP_EVENT_NONE);
        } else {
            expect_close(fixture, SLI_HTTP_CLOSE_EARLY);
        }
    }
}

static void answers_amid_the_body(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, SIZED(65541) "\r\nbody");
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(sli_http_server_continue(&fixture->server), 0);
    expect(fixture, SLI_HTTP_EVENT_CONTENT);
    assert_int_equal(respond(fixture, 200), 0);
    expect_output(fixture, OK_CLOSE);
    expect_close(fixture, SLI_HTTP_CLOSE_EARLY);
    assert_int_equal(respond(fixture, 200), SLIMTA_ESTATE);
}

static void keeps_amid_the_body(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, SIZED(65540) "\r\nbody");
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(sli_http_server_continue(&fixture->server), 0);
    expect(fixture, SLI_HTTP_EVENT_CONTENT);
    assert_int_equal(respond(fixture, 200), 0);
    expect_output(fixture, OK);
    expect(fixture, SLI_HTTP_EVENT_NONE);
}

/* It was answered; what is wrong behind that closes without a word. */
static void closes_over_an_unwanted_body(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, CHUNKED "\r\n");
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    feed(fixture, "1\r\naX\r\n");
    assert_int_equal(respond(fixture, 200), 0);
    expect_output(fixture, OK_CLOSE);
    expect_close(fixture, SLI_HTTP_CLOSE_EARLY);
}

static void takes_each_answer_once(void **state)
{
    struct fixture *fixture = *state;
    struct sli_http_event event;

    assert_int_equal(sli_http_server_continue(&fixture->server), SLIMTA_ESTATE);
    assert_int_equal(respond(fixture, 200), SLIMTA_ESTATE);
    sli_http_server_asked(&fixture->server, &event);
    assert_int_equal(event.type, SLI_HTTP_EVENT_NONE);
    feed(fixture, GET);
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    expect(fixture, SLI_HTTP_EVENT_WAIT);
    assert_int_equal(sli_http_server_continue(&fixture->server), 0);
    assert_int_equal(sli_http_server_continue(&fixture->server), SLIMTA_ESTATE);
    expect(fixture, SLI_HTTP_EVENT_END);
    expect(fixture, SLI_HTTP_EVENT_WAIT);
    assert_int_equal(sli_http_server_continue(&fixture->server), SLIMTA_ESTATE);
    assert_int_equal(respond(fixture, 200), 0);
    assert_int_equal(respond(fixture, 200), SLIMTA_ESTATE);
    expect_output(fixture, OK);
    feed(fixture, "\n");
    expect(fixture, SLI_HTTP_EVENT_REFUSED);
    expect(fixture, SLI_HTTP_EVENT_WAIT);
    assert_int_equal(sli_http_server_continue(&fixture->server), SLIMTA_ESTATE);
    assert_int_equal(respond(fixture, 400), 0);
    expect_close(fixture, SLI_HTTP_CLOSE_REFUSED);
    expect_close(fixture, SLI_HTTP_CLOSE_REFUSED);
    assert_int_equal(respond(fixture, 400), SLIMTA_ESTATE);
}

static void holds_nothing_when_idle(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "GET / HT");
    expect(fixture, SLI_HTTP_EVENT_NONE);
    assert_int_equal(sli_http_server_has_parked(&fixture->server), 0);
    assert_int_equal(sli_http_server_park(&fixture->server), 0);
    assert_int_equal(sli_http_server_has_parked(&fixture->server), 1);
    assert_int_equal(
        sli_http_server_state(&fixture->server), SLI_HTTP_STATE_HEAD);
    feed(fixture, "TP/1.1\r\nHost: a\r\n\r\n");
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(
        sli_http_server_state(&fixture->server), SLI_HTTP_STATE_ASKED);
    assert_int_equal(respond(fixture, 200), 0);
    expect(fixture, SLI_HTTP_EVENT_NONE);
    assert_int_equal(sli_http_server_park(&fixture->server), 0);
    assert_int_equal(
        sli_http_server_state(&fixture->server), SLI_HTTP_STATE_IDLE);
    assert_int_equal(sli_http_server_has_parked(&fixture->server), 0);
    /* The output and the room for fields are not its own. */
    assert_int_equal(atomic_load(&fixture->alloc.live), 2);
}

/* The second of two requests that came at once costs no allocation. */
static void allocates_nothing_once_warm(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 3; i++) {
        size_t before = atomic_load(&fixture->alloc.asked);

        feed(fixture, SIZED(4) "\r\nbody");
        expect(fixture, SLI_HTTP_EVENT_HEAD);
        assert_int_equal(sli_http_server_continue(&fixture->server), 0);
        expect(fixture, SLI_HTTP_EVENT_CONTENT);
        expect(fixture, SLI_HTTP_EVENT_END);
        assert_int_equal(respond(fixture, 200), 0);
        expect_output(fixture, OK);
        expect(fixture, SLI_HTTP_EVENT_NONE);
        assert_int_equal(sli_http_server_park(&fixture->server), 0);
        assert_true(i == 0 || atomic_load(&fixture->alloc.asked) == before);
    }
}

/* A head of a thousand recipients that comes octet by octet is kept in memory
 * that doubles: it is neither copied nor scanned again for each. */
static void gathers_a_long_head(void **state)
{
    static const char line[] = "X-Envelope-Recipient: YWFhYWFhYWFhQGI=\r\n";
    struct fixture *fixture = *state;
    struct sli_http_event event;

    feed(fixture, HEAD);
    expect(fixture, SLI_HTTP_EVENT_NONE);
    for (int i = 0; i < 1000; i++) {
        for (size_t at = 0; at < sizeof line - 1; at++) {
            char octet = line[at];

            assert_int_equal(
                sli_http_server_feed(&fixture->server, sli_slice(&octet, 1)),
                0);
            expect(fixture, SLI_HTTP_EVENT_NONE);
            assert_int_equal(sli_http_server_park(&fixture->server), 0);
        }
    }
    feed(fixture, "\r\n");
    sli_http_server_next(&fixture->server, &event);
    assert_int_equal(event.type, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(event.head.request.field_count, 1001);
    assert_true(atomic_load(&fixture->alloc.asked) < 20);
}

static void closes_idle_when_drained(void **state)
{
    struct fixture *fixture = *state;

    sli_http_server_drain(&fixture->server);
    expect_close(fixture, SLI_HTTP_CLOSE_DRAINED);
    feed(fixture, GET);
    expect_close(fixture, SLI_HTTP_CLOSE_DRAINED);
}

/* Without memory for a response: the fixed one, and the message is dropped. */
static void drops_what_it_cannot_answer(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, GET);
    expect(fixture, SLI_HTTP_EVENT_HEAD);
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(respond(fixture, 200), SLIMTA_ENOMEM);
    expect_output(fixture,
        "HTTP/1.1 503 Service Unavailable\r\n"
        "X-Smtp-Reply: 451; message=\"4.3.0 Unhandled system error\"\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n");
    expect(fixture, SLI_HTTP_EVENT_ABORTED);
    expect_close(fixture, SLI_HTTP_CLOSE_MEMORY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(leaves_100_out_when_the_body_comes),
        TEST(keeps_when_an_expected_body_comes),
        TEST(keeps_when_the_rest_is_there),
        TEST(keeps_a_long_body_that_is_there),
        TEST(answers_amid_the_body),
        TEST(keeps_amid_the_body),
        TEST(closes_over_an_unwanted_body),
        TEST(takes_each_answer_once),
        TEST(holds_nothing_when_idle),
        TEST(allocates_nothing_once_warm),
        TEST(gathers_a_long_head),
        TEST(closes_idle_when_drained),
        TEST(drops_what_it_cannot_answer),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
