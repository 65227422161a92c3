/** Sessions of clients that are listed, that are not, and that nobody knows. */
#include "fail_alloc.h"
#include "one_loop.h"

#include "edge/session.h"

#define IPV4(last) "\x7F\x00\x00" last
#define LISTED(zone, is_how) \
    { \
        .name = "9.2.0.192." zone, .type = 1, .how = (is_how), .count = 1, \
        .ttl = 60, DNS_OCTETS(IPV4("\x02")) \
    }
#define REASON(zone, is_how, octets_of_it) \
    { \
        .name = "9.2.0.192." zone, .type = 16, .how = (is_how), .count = 1, \
        .ttl = 60, DNS_OCTETS(octets_of_it) \
    }

static const struct dns_rule rules[] = {
    LISTED("bad.test", DNS_ANSWER),
    REASON("bad.test", DNS_ANSWER,
        "\x09"
        "spam\r\nbot"),
    LISTED("bare.test", DNS_ANSWER),
    LISTED("slow.test", DNS_HOLD),
    {.name = "9.2.0.192.clean.test", .type = 1, .how = DNS_HOLD, .rcode = 3},
    {.name = "9.2.0.192.dead.test", .type = 1, .how = DNS_SILENT},
    {.name = "9.2.0.192.error.test",
        .type = 1,
        .count = 1,
        DNS_OCTETS(IPV4("\x01"))},
    {.name = "9.2.0.192.fail.test", .type = 1, .rcode = 2},
    /* one that lists everything */
    LISTED("all.test", DNS_ANSWER),
    {.name = "1.0.0.127.all.test",
        .type = 1,
        .count = 1,
        .ttl = 60,
        DNS_OCTETS(IPV4("\x02"))},
    LISTED("mute.test", DNS_ANSWER),
    REASON("mute.test", DNS_SILENT, ""),
    {.name = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
             "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.six.test",
        .type = 1,
        .count = 1,
        DNS_OCTETS(IPV4("\x02"))},
    {0},
};

struct fixture {
    struct fail_alloc memory;
    struct one_loop one;
    struct slimta_queue *queue;
    struct slimta_dnsbl *dnsbl;
    struct smtp_edge *edge;
    struct slimta_address as; /* what the client is taken for */
};

/* A PROXY header would do this. */
static void on_connect(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_op *op, void *user)
{
    struct fixture *f = user;

    (void)reply;
    (void)op;
    session->client = f->as;
}

/* `zones` are parted by spaces. */
static void add_zones(struct slimta_dnsbl *dnsbl, const char *zones)
{
    char copy[256];
    char *next = copy;

    (void)snprintf(copy, sizeof copy, "%s", zones);
    while (next != NULL && *next != '\0') {
        struct slimta_dnsbl_zone zone = {.size = sizeof zone, .name = next};

        next = strchr(next, ' ');
        if (next != NULL) {
            *next++ = '\0';
        }
        assert_int_equal(slimta_dnsbl_add_zone(dnsbl, &zone, NULL), 0);
    }
}

static void start_edge(struct fixture *f)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        /* The edge counts by an address that is not the real one here. */
        .max_connections_per_ip = SLIMTA_UNLIMITED,
        .validator_timeout_ms = 60000,
        .dns_servers = f->one.server.servers};
    const struct slimta_validators first = {
        .size = sizeof first, .connect = on_connect, .user = f};

    assert_int_equal(slimta_discard_queue_new(&f->queue, NULL, NULL), 0);
    assert_int_equal(smtp_edge_new(&f->edge, &options, f->queue, NULL), 0);
    assert_int_equal(smtp_edge_add_validators(f->edge, &first, NULL), 0);
    assert_int_equal(smtp_edge_add_validators(
                         f->edge, slimta_dnsbl_validators(f->dnsbl), NULL),
        0);
    assert_int_equal(smtp_edge_listen(f->edge, "127.0.0.1", 0, NULL), 0);
    assert_int_equal(smtp_edge_start(f->edge, f->one.loop, NULL), 0);
}

static void begin(
    struct fixture *f, struct slimta_dnsbl_options options, const char *zones)
{
    memset(f, 0, sizeof *f);
    fail_alloc_init(&f->memory, 0, FAIL_ALLOC_ONCE);
    f->as = (struct slimta_address){
        .family = SLIMTA_FAMILY_IPV4, .ip = {192, 0, 2, 9}};
    options.size = sizeof options;
    options.alloc = &f->memory.table;
    one_loop_open(&f->one, rules);
    assert_int_equal(slimta_dnsbl_new(&f->dnsbl, &options, NULL), 0);
    add_zones(f->dnsbl, zones);
    start_edge(f);
    f->one.client = one_loop_connect(f->edge);
}

static void end(struct fixture *f)
{
    smtp_edge_free(f->edge);
    one_loop_close(&f->one);
    slimta_queue_free(f->queue);
    slimta_dnsbl_free(f->dnsbl);
    assert_int_equal(f->memory.live, 0);
}

static void hears(
    struct slimta_dnsbl_options options, const char *zones, const char *banner)
{
    struct fixture f;

    begin(&f, options, zones);
    one_loop_expect(&f.one, banner);
    end(&f);
}

static void one_listing_refuses(void **state)
{
    (void)state;
    hears(
        (struct slimta_dnsbl_options){0}, "bad.test", "550 Access denied\r\n");
    hears((struct slimta_dnsbl_options){0}, "clean.test dead.test bad.test",
        "550 Access denied\r\n");
    hears((struct slimta_dnsbl_options){0}, "none.test other.test", "220 ");
    hears((struct slimta_dnsbl_options){0}, "", "220 ");
}

static void code_and_text_are_the_hosts(void **state)
{
    static const struct slimta_dnsbl_options options = {
        .code = 450, .text = "No: {reason}"};

    (void)state;
    hears(options, "bad.test", "450 No: spam??bot\r\n");
    hears(options, "bare.test", "450 No: 192.0.2.9 is listed by bare.test\r\n");
    hears((struct slimta_dnsbl_options){.code = 554, .text = "5.7.0 Go away"},
        "bad.test", "554 Go away\r\n");
}

static void errors_are_as_the_host_wants_them(void **state)
{
    static const char *const zones[] = {"error.test", "fail.test", "all.test"};

    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        char answer[128];

        hears((struct slimta_dnsbl_options){0}, zones[i], "220 ");
        (void)snprintf(
            answer, sizeof answer, "550 No answer from %s\r\n", zones[i]);
        hears((struct slimta_dnsbl_options){.strictness = SLIMTA_DNSBL_STRICT,
                  .text = "{reason}"},
            zones[i], answer);
    }
}

static void stages(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, (struct slimta_dnsbl_options){.stage = SLIMTA_DNSBL_AT_EHLO},
        "bad.test");
    one_loop_expect(&f.one, "220 ");
    assert_int_equal(f.one.server.asked, 0);
    one_loop_say(&f.one, "HELO there\r\n", "550 Access denied\r\n");
    one_loop_say(&f.one, "EHLO there\r\n", "550 Access denied\r\n");
    end(&f);
    begin(&f, (struct slimta_dnsbl_options){.stage = SLIMTA_DNSBL_AT_MAIL},
        "bad.test");
    one_loop_expect(&f.one, "220 ");
    one_loop_say(&f.one, "EHLO there\r\n", "250");
    one_loop_say(&f.one, "MAIL FROM:<>\r\n", "550 5.7.1 Access denied\r\n");
    end(&f);
    begin(&f, (struct slimta_dnsbl_options){.stage = SLIMTA_DNSBL_AT_RCPT},
        "bad.test");
    one_loop_expect(&f.one, "220 ");
    one_loop_say(&f.one, "EHLO there\r\n", "250");
    one_loop_say(&f.one, "MAIL FROM:<>\r\n", "250");
    /* Once asked, and answered for the whole session: the client's address and
     * the one that no list has. */
    for (int i = 0; i < 5; i++) {
        one_loop_say(
            &f.one, "RCPT TO:<a@b.test>\r\n", "550 5.7.1 Access denied\r\n");
    }
    assert_int_equal(f.one.server.asked, 2);
    end(&f);
}

static void ipv6(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, (struct slimta_dnsbl_options){.stage = SLIMTA_DNSBL_AT_EHLO},
        "six.test");
    one_loop_expect(&f.one, "220 ");
    end(&f);
    begin(&f, (struct slimta_dnsbl_options){.text = "{reason}"}, "six.test");
    f.as = (struct slimta_address){
        .family = SLIMTA_FAMILY_IPV6, .ip = {0x20, 0x01, 0x0D, 0xB8, [15] = 1}};
    one_loop_expect(&f.one, "550 2001:db8::1 is listed by six.test\r\n");
    end(&f);
}

static void a_private_client_is_not_asked_about(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, (struct slimta_dnsbl_options){.strictness = SLIMTA_DNSBL_STRICT},
        "bad.test");
    f.as = (struct slimta_address){
        .family = SLIMTA_FAMILY_IPV4, .ip = {10, 0, 0, 1}};
    one_loop_expect(&f.one, "220 ");
    assert_int_equal(f.one.server.asked, 0);
    end(&f);
}

/* All zones together have one time. */
static void a_dead_zone_ends_in_time(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, (struct slimta_dnsbl_options){0}, "dead.test");
    one_loop_until_asked(&f.one, 1);
    one_loop_pass_time(&f.one, 10000);
    one_loop_expect(&f.one, "220 ");
    end(&f);
    begin(&f,
        (struct slimta_dnsbl_options){
            .strictness = SLIMTA_DNSBL_STRICT, .text = "{reason}"},
        "dead.test");
    one_loop_until_asked(&f.one, 1);
    one_loop_pass_time(&f.one, 10000);
    one_loop_expect(&f.one, "550 No answer from dead.test\r\n");
    end(&f);
}

static void a_reason_that_does_not_come(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, (struct slimta_dnsbl_options){.text = "{reason}"}, "mute.test");
    one_loop_until_asked(&f.one, 3);
    one_loop_pass_time(&f.one, 10000);
    one_loop_expect(&f.one, "550 192.0.2.9 is listed by mute.test\r\n");
    end(&f);
}

static void others_are_served_meanwhile(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, (struct slimta_dnsbl_options){0}, "slow.test");
    one_loop_until_asked(&f.one, 1);
    /* These are not asked about. */
    f.as.ip[0] = 10;
    for (int i = 0; i < 100; i++) {
        int fd = one_loop_connect(f.edge);

        assert_memory_equal(one_loop_hear(&f.one, fd), "220 ", 4);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(recv(f.one.client, &(char){0}, 1, MSG_DONTWAIT), -1);
    dns_server_release(&f.one.server);
    one_loop_expect(&f.one, "550 Access denied\r\n");
    end(&f);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, (struct slimta_dnsbl_options){0}, "slow.test dead.test");
    one_loop_until_asked(&f.one, 2);
    assert_int_equal(shutdown(f.one.client, SHUT_RDWR), 0);
    end(&f);
    begin(&f, (struct slimta_dnsbl_options){0}, "slow.test dead.test");
    one_loop_until_asked(&f.one, 2);
    assert_int_equal(smtp_edge_stop(f.edge, 0, NULL, NULL), 0);
    end(&f);
}

static void options_are_checked(void **state)
{
    static const struct slimta_dnsbl_options bad[] = {
        {.stage = (enum slimta_dnsbl_stage)(SLIMTA_DNSBL_AT_RCPT + 1)},
        {.strictness = (enum slimta_dnsbl_strictness)(SLIMTA_DNSBL_STRICT + 1)},
        {.code = 399},
        {.code = 600},
        {.text = "4.7.1 No"},
    };
    struct slimta_dnsbl *dnsbl = NULL;
    struct slimta_dnsbl_zone zone = {.size = sizeof zone, .name = "a"};
    struct slimta_error error;
    char text[514];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct slimta_dnsbl_options options = bad[i];

        options.size = sizeof options;
        assert_int_equal(
            slimta_dnsbl_new(&dnsbl, &options, &error), SLIMTA_EINVAL);
    }
    memset(text, 'x', sizeof text);
    for (size_t size = 511; size <= 513; size++) {
        const struct slimta_dnsbl_options options = {
            .size = sizeof options, .text = text};

        text[size] = '\0';
        assert_int_equal(slimta_dnsbl_new(&dnsbl, &options, &error),
            size <= 512 ? 0 : SLIMTA_EINVAL);
        if (size <= 512) {
            slimta_dnsbl_free(dnsbl);
        }
        text[size] = 'x';
    }
    assert_int_equal(slimta_dnsbl_new(NULL, NULL, &error), SLIMTA_EINVAL);
    assert_int_equal(slimta_dnsbl_new(&dnsbl, NULL, &error), 0);
    assert_int_equal(slimta_dnsbl_add_zone(dnsbl, NULL, &error), SLIMTA_EINVAL);
    assert_int_equal(slimta_dnsbl_add_zone(dnsbl, &zone, &error), 0);
    zone.name = "a b";
    assert_int_equal(
        slimta_dnsbl_add_zone(dnsbl, &zone, &error), SLIMTA_EINVAL);
    assert_string_equal(error.text, "name: 'a b' is no name of a zone");
    zone.name = "b";
    assert_non_null(slimta_dnsbl_validators(dnsbl));
    assert_int_equal(
        slimta_dnsbl_add_zone(dnsbl, &zone, &error), SLIMTA_ESTATE);
    slimta_dnsbl_free(dnsbl);
    slimta_dnsbl_free(NULL);
}

/* A group that cannot be made, and a session without memory for it: what is not
 * known is as the host wants it. */
static void memory_may_fail(void **state)
{
    size_t failed = 1;

    (void)state;
    for (size_t n = 1; failed > 0; n++) {
        for (int strict = 0; strict < 2; strict++) {
            struct fixture f;
            const char *heard;

            begin(&f,
                (struct slimta_dnsbl_options){.strictness = strict
                        ? SLIMTA_DNSBL_STRICT
                        : SLIMTA_DNSBL_LENIENT,
                    .text = "{reason}"},
                "bad.test");
            fail_alloc_arm(&f.memory, n, FAIL_ALLOC_ONWARD);
            heard = one_loop_hear(&f.one, f.one.client);
            failed = f.memory.failed;
            assert_true(strncmp(heard, "550 ", 4) == 0 ||
                (failed > 0 && !strict && strncmp(heard, "220 ", 4) == 0));
            end(&f);
        }
    }
}

static void making_may_fail(struct fail_alloc *alloc, void *user)
{
    const struct slimta_dnsbl_options options = {
        .size = sizeof options, .alloc = &alloc->table};
    const struct slimta_dnsbl_zone zone = {.size = sizeof zone, .name = "a"};
    struct slimta_dnsbl *dnsbl = NULL;
    int err = slimta_dnsbl_new(&dnsbl, &options, NULL);

    (void)user;
    if (err == 0) {
        err = slimta_dnsbl_add_zone(dnsbl, &zone, NULL);
    }
    assert_int_equal(err, fail_alloc_has_failed(alloc) ? SLIMTA_ENOMEM : 0);
    slimta_dnsbl_free(dnsbl);
}

static void memory_may_fail_at_making(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(making_may_fail, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_listing_refuses),
        cmocka_unit_test(code_and_text_are_the_hosts),
        cmocka_unit_test(errors_are_as_the_host_wants_them),
        cmocka_unit_test(stages),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(a_private_client_is_not_asked_about),
        cmocka_unit_test(a_dead_zone_ends_in_time),
        cmocka_unit_test(a_reason_that_does_not_come),
        cmocka_unit_test(others_are_served_meanwhile),
        cmocka_unit_test(a_client_that_leaves_is_forgotten),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(memory_may_fail),
        cmocka_unit_test(memory_may_fail_at_making),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
