/** A host that makes, starts, stops and frees edges in every legal order. */
#include "host.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

/** A client on a thread of its own, for edges that run in the test's loop. */
struct visitor {
    pthread_t thread;
    struct host_edge *host;
    uint64_t drain_ms;
    int code; /* of the delivery */
    int idle; /* what an idle session heard last */
    int err;  /* of stop */
};

static void *visit(void *user)
{
    struct visitor *visitor = user;
    struct host_edge *host = visitor->host;
    struct host_client idle;

    visitor->code = host_deliver(&host->address);
    if (host_client_open(&idle, &host->address) == 0 &&
        host_client_reply(&idle) == 220) {
        visitor->err = smtp_edge_stop(
            host->edge, visitor->drain_ms, host_edge_stopped, host);
        visitor->idle = host_client_reply(&idle);
        host_client_close(&idle);
    } else {
        visitor->idle = -1;
        (void)smtp_edge_stop(host->edge, 0, host_edge_stopped, host);
    }
    return NULL;
}

static void send_visitor(struct visitor *visitor, struct host_edge *host)
{
    memset(visitor, 0, sizeof *visitor);
    visitor->host = host;
    visitor->drain_ms = 5000;
    assert_int_equal(pthread_create(&visitor->thread, NULL, visit, visitor), 0);
}

static void meet_visitor(struct visitor *visitor)
{
    assert_int_equal(pthread_join(visitor->thread, NULL), 0);
    assert_int_equal(visitor->code, 250);
    assert_int_equal(visitor->err, 0);
    assert_int_equal(visitor->idle, 421);
    assert_true(host_wait(&visitor->host->stopped));
    sem_destroy(&visitor->host->stopped);
}

static void test_port_zero(void **state)
{
    struct host_queue queue;
    struct host_edge host;
    struct slimta_address none;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, NULL, &queue.queue);
    assert_int_not_equal(host.address.port, 0);
    assert_int_equal(host.address.family, SLIMTA_FAMILY_IPV4);
    assert_int_equal(smtp_edge_address(host.edge, 1, &none), 0);
    assert_int_equal(host_deliver(&host.address), 250);
    host_edge_stop(&host, 1000);
    assert_int_equal(queue.messages, 1);
    assert_int_equal(queue.attached, 1);
    host_queue_fini(&queue);
}

static int has_ipv6(void)
{
    int fd = open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC);
    char octet = 0;
    int has = fd >= 0 && read(fd, &octet, 1) == 1;

    if (fd >= 0) {
        close(fd);
    }
    return has;
}

/* All addresses of the machine were bound: comes in by the loopback one. */
static int deliver_by_loopback(struct slimta_address address)
{
    memset(address.ip, 0, sizeof address.ip);
    if (address.family == SLIMTA_FAMILY_IPV4) {
        address.ip[0] = 127;
        address.ip[3] = 1;
    } else {
        address.ip[15] = 1;
    }
    return host_deliver(&address);
}

static void test_both_families(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options};
    struct slimta_error error = {0};
    struct slimta_address first;
    struct slimta_address second;
    struct host_queue queue;
    struct smtp_edge *edge = NULL;

    (void)state;
    if (!has_ipv6()) {
        skip();
    }
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(smtp_edge_new(&edge, &options, &queue.queue, &error), 0);
    assert_int_equal(smtp_edge_listen(edge, NULL, 0, &error), 0);
    assert_int_equal(smtp_edge_address(edge, 0, &first), 1);
    assert_int_equal(smtp_edge_address(edge, 1, &second), 1);
    assert_int_equal(first.port, second.port);
    assert_int_not_equal(first.family, second.family);
    assert_int_equal(smtp_edge_start(edge, NULL, &error), 0);
    assert_int_equal(deliver_by_loopback(first), 250);
    assert_int_equal(deliver_by_loopback(second), 250);
    smtp_edge_free(edge);
    host_queue_fini(&queue);
}

static void test_port_in_use(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .threads = 2};
    struct slimta_error error = {0};
    struct smtp_edge *other = NULL;
    struct host_queue queue;
    struct host_edge host;
    char port[8];

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    assert_int_equal(smtp_edge_new(&other, &options, &queue.queue, &error), 0);
    assert_int_equal(
        smtp_edge_listen(other, "127.0.0.1", host.address.port, &error),
        SLIMTA_EADDRINUSE);
    assert_int_equal(error.code, SLIMTA_EADDRINUSE);
    snprintf(port, sizeof port, "%u", host.address.port);
    assert_non_null(strstr(error.text, port));
    /* The failure costs nothing: another address can be had. */
    assert_int_equal(smtp_edge_listen(other, "127.0.0.1", 0, &error), 0);
    smtp_edge_free(other);
    assert_int_equal(host_deliver(&host.address), 250);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

static void test_wrapped_loop(void **state)
{
    struct slimta_loop *loop = NULL;
    struct slimta_error error = {0};
    struct visitor visitor;
    struct host_queue queue;
    struct host_edge host;
    uv_loop_t uv;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(slimta_loop_wrap(&loop, &uv, NULL, &error), 0);
    assert_int_equal(slimta_loop_run(loop), SLIMTA_EINVAL);
    host_edge_open(&host, NULL, &queue.queue);
    assert_int_equal(smtp_edge_start(host.edge, loop, &error), 0);
    assert_int_equal(slimta_loop_free(loop), SLIMTA_EBUSY);
    send_visitor(&visitor, &host);
    assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
    meet_visitor(&visitor);
    smtp_edge_free(host.edge);
    assert_int_equal(slimta_loop_free(loop), 0);
    assert_int_equal(uv_loop_close(&uv), 0);
    host_queue_fini(&queue);
}

static void test_own_loop(void **state)
{
    struct slimta_loop *loop = NULL;
    struct slimta_error error = {0};
    struct visitor visitor;
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(slimta_loop_new(&loop, NULL, &error), 0);
    host_edge_open(&host, NULL, &queue.queue);
    assert_int_equal(smtp_edge_start(host.edge, loop, &error), 0);
    send_visitor(&visitor, &host);
    assert_int_equal(slimta_loop_run(loop), 0);
    meet_visitor(&visitor);
    smtp_edge_free(host.edge);
    assert_int_equal(slimta_loop_free(loop), 0);
    host_queue_fini(&queue);
}

static void test_foreign_loop(void **state)
{
    struct slimta_loop *loop = NULL;
    struct slimta_error error = {0};
    struct visitor visitor;
    struct host_queue queue;
    struct host_edge host;
    struct pollfd wait = {.events = POLLIN};

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(slimta_loop_new(&loop, NULL, &error), 0);
    host_edge_open(&host, NULL, &queue.queue);
    assert_int_equal(smtp_edge_start(host.edge, loop, &error), 0);
    send_visitor(&visitor, &host);
    wait.fd = slimta_loop_fd(loop);
    while (slimta_loop_turn(loop) == 1) {
        assert_true(poll(&wait, 1, slimta_loop_timeout_ms(loop)) >= 0);
    }
    meet_visitor(&visitor);
    smtp_edge_free(host.edge);
    assert_int_equal(slimta_loop_free(loop), 0);
    host_queue_fini(&queue);
}

static void test_two_edges_in_one_loop(void **state)
{
    struct slimta_loop *loop = NULL;
    struct visitor visitors[2];
    struct host_queue queue;
    struct host_edge hosts[2];
    uv_loop_t uv;
    int i = 0;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(slimta_loop_wrap(&loop, &uv, NULL, NULL), 0);
    for (i = 0; i < 2; ++i) {
        host_edge_open(&hosts[i], NULL, &queue.queue);
        assert_int_equal(smtp_edge_start(hosts[i].edge, loop, NULL), 0);
        send_visitor(&visitors[i], &hosts[i]);
    }
    assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
    for (i = 0; i < 2; ++i) {
        meet_visitor(&visitors[i]);
        smtp_edge_free(hosts[i].edge);
    }
    assert_int_equal(slimta_loop_free(loop), 0);
    assert_int_equal(uv_loop_close(&uv), 0);
    assert_int_equal(queue.attached, 2);
    host_queue_fini(&queue);
}

static void test_threads(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .threads = 3};
    size_t threads = host_count("/proc/self/task");
    struct host_queue queue;
    struct host_edge host;
    int i = 0;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    for (i = 0; i < 20; ++i) {
        assert_int_equal(host_deliver(&host.address), 250);
    }
    host_edge_stop(&host, 1000);
    assert_int_equal(queue.messages, 20);
    assert_int_equal(queue.attached, 3);
    assert_int_equal(host_count("/proc/self/task"), threads);
    host_queue_fini(&queue);
}

static void test_free_without_start(void **state)
{
    size_t descriptors = host_count("/proc/self/fd");
    struct slimta_error error = {0};
    struct smtp_edge *next = NULL;
    const struct smtp_edge_options options = {.size = sizeof options};
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_open(&host, NULL, &queue.queue);
    assert_int_equal(
        smtp_edge_stop(host.edge, 0, host_edge_stopped, &host), SLIMTA_ESTATE);
    smtp_edge_free(host.edge);
    assert_int_equal(host_count("/proc/self/fd"), descriptors);
    /* The port is free at once. */
    assert_int_equal(smtp_edge_new(&next, &options, &queue.queue, &error), 0);
    assert_int_equal(
        smtp_edge_listen(next, "127.0.0.1", host.address.port, &error), 0);
    smtp_edge_free(next);
    smtp_edge_free(NULL);
    host_queue_fini(&queue);
}

static void test_free_while_running_on_threads(void **state)
{
    size_t descriptors = 0;
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    int round = 0;

    (void)state;
    for (round = 0; round < 3; ++round) {
        host_queue_init(&queue, HOST_QUEUED);
        host_edge_start(&host, NULL, &queue.queue);
        assert_int_equal(host_client_open(&client, &host.address), 0);
        assert_int_equal(host_client_begin(&client), 0);
        smtp_edge_free(host.edge);
        assert_true(host_client_ask(&client, "x\r\n.\r\n") <= 0);
        host_client_close(&client);
        assert_int_equal(queue.messages, 0);
        host_queue_fini(&queue);
        /* libuv opens a few for the process with the first loop. */
        if (round > 0) {
            assert_int_equal(host_count("/proc/self/fd"), descriptors);
        }
        descriptors = host_count("/proc/self/fd");
    }
}

static void test_free_while_running_in_loop(void **state)
{
    struct slimta_loop *loop = NULL;
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    uv_loop_t uv;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(slimta_loop_wrap(&loop, &uv, NULL, NULL), 0);
    host_edge_open(&host, NULL, &queue.queue);
    assert_int_equal(smtp_edge_start(host.edge, loop, NULL), 0);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    uv_run(&uv, UV_RUN_NOWAIT);
    uv_run(&uv, UV_RUN_NOWAIT);
    smtp_edge_free(host.edge);
    assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
    assert_int_equal(slimta_loop_free(loop), 0);
    assert_int_equal(uv_loop_close(&uv), 0);
    host_client_close(&client);
    host_queue_fini(&queue);
}

static void free_and_tell(struct smtp_edge *edge, void *user)
{
    smtp_edge_free(edge);
    host_edge_stopped(edge, user);
}

static void test_free_inside_stopped_on_threads(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .threads = 2};
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    assert_int_equal(host_deliver(&host.address), 250);
    assert_int_equal(smtp_edge_stop(host.edge, 0, free_and_tell, &host), 0);
    assert_true(host_wait(&host.stopped));
    sem_destroy(&host.stopped);
    host_queue_fini(&queue);
}

static void test_free_inside_stopped_in_loop(void **state)
{
    struct slimta_loop *loop = NULL;
    struct host_queue queue;
    struct host_edge host;
    uv_loop_t uv;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(uv_loop_init(&uv), 0);
    assert_int_equal(slimta_loop_wrap(&loop, &uv, NULL, NULL), 0);
    host_edge_open(&host, NULL, &queue.queue);
    assert_int_equal(smtp_edge_start(host.edge, loop, NULL), 0);
    assert_int_equal(smtp_edge_stop(host.edge, 0, free_and_tell, &host), 0);
    assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
    assert_true(host_wait(&host.stopped));
    assert_int_equal(slimta_loop_free(loop), 0);
    assert_int_equal(uv_loop_close(&uv), 0);
    host_queue_fini(&queue);
}

static void test_stop_twice(void **state)
{
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    struct host_edge second;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, NULL, &queue.queue);
    assert_int_equal(sem_init(&second.stopped, 0, 0), 0);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    /* The first would wait for the message for ever. */
    assert_int_equal(
        smtp_edge_stop(host.edge, SLIMTA_UNLIMITED, host_edge_stopped, &host),
        0);
    assert_int_equal(
        smtp_edge_stop(host.edge, 0, host_edge_stopped, &second), 0);
    assert_true(host_wait(&host.stopped));
    assert_int_equal(
        smtp_edge_stop(host.edge, 0, host_edge_stopped, &host), SLIMTA_ESTATE);
    smtp_edge_free(host.edge);
    /* Only the first was told, and once. */
    assert_int_not_equal(sem_trywait(&host.stopped), 0);
    assert_int_not_equal(sem_trywait(&second.stopped), 0);
    sem_destroy(&host.stopped);
    sem_destroy(&second.stopped);
    host_client_close(&client);
    host_queue_fini(&queue);
}

static void test_start_twice(void **state)
{
    struct slimta_error error = {0};
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, NULL, &queue.queue);
    assert_int_equal(smtp_edge_start(host.edge, NULL, &error), SLIMTA_ESTATE);
    assert_int_equal(
        smtp_edge_listen(host.edge, "127.0.0.1", 0, &error), SLIMTA_ESTATE);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

static void test_drain(void **state)
{
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, NULL, &queue.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    assert_int_equal(
        smtp_edge_stop(host.edge, SLIMTA_UNLIMITED, host_edge_stopped, &host),
        0);
    assert_int_equal(host_client_ask(&client, HOST_MESSAGE ".\r\n"), 250);
    assert_int_equal(host_client_reply(&client), 421);
    assert_memory_equal(client.line, "421 4.3.2", 9);
    assert_int_equal(host_client_reply(&client), 0);
    host_client_close(&client);
    assert_true(host_wait(&host.stopped));
    assert_int_equal(queue.messages, 1);
    smtp_edge_free(host.edge);
    sem_destroy(&host.stopped);
    host_queue_fini(&queue);
}

static void test_listen_fd(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options};
    struct slimta_error error = {0};
    struct slimta_address address;
    struct smtp_edge *edge = NULL;
    struct host_queue queue;
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(listen(fd, 5), 0); /* binds to a free port */
    assert_int_equal(smtp_edge_new(&edge, &options, &queue.queue, &error), 0);
    assert_true(smtp_edge_listen_fd(edge, file, &error) < 0);
    assert_true(smtp_edge_listen_fd(edge, -1, &error) < 0);
    assert_int_equal(close(file), 0); /* it was not taken */
    assert_int_equal(smtp_edge_listen_fd(edge, fd, &error), 0);
    assert_int_equal(smtp_edge_address(edge, 0, &address), 1);
    assert_int_equal(smtp_edge_start(edge, NULL, &error), 0);
    assert_int_equal(deliver_by_loopback(address), 250);
    smtp_edge_free(edge);
    assert_int_not_equal(close(fd), 0); /* it was */
    host_queue_fini(&queue);
}

static void test_unix_file(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options};
    char directory[] = "/tmp/slimta-e2e-XXXXXX";
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;
    struct host_queue queue;
    char path[64];
    int round = 0;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    /* The file goes with an edge that never ran, and with one that did. */
    for (round = 0; round < 2; ++round) {
        assert_int_equal(
            smtp_edge_new(&edge, &options, &queue.queue, &error), 0);
        assert_int_equal(smtp_edge_listen_unix(edge, path, &error), 0);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(
            smtp_edge_listen_unix(edge, path, &error), SLIMTA_EADDRINUSE);
        if (round == 1) {
            assert_int_equal(smtp_edge_start(edge, NULL, &error), 0);
        }
        smtp_edge_free(edge);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    assert_int_equal(rmdir(directory), 0);
    host_queue_fini(&queue);
}

static void test_bad_options(void **state)
{
    static struct {
        const char *name; /* that the error begins with */
        struct smtp_edge_options options;
    } bad[] = {
        {"hostname: ", {.hostname = "a b"}},
        {"hostname: ", {.hostname = "a\r\nb"}},
        {"threads: ", {.threads = 257}},
        {"max_command_bytes: ", {.max_command_bytes = 511}},
        {"max_command_bytes: ", {.max_command_bytes = 65537}},
        {"max_ehlo_bytes: ", {.max_ehlo_bytes = 256}},
        {"max_ehlo_bytes: ", {.max_ehlo_bytes = SLIMTA_UNLIMITED}},
        {"max_line_bytes: ", {.max_line_bytes = 1}},
        {"max_line_bytes: ", {.max_line_bytes = 999}},
        {"max_unread_bytes: ", {.max_unread_bytes = 1073741825}},
        {"max_unread_bytes: ", {.max_unread_bytes = SLIMTA_UNLIMITED}},
        {"bare_newlines: ", {.bare_newlines = (enum slimta_bare_newlines)9}},
    };
    static struct smtp_edge_options good[] = {
        {.max_command_bytes = 512},
        {.max_command_bytes = 65536},
        {.max_ehlo_bytes = 1},
        {.max_ehlo_bytes = 255},
        {.max_line_bytes = 1000},
        {.max_line_bytes = SLIMTA_UNLIMITED},
        {.max_unread_bytes = 1},
        {.max_unread_bytes = 1073741824},
    };
    const struct smtp_edge_options empty = {.size = 0};
    struct {
        struct smtp_edge_options options;
        char tail[8];
    } newer = {{.size = sizeof newer}, {0}};
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;
    struct host_queue queue;
    size_t i = 0;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(
        smtp_edge_new(&edge, &empty, &queue.queue, &error), SLIMTA_EINVAL);
    assert_int_not_equal(error.text[0], '\0');
    for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        bad[i].options.size = sizeof bad[i].options;
        assert_int_equal(
            smtp_edge_new(&edge, &bad[i].options, &queue.queue, &error),
            SLIMTA_EINVAL);
        assert_null(edge);
        assert_ptr_equal(strstr(error.text, bad[i].name), error.text);
    }
    for (i = 0; i < sizeof good / sizeof good[0]; ++i) {
        good[i].size = sizeof good[i];
        assert_int_equal(
            smtp_edge_new(&edge, &good[i], &queue.queue, &error), 0);
        smtp_edge_free(edge);
        edge = NULL;
    }
    assert_int_equal(
        smtp_edge_new(&edge, &newer.options, &queue.queue, &error), 0);
    smtp_edge_free(edge);
    newer.tail[7] = 1;
    edge = NULL;
    assert_int_equal(smtp_edge_new(&edge, &newer.options, &queue.queue, &error),
        SLIMTA_EINVAL);
    assert_null(edge);
    host_queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_zero),
        cmocka_unit_test(test_both_families),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_wrapped_loop),
        cmocka_unit_test(test_own_loop),
        cmocka_unit_test(test_foreign_loop),
        cmocka_unit_test(test_two_edges_in_one_loop),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_free_without_start),
        cmocka_unit_test(test_free_while_running_on_threads),
        cmocka_unit_test(test_free_while_running_in_loop),
        cmocka_unit_test(test_free_inside_stopped_on_threads),
        cmocka_unit_test(test_free_inside_stopped_in_loop),
        cmocka_unit_test(test_stop_twice),
        cmocka_unit_test(test_start_twice),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_listen_fd),
        cmocka_unit_test(test_unix_file),
        cmocka_unit_test(test_bad_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
