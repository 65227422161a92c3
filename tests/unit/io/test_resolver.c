/** Queries against a name server that does what the test says. */
#include "dns_server.h"
#include "fail_alloc.h"
#include "io_support.h"

#include <slimta/resolver.h>

static const struct dns_rule rules[] = {
    {.name = "one.test",
        .type = 1,
        .count = 1,
        .ttl = 300,
        DNS_OCTETS("\xC0\x00\x02\x01")},
    {.name = "six.test",
        .type = 28,
        .count = 1,
        .ttl = 300,
        DNS_OCTETS("\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01")},
    {.name = "nodata.test", .type = 1, .soa_ttl = 60},
    {.name = "nosoa.test", .type = 1},
    {.name = "alias.test",
        .type = 1,
        .count = 1,
        .is_alias = 1,
        .ttl = 60,
        .soa_ttl = 60,
        DNS_OCTETS("\x03one\xC0\x12")},
    {.name = "nx.test", .type = 1, .rcode = 3, .soa_ttl = 60},
    {.name = "servfail.test", .type = 1, .rcode = 2},
    {.name = "notimp.test", .type = 1, .rcode = 4},
    {.name = "refused.test", .type = 1, .rcode = 5},
    {.name = "garbage.test", .type = 1, .how = DNS_GARBAGE, .count = 2},
    {.name = "silent.test", .type = 1, .how = DNS_SILENT},
    {.name = "silent2.test", .type = 1, .how = DNS_SILENT},
    {.name = "hold1.test",
        .type = 1,
        .how = DNS_HOLD,
        .count = 1,
        .ttl = 9,
        DNS_OCTETS("\xC0\x00\x02\x01")},
    {.name = "hold2.test",
        .type = 1,
        .how = DNS_HOLD,
        .count = 1,
        .ttl = 9,
        DNS_OCTETS("\xC0\x00\x02\x02")},
    {.name = "hold3.test",
        .type = 1,
        .how = DNS_HOLD,
        .count = 1,
        .ttl = 9,
        DNS_OCTETS("\xC0\x00\x02\x03")},
    {.name = "id.test",
        .type = 1,
        .how = DNS_WRONG_ID,
        .count = 1,
        .ttl = 9,
        DNS_OCTETS("\xC0\x00\x02\x01")},
    {.name = "name.test",
        .type = 1,
        .how = DNS_WRONG_NAME,
        .count = 1,
        .ttl = 9,
        DNS_OCTETS("\xC0\x00\x02\x01")},
    {.name = "big.test",
        .type = 1,
        .how = DNS_TRUNCATED,
        .count = 4000,
        .ttl = 9,
        DNS_OCTETS("\xC0\x00\x02\x01")},
    {.name = "cut.test", .type = 1, .how = DNS_ALWAYS_TRUNCATED, .count = 4},
    {.name = "zero.test",
        .type = 1,
        .count = 1,
        .ttl = 0,
        DNS_OCTETS("\xC0\x00\x02\x01")},
    {.name = "1.2.0.192.in-addr.arpa",
        .type = 12,
        .count = 1,
        .ttl = 60,
        DNS_OCTETS("\x02mx\x07"
                   "EXAMPLE\x03org\0")},
    {.name = "odd.test",
        .type = 12,
        .count = 1,
        .ttl = 60,
        DNS_OCTETS("\x05"
                   "a.b c\x03org\0")},
    {.name = "mail.test",
        .type = 15,
        .count = 1,
        .ttl = 60,
        DNS_OCTETS("\x00\x0A\x02mx\xC0\x0C")},
    {.name = "nullmx.test",
        .type = 15,
        .count = 1,
        .ttl = 60,
        DNS_OCTETS("\x00\x00\x00")},
    {.name = "text.test",
        .type = 16,
        .count = 2,
        .ttl = 60,
        DNS_OCTETS("\x03"
                   "v=s\x00\x04"
                   "pf1 ")},
    {0},
};

/** What was told, and how often. */
struct heard {
    int times;
    enum slimta_dns_status status;
    size_t count;
    uint32_t ttl_s;
    struct slimta_address address;
    char text[256];
    unsigned preference;
    struct slimta_resolver *freed;  /* is freed in the callback */
    struct slimta_resolver *again;  /* is asked again in the callback */
    struct slimta_query *cancelled; /* is cancelled in the callback */
};

static void hear(const struct slimta_answer *answer, void *user)
{
    struct heard *heard = user;
    const char *name = slimta_answer_name(answer, 0);
    struct slimta_slice text;

    heard->times++;
    heard->status = slimta_answer_status(answer);
    heard->count = slimta_answer_count(answer);
    heard->ttl_s = slimta_answer_ttl_s(answer);
    heard->preference = slimta_answer_preference(answer, 0);
    (void)slimta_answer_address(answer, 0, &heard->address);
    heard->text[0] = '\0';
    if (name != NULL) {
        (void)snprintf(heard->text, sizeof heard->text, "%s", name);
    } else if (slimta_answer_text(answer, 0, &text)) {
        (void)snprintf(
            heard->text, sizeof heard->text, "%.*s", (int)text.size, text.data);
    }
    assert_int_equal(slimta_answer_address(
                         answer, heard->count, &(struct slimta_address){0}),
        0);
    slimta_query_cancel(heard->cancelled);
    slimta_resolver_free(heard->freed);
    if (heard->again != NULL) {
        struct slimta_resolver *resolver = heard->again;

        heard->again = NULL;
        assert_int_equal(slimta_resolver_query(NULL, resolver, "one.test",
                             SLIMTA_DNS_A, 0, hear, heard),
            0);
        assert_int_equal(heard->times, 1);
    }
}

/** A loop that nobody but the resolver has entered. */
struct bench {
    struct slimta_loop *loop;
    struct dns_server server;
    struct slimta_resolver *resolver;
};

static void bench_open(struct bench *bench,
    struct slimta_resolver_options options, const struct slimta_alloc *alloc)
{
    assert_int_equal(slimta_loop_new(&bench->loop, NULL, NULL), 0);
    dns_server_start(&bench->server, bench->loop->uv, rules);
    options.size = sizeof options;
    options.alloc = alloc;
    options.servers = bench->server.servers;
    assert_int_equal(
        slimta_resolver_new(&bench->resolver, bench->loop, &options, NULL), 0);
}

static void bench_close(struct bench *bench)
{
    slimta_resolver_free(bench->resolver);
    assert_int_equal(slimta_loop_run(bench->loop), 0);
    dns_server_stop(&bench->server, bench->loop->uv);
    assert_int_equal(slimta_loop_free(bench->loop), 0);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench_open(bench, (struct slimta_resolver_options){0}, NULL);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    bench_close(*state);
    free(*state);
    return 0;
}

static void ask(struct bench *bench, const char *name,
    enum slimta_dns_type type, struct heard *heard)
{
    int before = heard->times;

    assert_int_equal(slimta_resolver_query(
                         NULL, bench->resolver, name, type, 0, hear, heard),
        0);
    assert_int_equal(heard->times, before);
}

/* The loop ends by itself when nothing is asked any more. */
static void run(struct bench *bench)
{
    assert_int_equal(slimta_loop_run(bench->loop), 0);
    assert_false(uv_loop_alive(bench->loop->uv));
}

/* Until so many questions have come. */
static void run_until_asked(struct bench *bench, unsigned asked)
{
    while (bench->server.asked < asked) {
        (void)uv_run(bench->loop->uv, UV_RUN_ONCE);
    }
}

static void pass_time(struct bench *bench, uint64_t ms)
{
    sli_io_wheel_turn(&bench->loop->wheel,
        sli_io_loop_now(bench->loop) + ms + SLI_IO_TICK_MS);
}

static void nothing_is_open_before_the_first_query(void **state)
{
    struct bench *bench = *state;

    assert_false(uv_loop_alive(bench->loop->uv));
    assert_null(bench->loop->inbox);
}

/* What is kept has grown older since it came; nothing here runs for a minute.
 */
static int is_ttl(uint32_t heard, uint32_t sent)
{
    return heard <= sent && sent - heard < 60 && (heard > 0 || sent == 0);
}

static void every_outcome(void **state)
{
    static const struct {
        const char *name;
        enum slimta_dns_type type;
        enum slimta_dns_status status;
        size_t count;
        uint32_t ttl_s;
    } cases[] = {
        {"one.test", SLIMTA_DNS_A, SLIMTA_DNS_FOUND, 1, 300},
        {"ONE.Test.", SLIMTA_DNS_A, SLIMTA_DNS_FOUND, 1, 300},
        {"six.test", SLIMTA_DNS_AAAA, SLIMTA_DNS_FOUND, 1, 300},
        {"mail.test", SLIMTA_DNS_MX, SLIMTA_DNS_FOUND, 1, 60},
        {"text.test", SLIMTA_DNS_TXT, SLIMTA_DNS_FOUND, 2, 60},
        {"nodata.test", SLIMTA_DNS_A, SLIMTA_DNS_NO_DATA, 0, 60},
        {"nosoa.test", SLIMTA_DNS_A, SLIMTA_DNS_NO_DATA, 0, 0},
        {"alias.test", SLIMTA_DNS_A, SLIMTA_DNS_NO_DATA, 0, 60},
        {"odd.test", SLIMTA_DNS_PTR, SLIMTA_DNS_NO_DATA, 0, 0},
        {"nx.test", SLIMTA_DNS_A, SLIMTA_DNS_NO_NAME, 0, 60},
        {"not-there.test", SLIMTA_DNS_A, SLIMTA_DNS_NO_NAME, 0, 0},
        {"servfail.test", SLIMTA_DNS_A, SLIMTA_DNS_UNKNOWN, 0, 0},
        {"notimp.test", SLIMTA_DNS_A, SLIMTA_DNS_UNKNOWN, 0, 0},
        {"refused.test", SLIMTA_DNS_A, SLIMTA_DNS_UNKNOWN, 0, 0},
        {"garbage.test", SLIMTA_DNS_A, SLIMTA_DNS_UNKNOWN, 0, 0},
        {"cut.test", SLIMTA_DNS_A, SLIMTA_DNS_UNKNOWN, 0, 0},
        {"id.test", SLIMTA_DNS_A, SLIMTA_DNS_FOUND, 1, 9},
        {"name.test", SLIMTA_DNS_A, SLIMTA_DNS_FOUND, 1, 9},
        {"big.test", SLIMTA_DNS_A, SLIMTA_DNS_FOUND, 4000, 9},
    };
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct heard heard = {0};

        ask(bench, cases[i].name, cases[i].type, &heard);
        run(bench);
        assert_int_equal(heard.times, 1);
        if (heard.status != cases[i].status || heard.count != cases[i].count ||
            !is_ttl(heard.ttl_s, cases[i].ttl_s)) {
            fail_msg("%s: status %d, %zu records, ttl %u", cases[i].name,
                (int)heard.status, heard.count, (unsigned)heard.ttl_s);
        }
    }
}

static void records_are_read(void **state)
{
    struct bench *bench = *state;
    struct slimta_address address = {
        .family = SLIMTA_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
    struct heard heard = {0};
    char text[SLIMTA_ADDRESS_TEXT_MAX];

    ask(bench, "one.test", SLIMTA_DNS_A, &heard);
    run(bench);
    (void)slimta_address_format_ip(&heard.address, text, sizeof text);
    assert_string_equal(text, "192.0.2.1");
    ask(bench, "six.test", SLIMTA_DNS_AAAA, &heard);
    run(bench);
    (void)slimta_address_format_ip(&heard.address, text, sizeof text);
    assert_string_equal(text, "2001:db8::1");
    ask(bench, "text.test", SLIMTA_DNS_TXT, &heard);
    run(bench);
    assert_string_equal(heard.text, "v=spf1 ");
    ask(bench, "mail.test", SLIMTA_DNS_MX, &heard);
    run(bench);
    assert_string_equal(heard.text, "mx.mail.test");
    assert_int_equal(heard.preference, 10);
    /* RFC 7505: there is no mail here */
    ask(bench, "nullmx.test", SLIMTA_DNS_MX, &heard);
    run(bench);
    assert_int_equal(heard.count, 1);
    assert_string_equal(heard.text, "");
    assert_int_equal(slimta_resolver_reverse(
                         NULL, bench->resolver, &address, 0, hear, &heard),
        0);
    run(bench);
    assert_string_equal(heard.text, "mx.example.org");
    address.family = SLIMTA_FAMILY_UNIX;
    assert_int_equal(slimta_resolver_reverse(
                         NULL, bench->resolver, &address, 0, hear, &heard),
        SLIMTA_EINVAL);
}

static void what_is_known_is_not_asked_again(void **state)
{
    static const char *const kept[] = {"one.test", "nodata.test", "nx.test"};
    static const char *const not_kept[] = {
        "zero.test", "nosoa.test", "not-there.test"};
    struct bench *bench = *state;
    struct heard heard = {0};

    for (size_t i = 0; i < 3; i++) {
        bench->server.asked = 0;
        ask(bench, kept[i], SLIMTA_DNS_A, &heard);
        run(bench);
        ask(bench, kept[i], SLIMTA_DNS_A, &heard);
        run(bench);
        assert_int_equal(bench->server.asked, 1);
        bench->server.asked = 0;
        ask(bench, not_kept[i], SLIMTA_DNS_A, &heard);
        run(bench);
        ask(bench, not_kept[i], SLIMTA_DNS_A, &heard);
        run(bench);
        assert_int_equal(bench->server.asked, 2);
    }
    assert_int_equal(heard.times, 12);
}

static void one_question_for_all_who_ask_it(void **state)
{
    struct bench *bench = *state;
    struct heard heard = {0};

    for (int i = 0; i < 100; i++) {
        ask(bench, "hold1.test", SLIMTA_DNS_A, &heard);
    }
    run_until_asked(bench, 1);
    assert_int_equal(heard.times, 0);
    dns_server_release(&bench->server);
    run(bench);
    assert_int_equal(heard.times, 100);
    assert_int_equal(heard.status, SLIMTA_DNS_FOUND);
    assert_int_equal(bench->server.asked, 1);
}

static void the_rest_waits_its_turn(void **state)
{
    struct bench bench;
    struct heard heard[3] = {{0}};

    (void)state;
    bench_open(
        &bench, (struct slimta_resolver_options){.max_in_flight = 2}, NULL);
    ask(&bench, "hold1.test", SLIMTA_DNS_A, &heard[0]);
    ask(&bench, "hold2.test", SLIMTA_DNS_A, &heard[1]);
    ask(&bench, "hold3.test", SLIMTA_DNS_A, &heard[2]);
    run_until_asked(&bench, 2);
    (void)uv_run(bench.loop->uv, UV_RUN_NOWAIT);
    assert_int_equal(bench.server.asked, 2);
    dns_server_release(&bench.server);
    run_until_asked(&bench, 3);
    assert_int_equal(heard[0].times + heard[1].times, 2);
    assert_int_equal(heard[2].times, 0);
    dns_server_release(&bench.server);
    run(&bench);
    assert_int_equal(heard[2].times, 1);
    bench_close(&bench);
}

static void a_deadline_is_kept_in_flight_and_in_line(void **state)
{
    struct bench bench;
    struct heard heard[2] = {{0}};

    (void)state;
    bench_open(
        &bench, (struct slimta_resolver_options){.max_in_flight = 1}, NULL);
    ask(&bench, "silent.test", SLIMTA_DNS_A, &heard[0]);
    ask(&bench, "one.test", SLIMTA_DNS_A, &heard[1]);
    run_until_asked(&bench, 1);
    pass_time(&bench, 9000);
    assert_int_equal(heard[0].times + heard[1].times, 0);
    pass_time(&bench, 10000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(heard[i].times, 1);
        assert_int_equal(heard[i].status, SLIMTA_DNS_UNKNOWN);
        assert_int_equal(heard[i].count, 0);
    }
    /* Nobody waits: what was asked does not keep the loop. */
    run(&bench);
    assert_int_equal(bench.server.asked, 1);
    bench_close(&bench);
}

static void too_many_queries(void **state)
{
    struct bench bench;
    struct heard heard = {0};

    (void)state;
    bench_open(
        &bench, (struct slimta_resolver_options){.max_queries = 2}, NULL);
    ask(&bench, "one.test", SLIMTA_DNS_A, &heard);
    ask(&bench, "silent.test", SLIMTA_DNS_A, &heard);
    assert_int_equal(slimta_resolver_query(NULL, bench.resolver, "six.test",
                         SLIMTA_DNS_AAAA, 0, hear, &heard),
        SLIMTA_ELIMIT);
    while (heard.times == 0) {
        (void)uv_run(bench.loop->uv, UV_RUN_ONCE);
    }
    ask(&bench, "one.test", SLIMTA_DNS_A, &heard);
    while (heard.times == 1) {
        (void)uv_run(bench.loop->uv, UV_RUN_ONCE);
    }
    bench_close(&bench);
    assert_int_equal(heard.times, 2);
}

static void a_cancelled_query_is_never_answered(void **state)
{
    struct bench *bench = *state;
    struct heard heard = {0};
    struct slimta_query *query = NULL;

    slimta_query_cancel(NULL);
    /* in flight */
    assert_int_equal(slimta_resolver_query(&query, bench->resolver,
                         "hold1.test", SLIMTA_DNS_A, 0, hear, &heard),
        0);
    run_until_asked(bench, 1);
    slimta_query_cancel(query);
    run(bench);
    dns_server_release(&bench->server);
    /* known, and about to be told */
    ask(bench, "one.test", SLIMTA_DNS_A, &heard);
    run(bench);
    assert_int_equal(heard.times, 1);
    assert_int_equal(slimta_resolver_query(&query, bench->resolver, "one.test",
                         SLIMTA_DNS_A, 0, hear, &heard),
        0);
    slimta_query_cancel(query);
    run(bench);
    assert_int_equal(heard.times, 1);
}

static void one_that_waits_can_be_cancelled(void **state)
{
    struct bench bench;
    struct heard heard = {0};
    struct slimta_query *query = NULL;

    (void)state;
    bench_open(
        &bench, (struct slimta_resolver_options){.max_in_flight = 1}, NULL);
    ask(&bench, "hold1.test", SLIMTA_DNS_A, &heard);
    assert_int_equal(slimta_resolver_query(&query, bench.resolver, "one.test",
                         SLIMTA_DNS_A, 0, hear, &heard),
        0);
    run_until_asked(&bench, 1);
    slimta_query_cancel(query);
    dns_server_release(&bench.server);
    run(&bench);
    assert_int_equal(heard.times, 1);
    assert_int_equal(bench.server.asked, 1);
    bench_close(&bench);
}

static void an_answer_may_cancel_another(void **state)
{
    struct bench *bench = *state;
    struct heard heard[2] = {{0}};

    ask(bench, "hold1.test", SLIMTA_DNS_A, &heard[0]);
    assert_int_equal(slimta_resolver_query(&heard[0].cancelled, bench->resolver,
                         "hold1.test", SLIMTA_DNS_A, 0, hear, &heard[1]),
        0);
    run_until_asked(bench, 1);
    dns_server_release(&bench->server);
    run(bench);
    assert_int_equal(heard[0].times, 1);
    assert_int_equal(heard[1].times, 0);
}

static void free_cancels_everything(void **state)
{
    struct bench bench;
    struct heard heard = {0};

    (void)state;
    bench_open(
        &bench, (struct slimta_resolver_options){.max_in_flight = 1}, NULL);
    ask(&bench, "one.test", SLIMTA_DNS_A, &heard);
    run(&bench);
    ask(&bench, "silent.test", SLIMTA_DNS_A, &heard);
    ask(&bench, "silent2.test", SLIMTA_DNS_A, &heard);
    ask(&bench, "one.test", SLIMTA_DNS_A, &heard);
    bench_close(&bench);
    assert_int_equal(heard.times, 1);
}

static void it_may_be_freed_in_an_answer(void **state)
{
    struct bench bench;
    struct heard heard[2] = {{0}};

    (void)state;
    bench_open(&bench, (struct slimta_resolver_options){0}, NULL);
    heard[0].freed = bench.resolver;
    ask(&bench, "one.test", SLIMTA_DNS_A, &heard[0]);
    ask(&bench, "silent.test", SLIMTA_DNS_A, &heard[1]);
    bench.resolver = NULL;
    bench_close(&bench);
    assert_int_equal(heard[0].times, 1);
    assert_int_equal(heard[1].times, 0);
}

static void an_answer_may_ask_again(void **state)
{
    struct bench *bench = *state;
    struct heard heard = {.again = bench->resolver};

    ask(bench, "one.test", SLIMTA_DNS_A, &heard);
    run(bench);
    assert_int_equal(heard.times, 2);
    assert_int_equal(bench->server.asked, 1);
}

static void a_server_that_is_not_there(void **state)
{
    struct bench *bench = *state;
    struct slimta_resolver *resolver;
    struct slimta_resolver_options options = {
        .size = sizeof options, .servers = bench->server.servers};
    struct heard heard = {0};

    dns_server_stop(&bench->server, bench->loop->uv);
    assert_int_equal(
        slimta_resolver_new(&resolver, bench->loop, &options, NULL), 0);
    assert_int_equal(slimta_resolver_query(NULL, resolver, "one.test",
                         SLIMTA_DNS_A, 0, hear, &heard),
        0);
    assert_int_equal(heard.times, 0);
    run(bench);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.status, SLIMTA_DNS_UNKNOWN);
    slimta_resolver_free(resolver);
    dns_server_start(&bench->server, bench->loop->uv, rules);
}

static void no_domain_name(void **state)
{
    struct bench *bench = *state;
    char name[300];
    struct heard heard = {0};

    memset(name, 'a', sizeof name);
    for (size_t i = 49; i < 253; i += 50) {
        name[i] = '.';
    }
    name[254] = '\0';
    assert_int_equal(slimta_resolver_query(NULL, bench->resolver, name,
                         SLIMTA_DNS_A, 0, hear, &heard),
        SLIMTA_EINVAL);
    name[253] = '\0';
    ask(bench, name, SLIMTA_DNS_A, &heard);
    run(bench);
    assert_int_equal(heard.status, SLIMTA_DNS_NO_NAME);
    assert_int_equal(slimta_resolver_query(NULL, bench->resolver, "one.test",
                         (enum slimta_dns_type)99, 0, hear, &heard),
        SLIMTA_EINVAL);
    assert_int_equal(heard.times, 1);
}

/* What SPF makes of a sender may hold any printable octet. */
static void odd_names_are_asked_for_as_they_are(void **state)
{
    struct bench *bench = *state;
    struct heard heard = {0};

    ask(bench, "a+b=\\c\\.test", SLIMTA_DNS_A, &heard);
    run(bench);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.status,
        bench->server.asked > 0 ? SLIMTA_DNS_NO_NAME : SLIMTA_DNS_UNKNOWN);
}

static void options_are_checked(void **state)
{
    struct bench *bench = *state;
    struct slimta_resolver *resolver = NULL;
    struct slimta_error error;
    struct slimta_resolver_options options = {
        .size = sizeof options, .servers = "nonsense"};

    assert_int_equal(
        slimta_resolver_new(&resolver, bench->loop, &options, &error),
        SLIMTA_EINVAL);
    assert_string_equal(
        error.text, "servers: 'nonsense' is no address of a name server");
    options.servers = NULL;
    options.max_in_flight = 10001;
    assert_int_equal(
        slimta_resolver_new(&resolver, bench->loop, &options, &error),
        SLIMTA_EINVAL);
    options.size = 0;
    assert_int_equal(
        slimta_resolver_new(&resolver, bench->loop, &options, &error),
        SLIMTA_EINVAL);
    assert_int_equal(
        slimta_resolver_new(NULL, bench->loop, NULL, &error), SLIMTA_EINVAL);
    assert_null(resolver);
    /* An octet more than the bound holds nothing. */
    options = (struct slimta_resolver_options){
        .size = sizeof options, .max_in_flight = 10000};
    assert_int_equal(
        slimta_resolver_new(&resolver, bench->loop, &options, &error), 0);
    slimta_resolver_free(resolver);
    slimta_resolver_free(NULL);
}

/* With too little memory an answer is unknown or the asking fails; nothing
 * else. */
static void scenario(struct fail_alloc *alloc, void *user)
{
    static const char *const names[] = {
        "one.test", "one.test", "big.test", "nx.test"};
    struct bench bench = {0};
    struct slimta_resolver_options options = {
        .size = sizeof options, .alloc = &alloc->table};
    struct heard heard = {0};
    int asked = 0;

    (void)user;
    assert_int_equal(slimta_loop_new(&bench.loop, NULL, NULL), 0);
    dns_server_start(&bench.server, bench.loop->uv, rules);
    options.servers = bench.server.servers;
    if (slimta_resolver_new(&bench.resolver, bench.loop, &options, NULL) == 0) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            /* Without a watched socket only time ends it. */
            int err = slimta_resolver_query(
                NULL, bench.resolver, names[i], SLIMTA_DNS_A, 1, hear, &heard);

            assert_true(err == 0 || err == SLIMTA_ENOMEM);
            asked += err == 0;
            run(&bench);
            assert_int_equal(heard.times, asked);
        }
    }
    bench_close(&bench);
}

static void memory_may_fail(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(scenario, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            nothing_is_open_before_the_first_query, setup, teardown),
        cmocka_unit_test_setup_teardown(every_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(records_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_known_is_not_asked_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            one_question_for_all_who_ask_it, setup, teardown),
        cmocka_unit_test(the_rest_waits_its_turn),
        cmocka_unit_test(a_deadline_is_kept_in_flight_and_in_line),
        cmocka_unit_test(too_many_queries),
        cmocka_unit_test_setup_teardown(
            a_cancelled_query_is_never_answered, setup, teardown),
        cmocka_unit_test(one_that_waits_can_be_cancelled),
        cmocka_unit_test_setup_teardown(
            an_answer_may_cancel_another, setup, teardown),
        cmocka_unit_test(free_cancels_everything),
        cmocka_unit_test(it_may_be_freed_in_an_answer),
        cmocka_unit_test_setup_teardown(
            an_answer_may_ask_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_server_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(no_domain_name, setup, teardown),
        cmocka_unit_test_setup_teardown(
            odd_names_are_asked_for_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(options_are_checked, setup, teardown),
        cmocka_unit_test(memory_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
