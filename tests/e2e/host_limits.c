/** What an edge does at its limits: descriptors, connections, sizes; adopting.
 */
/* syscall is no part of POSIX. */
#define _DEFAULT_SOURCE
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Stands in the place of libc's: counts how often the edge has tried to accept
 * a connection and found no descriptor for it. */
int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);

static atomic_uint short_of;

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    int taken = (int)syscall(SYS_accept4, fd, address, size, flags);

    if (taken < 0 && errno == EMFILE) {
        atomic_fetch_add(&short_of, 1);
    }
    return taken;
}

/* Clients that have a descriptor before there are none. */
enum { CLIENTS = 40, SERVED = 8, ROUNDS = 4000 };

static void open_sockets(struct host_client clients[CLIENTS])
{
    const struct timeval patience = {HOST_PATIENCE_S, 0};

    for (int i = 0; i < CLIENTS; i++) {
        memset(&clients[i], 0, sizeof clients[i]);
        clients[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(clients[i].fd >= 0);
        assert_int_equal(setsockopt(clients[i].fd, SOL_SOCKET, SO_RCVTIMEO,
                             &patience, sizeof patience),
            0);
    }
}

/* Leaves room for `room` descriptors more. */
static struct rlimit limit_descriptors(int room)
{
    struct rlimit before;
    struct rlimit limit;
    int fds[64];
    int count = 0;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* The limit is on the number of a descriptor: it stands above the last of
     * those that are used to get the lowest free ones. */
    while (count < room) {
        fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fds[count] >= 0);
        count++;
    }
    limit = before;
    limit.rlim_cur = (rlim_t)fds[count - 1] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(open("/dev/null", O_RDONLY | O_CLOEXEC), -1);
    assert_int_equal(errno, EMFILE);
    while (count > 0) {
        assert_int_equal(close(fds[--count]), 0);
    }
    return before;
}

/* The backlog takes the connection, also one that cannot be accepted. */
static void connect_client(
    struct host_client *client, const struct slimta_address *address)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(address->port)};

    memcpy(&to.sin_addr, address->ip, 4);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
}

static void deliver(struct host_client *client)
{
    assert_int_equal(
        host_client_ask(client, "MAIL FROM:<a@example.com>\r\n"), 250);
    assert_int_equal(
        host_client_ask(client, "RCPT TO:<b@example.net>\r\n"), 250);
    assert_int_equal(host_client_ask(client, "DATA\r\n"), 354);
    assert_int_equal(host_client_ask(client, HOST_MESSAGE ".\r\n"), 250);
}

static void greet(struct host_client *client)
{
    assert_int_equal(host_client_reply(client), 220);
    assert_int_equal(host_client_ask(client, "EHLO client.example\r\n"), 250);
}

/* While somebody waits to be accepted the loop turns for every command. One
 * that did not wait would try each time; to try less than every other time, at
 * a pause of 0.1 s, the commands would have to take longer than the test may.
 */
static void check_no_spinning(struct host_client *client)
{
    unsigned before = atomic_load(&short_of);

    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(host_client_ask(client, "NOOP\r\n"), 250);
    }
    assert_true(atomic_load(&short_of) - before < ROUNDS / 2);
}

static void check_first_served(struct host_client clients[CLIENTS])
{
    for (int i = 0; i < SERVED; i++) {
        greet(&clients[i]);
    }
    for (int i = 0; i < SERVED; i++) {
        deliver(&clients[i]);
    }
    check_no_spinning(&clients[0]);
    assert_true(atomic_load(&short_of) > 0);
    /* Nobody was lost, and nobody else was served. */
    for (int i = 0; i < SERVED; i++) {
        deliver(&clients[i]);
    }
    for (int i = SERVED; i < CLIENTS; i++) {
        assert_int_equal(
            recv(clients[i].fd, clients[i].buffer, 1, MSG_DONTWAIT), -1);
    }
}

static void test_descriptors_run_out(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .hostname = "mx.example.net"};
    struct host_client clients[CLIENTS];
    struct host_queue queue;
    struct host_edge host;
    struct rlimit before;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    assert_int_equal(host_deliver(&host.address), 250);
    open_sockets(clients);
    before = limit_descriptors(SERVED);
    for (int i = 0; i < CLIENTS; i++) {
        connect_client(&clients[i], &host.address);
    }
    check_first_served(clients);
    /* Those that go make room for others, in the order of their coming. */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(host_client_ask(&clients[i], "QUIT\r\n"), 221);
        assert_int_equal(host_client_reply(&clients[i]), 0);
        host_client_close(&clients[i]);
    }
    for (int i = SERVED; i < SERVED + 4; i++) {
        greet(&clients[i]);
        deliver(&clients[i]);
    }
    deliver(&clients[SERVED - 1]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = SERVED + 4; i < CLIENTS; i++) {
        greet(&clients[i]);
    }
    for (int i = 4; i < CLIENTS; i++) {
        host_client_close(&clients[i]);
    }
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

/* Adopting */

struct pair {
    struct host_client client;
    int fd; /* for the edge */
};

/* 0 or -1; asserts nothing, so that any thread may call it. */
static int make_pair(struct pair *pair)
{
    const struct timeval patience = {HOST_PATIENCE_S, 0};
    int fds[2];

    memset(pair, 0, sizeof *pair);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        return -1;
    }
    pair->client.fd = fds[0];
    pair->fd = fds[1];
    return setsockopt(
        fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static void open_pair(struct pair *pair)
{
    assert_int_equal(make_pair(pair), 0);
}

static struct smtp_edge *open_edge(
    const struct smtp_edge_options *options, struct host_queue *queue)
{
    struct smtp_edge *edge = NULL;

    host_queue_init(queue, HOST_QUEUED);
    assert_int_equal(smtp_edge_new(&edge, options, &queue->queue, NULL), 0);
    return edge;
}

static void close_edge(struct smtp_edge *edge, struct host_queue *queue)
{
    smtp_edge_free(edge);
    host_queue_fini(queue);
}

/* No listener at all, several threads, which take turns. */
static void test_adopt_on_threads(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .hostname = "mx.example.net", .threads = 3};
    struct host_queue queue;
    struct smtp_edge *edge = open_edge(&options, &queue);
    struct slimta_address none;
    struct pair pairs[9];

    (void)state;
    assert_int_equal(smtp_edge_address(edge, 0, &none), 0);
    assert_int_equal(smtp_edge_start(edge, NULL, NULL), 0);
    for (int i = 0; i < 9; i++) {
        open_pair(&pairs[i]);
        assert_int_equal(smtp_edge_adopt(edge, pairs[i].fd, NULL), 0);
    }
    for (int i = 0; i < 9; i++) {
        greet(&pairs[i].client);
        deliver(&pairs[i].client);
        assert_int_equal(host_client_ask(&pairs[i].client, "QUIT\r\n"), 221);
        assert_int_equal(host_client_reply(&pairs[i].client), 0);
        host_client_close(&pairs[i].client);
    }
    assert_int_equal(queue.attached, 3);
    assert_int_equal(host_queue_count(&queue, &queue.messages), 9);
    close_edge(edge, &queue);
}

/* Beside listeners, whose limits hold for both. */
static void test_adopt_over_limits(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .max_connections = 2,
        .max_connections_per_ip = 1};
    struct host_client first;
    struct host_client second;
    struct host_queue queue;
    struct host_edge host;
    struct pair pairs[2];

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    assert_int_equal(host_client_open(&first, &host.address), 0);
    greet(&first);
    assert_int_equal(host_client_open(&second, &host.address), 0);
    assert_int_equal(host_client_reply(&second), 421);
    assert_string_equal(second.line, "421 4.7.0 Too many connections");
    host_client_close(&second);
    for (int i = 0; i < 2; i++) {
        open_pair(&pairs[i]);
        assert_int_equal(smtp_edge_adopt(host.edge, pairs[i].fd, NULL), 0);
    }
    greet(&pairs[0].client);
    assert_int_equal(host_client_reply(&pairs[1].client), 421);
    assert_string_equal(pairs[1].client.line, "421 4.7.0 Too many connections");
    assert_int_equal(host_client_reply(&pairs[1].client), 0);
    host_client_close(&pairs[0].client);
    host_client_close(&pairs[1].client);
    host_client_close(&first);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

/* A thread that hands over connections until the edge takes no more. */
struct acceptor {
    pthread_t thread;
    struct smtp_edge *edge;
    unsigned taken;
    unsigned answered; /* with a banner, or 421 because it stops */
    unsigned wrong;
};

static void *hand_over(void *user)
{
    struct acceptor *acceptor = user;
    int err = 0;

    while (err == 0) {
        struct pair pair;
        int code;

        if (make_pair(&pair) != 0) {
            acceptor->wrong++;
            break;
        }
        err = smtp_edge_adopt(acceptor->edge, pair.fd, NULL);
        if (err == 0) {
            acceptor->taken++;
            code = host_client_reply(&pair.client);
            acceptor->answered += code == 220 || code == 421;
        } else {
            acceptor->wrong += err != SLIMTA_ESTATE || close(pair.fd) != 0;
        }
        host_client_close(&pair.client);
    }
    return NULL;
}

/* The stop comes at any moment of it. */
static void test_adopt_while_stopping(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .threads = 2,
        .max_connections = 10000};

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct host_queue queue;
        struct host_edge host = {.edge = open_edge(&options, &queue)};
        struct acceptor acceptors[2];

        assert_int_equal(sem_init(&host.stopped, 0, 0), 0);
        assert_int_equal(smtp_edge_start(host.edge, NULL, NULL), 0);
        for (int i = 0; i < 2; i++) {
            acceptors[i] = (struct acceptor){.edge = host.edge};
            assert_int_equal(pthread_create(&acceptors[i].thread, NULL,
                                 hand_over, &acceptors[i]),
                0);
        }
        for (int i = 0; i < round; i++) {
            sched_yield();
        }
        assert_int_equal(
            smtp_edge_stop(host.edge, 5000, host_edge_stopped, &host), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(acceptors[i].thread, NULL), 0);
            assert_int_equal(acceptors[i].answered, acceptors[i].taken);
            assert_int_equal(acceptors[i].wrong, 0);
        }
        assert_true(host_wait(&host.stopped));
        smtp_edge_free(host.edge);
        sem_destroy(&host.stopped);
        host_queue_fini(&queue);
    }
}

static void test_adopt_before_and_after(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options};
    struct host_queue queue;
    struct host_edge host = {.edge = open_edge(&options, &queue)};
    struct slimta_error error = {0};
    struct pair pair;

    (void)state;
    open_pair(&pair);
    assert_int_equal(
        smtp_edge_adopt(host.edge, pair.fd, &error), SLIMTA_ESTATE);
    assert_int_not_equal(error.text[0], '\0');
    assert_int_equal(sem_init(&host.stopped, 0, 0), 0);
    assert_int_equal(smtp_edge_start(host.edge, NULL, NULL), 0);
    assert_int_equal(smtp_edge_stop(host.edge, 0, host_edge_stopped, &host), 0);
    assert_true(host_wait(&host.stopped));
    assert_int_equal(
        smtp_edge_adopt(host.edge, pair.fd, &error), SLIMTA_ESTATE);
    assert_int_equal(close(pair.fd), 0);
    host_client_close(&pair.client);
    sem_destroy(&host.stopped);
    close_edge(host.edge, &queue);
}

/* Sizes */

/* One message, of one line of `size` octets with its CRLF. */
static int deliver_line(struct host_client *client, size_t size)
{
    char text[2048];

    assert_true(size + sizeof ".\r\n" <= sizeof text);
    assert_int_equal(
        host_client_ask(client, "MAIL FROM:<a@example.com>\r\n"), 250);
    assert_int_equal(
        host_client_ask(client, "RCPT TO:<b@example.net>\r\n"), 250);
    assert_int_equal(host_client_ask(client, "DATA\r\n"), 354);
    memset(text, 'a', size);
    strcpy(text + size - 2, "\r\n.\r\n");
    return host_client_ask(client, text);
}

static void test_line_bytes(void **state)
{
    const struct smtp_edge_options limited = {
        .size = sizeof limited, .max_line_bytes = 1000};
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &limited, &queue.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    greet(&client);
    assert_int_equal(deliver_line(&client, 999), 250);
    assert_int_equal(deliver_line(&client, 1000), 250);
    assert_int_equal(deliver_line(&client, 1001), 554);
    assert_string_equal(
        client.line, "554 5.6.0 Message has a line that is too long");
    assert_int_equal(deliver_line(&client, 1000), 250);
    assert_int_equal(host_queue_count(&queue, &queue.messages), 3);
    host_client_close(&client);
    host_edge_stop(&host, 0);
    host_edge_start(&host, NULL, &queue.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    greet(&client);
    assert_int_equal(deliver_line(&client, 1001), 250);
    host_client_close(&client);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

/* EHLO with a name of `size` octets. */
static int ask_ehlo(struct host_client *client, size_t size)
{
    char text[512] = "EHLO ";

    memset(text + 5, 'a', size);
    strcpy(text + 5 + size, "\r\n");
    return host_client_ask(client, text);
}

static void test_ehlo_bytes(void **state)
{
    const size_t limits[] = {0, 5, 255};

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const struct smtp_edge_options options = {
            .size = sizeof options, .max_ehlo_bytes = limits[i]};
        size_t limit = limits[i] == 0 ? 255 : limits[i];
        struct host_client client;
        struct host_queue queue;
        struct host_edge host;

        host_queue_init(&queue, HOST_QUEUED);
        host_edge_start(&host, &options, &queue.queue);
        assert_int_equal(host_client_open(&client, &host.address), 0);
        assert_int_equal(host_client_reply(&client), 220);
        assert_int_equal(ask_ehlo(&client, limit - 1), 250);
        assert_int_equal(ask_ehlo(&client, limit), 250);
        assert_int_equal(ask_ehlo(&client, limit + 1), 501);
        host_client_close(&client);
        host_edge_stop(&host, 0);
        host_queue_fini(&queue);
    }
}

#define UNREAD_BANNER "220 mx.example.net ESMTP Mail Gateway\r\n"
#define UNREAD_OK "250 2.0.0 Ok\r\n"

enum {
    BANNER_SIZE = sizeof UNREAD_BANNER - 1,
    OK_SIZE = sizeof UNREAD_OK - 1,
    UNREAD_COMMANDS = 10
};

/* Fills what the socket takes, so that all replies wait. */
static size_t fill(int fd)
{
    static const char block[4096];
    size_t size = 0;
    ssize_t sent;

    while ((sent = send(fd, block, sizeof block, MSG_DONTWAIT)) > 0) {
        size += (size_t)sent;
    }
    assert_int_equal(errno, EAGAIN);
    return size;
}

static void drop(int fd, size_t size)
{
    char block[4096];

    while (size > 0) {
        ssize_t got =
            recv(fd, block, size < sizeof block ? size : sizeof block, 0);

        assert_true(got > 0);
        size -= (size_t)got;
    }
}

static uint64_t count_commands(const struct smtp_edge *edge)
{
    struct slimta_counters counters = {.size = sizeof counters};

    smtp_edge_count(edge, &counters);
    return counters.commands;
}

/* A client that has not read `limit` octets of replies gets how many answers;
 * the rest of them when it reads. */
static void check_unread(uint64_t limit, uint64_t answers)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .max_unread_bytes = limit};
    struct host_queue queue;
    struct smtp_edge *edge = open_edge(&options, &queue);
    struct pair deaf;
    struct pair other;
    size_t filled;

    assert_int_equal(smtp_edge_start(edge, NULL, NULL), 0);
    open_pair(&deaf);
    open_pair(&other);
    filled = fill(deaf.fd);
    for (int i = 0; i < UNREAD_COMMANDS; i++) {
        assert_int_equal(host_client_send(&deaf.client, "NOOP\r\n", 6), 0);
    }
    assert_int_equal(smtp_edge_adopt(edge, deaf.fd, NULL), 0);
    assert_int_equal(smtp_edge_adopt(edge, other.fd, NULL), 0);
    /* When the loop has turned for the other, it has for the first. */
    greet(&other.client);
    assert_int_equal(host_client_ask(&other.client, "NOOP\r\n"), 250);
    assert_int_equal(host_client_ask(&other.client, "NOOP\r\n"), 250);
    assert_int_equal(count_commands(edge), answers + 3);
    drop(deaf.client.fd, filled);
    assert_int_equal(host_client_reply(&deaf.client), 220);
    for (int i = 0; i < UNREAD_COMMANDS; i++) {
        assert_int_equal(host_client_reply(&deaf.client), 250);
    }
    assert_int_equal(count_commands(edge), UNREAD_COMMANDS + 3);
    host_client_close(&deaf.client);
    host_client_close(&other.client);
    close_edge(edge, &queue);
}

static void test_unread_bytes(void **state)
{
    (void)state;
    check_unread(1, 0);
    check_unread(BANNER_SIZE - 1, 0);
    check_unread(BANNER_SIZE, 1);
    check_unread(BANNER_SIZE + 1, 1);
    check_unread(BANNER_SIZE + OK_SIZE - 1, 1);
    check_unread(BANNER_SIZE + OK_SIZE, 2);
    check_unread(BANNER_SIZE + OK_SIZE + 1, 2);
    check_unread(0, UNREAD_COMMANDS); /* the default is far above */
}

/* What waits has an end: also a client that reads nothing. */
static void test_unread_times_out(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .max_unread_bytes = 1, .command_timeout_ms = 1};
    struct host_queue queue;
    struct smtp_edge *edge = open_edge(&options, &queue);
    struct pollfd end = {0};
    struct pair deaf;

    (void)state;
    assert_int_equal(smtp_edge_start(edge, NULL, NULL), 0);
    open_pair(&deaf);
    (void)fill(deaf.fd);
    assert_int_equal(smtp_edge_adopt(edge, deaf.fd, NULL), 0);
    end.fd = deaf.client.fd;
    assert_int_equal(poll(&end, 1, HOST_PATIENCE_S * 1000), 1);
    assert_true((end.revents & POLLHUP) != 0);
    host_client_close(&deaf.client);
    close_edge(edge, &queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors_run_out),
        cmocka_unit_test(test_adopt_on_threads),
        cmocka_unit_test(test_adopt_over_limits),
        cmocka_unit_test(test_adopt_while_stopping),
        cmocka_unit_test(test_adopt_before_and_after),
        cmocka_unit_test(test_line_bytes),
        cmocka_unit_test(test_ehlo_bytes),
        cmocka_unit_test(test_unread_bytes),
        cmocka_unit_test(test_unread_times_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
