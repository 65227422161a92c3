/** Drives an SMTP server over loopback from one thread and checks each reply.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 19000,
    MAX_MESSAGES = 10 * 1000 * 1000,
    MAX_BODY = 64 * 1024 * 1024,
    MAX_LINE = 1024,
    CHUNK_LINE = 32, /* the most octets of a line of BDAT */
    /* No more at a time, so that no listen queue overflows. */
    MAX_OPENING = 64,
    READ_SIZE = 64 * 1024,
    EVENTS = 256,
    PATIENCE_MS = 60 * 1000
};

enum mode {
    KEPT,      /* a command at a time, many messages on a connection */
    GROUPED,   /* MAIL RCPT DATA in one write, the body in the next */
    PIPELINED, /* the body goes out together with the next MAIL RCPT DATA */
    CHUNKED,   /* as PIPELINED, the body in chunks and so without DATA */
    SINGLE,    /* a connection for each message */
    IDLE,      /* at most one message, then silence until told otherwise */
    MODES
};

static const char *const mode_names[MODES] = {
    "kept", "grouped", "pipelined", "chunked", "single", "idle"};

/** What a connection sent last, and so which replies it waits for. */
enum step {
    GREETING, /* nothing was sent yet */
    HELLO,
    MAIL,
    RCPT,
    DATA,
    GROUP, /* MAIL, RCPT and, but for chunks, DATA in one write */
    BODY,
    BODY_AND_GROUP,
    QUIT,
    SILENCE, /* idle and counted as such */
    CLOSED,  /* the reply to QUIT came, the end has to follow */
    STEPS
};

#define MAIL_LINE "MAIL FROM:<sender@example.com>\r\n"
#define RCPT_LINE "RCPT TO:<recipient@example.com>\r\n"
#define DATA_LINE "DATA\r\n"

static const struct {
    const char *name;
    const char *text;   /* NULL: made in prepare_texts, or nothing to send */
    const char *expect; /* the replies' codes; of chunks in prepare_chunks */
} steps[STEPS] = {
    [GREETING] = {"connecting", NULL, "220"},
    [HELLO] = {"EHLO", "EHLO load.example.com\r\n", "250"},
    [MAIL] = {"MAIL", MAIL_LINE, "250"},
    [RCPT] = {"RCPT", RCPT_LINE, "250"},
    [DATA] = {"DATA", DATA_LINE, "354"},
    [GROUP] = {"MAIL RCPT DATA", MAIL_LINE RCPT_LINE DATA_LINE, "250250354"},
    [BODY] = {"the body", NULL, "250"},
    [BODY_AND_GROUP] = {"the body and MAIL RCPT DATA", NULL, "250250250354"},
    [QUIT] = {"QUIT", "QUIT\r\n", "221"},
    [SILENCE] = {"going idle", NULL, ""},
    [CLOSED] = {"the end", NULL, ""},
};

struct text {
    const char *bytes;
    size_t size;
};

struct connection {
    int fd;
    enum step step;
    const char *expect; /* what is still due of the step's codes */
    struct text unsent;
    bool waits_to_write;
    char *line; /* the begin of a reply that was cut; else NULL */
    size_t line_size;
};

struct load {
    enum mode mode;
    struct sockaddr_storage address;
    socklen_t address_size;
    size_t connection_count;
    size_t messages;
    size_t body_size;
    size_t chunk_size;
    size_t body_replies; /* one, or one for each chunk */
    struct text texts[STEPS];
    const char *expects[STEPS]; /* three digits for each reply */
    struct connection *connections;
    int epoll;
    size_t opened;  /* of the connections, each once */
    size_t opening; /* not yet past EHLO */
    size_t settled; /* idle or ended */
    size_t started; /* messages */
    size_t done;    /* messages whose 250 came */
};

__attribute__((noreturn, format(printf, 1, 2))) static void fail(
    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void *alloc_zero(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        fail("out of memory");
    }
    return memory;
}

static size_t parse_number(const char *name, const char *text, size_t max)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != 0 || errno != 0 || number > max) {
        fail("%s has to be a number up to %zu, not '%s'", name, max, text);
    }
    return (size_t)number;
}

static enum mode parse_mode(const char *name)
{
    for (enum mode mode = 0; mode < MODES; mode++) {
        if (strcmp(name, mode_names[mode]) == 0) {
            return mode;
        }
    }
    fail("no mode '%s'", name);
}

/* Only loopback: this program must not be of use against anybody else. */
static void parse_address(struct load *load, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t host_size = colon == NULL ? 0 : (size_t)(colon - text);

    if (host_size == 9 && memcmp(text, "127.0.0.1", 9) == 0) {
        struct sockaddr_in *ip4 = (void *)&load->address;

        ip4->sin_family = AF_INET;
        ip4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ip4->sin_port =
            htons((in_port_t)parse_number("PORT", colon + 1, 65535));
        load->address_size = sizeof *ip4;
    } else if (host_size == 5 && memcmp(text, "[::1]", 5) == 0) {
        struct sockaddr_in6 *ip6 = (void *)&load->address;

        ip6->sin6_family = AF_INET6;
        ip6->sin6_addr = in6addr_loopback;
        ip6->sin6_port =
            htons((in_port_t)parse_number("PORT", colon + 1, 65535));
        load->address_size = sizeof *ip6;
    } else {
        fail("the address has to be 127.0.0.1:PORT or [::1]:PORT");
    }
}

/* Lines of 72 octets as of ordinary text, some of them with a full stop. */
static void fill_content(char *out, size_t size)
{
    static const char head[] =
        "From: sender@example.com\r\n"
        "To: recipient@example.com\r\n"
        "Subject: a message of the benchmark\r\n\r\n";
    static const char line[] =
        "The quick brown fox jumps over the lazy dog. "
        "Sphinx of black quartz, jud\r\n";
    static const char end[] = "\r\n";
    size_t used = sizeof head - 1;

    memcpy(out, head, used);
    while (used + sizeof line - 1 <= size) {
        memcpy(out + used, line, sizeof line - 1);
        used += sizeof line - 1;
    }
    while (used + sizeof end - 1 < size) {
        out[used++] = 'x';
    }
    memcpy(out + used, end, sizeof end - 1);
}

/* The content as its chunks go on the wire; returns how many there are. */
static size_t fill_chunks(
    struct text *out, const char *content, size_t size, size_t chunk)
{
    char *bytes =
        alloc_zero(1, size + (size / chunk + 1) * CHUNK_LINE + MAX_LINE);
    size_t count = 0;
    size_t used = 0;

    for (size_t at = 0; at < size || count == 0; count++) {
        size_t left = size - at;
        size_t part = left < chunk ? left : chunk;

        used += (size_t)sprintf(
            bytes + used, "BDAT %zu%s\r\n", part, part == left ? " LAST" : "");
        memcpy(bytes + used, content + at, part);
        used += part;
        at += part;
    }
    *out = (struct text){bytes, used};
    return count;
}

static char *repeat_code(size_t count)
{
    char *codes = alloc_zero(count + 1, 3);

    for (size_t i = 0; i < count; i++) {
        memcpy(codes + i * 3, "250", 3);
    }
    return codes;
}

static void prepare_chunks(struct load *load, const char *content)
{
    struct text *body = &load->texts[BODY];

    load->body_replies =
        fill_chunks(body, content, load->body_size, load->chunk_size);
    load->texts[GROUP].size -= strlen(DATA_LINE);
    load->expects[GROUP] = "250250";
    load->expects[BODY] = repeat_code(load->body_replies);
    load->expects[BODY_AND_GROUP] = repeat_code(load->body_replies + 2);
}

static void prepare_data(struct load *load, const char *content)
{
    static const char end[] = ".\r\n";
    char *bytes = alloc_zero(1, load->body_size + MAX_LINE);

    memcpy(bytes, content, load->body_size);
    memcpy(bytes + load->body_size, end, sizeof end - 1);
    load->body_replies = 1;
    load->texts[BODY] = (struct text){bytes, load->body_size + sizeof end - 1};
}

static void prepare_texts(struct load *load)
{
    char *content = alloc_zero(1, load->body_size + MAX_LINE);

    for (enum step step = 0; step < STEPS; step++) {
        load->expects[step] = steps[step].expect;
        if (steps[step].text != NULL) {
            load->texts[step] =
                (struct text){steps[step].text, strlen(steps[step].text)};
        }
    }
    fill_content(content, load->body_size);
    if (load->mode == CHUNKED) {
        prepare_chunks(load, content);
    } else {
        prepare_data(load, content);
    }
    free(content);
    struct text body = load->texts[BODY];
    struct text group = load->texts[GROUP];

    /* There is room for it behind the body. */
    memcpy((char *)body.bytes + body.size, group.bytes, group.size);
    load->texts[BODY_AND_GROUP] =
        (struct text){body.bytes, body.size + group.size};
}

static void watch(struct load *load, struct connection *connection, int how)
{
    struct epoll_event event = {
        .events = connection->waits_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN,
        .data.ptr = connection,
    };

    if (epoll_ctl(load->epoll, how, connection->fd, &event) != 0) {
        fail("epoll_ctl: %s", strerror(errno));
    }
}

static void send_unsent(struct load *load, struct connection *connection)
{
    struct text *unsent = &connection->unsent;

    while (unsent->size > 0) {
        ssize_t sent =
            send(connection->fd, unsent->bytes, unsent->size, MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN) {
            fail("sending %s: %s", steps[connection->step].name,
                strerror(errno));
        }
        if (sent < 0) {
            break;
        }
        unsent->bytes += sent;
        unsent->size -= (size_t)sent;
    }
    if (connection->waits_to_write != (unsent->size > 0)) {
        connection->waits_to_write = unsent->size > 0;
        watch(load, connection, EPOLL_CTL_MOD);
    }
}

static void enter(
    struct load *load, struct connection *connection, enum step step)
{
    connection->step = step;
    connection->expect = load->expects[step];
    connection->unsent = load->texts[step];
    send_unsent(load, connection);
}

static bool start_message(struct load *load)
{
    if (load->started == load->messages) {
        return false;
    }
    load->started++;
    return true;
}

static void open_connection(struct load *load, struct connection *connection)
{
    int on = 1;
    int fd = socket(
        load->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        fail("socket: %s", strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (void *)&load->address, load->address_size) != 0 &&
        errno != EINPROGRESS) {
        fail("connect: %s", strerror(errno));
    }
    connection->fd = fd;
    load->opening++;
    watch(load, connection, EPOLL_CTL_ADD);
    enter(load, connection, GREETING);
}

static void open_some(struct load *load)
{
    while (
        load->opened < load->connection_count && load->opening < MAX_OPENING) {
        struct connection *connection = &load->connections[load->opened];

        load->opened++;
        if (load->mode == SINGLE) {
            load->started++;
        }
        open_connection(load, connection);
    }
}

static enum step step_after_hello(struct load *load)
{
    load->opening--;
    if (load->mode == SINGLE) {
        return MAIL; /* the message was started with its connection */
    }
    if (!start_message(load)) {
        return load->mode == IDLE ? SILENCE : QUIT;
    }
    return load->mode == KEPT || load->mode == IDLE ? MAIL : GROUP;
}

static enum step step_after_group(struct load *load)
{
    return load->mode != GROUPED && start_message(load) ? BODY_AND_GROUP : BODY;
}

static enum step step_after_body(struct load *load)
{
    switch (load->mode) {
    case KEPT:
        return start_message(load) ? MAIL : QUIT;
    case GROUPED:
        return start_message(load) ? GROUP : QUIT;
    case IDLE:
        return SILENCE;
    default:
        return QUIT;
    }
}

static void go_on(struct load *load, struct connection *connection)
{
    static const enum step plain_order[STEPS] = {
        [GREETING] = HELLO,
        [MAIL] = RCPT,
        [RCPT] = DATA,
        [DATA] = BODY,
        [QUIT] = CLOSED,
    };
    enum step next = plain_order[connection->step];

    switch (connection->step) {
    case HELLO:
        next = step_after_hello(load);
        break;
    case GROUP:
    case BODY_AND_GROUP:
        next = step_after_group(load);
        break;
    case BODY:
        next = step_after_body(load);
        break;
    default:
        break;
    }
    enter(load, connection, next);
    load->settled += next == SILENCE;
    open_some(load);
}

/* One whole line of a reply, without its LF. */
static void take_reply_line(
    struct load *load, struct connection *connection, struct text line)
{
    const char *expect = connection->expect;

    if (line.size < 4 || *expect == 0 || memcmp(line.bytes, expect, 3) != 0) {
        fail("%s: after %s expected %.3s, got: %.*s", mode_names[load->mode],
            steps[connection->step].name, *expect == 0 ? "no more" : expect,
            (int)line.size, line.bytes);
    }
    if (line.bytes[3] == '-') {
        return;
    }
    /* Those to a body are the first of its step. */
    if ((connection->step == BODY || connection->step == BODY_AND_GROUP) &&
        expect ==
            load->expects[connection->step] + 3 * (load->body_replies - 1)) {
        load->done++;
    }
    connection->expect += 3;
    if (*connection->expect == 0) {
        if (connection->unsent.size > 0) {
            fail("a reply came before %s was sent whole",
                steps[connection->step].name);
        }
        go_on(load, connection);
    }
}

/* A rest without LF waits in the connection for the next read. */
static void keep_rest(struct connection *connection, struct text rest)
{
    if (connection->line_size + rest.size > MAX_LINE) {
        fail("a reply line of more than %d octets", MAX_LINE);
    }
    if (connection->line == NULL) {
        connection->line = alloc_zero(1, MAX_LINE);
    }
    memcpy(connection->line + connection->line_size, rest.bytes, rest.size);
    connection->line_size += rest.size;
}

static void take_input(
    struct load *load, struct connection *connection, struct text input)
{
    const char *end = input.bytes + input.size;

    while (input.bytes < end) {
        size_t left = (size_t)(end - input.bytes);
        const char *lf = memchr(input.bytes, '\n', left);
        struct text line = {
            input.bytes, lf == NULL ? left : (size_t)(lf - input.bytes)};

        input.bytes += line.size + 1;
        if (lf == NULL || connection->line_size > 0) {
            keep_rest(connection, line);
            line = (struct text){connection->line, connection->line_size};
        }
        if (lf != NULL) {
            connection->line_size = 0;
            take_reply_line(load, connection, line);
        }
    }
}

static void take_end(struct load *load, struct connection *connection)
{
    if (connection->step != CLOSED) {
        fail("%s: the server closed after %s", mode_names[load->mode],
            steps[connection->step].name);
    }
    close(connection->fd);
    free(connection->line);
    *connection = (struct connection){.fd = -1};
    if (load->mode == SINGLE && start_message(load)) {
        open_connection(load, connection);
    } else {
        load->settled++;
    }
}

static void take_event(
    struct load *load, struct connection *connection, uint32_t events)
{
    static char buffer[READ_SIZE];

    if (events & EPOLLOUT) {
        send_unsent(load, connection);
    }
    if ((events & ~(uint32_t)EPOLLOUT) == 0) {
        return;
    }
    ssize_t size = recv(connection->fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno != EAGAIN) {
        fail("%s: after %s: %s", mode_names[load->mode],
            steps[connection->step].name, strerror(errno));
    }
    if (size > 0) {
        take_input(load, connection, (struct text){buffer, (size_t)size});
    } else if (size == 0) {
        take_end(load, connection);
    }
}

static void run(struct load *load)
{
    struct epoll_event events[EVENTS];

    open_some(load);
    while (load->settled < load->connection_count) {
        int count = epoll_wait(load->epoll, events, EVENTS, PATIENCE_MS);

        if (count == 0) {
            fail("%s: no answer for %d seconds", mode_names[load->mode],
                PATIENCE_MS / 1000);
        }
        if (count < 0 && errno != EINTR) {
            fail("epoll_wait: %s", strerror(errno));
        }
        for (int i = 0; i < count; i++) {
            take_event(load, events[i].data.ptr, events[i].events);
        }
    }
}

/* The idle sessions stay until a line or the end comes on stdin, and all of
 * them have to be alive then. */
static void hold(struct load *load)
{
    char ignored;

    printf("ready %zu\n", load->settled);
    fflush(stdout);
    while (read(STDIN_FILENO, &ignored, 1) < 0 && errno == EINTR) {
    }
    for (size_t i = 0; i < load->connection_count; i++) {
        if (recv(load->connections[i].fd, &ignored, 1, 0) >= 0 ||
            errno != EAGAIN) {
            fail("an idle session was answered or closed");
        }
    }
}

static void raise_descriptor_limit(size_t needed)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_max < needed) {
            fail("%zu descriptors are needed, the hard limit is %llu", needed,
                (unsigned long long)limit.rlim_max);
        }
    }
}

int main(int argc, char **argv)
{
    struct load load = {0};

    if (argc != 6 && argc != 7) {
        fputs(
            "usage: load kept|grouped|pipelined|chunked|single|idle"
            " ADDRESS:PORT CONNECTIONS MESSAGES BYTES"
            " [CHUNK]\n",
            stderr);
        return 2;
    }
    load.mode = parse_mode(argv[1]);
    parse_address(&load, argv[2]);
    load.connection_count =
        parse_number("CONNECTIONS", argv[3], MAX_CONNECTIONS);
    load.messages = parse_number("MESSAGES", argv[4], MAX_MESSAGES);
    load.body_size = parse_number("BYTES", argv[5], MAX_BODY);
    load.chunk_size =
        parse_number("CHUNK", argc == 7 ? argv[6] : argv[5], MAX_BODY);
    if (load.chunk_size == 0) {
        fail("a chunk has to have octets");
    }
    if (load.mode == SINGLE && load.connection_count > load.messages) {
        load.connection_count = load.messages;
    }
    raise_descriptor_limit(load.connection_count + 16);
    prepare_texts(&load);
    load.connections =
        alloc_zero(load.connection_count + 1, sizeof *load.connections);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.epoll < 0) {
        fail("epoll_create1: %s", strerror(errno));
    }
    run(&load);
    if (load.mode == IDLE) {
        hold(&load);
    }
    printf("messages %zu\n", load.done);
    return load.done == load.messages ? 0 : 1;
}
