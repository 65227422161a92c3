/** The floor of the benchmark: replies on libuv, and does hardly more. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

enum { BACKLOG = 1024, READ_SIZE = 64 * 1024, REPLIES_SIZE = 4096 };

struct session {
    uv_poll_t poll;
    int fd;
    char verb;          /* the first octet of the line; 0 between lines */
    unsigned char mark; /* how much of the end mark has come */
    bool in_body;
    bool quits;
};

struct replies {
    char bytes[REPLIES_SIZE];
    size_t size;
};

static uv_loop_t loop;
static char input[READ_SIZE];
static const char end_mark[] = "\r\n.\r\n";

static void append(struct replies *replies, const char *text)
{
    size_t size = strlen(text);

    if (size <= sizeof replies->bytes - replies->size) {
        memcpy(replies->bytes + replies->size, text, size);
        replies->size += size;
    }
}

static void answer(struct session *session, struct replies *replies)
{
    switch (session->verb) {
    case 'E':
        append(replies, "250-floor\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
        break;
    case 'D':
        append(replies, "354 Go ahead\r\n");
        session->in_body = true;
        session->mark = 2; /* the CRLF of the command counts */
        break;
    case 'Q':
        append(replies, "221 Bye\r\n");
        session->quits = true;
        break;
    default:
        append(replies, "250 Ok\r\n");
    }
    session->verb = 0;
}

static const char *take_line(struct session *session, struct replies *replies,
    const char *at, const char *end)
{
    const char *lf = memchr(at, '\n', (size_t)(end - at));

    if (session->verb == 0) {
        session->verb = *at;
    }
    if (lf == NULL) {
        return end;
    }
    answer(session, replies);
    return lf + 1;
}

/* Octet by octet only where a mark was cut by the end of a read. */
static const char *continue_mark(
    struct session *session, const char *at, const char *end)
{
    while (at < end && session->mark > 0 && session->mark < 5) {
        if (*at == end_mark[session->mark]) {
            session->mark++;
            at++;
        } else {
            session->mark = 0;
        }
    }
    return at;
}

static void remember_mark(struct session *session, const char *at, size_t size)
{
    for (size_t cut = size < 4 ? size : 4; cut > 0; cut--) {
        if (memcmp(at + size - cut, end_mark, cut) == 0) {
            session->mark = (unsigned char)cut;
            return;
        }
    }
}

static const char *take_body(struct session *session, struct replies *replies,
    const char *at, const char *end)
{
    at = continue_mark(session, at, end);
    if (session->mark == 0) {
        const char *found =
            memmem(at, (size_t)(end - at), end_mark, sizeof end_mark - 1);

        if (found == NULL) {
            remember_mark(session, at, (size_t)(end - at));
            return end;
        }
        session->mark = 5;
        at = found + 5;
    }
    if (session->mark == 5) {
        append(replies, "250 Ok\r\n");
        session->in_body = false;
        session->mark = 0;
    }
    return at;
}

static void free_session(uv_handle_t *handle)
{
    struct session *session = handle->data;

    close(session->fd);
    free(session);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct session *session = poll->data;
    struct replies replies = {.size = 0};
    ssize_t size = recv(session->fd, input, sizeof input, 0);
    const char *at = input;

    (void)status;
    (void)events;
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    while (size > 0 && at < input + size && !session->quits) {
        at = (session->in_body ? take_body : take_line)(
            session, &replies, at, input + size);
    }
    if (replies.size > 0 &&
        send(session->fd, replies.bytes, replies.size, MSG_NOSIGNAL) < 0) {
        size = -1;
    }
    if (size <= 0 || session->quits) {
        uv_close((uv_handle_t *)poll, free_session);
    }
}

static void acceptable(uv_poll_t *poll, int status, int events)
{
    static const char greeting[] = "220 floor ESMTP\r\n";
    int listener = *(int *)poll->data;
    int fd;

    (void)status;
    (void)events;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
        0) {
        struct session *session = calloc(1, sizeof *session);

        if (session == NULL || uv_poll_init(&loop, &session->poll, fd) != 0) {
            free(session);
            close(fd);
            continue;
        }
        session->fd = fd;
        session->poll.data = session;
        uv_poll_start(&session->poll, UV_READABLE, readable);
        send(fd, greeting, sizeof greeting - 1, MSG_NOSIGNAL);
    }
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror("floor");
        exit(1);
    }
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return fd;
}

int main(void)
{
    struct rlimit limit;
    uv_poll_t poll;
    int fd;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    uv_loop_init(&loop);
    fd = listen_on_loopback();
    uv_poll_init(&loop, &poll, fd);
    poll.data = &fd;
    uv_poll_start(&poll, UV_READABLE, acceptable);
    return uv_run(&loop, UV_RUN_DEFAULT);
}
