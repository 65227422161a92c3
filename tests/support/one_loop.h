/** An edge, its client and its name server in one loop, on one thread: nothing
 * happens but while the test turns it. */
#ifndef SUPPORT_ONE_LOOP_H
#define SUPPORT_ONE_LOOP_H

#include "dns_server.h"
#include "test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slimta/edge.h>

#include "io/loop.h"

struct one_loop {
    struct slimta_loop *loop;
    struct dns_server server;
    int client; /**< -1: none */
};

static inline void one_loop_open(
    struct one_loop *one, const struct dns_rule *rules)
{
    assert_int_equal(slimta_loop_new(&one->loop, NULL, NULL), 0);
    dns_server_start(&one->server, one->loop->uv, rules);
    one->client = -1;
}

/** When the edge is freed: ends what is left of it in the loop. */
static inline void one_loop_close(struct one_loop *one)
{
    assert_int_equal(slimta_loop_run(one->loop), 0);
    dns_server_stop(&one->server, one->loop->uv);
    assert_int_equal(slimta_loop_free(one->loop), 0);
    if (one->client >= 0) {
        assert_int_equal(close(one->client), 0);
    }
}

static inline void one_loop_turn(struct one_loop *one)
{
    (void)uv_run(one->loop->uv, UV_RUN_NOWAIT);
}

static inline void one_loop_wait(struct one_loop *one)
{
    (void)uv_run(one->loop->uv, UV_RUN_ONCE);
}

/** Until so many questions have come to the name server. */
static inline void one_loop_until_asked(struct one_loop *one, unsigned asked)
{
    while (one->server.asked < asked) {
        one_loop_wait(one);
    }
}

/** Lets time pass for our timers alone. */
static inline void one_loop_pass_time(struct one_loop *one, uint64_t ms)
{
    sli_io_wheel_turn(
        &one->loop->wheel, sli_io_loop_now(one->loop) + ms + SLI_IO_TICK_MS);
}

/** A new connection to the edge's first listener. */
static inline int one_loop_connect(const struct smtp_edge *edge)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct slimta_address address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(smtp_edge_address(edge, 0, &address), 1);
    to.sin_port = htons(address.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/** Turns the loop until a line has come on `fd`, which lives until the next
 * call; "" when the connection has ended. */
static inline const char *one_loop_hear(struct one_loop *one, int fd)
{
    static char line[2048];
    size_t size = 0;

    line[0] = '\0';
    while (strchr(line, '\n') == NULL) {
        ssize_t got =
            recv(fd, line + size, sizeof line - 1 - size, MSG_DONTWAIT);

        if (got < 0) {
            one_loop_turn(one);
            continue;
        }
        if (got == 0) {
            break;
        }
        size += (size_t)got;
        line[size] = '\0';
    }
    return line;
}

static inline void one_loop_send(int fd, const char *text)
{
    assert_int_equal(
        send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/** What the client hears begins so; of a long reply only the first line. */
static inline void one_loop_expect(struct one_loop *one, const char *begins)
{
    const char *line = one_loop_hear(one, one->client);

    if (strncmp(line, begins, strlen(begins)) != 0) {
        fail_msg("heard '%s' instead of '%s'", line, begins);
    }
}

static inline void one_loop_say(
    struct one_loop *one, const char *text, const char *begins)
{
    one_loop_send(one->client, text);
    one_loop_expect(one, begins);
}

#endif
