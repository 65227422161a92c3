/** 2,000 clients in one thread: each a small machine that sends what is due
 * and counts replies. */
#include "storm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ends a storm that hangs. */
#define PATIENCE_MS 60000

enum stage {
    STAGE_BANNER,   /* waits until all have theirs */
    STAGE_EHLO,     /* sent EHLO */
    STAGE_ENVELOPE, /* sent MAIL, RCPT, DATA */
    STAGE_CONTENT,  /* sent a message */
    STAGE_STAY,     /* has delivered all, and stays */
    STAGE_QUIT,     /* sent QUIT */
    STAGE_OVER
};

struct client {
    int fd;
    unsigned number;
    enum stage stage;
    unsigned delivered;
    unsigned replies; /* that came in this stage */
    char line[512];   /* the beginning of what came */
    size_t held;
    char *out; /* what must still be sent */
    size_t out_size;
    size_t out_at;
    int is_told; /* 421 came */
};

static struct client clients[STORM_SESSIONS];
static int epoll = -1;
static unsigned greeted;
static unsigned finished;

static int complain(const struct client *client, const char *what)
{
    printf("# client %u, stage %d: %s: \"%s\"\n", client->number,
        (int)client->stage, what, client->line);
    return -1;
}

static int watch(struct client *client, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    return epoll_ctl(epoll, operation, client->fd, &event);
}

/* Sends what the socket takes. */
static int push(struct client *client)
{
    while (client->out_at < client->out_size) {
        ssize_t sent = send(client->fd, client->out + client->out_at,
            client->out_size - client->out_at, MSG_NOSIGNAL);

        if (sent < 0 && errno == EAGAIN) {
            return watch(client, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        }
        if (sent < 0) {
            return complain(client, strerror(errno));
        }
        client->out_at += (size_t)sent;
    }
    free(client->out);
    client->out = NULL;
    client->out_size = 0;
    client->out_at = 0;
    return watch(client, EPOLLIN, EPOLL_CTL_MOD);
}

/* Takes `text`, which is malloc's. */
static int say(struct client *client, enum stage stage, char *text, size_t size)
{
    client->stage = stage;
    client->replies = 0;
    client->out = text;
    client->out_size = size;
    client->out_at = 0;
    return text == NULL ? complain(client, "no memory") : push(client);
}

static int say_line(struct client *client, enum stage stage, const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return say(client, stage, copy, size);
}

static unsigned message_number(const struct client *client)
{
    return client->number * STORM_MESSAGES + client->delivered;
}

static int say_envelope(struct client *client)
{
    char text[256];

    snprintf(text, sizeof text,
        "MAIL FROM:<n%u@storm.example>\r\nRCPT TO:<r%u@storm.example>\r\n"
        "DATA\r\n",
        message_number(client), message_number(client));
    return say_line(client, STAGE_ENVELOPE, text);
}

/* RFC 5321 section 4.5.2: a leading dot is doubled. */
static size_t stuff(const char *in, size_t size, char *out)
{
    size_t used = 0;
    size_t i = 0;

    for (i = 0; i < size; ++i) {
        if (in[i] == '.' && (i == 0 || in[i - 1] == '\n')) {
            out[used++] = '.';
        }
        out[used++] = in[i];
    }
    memcpy(out + used, ".\r\n", 3);
    return used + 3;
}

static int say_content(struct client *client)
{
    static char message[STORM_TEXT_MAX];
    size_t size = storm_message(message_number(client), message);
    char *text = malloc(2 * size + 3);

    if (text != NULL) {
        size = stuff(message, size, text);
    }
    return say(client, STAGE_CONTENT, text, size);
}

static int say_next(struct client *client)
{
    if (client->delivered < STORM_MESSAGES) {
        return say_envelope(client);
    }
    ++finished;
    if (client->number % 2 == 0) {
        return say_line(client, STAGE_QUIT, "QUIT\r\n");
    }
    client->stage = STAGE_STAY;
    return 0;
}

static int start_all(void)
{
    unsigned i = 0;
    int err = 0;

    for (i = 0; i < STORM_SESSIONS && err == 0; ++i) {
        err = say_line(&clients[i], STAGE_EHLO, "EHLO storm.example\r\n");
    }
    return err;
}

static int is_line(const struct client *client, const char *beginning)
{
    return strncmp(client->line, beginning, strlen(beginning)) == 0;
}

static int expect(struct client *client, const char *beginning)
{
    return is_line(client, beginning) ? 0 : complain(client, beginning);
}

static int on_envelope(struct client *client)
{
    static const char *const wanted[] = {"250 2.1.0 ", "250 2.1.5 ", "354 "};
    int err = expect(client, wanted[client->replies]);

    if (err == 0 && ++client->replies == 3) {
        err = say_content(client);
    }
    return err;
}

/* The last line of one reply is in `line`. */
static int on_reply(struct client *client)
{
    int err = 0;

    switch (client->stage) {
    case STAGE_BANNER:
        /* All are there at once before the first goes on. */
        err = expect(client, "220 ");
        return err == 0 && ++greeted == STORM_SESSIONS ? start_all() : err;
    case STAGE_EHLO:
        err = expect(client, "250 ");
        return err == 0 ? say_next(client) : err;
    case STAGE_ENVELOPE:
        return on_envelope(client);
    case STAGE_CONTENT:
        err = expect(client, "250 2.6.0 ");
        ++client->delivered;
        return err == 0 ? say_next(client) : err;
    case STAGE_STAY:
        ++client->is_told;
        return expect(client, "421 4.3.2 ");
    case STAGE_QUIT:
        return expect(client, "221 ");
    case STAGE_OVER:
        break;
    }
    return complain(client, "one reply too many");
}

static int on_octet(struct client *client, char octet)
{
    int is_last = 0;

    if (octet != '\n') {
        if (client->held < sizeof client->line - 1) {
            client->line[client->held++] = octet;
        }
        return 0;
    }
    client->line[client->held] = '\0';
    is_last = client->held > 3 && client->line[3] == ' ';
    client->held = 0;
    return is_last ? on_reply(client) : 0;
}

static int on_end(struct client *client)
{
    int is_due = client->stage == STAGE_QUIT || client->is_told == 1;

    client->stage = is_due ? STAGE_OVER : client->stage;
    close(client->fd);
    client->fd = -1;
    return is_due ? 0 : complain(client, "the server has closed");
}

static int pull(struct client *client)
{
    char octets[4096];
    ssize_t got = recv(client->fd, octets, sizeof octets, 0);
    ssize_t i = 0;
    int err = 0;

    if (got == 0) {
        return on_end(client);
    }
    if (got < 0) {
        return errno == EAGAIN ? 0 : complain(client, strerror(errno));
    }
    for (i = 0; i < got && err == 0; ++i) {
        err = on_octet(client, octets[i]);
    }
    return err;
}

static int serve(struct client *client, uint32_t events)
{
    int err = 0;

    if (events & EPOLLOUT) {
        err = push(client);
    }
    if (err == 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        err = pull(client);
    }
    return err;
}

static int turn(void)
{
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, 256, PATIENCE_MS);
    int err = 0;
    int i = 0;

    if (count <= 0) {
        printf(
            "# nothing came for a long time; %u sessions greeted, %u have "
            "delivered\n",
            greeted, finished);
        return -1;
    }
    for (i = 0; i < count && err == 0; ++i) {
        err = serve(events[i].data.ptr, events[i].events);
    }
    return err;
}

static int connect_one(struct client *client, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return complain(client, strerror(errno));
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS) {
        return complain(client, strerror(errno));
    }
    return watch(client, EPOLLIN, EPOLL_CTL_ADD);
}

int storm_deliver(uint16_t port)
{
    unsigned i = 0;
    int err = 0;

    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (i = 0; i < STORM_SESSIONS; ++i) {
        clients[i].fd = -1;
        clients[i].number = i;
    }
    for (i = 0; i < STORM_SESSIONS && err == 0; ++i) {
        err = connect_one(&clients[i], port);
    }
    while (err == 0 && finished < STORM_SESSIONS) {
        err = turn();
    }
    return err;
}

static unsigned count_open(void)
{
    unsigned open = 0;
    unsigned i = 0;

    for (i = 0; i < STORM_SESSIONS; ++i) {
        open += clients[i].stage != STAGE_OVER;
    }
    return open;
}

int storm_be_told(void)
{
    int err = 0;

    while (err == 0 && count_open() > 0) {
        err = turn();
    }
    return err;
}

void storm_close(void)
{
    unsigned i = 0;

    for (i = 0; i < STORM_SESSIONS; ++i) {
        if (clients[i].fd >= 0) {
            close(clients[i].fd);
        }
        free(clients[i].out);
    }
    if (epoll >= 0) {
        close(epoll);
    }
}
