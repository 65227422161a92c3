/** Adopting: what is taken, and what stays the caller's. */
#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slimta/edge.h>

#include "edge/adopt.h"
#include "fail_alloc.h"

/* An edge without listeners in a loop of the test's own. */
struct fixture {
    struct fail_alloc memory;
    struct slimta_queue *queue;
    struct slimta_loop *loop;
    struct smtp_edge *edge;
    int fds[2]; /* ours and the edge's */
    int is_started;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct smtp_edge_options options = {.size = sizeof options,
        .alloc = &f->memory.table,
        .hostname = "mx.example.net",
        .max_connections = 1};

    *f = (struct fixture){.fds = {-1, -1}};
    fail_alloc_init(&f->memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(slimta_discard_queue_new(&f->queue, NULL, NULL), 0);
    assert_int_equal(slimta_loop_new(&f->loop, &f->memory.table, NULL), 0);
    assert_int_equal(smtp_edge_new(&f->edge, &options, f->queue, NULL), 0);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->fds), 0);
    *state = f;
    return 0;
}

static void start(struct fixture *f)
{
    assert_int_equal(smtp_edge_start(f->edge, f->loop, NULL), 0);
    f->is_started = 1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    smtp_edge_free(f->edge);
    assert_int_equal(slimta_loop_run(f->loop), 0);
    assert_int_equal(slimta_loop_free(f->loop), 0);
    assert_int_equal(atomic_load(&f->memory.live), 0);
    slimta_queue_free(f->queue);
    for (int i = 0; i < 2; i++) {
        if (f->fds[i] >= 0) {
            assert_int_equal(close(f->fds[i]), 0);
        }
    }
    return 0;
}

static int adopt(struct fixture *f)
{
    struct slimta_error error = {0};
    int err = smtp_edge_adopt(f->edge, f->fds[1], &error);

    assert_int_equal(error.code, err);
    if (err == 0) {
        f->fds[1] = -1;
    } else {
        assert_int_not_equal(error.text[0], '\0');
    }
    return err;
}

/* Turns the loop until there is something to read, and reads a line of it. */
static const char *hear(struct fixture *f)
{
    static char line[512];
    ssize_t got = -1;

    for (int turns = 0; got < 0 && turns < 1000; turns++) {
        (void)slimta_loop_turn(f->loop);
        got = recv(f->fds[0], line, sizeof line - 1, MSG_DONTWAIT);
    }
    line[got < 0 ? 0 : got] = '\0';
    return line;
}

static void test_served(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(adopt(f), 0);
    assert_string_equal(hear(f), "220 mx.example.net ESMTP Mail Gateway\r\n");
    assert_int_equal(send(f->fds[0], "QUIT\r\n", 6, 0), 6);
    assert_string_equal(hear(f), "221 2.0.0 Bye\r\n");
    assert_string_equal(hear(f), "");
}

static void test_is_prepared(void **state)
{
    struct fixture *f = *state;
    int fd = f->fds[1];

    assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
    start(f);
    assert_int_equal(adopt(f), 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void test_tcp(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 0;
    int fd;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(
        bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(
        getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)close(f->fds[0]);
    (void)close(f->fds[1]);
    f->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        connect(f->fds[0], (struct sockaddr *)&address, sizeof address), 0);
    f->fds[1] = fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    start(f);
    /* A listener is no connection. */
    assert_true(smtp_edge_adopt(f->edge, listener, NULL) < 0);
    assert_int_equal(close(listener), 0);
    assert_int_equal(adopt(f), 0);
    size = sizeof on;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_int_not_equal(on, 0);
    assert_memory_equal(hear(f), "220 ", 4);
}

/* A connection to port 25 of loopback; -1 where nobody may listen there. */
static int connect_to_25(struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(25)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = -1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 24);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, 1) == 0) {
        (void)close(f->fds[0]);
        f->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(
            connect(f->fds[0], (struct sockaddr *)&address, sizeof address), 0);
        fd = accept(listener, NULL, NULL);
        assert_true(fd >= 0);
    }
    assert_int_equal(close(listener), 0);
    return fd;
}

/* RFC 2033 section 5: no LMTP there, whoever has accepted the connection. */
static void test_lmtp_is_not_on_port_25(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .dialect = SLIMTA_DIALECT_LMTP};
    struct fixture *f = *state;
    struct slimta_error error = {0};
    struct smtp_edge *lmtp = NULL;
    int fd = connect_to_25(f);

    if (fd < 0) {
        skip();
    }
    (void)close(f->fds[1]);
    f->fds[1] = fd;
    start(f);
    assert_int_equal(smtp_edge_new(&lmtp, &options, f->queue, NULL), 0);
    assert_int_equal(smtp_edge_start(lmtp, f->loop, NULL), 0);
    assert_int_equal(smtp_edge_adopt(lmtp, fd, &error), SLIMTA_EINVAL);
    assert_non_null(strstr(error.text, "port 25"));
    smtp_edge_free(lmtp);
    assert_int_equal(adopt(f), 0); /* as SMTP it is served */
    assert_memory_equal(hear(f), "220 ", 4);
}

static void test_not_running(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(adopt(f), SLIMTA_ESTATE);
    start(f);
    assert_int_equal(smtp_edge_stop(f->edge, 0, NULL, NULL), 0);
    assert_int_equal(adopt(f), SLIMTA_ESTATE);
    assert_int_equal(slimta_loop_run(f->loop), 0);
    assert_int_equal(adopt(f), SLIMTA_ESTATE);
    /* It was never touched. */
    assert_int_equal(fcntl(f->fds[1], F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(send(f->fds[0], "x", 1, 0), 1);
}

static void test_stop_right_after(void **state)
{
    struct fixture *f = *state;
    char text[128];
    ssize_t size;

    start(f);
    assert_int_equal(adopt(f), 0);
    assert_int_equal(smtp_edge_stop(f->edge, 1000, NULL, NULL), 0);
    assert_int_equal(slimta_loop_run(f->loop), 0);
    size = recv(f->fds[0], text, sizeof text - 1, 0);
    assert_true(size > 0);
    text[size] = '\0';
    assert_non_null(strstr(text, "421 4.3.2 "));
}

static void test_free_right_after(void **state)
{
    struct fixture *f = *state;
    char octet;

    start(f);
    assert_int_equal(adopt(f), 0);
    smtp_edge_free(f->edge);
    f->edge = NULL;
    assert_int_equal(slimta_loop_run(f->loop), 0);
    while (recv(f->fds[0], &octet, 1, 0) == 1) {
    }
    assert_int_equal(send(f->fds[0], "x", 1, MSG_NOSIGNAL), -1);
}

static void test_over_the_limit(void **state)
{
    struct fixture *f = *state;
    int more[2];
    char text[128];
    ssize_t size = -1;

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, more), 0);
    start(f);
    assert_int_equal(adopt(f), 0);
    assert_int_equal(smtp_edge_adopt(f->edge, more[1], NULL), 0);
    assert_memory_equal(hear(f), "220 ", 4);
    size = recv(more[0], text, sizeof text - 1, 0);
    assert_true(size > 0);
    text[size] = '\0';
    assert_string_equal(text, "421 4.7.0 Too many connections\r\n");
    assert_int_equal(recv(more[0], text, sizeof text, 0), 0);
    assert_int_equal(close(more[0]), 0);
}

static void test_no_connection(void **state)
{
    struct fixture *f = *state;
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    int datagrams[2];
    int alone = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams), 0);
    start(f);
    assert_int_equal(smtp_edge_adopt(f->edge, -1, NULL), SLIMTA_EINVAL);
    assert_int_equal(smtp_edge_adopt(f->edge, file, NULL), SLIMTA_EINVAL);
    assert_int_equal(
        smtp_edge_adopt(f->edge, datagrams[0], NULL), SLIMTA_EINVAL);
    assert_true(smtp_edge_adopt(f->edge, alone, NULL) < 0);
    /* None was taken. */
    assert_int_equal(close(file), 0);
    assert_int_equal(close(alone), 0);
    assert_int_equal(close(datagrams[0]), 0);
    assert_int_equal(close(datagrams[1]), 0);
}

static void test_no_memory(void **state)
{
    struct fixture *f = *state;

    start(f);
    fail_alloc_arm(&f->memory, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(adopt(f), SLIMTA_ENOMEM);
    assert_int_equal(fcntl(f->fds[1], F_GETFL) & O_NONBLOCK, 0);
    /* The edge lives, and so does the connection. */
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(adopt(f), 0);
    assert_memory_equal(hear(f), "220 ", 4);
}

/* The session finds no memory: the connection is closed, its place free. */
static void test_no_memory_for_session(void **state)
{
    struct fixture *f = *state;
    char octet;

    start(f);
    fail_alloc_arm(&f->memory, 2, FAIL_ALLOC_ONCE);
    assert_int_equal(adopt(f), 0);
    assert_string_equal(hear(f), "");
    assert_int_equal(recv(f->fds[0], &octet, 1, 0), 0);
    assert_int_equal(close(f->fds[0]), 0);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->fds), 0);
    assert_int_equal(adopt(f), 0);
    assert_memory_equal(hear(f), "220 ", 4);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_served),
        TEST(test_is_prepared),
        TEST(test_tcp),
        TEST(test_lmtp_is_not_on_port_25),
        TEST(test_not_running),
        TEST(test_stop_right_after),
        TEST(test_free_right_after),
        TEST(test_over_the_limit),
        TEST(test_no_connection),
        TEST(test_no_memory),
        TEST(test_no_memory_for_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
