/** The floor of the benchmark over HTTP: receives bodies into nowhere, and
 * answers each with 200. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, READ_SIZE = 64 * 1024, EVENTS_MAX = 64 };

struct connection {
    int fd;
    size_t left; /* of the body */
};

static char input[READ_SIZE];

static int answer(int fd)
{
    static const char response[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    return send(fd, response, sizeof response - 1, MSG_NOSIGNAL) > 0 ? 0 : -1;
}

/* A head, which the generator sends in one write. Returns its size; 0 when
 * there is none. */
static size_t read_head(struct connection *connection, size_t size)
{
    static const char name[] = "Content-Length: ";
    const char *end = memmem(input, size, "\r\n\r\n", 4);
    const char *length =
        end == NULL ? NULL : memmem(input, size, name, sizeof name - 1);

    if (length == NULL) {
        return 0;
    }
    connection->left = strtoul(length + sizeof name - 1, NULL, 10);
    return (size_t)(end - input) + 4;
}

static int receive(struct connection *connection)
{
    ssize_t got = recv(connection->fd, input, sizeof input, 0);
    size_t size = (size_t)got;

    if (got <= 0) {
        return got < 0 && errno == EAGAIN ? 0 : -1;
    }
    if (connection->left == 0) {
        size_t head = read_head(connection, size);

        if (head == 0) {
            return -1;
        }
        size -= head;
    }
    connection->left -= size < connection->left ? size : connection->left;
    return connection->left == 0 ? answer(connection->fd) : 0;
}

static void serve(int epoll, struct connection *connection)
{
    if (receive(connection) != 0) {
        (void)epoll_ctl(epoll, EPOLL_CTL_DEL, connection->fd, NULL);
        close(connection->fd);
        free(connection);
    }
}

static void watch(int epoll, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    if (connection == NULL ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("http_floor");
        exit(1);
    }
    connection->fd = fd;
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0) {
        perror("http_floor");
        exit(1);
    }
    return fd;
}

static void take_connections(int epoll, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
        0) {
        watch(epoll, fd);
    }
}

int main(void)
{
    int listener = listen_on_loopback();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS_MAX];

    watch(epoll, listener);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;

            if (connection->fd == listener) {
                take_connections(epoll, listener);
            } else {
                serve(epoll, connection);
            }
        }
    }
}
