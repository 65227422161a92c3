/** Sockets that listen: addresses, ports in use, clones, UNIX paths. */
/* SO_REUSEPORT is no part of POSIX. */
#define _GNU_SOURCE
#include "io_support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <slimta/error.h>

#include "io/listener.h"

static struct slimta_alloc plain;
static char directory[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/test-socket-XXXXXX");
    return sli_alloc_init(&plain, NULL) != 0 || mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(directory); /* fails when a test has left something */
}

static const char *path_of(const char *name)
{
    static char path[100];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static int listen_tcp(struct sli_io_socket sockets[2], size_t *count,
    const char *host, uint16_t port)
{
    struct slimta_error error = {0};
    int err = sli_io_socket_listen_tcp(sockets, count, host, port, &error);

    assert_int_equal(error.code, err);
    return err;
}

static void a_port_is_had_and_read_back(void **state)
{
    struct sli_io_socket sockets[2];
    struct slimta_address address;
    size_t count = 0;
    int fd;

    (void)state;
    assert_int_equal(listen_tcp(sockets, &count, "127.0.0.1", 0), 0);
    assert_int_equal(count, 1);
    fd = sockets[0].fd;
    assert_int_equal(sockets[0].address.family, SLIMTA_FAMILY_IPV4);
    assert_int_not_equal(sockets[0].address.port, 0);
    assert_int_equal(sli_io_socket_local_address(fd, &address), 0);
    assert_int_equal(address.port, sockets[0].address.port);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(option(fd, IPPROTO_TCP, TCP_NODELAY));
    sli_io_socket_close(&sockets[0], &plain);
    assert_int_equal(sockets[0].fd, -1);
}

static void names_and_forms_of_hosts(void **state)
{
    static const struct {
        const char *host;
        enum slimta_family family;
    } cases[] = {
        {"localhost", SLIMTA_FAMILY_IPV4},
        {"LocalHost", SLIMTA_FAMILY_IPV4},
        {"::1", SLIMTA_FAMILY_IPV6},
        {"[::1]", SLIMTA_FAMILY_IPV6},
        {"::1%1", SLIMTA_FAMILY_IPV6},
        {"::1%lo", SLIMTA_FAMILY_IPV6},
        {"::ffff:127.0.0.1", SLIMTA_FAMILY_IPV4},
        {"mail.example.org", SLIMTA_FAMILY_NONE},
        {"127.0.0.1:25", SLIMTA_FAMILY_NONE},
        {"[127.0.0.1]", SLIMTA_FAMILY_NONE},
        {"::1%", SLIMTA_FAMILY_NONE},
        {"::1%no-such-interface-here", SLIMTA_FAMILY_NONE},
        {"::1%nosuch", SLIMTA_FAMILY_NONE},
        {"[]", SLIMTA_FAMILY_NONE},
        {"[", SLIMTA_FAMILY_NONE},
        {" 127.0.0.1", SLIMTA_FAMILY_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_io_socket sockets[2];
        size_t count = 0;
        int err = listen_tcp(sockets, &count, cases[i].host, 0);

        if (cases[i].family == SLIMTA_FAMILY_NONE) {
            assert_int_equal(err, SLIMTA_EINVAL);
            continue;
        }
        if (cases[i].family == SLIMTA_FAMILY_IPV6 &&
            err == SLIMTA_EADDRNOTAVAIL) {
            continue; /* a machine without IPv6 */
        }
        assert_int_equal(err, 0);
        assert_int_equal(sockets[0].address.family, cases[i].family);
        sli_io_socket_close(&sockets[0], &plain);
    }
}

static void all_addresses_share_a_port(void **state)
{
    static const char *const hosts[] = {"", NULL};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sli_io_socket sockets[2];
        size_t count = 0;

        assert_int_equal(listen_tcp(sockets, &count, hosts[i], 0), 0);
        assert_true(count == 1 || count == 2);
        if (count == 2) {
            assert_int_equal(sockets[0].address.family, SLIMTA_FAMILY_IPV6);
            assert_int_equal(sockets[1].address.family, SLIMTA_FAMILY_IPV4);
            assert_int_equal(sockets[0].address.port, sockets[1].address.port);
            assert_true(option(sockets[0].fd, IPPROTO_IPV6, IPV6_V6ONLY));
        }
        while (count > 0) {
            sli_io_socket_close(&sockets[--count], &plain);
        }
    }
}

/* One family of the port is taken: neither is kept. */
static void half_a_port_is_not_enough(void **state)
{
    struct sli_io_socket taken[2];
    struct sli_io_socket sockets[2];
    struct slimta_error error;
    size_t count = 0;
    uint16_t port;

    (void)state;
    assert_int_equal(listen_tcp(taken, &count, "127.0.0.1", 0), 0);
    port = taken[0].address.port;
    assert_int_equal(
        sli_io_socket_listen_tcp(sockets, &count, "", port, &error),
        SLIMTA_EADDRINUSE);
    assert_non_null(strstr(error.text, "0.0.0.0:"));
    sli_io_socket_close(&taken[0], &plain);
    assert_int_equal(listen_tcp(sockets, &count, "", port), 0);
    while (count > 0) {
        sli_io_socket_close(&sockets[--count], &plain);
    }
}

static void a_port_in_use_is_an_error(void **state)
{
    struct sli_io_socket first[2];
    struct sli_io_socket second[2];
    struct slimta_error error;
    char expected[64];
    size_t count = 0;

    (void)state;
    assert_int_equal(listen_tcp(first, &count, "127.0.0.1", 0), 0);
    assert_int_equal(sli_io_socket_listen_tcp(second, &count, "127.0.0.1",
                         first[0].address.port, &error),
        SLIMTA_EADDRINUSE);
    (void)snprintf(expected, sizeof expected,
        "127.0.0.1:%u: address already in use", first[0].address.port);
    assert_string_equal(error.text, expected);
    sli_io_socket_close(&first[0], &plain);
}

static void an_address_of_others_is_an_error(void **state)
{
    struct sli_io_socket sockets[2];
    size_t count = 0;

    (void)state;
    assert_int_equal(
        listen_tcp(sockets, &count, "198.51.100.7", 0), SLIMTA_EADDRNOTAVAIL);
}

static void clones_of_tcp_have_queues_of_their_own(void **state)
{
    struct sli_io_socket first[2];
    struct sli_io_socket clone;
    struct sli_io_socket third;
    struct sli_io_socket refused[2];
    size_t count = 0;

    (void)state;
    assert_int_equal(listen_tcp(first, &count, "127.0.0.1", 0), 0);
    assert_true(first[0].can_clone);
    assert_int_equal(sli_io_socket_clone(&clone, &first[0], NULL), 0);
    assert_int_equal(sli_io_socket_clone(&third, &clone, NULL), 0);
    assert_int_equal(clone.address.port, first[0].address.port);
    assert_true(option(clone.fd, SOL_SOCKET, SO_REUSEPORT));
    assert_int_equal(
        listen_tcp(refused, &count, "127.0.0.1", clone.address.port),
        SLIMTA_EADDRINUSE);
    sli_io_socket_close(&third, &plain);
    sli_io_socket_close(&clone, &plain);
    sli_io_socket_close(&first[0], &plain);
}

static int can_connect(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int err;

    assert_true(strlen(path) < sizeof name.sun_path);
    memcpy(name.sun_path, path, strlen(path));
    err = connect(fd, (struct sockaddr *)&name, sizeof name);
    assert_int_equal(close(fd), 0);
    return err == 0;
}

static void unix_path_is_removed_by_its_maker_alone(void **state)
{
    const char *path = path_of("made");
    struct sli_io_socket made;
    struct sli_io_socket clone;

    (void)state;
    assert_int_equal(sli_io_socket_listen_unix(&made, &plain, path, NULL), 0);
    assert_int_equal(made.address.family, SLIMTA_FAMILY_UNIX);
    assert_false(made.can_clone);
    assert_int_equal(sli_io_socket_clone(&clone, &made, NULL), 0);
    assert_true(fcntl(clone.fd, F_GETFD) & FD_CLOEXEC);
    sli_io_socket_close(&clone, &plain);
    assert_true(can_connect(path));
    sli_io_socket_close(&made, &plain);
    assert_int_equal(access(path, F_OK), -1);
}

static void unix_socket_that_is_dead_is_replaced(void **state)
{
    const char *path = path_of("dead");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct sli_io_socket made;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_true(strlen(path) < sizeof name.sun_path);
    memcpy(name.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(sli_io_socket_listen_unix(&made, &plain, path, NULL), 0);
    assert_true(can_connect(path));
    sli_io_socket_close(&made, &plain);
}

static void unix_socket_that_lives_is_in_use(void **state)
{
    const char *path = path_of("alive");
    struct slimta_error error;
    struct sli_io_socket made;
    struct sli_io_socket other;

    (void)state;
    assert_int_equal(sli_io_socket_listen_unix(&made, &plain, path, NULL), 0);
    assert_int_equal(sli_io_socket_listen_unix(&other, &plain, path, &error),
        SLIMTA_EADDRINUSE);
    assert_non_null(strstr(error.text, path));
    assert_true(can_connect(path));
    sli_io_socket_close(&made, &plain);
}

static void a_file_in_the_way_stays(void **state)
{
    const char *path = path_of("file");
    struct slimta_error error;
    struct sli_io_socket made;
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(sli_io_socket_listen_unix(&made, &plain, path, &error),
        SLIMTA_EADDRINUSE);
    assert_non_null(strstr(error.text, "not a socket"));
    assert_int_equal(unlink(path), 0);
}

static void unix_paths_that_cannot_be(void **state)
{
    struct sli_io_socket made;
    struct slimta_error error;
    char path[200];

    (void)state;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(
        sli_io_socket_listen_unix(&made, &plain, path, &error), SLIMTA_EINVAL);
    assert_int_equal(
        sli_io_socket_listen_unix(&made, &plain, "", &error), SLIMTA_EINVAL);
    assert_int_equal(
        sli_io_socket_listen_unix(&made, &plain, NULL, &error), SLIMTA_EINVAL);
    assert_int_equal(
        sli_io_socket_listen_unix(&made, &plain, path_of("no/such"), &error),
        SLIMTA_ENOENT);
}

static void memory_for_a_path_may_lack(void **state)
{
    const char *path = path_of("memory");
    struct failing failing = {.fail_at = 1};
    struct slimta_alloc alloc = failing_alloc(&failing);
    struct sli_io_socket made;

    (void)state;
    assert_int_equal(
        sli_io_socket_listen_unix(&made, &alloc, path, NULL), SLIMTA_ENOMEM);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(sli_io_socket_listen_unix(&made, &alloc, path, NULL), 0);
    sli_io_socket_close(&made, &alloc);
    assert_int_equal(failing.out, 0);
}

static void a_descriptor_is_taken_if_it_listens(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct slimta_error error;
    struct sli_io_socket taken;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(sli_io_socket_take(&taken, fd, &error), SLIMTA_EINVAL);
    assert_int_equal(sli_io_socket_take(&taken, -1, &error), SLIMTA_EINVAL);
    assert_int_equal(
        sli_io_socket_take(&taken, STDIN_FILENO, &error), SLIMTA_EINVAL);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(sli_io_socket_take(&taken, fd, &error), 0);
    assert_int_equal(taken.fd, fd);
    assert_int_not_equal(taken.address.port, 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    sli_io_socket_close(&taken, &plain);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_had_and_read_back),
        cmocka_unit_test(names_and_forms_of_hosts),
        cmocka_unit_test(all_addresses_share_a_port),
        cmocka_unit_test(half_a_port_is_not_enough),
        cmocka_unit_test(a_port_in_use_is_an_error),
        cmocka_unit_test(an_address_of_others_is_an_error),
        cmocka_unit_test(clones_of_tcp_have_queues_of_their_own),
        cmocka_unit_test(unix_path_is_removed_by_its_maker_alone),
        cmocka_unit_test(unix_socket_that_is_dead_is_replaced),
        cmocka_unit_test(unix_socket_that_lives_is_in_use),
        cmocka_unit_test(a_file_in_the_way_stays),
        cmocka_unit_test(unix_paths_that_cannot_be),
        cmocka_unit_test(memory_for_a_path_may_lack),
        cmocka_unit_test(a_descriptor_is_taken_if_it_listens),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
