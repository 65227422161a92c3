/** The client's reverse name: right, wrong, slow, and never waited for. */
#include "dns_server.h"
#include "fail_alloc.h"
#include "test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slimta/edge.h>

#include "io/loop.h"

#define PTR_OF_CLIENT(behaviour) \
    { \
        .name = "1.0.0.127.in-addr.arpa", .type = 12, .how = (behaviour), \
        .count = 1, .ttl = 60, \
        DNS_OCTETS( \
            "\x02mx\x07" \
            "example\x03org\0") \
    }
#define ADDRESS_OF_NAME(octets_of_it) \
    { \
        .name = "mx.example.org", .type = 1, .count = 1, .ttl = 60, \
        DNS_OCTETS(octets_of_it) \
    }

/** An edge, its client and its name server in one loop. */
struct fixture {
    struct fail_alloc memory;
    struct slimta_loop *loop;
    struct dns_server server;
    struct slimta_queue queue;
    struct smtp_edge *edge;
    int client;
    char received[SLIMTA_RECEIVED_MAX]; /* of the last message */
    char told[256];                     /* by the event */
    int told_times;
    char known[256]; /* at the last RCPT */
};

static void enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct fixture *f = (struct fixture *)(void *)((char *)queue -
        offsetof(struct fixture, queue));

    (void)slimta_envelope_received(
        envelope, "id", f->received, sizeof f->received);
    (void)slimta_op_queued(op, NULL, "id");
    slimta_envelope_unref(envelope);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .enqueue = enqueue,
};

static void on_rcpt(struct slimta_session *session, struct slimta_reply *reply,
    const struct slimta_recipient *rcpt, struct slimta_op *op, void *user)
{
    struct fixture *f = user;
    const char *name = slimta_session_reverse_name(session);

    (void)reply;
    (void)rcpt;
    (void)op;
    assert_non_null(slimta_session_resolver(session));
    (void)snprintf(f->known, sizeof f->known, "%s", name == NULL ? "-" : name);
}

static void on_event(const struct slimta_event *event, void *user)
{
    struct fixture *f = user;
    const struct slimta_event_field *name =
        slimta_event_find(event, "reverse_name");

    if (event->type == SLIMTA_EVENT_REVERSE_NAME) {
        f->told_times++;
        (void)snprintf(f->told, sizeof f->told, "%.*s", (int)name->text.size,
            name->text.data);
    }
}

static void start_edge(struct fixture *f, enum slimta_reverse_names wanted)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .alloc = &f->memory.table,
        .hostname = "mx.example.net",
        .event = on_event,
        .event_user = f,
        .reverse_names = wanted,
        .dns_servers = f->server.servers};
    const struct slimta_validators validators = {
        .size = sizeof validators, .rcpt = on_rcpt, .user = f};

    f->queue = (struct slimta_queue){.methods = &methods};
    assert_int_equal(smtp_edge_new(&f->edge, &options, &f->queue, NULL), 0);
    assert_int_equal(smtp_edge_add_validators(f->edge, &validators, NULL), 0);
    assert_int_equal(smtp_edge_listen(f->edge, "127.0.0.1", 0, NULL), 0);
    assert_int_equal(smtp_edge_start(f->edge, f->loop, NULL), 0);
}

static void connect_client(struct fixture *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct slimta_address address;

    assert_int_equal(smtp_edge_address(f->edge, 0, &address), 1);
    to.sin_port = htons(address.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->client >= 0);
    assert_int_equal(connect(f->client, (struct sockaddr *)&to, sizeof to), 0);
}

static void begin(struct fixture *f, enum slimta_reverse_names wanted,
    const struct dns_rule *rules)
{
    memset(f, 0, sizeof *f);
    fail_alloc_init(&f->memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(slimta_loop_new(&f->loop, NULL, NULL), 0);
    dns_server_start(&f->server, f->loop->uv, rules);
    start_edge(f, wanted);
    connect_client(f);
}

static void end(struct fixture *f)
{
    smtp_edge_free(f->edge);
    assert_int_equal(slimta_loop_run(f->loop), 0);
    dns_server_stop(&f->server, f->loop->uv);
    assert_int_equal(slimta_loop_free(f->loop), 0);
    assert_int_equal(f->memory.live, 0);
    assert_int_equal(close(f->client), 0);
}

/* Turns the loop until a line has come that begins so. */
static void hear(struct fixture *f, const char *code)
{
    char line[1024] = "";
    size_t size = 0;

    while (strchr(line, '\n') == NULL) {
        ssize_t got =
            recv(f->client, line + size, sizeof line - 1 - size, MSG_DONTWAIT);

        if (got < 0) {
            (void)uv_run(f->loop->uv, UV_RUN_NOWAIT);
            continue;
        }
        assert_true(got > 0);
        size += (size_t)got;
        line[size] = '\0';
    }
    assert_memory_equal(line, code, strlen(code));
}

static void say(struct fixture *f, const char *text, const char *code)
{
    assert_int_equal(
        send(f->client, text, strlen(text), 0), (ssize_t)strlen(text));
    hear(f, code);
}

static void deliver(struct fixture *f)
{
    say(f, "EHLO client.example\r\n", "250");
    say(f, "MAIL FROM:<a@example.com>\r\n", "250");
    say(f, "RCPT TO:<b@example.net>\r\n", "250");
    say(f, "DATA\r\n", "354");
    say(f, "Subject: one\r\n\r\n.\r\n", "250");
}

static void run_until_asked(struct fixture *f, unsigned asked)
{
    while (f->server.asked < asked) {
        (void)uv_run(f->loop->uv, UV_RUN_ONCE);
    }
}

static void a_name_that_is_confirmed(void **state)
{
    static const struct dns_rule rules[] = {
        PTR_OF_CLIENT(DNS_ANSWER), ADDRESS_OF_NAME("\x7F\x00\x00\x01"), {0}};
    struct fixture f;

    (void)state;
    begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
    hear(&f, "220");
    while (f.told_times == 0) {
        (void)uv_run(f.loop->uv, UV_RUN_ONCE);
    }
    deliver(&f);
    assert_string_equal(f.told, "mx.example.org");
    assert_string_equal(f.known, "mx.example.org");
    /* RFC 5321 section 4.4, TCP-info */
    assert_non_null(
        strstr(f.received, "from client.example (mx.example.org [127.0.0.1])"));
    end(&f);
    assert_int_equal(f.told_times, 1);
}

static void unproved(const struct dns_rule *rules, unsigned asked)
{
    struct fixture f;

    begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
    hear(&f, "220");
    run_until_asked(&f, asked);
    deliver(&f);
    deliver(&f);
    assert_string_equal(f.known, "-");
    assert_int_equal(f.told_times, 0);
    assert_non_null(strstr(f.received, "from client.example ([127.0.0.1])"));
    end(&f);
}

static void a_name_that_is_not_confirmed(void **state)
{
    static const struct dns_rule other[] = {
        PTR_OF_CLIENT(DNS_ANSWER), ADDRESS_OF_NAME("\xC0\x00\x02\x01"), {0}};
    static const struct dns_rule nobody[] = {PTR_OF_CLIENT(DNS_ANSWER), {0}};
    static const struct dns_rule no_ptr[] = {{0}};
    static const struct dns_rule failing[] = {
        {.name = "1.0.0.127.in-addr.arpa", .type = 12, .rcode = 2}, {0}};
    static const struct dns_rule odd[] = {{.name = "1.0.0.127.in-addr.arpa",
                                              .type = 12,
                                              .count = 1,
                                              DNS_OCTETS("\x03"
                                                         "a b\0")},
        {0}};
    static const struct dns_rule root[] = {{.name = "1.0.0.127.in-addr.arpa",
                                               .type = 12,
                                               .count = 1,
                                               DNS_OCTETS("\0")},
        {0}};

    (void)state;
    unproved(other, 2);
    unproved(nobody, 2);
    unproved(no_ptr, 1);
    unproved(failing, 1);
    unproved(odd, 1);
    unproved(root, 1);
}

static void a_slow_one_delays_nothing(void **state)
{
    static const struct dns_rule rules[] = {
        PTR_OF_CLIENT(DNS_HOLD), ADDRESS_OF_NAME("\x7F\x00\x00\x01"), {0}};
    struct fixture f;

    (void)state;
    begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
    hear(&f, "220");
    deliver(&f);
    assert_string_equal(f.known, "-");
    assert_int_equal(f.told_times, 0);
    run_until_asked(&f, 1);
    dns_server_release(&f.server);
    while (f.told_times == 0) {
        (void)uv_run(f.loop->uv, UV_RUN_ONCE);
    }
    deliver(&f);
    assert_string_equal(f.known, "mx.example.org");
    end(&f);
}

static void nothing_waits_at_the_end(void **state)
{
    static const struct dns_rule rules[] = {PTR_OF_CLIENT(DNS_SILENT), {0}};
    struct fixture f;

    (void)state;
    /* the session ends */
    begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
    hear(&f, "220");
    run_until_asked(&f, 1);
    say(&f, "QUIT\r\n", "221");
    end(&f);
    /* the edge ends */
    begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
    hear(&f, "220");
    run_until_asked(&f, 1);
    end(&f);
    assert_int_equal(f.told_times, 0);
}

static void off_it_asks_nothing(void **state)
{
    static const struct dns_rule rules[] = {{0}};
    struct fixture f;

    (void)state;
    begin(&f, SLIMTA_REVERSE_NAMES_OFF, rules);
    hear(&f, "220");
    deliver(&f);
    assert_string_equal(f.known, "-");
    end(&f);
    assert_int_equal(f.server.asked, 0);
}

static void options_are_checked(void **state)
{
    struct slimta_queue queue = {.methods = &methods};
    struct smtp_edge *edge = NULL;
    struct slimta_error error;
    struct smtp_edge_options options = {
        .size = sizeof options, .dns_servers = "127.0.0.1:0"};

    (void)state;
    assert_int_equal(
        smtp_edge_new(&edge, &options, &queue, &error), SLIMTA_EINVAL);
    assert_string_equal(error.text,
        "dns_servers: '127.0.0.1:0' is no address of a name server");
    options.dns_servers = NULL;
    options.reverse_names =
        (enum slimta_reverse_names)(SLIMTA_REVERSE_NAMES_ON + 1);
    assert_int_equal(
        smtp_edge_new(&edge, &options, &queue, &error), SLIMTA_EINVAL);
    assert_string_equal(
        error.text, "reverse_names: 2 is not one of its values");
    assert_null(edge);
}

/* Without memory there is no name, and no harm. */
static void memory_may_fail(void **state)
{
    static const struct dns_rule rules[] = {
        PTR_OF_CLIENT(DNS_ANSWER), ADDRESS_OF_NAME("\x7F\x00\x00\x01"), {0}};
    size_t failed = 1;

    (void)state;
    for (size_t n = 1; failed > 0; n++) {
        struct fixture f;

        begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
        fail_alloc_arm(&f.memory, n, FAIL_ALLOC_ONCE);
        for (int turn = 0; turn < 50 && f.told_times == 0; turn++) {
            (void)uv_run(f.loop->uv, UV_RUN_NOWAIT);
        }
        failed = f.memory.failed;
        fail_alloc_arm(&f.memory, 0, FAIL_ALLOC_ONCE);
        assert_true(failed > 0 || f.told_times == 1);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_confirmed),
        cmocka_unit_test(a_name_that_is_not_confirmed),
        cmocka_unit_test(a_slow_one_delays_nothing),
        cmocka_unit_test(nothing_waits_at_the_end),
        cmocka_unit_test(off_it_asks_nothing),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(memory_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
