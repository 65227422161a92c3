/** Dialing: addresses, paths, names; their order, their ends, and no memory. */
#include "dns_server.h"
#include "fail_alloc.h"
#include "io_support.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <slimta/error.h>

#include "io/dial.h"
#include "io/resolver.h"

#define ONE "\x7F\x00\x00\x01"
#define TWO "\x7F\x00\x00\x02"
#define SIX "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"

static const struct dns_rule rules[] = {
    {.name = "four.test", .type = 1, .count = 1, .ttl = 9, DNS_OCTETS(ONE)},
    {.name = "four.test", .type = 28, .soa_ttl = 9},
    {.name = "six.test", .type = 1, .soa_ttl = 9},
    {.name = "six.test", .type = 28, .count = 1, .ttl = 9, DNS_OCTETS(SIX)},
    {.name = "both.test", .type = 1, .count = 1, .ttl = 9, DNS_OCTETS(ONE)},
    {.name = "both.test", .type = 28, .count = 1, .ttl = 9, DNS_OCTETS(SIX)},
    {.name = "many.test", .type = 1, .count = 20, .ttl = 9, DNS_OCTETS(TWO)},
    {.name = "many.test", .type = 28, .soa_ttl = 9},
    {.name = "second.test", .type = 1, .count = 1, .ttl = 9, DNS_OCTETS(TWO)},
    {.name = "second.test",
        .type = 28,
        .how = DNS_HOLD,
        .count = 1,
        .ttl = 9,
        DNS_OCTETS(SIX)},
    {.name = "slow.test", .type = 1, .count = 1, .ttl = 9, DNS_OCTETS(ONE)},
    {.name = "slow.test", .type = 28, .how = DNS_SILENT},
    {.name = "empty.test", .type = 1, .soa_ttl = 9},
    {.name = "empty.test", .type = 28, .soa_ttl = 9},
    {.name = "silent.test", .type = 1, .how = DNS_SILENT},
    {.name = "silent.test", .type = 28, .how = DNS_SILENT},
    {.name = "failing.test", .type = 1, .rcode = 2},
    {.name = "failing.test", .type = 28, .rcode = 2},
    {0},
};

/** A loop, a name server, one port on 127.0.0.1 and ::1, and one dial. */
struct bench {
    struct test_loop test;
    struct dns_server server;
    struct slimta_resolver *resolver;
    int listening[2]; /* IPv4, IPv6 */
    uint16_t port;
    struct sli_io_dial dial;
    int done;
    int resolver_is_closed;
};

static struct bench bench;

static int listen_on(int family, uint16_t port, int backlog)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
        .sin6_port = htons(port),
        .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const void *name = family == AF_INET ? (void *)&in : (void *)&in6;
    socklen_t size = family == AF_INET ? sizeof in : sizeof in6;
    int on = 1;
    int fd = socket(family, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    if (bind(fd, name, size) != 0 || listen(fd, backlog) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in in;
    socklen_t size = sizeof in;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    return ntohs(in.sin_port);
}

/* One port that is free for both. */
static void listen_both(void)
{
    do {
        bench.listening[0] = listen_on(AF_INET, 0, 8);
        bench.port = port_of(bench.listening[0]);
        bench.listening[1] = listen_on(AF_INET6, bench.port, 8);
        if (bench.listening[1] < 0) {
            (void)close(bench.listening[0]);
        }
    } while (bench.listening[1] < 0);
}

static void stop_listening(int which)
{
    if (bench.listening[which] >= 0) {
        assert_int_equal(close(bench.listening[which]), 0);
        bench.listening[which] = -1;
    }
}

static void open_bench(const struct slimta_alloc *alloc)
{
    struct slimta_resolver_options options = {
        .size = sizeof options, .alloc = alloc};

    memset(&bench, 0, sizeof bench);
    test_loop_enter(&bench.test, NULL);
    dns_server_start(&bench.server, bench.test.loop->uv, rules);
    options.servers = bench.server.servers;
    assert_int_equal(
        slimta_resolver_new(&bench.resolver, bench.test.loop, &options, NULL),
        0);
    listen_both();
}

static void on_resolver_closed(void *user)
{
    *(int *)user = 1;
}

static void close_bench(void)
{
    sli_io_resolver_close(
        bench.resolver, on_resolver_closed, &bench.resolver_is_closed);
    test_loop_run_until(&bench.test, &bench.resolver_is_closed);
    stop_listening(0);
    stop_listening(1);
    dns_server_stop(&bench.server, bench.test.loop->uv);
    test_loop_leave(&bench.test);
}

static int setup(void **state)
{
    (void)state;
    open_bench(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_bench();
    return 0;
}

static void on_done(struct sli_io_dial *dial)
{
    assert_ptr_equal(dial, &bench.dial);
    assert_true((dial->fd >= 0) == (dial->err == 0));
    bench.done++;
}

static void start(const struct sli_io_dial_target *target)
{
    bench.done = 0;
    sli_io_dial_start(
        &bench.dial, bench.test.loop, bench.resolver, target, 30000, on_done);
    assert_int_equal(bench.done, 0);
}

static void start_name(const char *name)
{
    start(&(struct sli_io_dial_target){
        .name = name, .address = {.port = bench.port}});
}

/* Until it is told; the dial's memory is ours then, and it says so once. */
static void finish(void)
{
    test_loop_run_until(&bench.test, &bench.done);
    memset(&bench.dial.poll, 0xEE, sizeof bench.dial.poll);
    test_loop_settle(&bench.test);
    assert_int_equal(bench.done, 1);
    assert_false(sli_io_timer_is_set(&bench.dial.timer));
}

static void run_until_asked(unsigned asked)
{
    while (bench.server.asked < asked) {
        (void)uv_run(bench.test.loop->uv, UV_RUN_ONCE);
    }
}

/* The descriptor is connected to who listens there, and as it should be. */
static void check_connected(int which)
{
    int fd = accept(bench.listening[which], NULL, NULL);
    int value = 0;
    socklen_t size = sizeof value;
    char octet = 0;

    assert_int_equal(bench.dial.err, 0);
    assert_true(fd >= 0);
    assert_true((fcntl(bench.dial.fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(bench.dial.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(
        getsockopt(bench.dial.fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    assert_int_not_equal(value, 0);
    assert_int_equal(send(bench.dial.fd, "x", 1, 0), 1);
    assert_int_equal(recv(fd, &octet, 1, 0), 1);
    assert_int_equal(octet, 'x');
    assert_int_equal(bench.dial.address.family,
        which == 0 ? SLIMTA_FAMILY_IPV4 : SLIMTA_FAMILY_IPV6);
    assert_int_equal(bench.dial.address.port, bench.port);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(bench.dial.fd), 0);
}

static void check_failed(int err, const char *reason)
{
    assert_int_equal(bench.dial.err, err);
    assert_int_equal(bench.dial.fd, -1);
    assert_string_equal(bench.dial.reason, reason);
}

static struct sli_io_dial_target target_of(
    enum slimta_family family, uint8_t last)
{
    struct sli_io_dial_target target = {
        .address = {.family = family, .port = bench.port}};

    if (family == SLIMTA_FAMILY_IPV4) {
        target.address.ip[0] = 127;
        target.address.ip[3] = last;
    } else {
        target.address.ip[15] = last;
    }
    return target;
}

static void an_address(void **state)
{
    struct sli_io_dial_target target = target_of(SLIMTA_FAMILY_IPV4, 1);

    (void)state;
    start(&target);
    finish();
    check_connected(0);
    target = target_of(SLIMTA_FAMILY_IPV6, 1);
    start(&target);
    finish();
    check_connected(1);
    assert_int_equal(bench.server.asked, 0);
}

static void without_a_limit(void **state)
{
    struct sli_io_dial_target target = {
        .name = "both.test", .address = {.port = bench.port}};

    (void)state;
    bench.done = 0;
    sli_io_dial_start(&bench.dial, bench.test.loop, bench.resolver, &target,
        UINT64_MAX, on_done);
    finish();
    check_connected(1);
    target.name = "nx.test";
    bench.done = 0;
    sli_io_dial_start(&bench.dial, bench.test.loop, bench.resolver, &target,
        UINT64_MAX - 1, on_done);
    finish();
    check_failed(SLIMTA_ENOENT, "no such name");
}

static void nobody_listens(void **state)
{
    struct sli_io_dial_target target = target_of(SLIMTA_FAMILY_IPV4, 2);

    (void)state;
    start(&target);
    finish();
    check_failed(SLIMTA_EIO, "connection refused");
    assert_int_equal(bench.dial.address.ip[3], 2);
}

static void localhost_is_not_asked(void **state)
{
    static const char *const names[] = {
        "localhost", "LocalHost", "localhost.", "mail.localhost"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        start_name(names[i]);
        finish();
        check_connected(1);
    }
    stop_listening(1);
    start_name("localhost");
    finish();
    check_connected(0);
    assert_int_equal(bench.server.asked, 0);
    start_name("notlocalhost");
    finish();
    check_failed(SLIMTA_ENOENT, "no such name");
}

static void names(void **state)
{
    (void)state;
    start_name("four.test");
    finish();
    check_connected(0);
    start_name("six.test");
    finish();
    check_connected(1);
    start_name("both.test");
    finish();
    check_connected(1);
    stop_listening(1);
    start_name("both.test");
    finish();
    check_connected(0);
}

static void names_without_an_address(void **state)
{
    static const struct {
        const char *name;
        int err;
        const char *reason;
    } cases[] = {
        {"nx.test", SLIMTA_ENOENT, "no such name"},
        {"a..b", SLIMTA_ENOENT, "no such name"},
        {"empty.test", SLIMTA_ENOENT, "the name has no address"},
        {"failing.test", SLIMTA_EAGAIN, "name servers do not answer"},
        {"many.test", SLIMTA_EIO, "connection refused"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_name(cases[i].name);
        finish();
        check_failed(cases[i].err, cases[i].reason);
    }
}

static void only_so_many_addresses(void **state)
{
    (void)state;
    start_name("many.test");
    finish();
    assert_int_equal(bench.dial.next, SLI_IO_DIAL_ADDRESSES_MAX);
}

static void a_silent_name_server_ends(void **state)
{
    (void)state;
    start_name("silent.test");
    run_until_asked(2);
    assert_false(bench.done);
    test_loop_skip(&bench.test, 30000);
    finish();
    check_failed(SLIMTA_EAGAIN, "name servers do not answer");
}

/* RFC 8305 section 3: half an answer is enough after a while. */
static void half_an_answer_is_enough(void **state)
{
    (void)state;
    start_name("slow.test");
    while (bench.dial.families[1].is_asking) {
        (void)uv_run(bench.test.loop->uv, UV_RUN_ONCE);
    }
    test_loop_settle(&bench.test);
    finish();
    check_connected(0);
}

static void the_other_half_comes_late(void **state)
{
    (void)state;
    start_name("second.test");
    /* The one address that is known refuses. */
    while (bench.dial.err != SLIMTA_EIO ||
        strcmp(bench.dial.reason, "connection refused") != 0) {
        (void)uv_run(bench.test.loop->uv, UV_RUN_ONCE);
    }
    test_loop_settle(&bench.test);
    assert_false(bench.done);
    dns_server_release(&bench.server);
    finish();
    check_connected(1);
}

/* A host that does not answer: its queue is full, so it is silent. */
struct silence {
    int listening;
    int fds[4];
    uint16_t port;
};

static void silence_begin(struct silence *silence, int family)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;

    silence->listening = listen_on(family, 0, 0);
    assert_int_equal(
        getsockname(silence->listening, (struct sockaddr *)&name, &size), 0);
    silence->port = port_of(silence->listening);
    for (size_t i = 0; i < 4; i++) {
        silence->fds[i] = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(silence->fds[i], (struct sockaddr *)&name, size);
    }
}

static void silence_end(struct silence *silence)
{
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(close(silence->fds[i]), 0);
    }
    assert_int_equal(close(silence->listening), 0);
}

static void a_silent_host_ends(void **state)
{
    struct sli_io_dial_target target = target_of(SLIMTA_FAMILY_IPV4, 1);
    struct silence silence;

    (void)state;
    silence_begin(&silence, AF_INET);
    target.address.port = silence.port;
    start(&target);
    test_loop_settle(&bench.test);
    test_loop_skip(&bench.test, 29000);
    test_loop_settle(&bench.test);
    assert_false(bench.done);
    test_loop_skip(&bench.test, 30000);
    finish();
    check_failed(SLIMTA_EIO, "connection timed out");

    start(&target);
    test_loop_settle(&bench.test);
    sli_io_dial_cancel(&bench.dial);
    assert_false(bench.done);
    finish();
    check_failed(SLIMTA_ECANCELED, "given up");
    silence_end(&silence);
}

/* It has its share of the time only, when there is another address. */
static void a_silent_address_is_not_the_last(void **state)
{
    struct silence silence;

    (void)state;
    stop_listening(0);
    do {
        silence_begin(&silence, AF_INET6);
        bench.listening[0] = listen_on(AF_INET, silence.port, 8);
        if (bench.listening[0] < 0) {
            silence_end(&silence);
        }
    } while (bench.listening[0] < 0);
    bench.port = silence.port;
    start_name("localhost");
    test_loop_settle(&bench.test);
    assert_int_equal(bench.dial.address.family, SLIMTA_FAMILY_IPV6);
    assert_false(bench.done);
    test_loop_skip(&bench.test, SLI_IO_DIAL_ATTEMPT_MS);
    finish();
    check_connected(0);
    silence_end(&silence);
}

static void a_path(void **state)
{
    char path[] = "/tmp/dial.XXXXXX";
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct sli_io_dial_target target = {
        .address = {.family = SLIMTA_FAMILY_UNIX}, .name = name.sun_path};
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    int fd;

    (void)state;
    assert_non_null(mkdtemp(path));
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", path);
    start(&target);
    finish();
    check_failed(SLIMTA_EIO, "no such socket");
    assert_int_equal(bind(listening, (struct sockaddr *)&name, sizeof name), 0);
    start(&target);
    finish();
    check_failed(SLIMTA_EIO, "connection refused");
    assert_int_equal(listen(listening, 0), 0);
    start(&target);
    finish();
    assert_int_equal(bench.dial.err, 0);
    fd = bench.dial.fd;
    start(&target);
    finish();
    check_failed(SLIMTA_EIO, "the socket's queue is full");
    (void)close(fd);
    (void)close(listening);
    (void)unlink(name.sun_path);
    (void)rmdir(path);
}

/* At every moment that a turn of the loop ends in. */
static void cancelled_at_any_time(void **state)
{
    static const char *const names[] = {"both.test", "many.test", "localhost",
        "second.test", "slow.test", "nx.test"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int turns = 0; turns < 12; turns++) {
            start_name(names[i]);
            for (int j = 0; j < turns && !bench.done; j++) {
                (void)uv_run(bench.test.loop->uv, UV_RUN_NOWAIT);
            }
            if (!bench.done) {
                sli_io_dial_cancel(&bench.dial);
                assert_false(bench.done);
                finish();
                check_failed(SLIMTA_ECANCELED, "given up");
            } else if (bench.dial.fd >= 0) {
                assert_int_equal(close(bench.dial.fd), 0);
            }
        }
    }
}

static void scenario(struct fail_alloc *alloc, void *user)
{
    static const char *const names[] = {"four.test", "both.test", "nx.test"};

    (void)user;
    memset(&bench, 0, sizeof bench);
    test_loop_enter(&bench.test, NULL);
    dns_server_start(&bench.server, bench.test.loop->uv, rules);
    listen_both();
    if (slimta_resolver_new(&bench.resolver, bench.test.loop,
            &(struct slimta_resolver_options){
                .size = sizeof(struct slimta_resolver_options),
                .alloc = &alloc->table,
                .servers = bench.server.servers},
            NULL) == 0) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            start_name(names[i]);
            test_loop_settle(&bench.test);
            if (!bench.done && fail_alloc_has_failed(alloc)) {
                /* Where the resolver's socket is not watched only time ends
                 * it. */
                test_loop_skip(&bench.test, 30000);
            }
            finish();
            if (bench.dial.fd >= 0) {
                assert_int_equal(close(bench.dial.fd), 0);
            } else {
                assert_true(i == 2 || fail_alloc_has_failed(alloc));
            }
        }
        sli_io_resolver_close(
            bench.resolver, on_resolver_closed, &bench.resolver_is_closed);
        test_loop_run_until(&bench.test, &bench.resolver_is_closed);
    }
    stop_listening(0);
    stop_listening(1);
    dns_server_stop(&bench.server, bench.test.loop->uv);
    test_loop_leave(&bench.test);
}

static void every_allocation_failing(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(scenario, NULL), 0);
}

#define DIAL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIAL_TEST(an_address),
        DIAL_TEST(without_a_limit),
        DIAL_TEST(nobody_listens),
        DIAL_TEST(localhost_is_not_asked),
        DIAL_TEST(names),
        DIAL_TEST(names_without_an_address),
        DIAL_TEST(only_so_many_addresses),
        DIAL_TEST(a_silent_name_server_ends),
        DIAL_TEST(half_an_answer_is_enough),
        DIAL_TEST(the_other_half_comes_late),
        DIAL_TEST(a_silent_host_ends),
        DIAL_TEST(a_silent_address_is_not_the_last),
        DIAL_TEST(a_path),
        DIAL_TEST(cancelled_at_any_time),
        cmocka_unit_test(every_allocation_failing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
