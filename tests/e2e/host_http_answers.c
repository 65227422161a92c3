/** A host whose HTTP edge answers every kind of request. */
#include "web.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ACCEPTED "250; message=\"2.6.0 Message accepted for delivery\""
#define LENGTH "Content-Length: 22\r\n"

/** A request, and what is heard; `reply` is X-Smtp-Reply. */
static const struct row {
    const char *name;
    const char *request;
    int status;
    const char *reply;
    const char *header; /* another field, and its value, or NULL */
    const char *value;
} rows[] = {
    {"a length", WEB_POST, 200, ACCEPTED, "Content-Length", "0"},
    {"chunks", WEB_CHUNKED, 200, ACCEPTED, "Connection", NULL},
    {"no type", WEB_LINE WEB_SENDER WEB_RCPT_B LENGTH "\r\n" HOST_MESSAGE, 200,
        ACCEPTED, NULL, NULL},
    {"a type in any case with a parameter",
        WEB_LINE
        "Content-Type: Message/RFC822; x=y\r\n" WEB_SENDER WEB_RCPT_B LENGTH
        "\r\n" HOST_MESSAGE,
        200, ACCEPTED, NULL, NULL},
    {"HTTP/1.0",
        "POST /mail HTTP/1.0\r\n" WEB_SENDER WEB_RCPT_B LENGTH
        "\r\n" HOST_MESSAGE,
        200, ACCEPTED, "Connection", "close"},
    {"HTTP/1.0 kept",
        "POST /mail HTTP/1.0\r\nConnection: keep-alive\r\n" WEB_SENDER
            WEB_RCPT_B LENGTH "\r\n" HOST_MESSAGE,
        200, ACCEPTED, "Connection", "keep-alive"},
    {"a path that only begins so",
        "POST /mailbox?x=1 HTTP/1.1\r\nHost: a\r\n" WEB_RCPT_B LENGTH
        "\r\n" HOST_MESSAGE,
        200, ACCEPTED, NULL, NULL},
    {"a path in disguise",
        "POST /%6dail HTTP/1.1\r\nHost: a\r\n" WEB_RCPT_B LENGTH
        "\r\n" HOST_MESSAGE,
        200, ACCEPTED, NULL, NULL},
    {"a NUL in the path",
        "POST /mail%00 HTTP/1.1\r\nHost: a\r\n" LENGTH "\r\n" HOST_MESSAGE, 404,
        "451; message=\"4.3.5 No mail is taken at this path\"", NULL, NULL},
    {"another path", "GET /a/mail HTTP/1.1\r\nHost: a\r\n\r\n", 404,
        "451; message=\"4.3.5 No mail is taken at this path\"", NULL, NULL},
    {"another method", "GET /mail HTTP/1.1\r\nHost: a\r\n\r\n", 405,
        "451; message=\"4.3.5 No mail is taken with this method\"", "Allow",
        "POST"},
    {"HEAD", "HEAD /mail HTTP/1.1\r\nHost: a\r\n\r\n", 405,
        "451; message=\"4.3.5 No mail is taken with this method\"", "Allow",
        "POST"},
    {"OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405,
        "451; message=\"4.3.5 No mail is taken with this method\"", "Allow",
        "POST"},
    {"another type",
        WEB_LINE "Content-Type: text/plain\r\n" LENGTH "\r\n" HOST_MESSAGE, 415,
        "554; message=\"5.6.1 Content-Type is not message/rfc822\"", NULL,
        NULL},
    {"a coding of content",
        WEB_HEAD "Content-Encoding: gzip\r\n" LENGTH "\r\n" HOST_MESSAGE, 415,
        "554; message=\"5.6.1 Content-Encoding is not supported\"",
        "Accept-Encoding", "identity"},
    {"no length", WEB_HEAD "\r\n", 411,
        "501; message=\"5.5.4 Content-Length is needed\"", "Connection",
        "close"},
    {"no octets", WEB_HEAD "Content-Length: 0\r\n\r\n", 400,
        "501; message=\"5.5.4 Message is empty\"", NULL, NULL},
    {"no octets in chunks",
        WEB_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        "501; message=\"5.5.4 Message is empty\"", NULL, NULL},
    {"no recipients", WEB_LINE WEB_SENDER LENGTH "\r\n" HOST_MESSAGE, 400,
        "501; message=\"5.5.4 No recipients\"", NULL, NULL},
    {"a recipient that is not in base64",
        WEB_LINE "X-Envelope-Recipient: b@example.net\r\n" LENGTH
                 "\r\n" HOST_MESSAGE,
        400, "501; message=\"5.5.4 Recipient header expects base64\"", NULL,
        NULL},
    {"a command in a recipient", /* a@b CR LF RCPT */
        WEB_LINE "X-Envelope-Recipient: YUBiDQpSQ1BU\r\n" LENGTH
                 "\r\n" HOST_MESSAGE,
        400, "501; message=\"5.1.3 Syntax error in recipient address\"", NULL,
        NULL},
    {"two senders",
        WEB_LINE WEB_SENDER WEB_SENDER WEB_RCPT_B LENGTH "\r\n" HOST_MESSAGE,
        400, "501; message=\"5.5.4 More than one sender\"", NULL, NULL},
    {"a name that is none",
        WEB_HEAD "X-Ehlo: a b\r\n" LENGTH "\r\n" HOST_MESSAGE, 400,
        "501; message=\"5.5.4 Syntax error in EHLO name\"", NULL, NULL},
    {"more than may be, known before",
        WEB_HEAD "Content-Length: 101\r\n\r\n" HOST_MESSAGE, 413,
        "552; message=\"5.3.4 Message exceeded size limit\"", NULL, NULL},
    {"more than may be, in chunks",
        WEB_HEAD
        "Transfer-Encoding: chunked\r\n\r\n32\r\n"
        "01234567890123456789012345678901234567890123456789\r\n33\r\n"
        "012345678901234567890123456789012345678901234567890\r\n0\r\n\r\n",
        413, "552; message=\"5.3.4 Message exceeded size limit\"", NULL, NULL},
    {"as much as may be, in chunks",
        WEB_HEAD
        "Transfer-Encoding: chunked\r\n\r\n32\r\n"
        "01234567890123456789012345678901234567890123456789\r\n32\r\n"
        "01234567890123456789012345678901234567890123456789\r\n0\r\n\r\n",
        200, ACCEPTED, NULL, NULL},
    {"three recipients",
        WEB_HEAD WEB_RCPT_C WEB_RCPT_C LENGTH "\r\n" HOST_MESSAGE, 503,
        "452; message=\"4.5.3 Too many recipients\"", "Retry-After", "7"},
    {"another expectation", WEB_HEAD LENGTH "Expect: 200-ok\r\n\r\n", 417,
        "504; message=\"5.5.4 Expectation not supported\"", NULL, NULL},
    {"two lengths", WEB_HEAD LENGTH "Content-Length: 23\r\n\r\n" HOST_MESSAGE,
        400, "501; message=\"5.5.4 Content-Length not valid\"", "Connection",
        "close"},
    {"a bad chunk",
        WEB_HEAD "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n", 400,
        "501; message=\"5.5.2 Syntax error in chunked body\"", "Connection",
        "close"},
    {"another coding of transfer", WEB_HEAD "Transfer-Encoding: gzip\r\n\r\n",
        501, "504; message=\"5.5.4 Transfer-Encoding not implemented\"",
        "Connection", "close"},
    {"another version", "POST /mail HTTP/1.2\r\n", 505,
        "504; message=\"5.5.4 HTTP version not supported\"", "Connection",
        "close"},
    {"health", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200, NULL,
        "Content-Type", "text/plain"},
    {"health by another method", "POST /health HTTP/1.1\r\nHost: a\r\n\r\n",
        405, "451; message=\"4.3.5 No mail is taken with this method\"",
        "Allow", "GET, HEAD"},
    {"metrics", "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 200, NULL,
        "Content-Length", "20000"},
};

/* Longer than what is tried at first. */
static size_t write_metrics(char *out, size_t size, void *user)
{
    (void)user;
    if (size > 0) {
        size_t length = size - 1 < 20000 ? size - 1 : 20000;

        memset(out, 'm', length);
        out[length] = '\0';
    }
    return 20000;
}

static const struct http_edge_options options = {
    .size = sizeof options,
    .hostname = "mx.example.net",
    .uri_pattern = "/mail",
    .max_message_bytes = 100,
    .max_recipients = 2,
    .retry_after_s = 7,
    .health_path = "/health",
    .metrics_path = "/metrics",
    .metrics = write_metrics,
};

/** A queue, an edge, a client of it, and what was heard last. */
struct scene {
    struct host_queue queue;
    struct web_edge web;
    struct host_client client;
    struct web_response response;
};

static struct scene scene;

static void open_scene(
    const struct http_edge_options *these, enum host_answer answer)
{
    host_queue_init(&scene.queue, answer);
    web_start(&scene.web, these, &scene.queue.queue, NULL);
}

static void open_scene_without_queue(const struct http_edge_options *these)
{
    host_queue_init(&scene.queue, HOST_SILENT);
    web_start(&scene.web, these, NULL, NULL);
}

static void close_scene(void)
{
    web_stop(&scene.web, 1000);
    host_queue_fini(&scene.queue);
}

static void open_client(struct host_client *client)
{
    assert_int_equal(host_client_open(client, &scene.web.address), 0);
}

static void say(struct host_client *client, const char *text)
{
    assert_int_equal(host_client_send(client, text, strlen(text)), 0);
}

/* The next response; 0: the end. */
static void hear(struct host_client *client, int status)
{
    assert_int_equal(web_read(client, &scene.response, 0), status);
}

static void ask(struct host_client *client, const char *request, int status)
{
    assert_int_equal(web_ask(client, &scene.response, request), status);
}

static void ask_once(const char *request, int status)
{
    assert_int_equal(
        web_ask_once(&scene.web.address, &scene.response, request), status);
}

static void expect(const char *name, const char *value)
{
    web_expect_header(&scene.response, name, value);
}

static void check(const struct row *row)
{
    if (scene.response.status != row->status) {
        fail_msg("%s: %d, not %d\n%s", row->name, scene.response.status,
            row->status, scene.response.headers);
    }
    expect("X-Smtp-Reply", row->reply);
    if (row->header != NULL) {
        expect(row->header, row->value);
    }
}

static void check_once(const struct row *row)
{
    (void)web_ask_once(&scene.web.address, &scene.response, row->request);
    check(row);
}

static void answers(void **state)
{
    size_t accepted = 0;
    char date[1024];

    (void)state;
    open_scene(&options, HOST_QUEUED);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        check_once(&rows[i]);
        accepted +=
            rows[i].reply != NULL && strcmp(rows[i].reply, ACCEPTED) == 0;
        if (scene.response.status < 500) {
            assert_true(web_header(&scene.response, "Date", date));
        }
    }
    assert_int_equal(
        host_queue_count(&scene.queue, &scene.queue.accepted), accepted);
    assert_int_equal(
        host_queue_count(&scene.queue, &scene.queue.messages), accepted);
    close_scene();
}

/* The same octet by octet. */
static void answers_to_single_octets(void **state)
{
    (void)state;
    open_scene(&options, HOST_QUEUED);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        const char *at = rows[i].request;

        open_client(&scene.client);
        for (; *at != '\0' && host_client_send(&scene.client, at, 1) == 0;
             ++at) {
        }
        (void)web_read(&scene.client, &scene.response,
            strncmp(rows[i].request, "HEAD", 4) == 0);
        check(&rows[i]);
        host_client_close(&scene.client);
    }
    close_scene();
}

static void answers_in_order(void **state)
{
    (void)state;
    open_scene(&options, HOST_QUEUED);
    open_client(&scene.client);
    ask(&scene.client,
        WEB_POST
        "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /no HTTP/1.1\r\nHost: a\r\n\r\n" WEB_CHUNKED,
        200);
    expect("X-Smtp-Reply", ACCEPTED);
    hear(&scene.client, 200);
    assert_string_equal(scene.response.body, "ok\n");
    hear(&scene.client, 404);
    hear(&scene.client, 200);
    expect("X-Smtp-Reply", ACCEPTED);
    /* It is kept; when it is not, that is said and done. */
    ask(&scene.client,
        "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200);
    expect("Connection", "close");
    hear(&scene.client, 0);
    host_client_close(&scene.client);
    close_scene();
}

/* 100 comes after the checks that need no body, or not at all. */
static void continues(void **state)
{
    (void)state;
    open_scene(&options, HOST_QUEUED);
    open_client(&scene.client);
    ask(&scene.client, WEB_HEAD LENGTH "Expect: 100-continue\r\n\r\n", 100);
    ask(&scene.client, HOST_MESSAGE, 200);
    ask(&scene.client, WEB_LINE LENGTH "Expect: 100-continue\r\n\r\n", 400);
    hear(&scene.client, 0);
    host_client_close(&scene.client);
    close_scene();
}

/* One message of a queue that refuses, and of one that is too slow. */
static void tells_what_the_queue_says(void **state)
{
    static const struct {
        int refusal;
        const char *text;
        int status;
        const char *reply;
    } queue_rows[] = {
        {450, "4.2.0 Busy", 503, "450; message=\"4.2.0 Busy\""},
        {550, "5.7.1 \"No\" \\ never", 500,
            "550; message=\"5.7.1 'No' / never\""},
        {535, "5.7.8 Who?", 401, "535; message=\"5.7.8 Who?\""},
        {552, "5.3.4 Too big", 413, "552; message=\"5.3.4 Too big\""},
    };
    const struct http_edge_options quick = {
        .size = sizeof quick,
        .hostname = "mx.example.net",
        .queue_timeout_ms = 50,
    };
    struct host_pending pending;

    (void)state;
    open_scene(&quick, HOST_REFUSED);
    for (size_t i = 0; i < sizeof queue_rows / sizeof queue_rows[0]; ++i) {
        scene.queue.refusal = queue_rows[i].refusal;
        scene.queue.refusal_text = queue_rows[i].text;
        ask_once(WEB_POST, queue_rows[i].status);
        expect("X-Smtp-Reply", queue_rows[i].reply);
        expect("WWW-Authenticate",
            queue_rows[i].status == 401
                ? "Basic realm=\"mx.example.net\", charset=\"UTF-8\""
                : NULL);
    }
    host_queue_answers(&scene.queue, HOST_SILENT);
    ask_once(WEB_POST, 503);
    expect("X-Smtp-Reply", "451; message=\"4.3.0 Error queuing message\"");
    host_queue_answers(&scene.queue, HOST_LATER);
    ask_once(WEB_POST, 503);
    expect("X-Smtp-Reply", "451; message=\"4.4.5 Queue timed out\"");
    pending = host_queue_next(&scene.queue);
    assert_true(host_pending_is_cancelled(&pending));
    assert_int_equal(host_pending_accept(&pending), 0);
    close_scene();
}

#define KEYED(key, body) \
    WEB_HEAD "Idempotency-Key: " key "\r\n" LENGTH "\r\n" body

static void serves_a_key_once(void **state)
{
    const struct http_edge_options keyed = {
        .size = sizeof keyed,
        .hostname = "mx.example.net",
        .flags = SLIMTA_HTTP_NAMES_ID,
        .idempotency_keys = 2,
    };
    static const char named[] = "250; message=\"2.6.0 Message queued as ";
    const size_t *messages = &scene.queue.messages;
    struct host_pending pending;

    (void)state;
    open_scene(&keyed, HOST_LATER);
    open_client(&scene.client);
    say(&scene.client, KEYED("one", HOST_MESSAGE));
    pending = host_queue_next(&scene.queue);
    ask_once(KEYED("one", HOST_MESSAGE), 409);
    expect("Retry-After", "1");
    assert_int_equal(host_pending_accept(&pending), 0);
    hear(&scene.client, 200);
    host_client_close(&scene.client);
    ask_once(KEYED("one", HOST_MESSAGE), 200);
    assert_non_null(strstr(scene.response.headers, named));
    assert_int_equal(host_queue_count(&scene.queue, messages), 1);
    ask_once(KEYED("one", "Subject: two\r\n\r\nbody\r\n"), 422);
    /* A refusal is not remembered. */
    scene.queue.refusal = 450;
    scene.queue.refusal_text = "4.2.0 Busy";
    host_queue_answers(&scene.queue, HOST_REFUSED);
    ask_once(KEYED("two", HOST_MESSAGE), 503);
    host_queue_answers(&scene.queue, HOST_QUEUED);
    ask_once(KEYED("two", HOST_MESSAGE), 200);
    /* The third one takes the place of the first one. */
    ask_once(KEYED("three", HOST_MESSAGE), 200);
    assert_int_equal(host_queue_count(&scene.queue, messages), 4);
    ask_once(KEYED("one", HOST_MESSAGE), 200);
    assert_int_equal(host_queue_count(&scene.queue, messages), 5);
    close_scene();
}

static void turns_away(void **state)
{
    const struct http_edge_options one = {
        .size = sizeof one,
        .hostname = "mx.example.net",
        .max_connections = 1,
        .health_path = "/",
    };
    struct host_client second;

    (void)state;
    open_scene_without_queue(&one);
    open_client(&scene.client);
    ask(&scene.client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    open_client(&second);
    hear(&second, 503);
    expect("X-Smtp-Reply", "421; message=\"4.7.0 Too many connections\"");
    hear(&second, 0);
    host_client_close(&second);
    /* Without a queue there is nothing else. */
    ask(&scene.client, WEB_POST, 404);
    host_client_close(&scene.client);
    close_scene();
}

static void times_out(void **state)
{
    const struct http_edge_options quick = {
        .size = sizeof quick,
        .hostname = "mx.example.net",
        .head_timeout_ms = 30,
        .body_timeout_ms = 30,
        .idle_timeout_ms = 30,
    };
    static const struct {
        const char *text;
        int status;
    } pieces[] = {
        {"", 0},
        {"POST ", 408},
        {WEB_HEAD LENGTH "\r\nSubj", 408},
        {WEB_HEAD "Transfer-Encoding: chunked\r\n\r\n", 408},
    };

    (void)state;
    open_scene(&quick, HOST_QUEUED);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; ++i) {
        open_client(&scene.client);
        ask(&scene.client, pieces[i].text, pieces[i].status);
        if (pieces[i].status != 0) {
            expect("Connection", "close");
            hear(&scene.client, 0);
        }
        host_client_close(&scene.client);
    }
    web_stop(&scene.web, 1000);
    assert_int_equal(scene.queue.messages, 0);
    host_queue_fini(&scene.queue);
}

/* Asks again until the edge has read so many octets in all. */
static void await_octets(const struct http_edge *edge, uint64_t octets)
{
    const struct timespec pause = {0, 1000000};
    struct slimta_counters counters = {.size = sizeof counters};

    for (int turns = 0; counters.bytes_in < octets; ++turns) {
        assert_true(turns < HOST_PATIENCE_S * 1000);
        nanosleep(&pause, NULL);
        http_edge_count(edge, &counters);
    }
}

/* A request in flight gets its real answer, one that has begun is served, idle
 * connections close. */
static void drains(void **state)
{
    static const char wrong[] = "GET /mail HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char begun[] = "GET /health HTTP/1.1\r\n";
    struct host_client idle;
    struct host_client checking;
    struct host_pending pending;

    (void)state;
    open_scene(&options, HOST_LATER);
    open_client(&idle);
    ask(&idle, wrong, 405);
    open_client(&checking);
    say(&checking, begun);
    await_octets(scene.web.edge, strlen(wrong) + strlen(begun));
    open_client(&scene.client);
    say(&scene.client, WEB_POST);
    pending = host_queue_next(&scene.queue);
    assert_int_equal(
        http_edge_stop(scene.web.edge, 20000, web_stopped, &scene.web), 0);
    hear(&idle, 0);
    host_client_close(&idle);
    ask(&checking, "Host: a\r\n\r\n", 503);
    expect("Connection", "close");
    host_client_close(&checking);
    assert_int_equal(host_pending_accept(&pending), 0);
    hear(&scene.client, 200);
    expect("Connection", "close");
    hear(&scene.client, 0);
    host_client_close(&scene.client);
    assert_true(host_wait(&scene.web.stopped));
    http_edge_free(scene.web.edge);
    sem_destroy(&scene.web.stopped);
    host_queue_fini(&scene.queue);
}

/* A long body that nobody wants: the answer comes, and is not lost. */
static void answers_early(void **state)
{
    (void)state;
    open_scene(&options, HOST_QUEUED);
    open_client(&scene.client);
    say(&scene.client, WEB_HEAD "Content-Length: 1000000\r\n\r\n");
    (void)host_client_flood(&scene.client, "0123456789", 1000000);
    hear(&scene.client, 413);
    expect("Connection", "close");
    hear(&scene.client, 0);
    host_client_close(&scene.client);
    close_scene();
}

static void counts_heads(void **state)
{
    const struct http_edge_options small = {
        .size = sizeof small,
        .hostname = "mx.example.net",
        .max_head_bytes = 1024,
        .health_path = "/",
    };
    static const char line[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";

    (void)state;
    open_scene_without_queue(&small);
    for (int size = 1023; size <= 1025; ++size) {
        char request[2048];

        (void)snprintf(request, sizeof request, "%s%0*d\r\n\r\n", line,
            size - (int)sizeof line + 1 - 4, 0);
        assert_int_equal(strlen(request), size);
        ask_once(request, size <= 1024 ? 200 : 431);
    }
    expect("X-Smtp-Reply",
        "452; message=\"4.5.3 Too many or too long header fields\"");
    close_scene();
}

#define RECEIVED "Received: a\r\n"

static void obeys_flags(void **state)
{
    const struct http_edge_options flagged = {
        .size = sizeof flagged,
        .hostname = "mx.example.net",
        .method = "PUT",
        .sender_header = "From-B64",
        .recipient_header = "To-B64",
        .ehlo_header = "Name",
        .permanent = SLIMTA_HTTP_PERMANENT_422,
        .max_received = 2,
        .flags = SLIMTA_HTTP_NEEDS_SENDER | SLIMTA_HTTP_NO_REPEATS |
            SLIMTA_HTTP_ALLOW_EMPTY | SLIMTA_HTTP_NAMES_ID |
            SLIMTA_HTTP_OPTIONS_204,
    };
#define PUT "PUT / HTTP/1.1\r\nHost: a\r\nName: n.example\r\n"
#define FROM "From-B64: YUBleGFtcGxlLmNvbQ\r\n"
#define TO "To-B64: YkBleGFtcGxlLm5ldA,;, YkBleGFtcGxlLm5ldA==\r\n"
    static const struct row flag_rows[] = {
        {"named", PUT FROM TO "Content-Length: 0\r\n\r\n", 200,
            "250; message=\"2.6.0 Message queued as test-id\"", NULL, NULL},
        {"no sender", PUT TO "Content-Length: 0\r\n\r\n", 400,
            "501; message=\"5.5.4 No sender\"", NULL, NULL},
        {"null sender", PUT "From-B64:\r\n" TO "Content-Length: 0\r\n\r\n", 200,
            "250; message=\"2.6.0 Message queued as test-id\"", NULL, NULL},
        {"two hops", PUT FROM TO "Content-Length: 26\r\n\r\n" RECEIVED RECEIVED,
            200, "250; message=\"2.6.0 Message queued as test-id\"", NULL,
            NULL},
        {"three hops",
            PUT FROM TO "Content-Length: 39\r\n\r\n" RECEIVED RECEIVED RECEIVED,
            422, "554; message=\"5.4.6 Too many hops\"", NULL, NULL},
        {"options", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, NULL, "Allow",
            "PUT"},
        {"another method", WEB_POST, 405,
            "451; message=\"4.3.5 No mail is taken with this method\"", "Allow",
            "PUT"},
    };
    struct host_pending pending;

    (void)state;
    open_scene(&flagged, HOST_QUEUED);
    for (size_t i = 0; i < sizeof flag_rows / sizeof flag_rows[0]; ++i) {
        check_once(&flag_rows[i]);
    }
    /* No body, no length: RFC 9110 section 8.6. */
    ask_once(flag_rows[5].request, 204);
    expect("Content-Length", NULL);
    /* Equal recipients are one. */
    host_queue_answers(&scene.queue, HOST_LATER);
    open_client(&scene.client);
    say(&scene.client, flag_rows[0].request);
    pending = host_queue_next(&scene.queue);
    assert_int_equal(slimta_envelope_recipient_count(pending.envelope), 1);
    assert_string_equal(
        slimta_envelope_client(pending.envelope)->ehlo_as, "n.example");
    assert_int_equal(host_pending_accept(&pending), 0);
    hear(&scene.client, 200);
    host_client_close(&scene.client);
    close_scene();
}

static void keeps_what_tls_it_has(void **state)
{
    struct slimta_tls *tls = host_tls(NULL, "server", NULL);
    struct slimta_error error = {0};

    (void)state;
    open_scene(NULL, HOST_QUEUED);
    assert_int_equal(
        http_edge_set_tls(scene.web.edge, tls, &error), SLIMTA_EINVAL);
    assert_string_equal(error.text, "tls: the edge was made without TLS");
    ask_once(WEB_POST, 200);
    close_scene();
    open_scene(
        &(struct http_edge_options){
            .size = sizeof options, .hostname = "mx.example.net", .tls = tls},
        HOST_QUEUED);
    assert_int_equal(
        http_edge_set_tls(scene.web.edge, NULL, &error), SLIMTA_EINVAL);
    assert_int_equal(http_edge_set_tls(scene.web.edge, tls, NULL), 0);
    close_scene();
    slimta_tls_unref(tls);
}

static void checks_options(void **state)
{
    const struct {
        const char *name;
        struct http_edge_options options;
    } wrong[] = {
        {"max_head_bytes", {.max_head_bytes = 1023}},
        {"threads", {.threads = 257}},
        {"flags", {.flags = 0x80}},
        {"permanent", {.permanent = (enum slimta_http_permanent)2}},
        {"method", {.method = "PO ST"}},
        {"method", {.method = ""}},
        {"sender_header", {.sender_header = "X:"}},
        {"recipient_header", {.recipient_header = ""}},
        {"ehlo_header", {.ehlo_header = "\r\n"}},
        {"custom_headers", {.custom_headers = "A,,B"}},
        {"uri_pattern", {.uri_pattern = "("}},
        {"hostname", {.hostname = "a b"}},
        {"health_path", {.health_path = "health"}},
        {"metrics_path", {.metrics_path = "/metrics"}},
        {"metrics_path", {.metrics = write_metrics}},
        {"retry_after_s", {.retry_after_s = 86401}},
        {"max_recipients", {.max_recipients = UINT64_C(1) << 40}},
        {"idempotency_keys", {.idempotency_keys = UINT64_C(1) << 40}},
    };
    struct host_queue queue;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
        struct http_edge_options these = wrong[i].options;
        struct http_edge *edge = NULL;
        struct slimta_error error = {0};

        these.size = sizeof these;
        assert_int_equal(
            http_edge_new(&edge, &these, &queue.queue, &error), SLIMTA_EINVAL);
        assert_null(edge);
        if (strncmp(error.text, wrong[i].name, strlen(wrong[i].name)) != 0) {
            fail_msg("'%s' does not name %s", error.text, wrong[i].name);
        }
    }
    host_queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_to_single_octets),
        cmocka_unit_test(answers_in_order),
        cmocka_unit_test(continues),
        cmocka_unit_test(tells_what_the_queue_says),
        cmocka_unit_test(serves_a_key_once),
        cmocka_unit_test(turns_away),
        cmocka_unit_test(times_out),
        cmocka_unit_test(drains),
        cmocka_unit_test(answers_early),
        cmocka_unit_test(counts_heads),
        cmocka_unit_test(obeys_flags),
        cmocka_unit_test(keeps_what_tls_it_has),
        cmocka_unit_test(checks_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
