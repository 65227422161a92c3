/** The client's reverse name: right, wrong, slow, and never waited for. */
#include "fail_alloc.h"
#include "one_loop.h"

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

struct fixture {
    struct fail_alloc memory;
    struct one_loop one;
    struct slimta_queue queue;
    struct smtp_edge *edge;
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
        .dns_servers = f->one.server.servers};
    const struct slimta_validators validators = {
        .size = sizeof validators, .rcpt = on_rcpt, .user = f};

    f->queue = (struct slimta_queue){.methods = &methods};
    assert_int_equal(smtp_edge_new(&f->edge, &options, &f->queue, NULL), 0);
    assert_int_equal(smtp_edge_add_validators(f->edge, &validators, NULL), 0);
    assert_int_equal(smtp_edge_listen(f->edge, "127.0.0.1", 0, NULL), 0);
    assert_int_equal(smtp_edge_start(f->edge, f->one.loop, NULL), 0);
}

static void begin(struct fixture *f, enum slimta_reverse_names wanted,
    const struct dns_rule *rules)
{
    memset(f, 0, sizeof *f);
    fail_alloc_init(&f->memory, 0, FAIL_ALLOC_ONCE);
    one_loop_open(&f->one, rules);
    start_edge(f, wanted);
    f->one.client = one_loop_connect(f->edge);
}

static void end(struct fixture *f)
{
    smtp_edge_free(f->edge);
    one_loop_close(&f->one);
    assert_int_equal(f->memory.live, 0);
}

static void deliver(struct fixture *f)
{
    one_loop_say(&f->one, "EHLO client.example\r\n", "250");
    one_loop_say(&f->one, "MAIL FROM:<a@example.com>\r\n", "250");
    one_loop_say(&f->one, "RCPT TO:<b@example.net>\r\n", "250");
    one_loop_say(&f->one, "DATA\r\n", "354");
    one_loop_say(&f->one, "Subject: one\r\n\r\n.\r\n", "250");
}

static void a_name_that_is_confirmed(void **state)
{
    static const struct dns_rule rules[] = {
        PTR_OF_CLIENT(DNS_ANSWER), ADDRESS_OF_NAME("\x7F\x00\x00\x01"), {0}};
    struct fixture f;

    (void)state;
    begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
    one_loop_expect(&f.one, "220");
    while (f.told_times == 0) {
        one_loop_wait(&f.one);
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
    one_loop_expect(&f.one, "220");
    one_loop_until_asked(&f.one, asked);
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
    one_loop_expect(&f.one, "220");
    deliver(&f);
    assert_string_equal(f.known, "-");
    assert_int_equal(f.told_times, 0);
    one_loop_until_asked(&f.one, 1);
    dns_server_release(&f.one.server);
    while (f.told_times == 0) {
        one_loop_wait(&f.one);
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
    one_loop_expect(&f.one, "220");
    one_loop_until_asked(&f.one, 1);
    one_loop_say(&f.one, "QUIT\r\n", "221");
    end(&f);
    /* the edge ends */
    begin(&f, SLIMTA_REVERSE_NAMES_ON, rules);
    one_loop_expect(&f.one, "220");
    one_loop_until_asked(&f.one, 1);
    end(&f);
    assert_int_equal(f.told_times, 0);
}

static void off_it_asks_nothing(void **state)
{
    static const struct dns_rule rules[] = {{0}};
    struct fixture f;

    (void)state;
    begin(&f, SLIMTA_REVERSE_NAMES_OFF, rules);
    one_loop_expect(&f.one, "220");
    deliver(&f);
    assert_string_equal(f.known, "-");
    end(&f);
    assert_int_equal(f.one.server.asked, 0);
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
            one_loop_turn(&f.one);
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
