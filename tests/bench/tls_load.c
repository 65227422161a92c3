/** Drives an SMTP server with TLS over loopback: connections, one after another
 * in each of a few threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_peer.h"

enum {
    MAX_COUNT = 1000 * 1000,
    MAX_THREADS = 64,
    LINE_MAX_SIZE = 4096,
    FLIGHT_MAX_SIZE = 32768,
    BODY_SIZE = 10 * 1000 * 1000,
    BODY_LINE = 74,
    PATIENCE_SECONDS = 60
};

enum mode {
    PLAIN,   /* connections without TLS: banner, QUIT */
    TALK,    /* the same with two NOOPs: as many flights as a handshake has */
    FULL,    /* the same with TLS at once, and a full handshake each */
    RESUMED, /* with the session of the thread's first */
    STORM,   /* full handshakes by STARTTLS until the end comes on stdin */
    HELLOS,  /* the same, each left after the server's first flight */
    BULK_PLAIN, /* the next without TLS */
    BULK,       /* messages of 10 MB on a connection kept in each thread */
    IDLE,       /* all connections stay after EHLO, until the end on stdin */
    MODES
};

static const char *const mode_names[MODES] = {"plain", "talk", "full",
    "resumed", "storm", "hellos", "bulk-plain", "bulk", "idle"};

struct connection {
    int fd;
    int is_secure;
    mbedtls_ssl_context ssl;
    unsigned char flight[FLIGHT_MAX_SIZE]; /* records that are not sent yet */
    size_t flight_size;
    char octets[LINE_MAX_SIZE]; /* what came and was not read as lines */
    size_t size;
};

struct load {
    enum mode mode;
    struct sockaddr_in address;
    struct tls_peer rules;
    size_t count;
    atomic_size_t started;
    atomic_size_t done;
    atomic_int is_over;
    pthread_barrier_t barrier; /* all threads have made their first */
    char *body;
    struct connection hello; /* whose flight all of HELLOS send */
};

static struct load load;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(
    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("tls_load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static size_t parse_number(const char *text, size_t max)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != 0 || number == 0 ||
        number > max) {
        fail("a number from 1 to %zu is wanted, not '%s'", max, text);
    }
    return number;
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

/* --- Octets --------------------------------------------------------------- */

static int send_now(
    struct connection *connection, const unsigned char *octets, size_t size)
{
    ssize_t sent = send(connection->fd, octets, size, MSG_NOSIGNAL);

    return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)sent;
}

/* All that a flight has goes out at once, as other clients send it: mbedTLS
 * writes record by record, and each would wake the server. */
static int send_flight(struct connection *connection)
{
    size_t sent = 0;

    while (sent < connection->flight_size) {
        int ret = send_now(connection, connection->flight + sent,
            connection->flight_size - sent);

        if (ret <= 0) {
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        }
        sent += (size_t)ret;
    }
    connection->flight_size = 0;
    return 0;
}

static int gather(void *user, const unsigned char *octets, size_t size)
{
    struct connection *connection = user;

    if (size > sizeof connection->flight - connection->flight_size &&
        send_flight(connection) != 0) {
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    memcpy(connection->flight + connection->flight_size, octets, size);
    connection->flight_size += size;
    return (int)size;
}

static int receive_octets(void *user, unsigned char *out, size_t size)
{
    struct connection *connection = user;
    ssize_t got = -1;

    if (send_flight(connection) == 0) {
        got = recv(connection->fd, out, size, 0);
    }
    return got < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)got;
}

static void say(struct connection *connection, const char *text, size_t size)
{
    while (size > 0) {
        const unsigned char *octets = (const unsigned char *)text;
        int sent = connection->is_secure
            ? mbedtls_ssl_write(&connection->ssl, octets, size)
            : send_now(connection, octets, size);

        if (sent <= 0) {
            tls_fail("sending", sent);
        }
        text += sent;
        size -= (size_t)sent;
    }
    if (send_flight(connection) != 0) {
        fail("sending: %s", strerror(errno));
    }
}

static void receive_more(struct connection *connection)
{
    unsigned char *out = (unsigned char *)connection->octets + connection->size;
    size_t room = sizeof connection->octets - connection->size - 1;
    int got;

    do {
        got = connection->is_secure
            ? mbedtls_ssl_read(&connection->ssl, out, room)
            : receive_octets(connection, out, room);
    } while (got < 0 && tls_wants_again(got));
    if (got <= 0) {
        tls_fail("waiting for a reply", got);
    }
    connection->size += (size_t)got;
    connection->octets[connection->size] = 0;
}

/* The last line of what came, when that is a whole reply; else NULL. */
static const char *last_line(const struct connection *connection)
{
    const char *line = connection->octets + connection->size;

    if (connection->size < 5 || line[-1] != '\n') {
        return NULL;
    }
    line--;
    while (line > connection->octets && line[-1] != '\n') {
        line--;
    }
    return strlen(line) > 4 && line[3] == ' ' ? line : NULL;
}

/* One reply, which has to be all that comes. */
static void expect(struct connection *connection, const char *code)
{
    const char *line;

    connection->size = 0;
    do {
        receive_more(connection);
        line = last_line(connection);
    } while (line == NULL);
    if (memcmp(line, code, 3) != 0) {
        fail("%s: expected %s, got: %s", mode_names[load.mode], code, line);
    }
}

static void ask(
    struct connection *connection, const char *text, const char *code)
{
    say(connection, text, strlen(text));
    expect(connection, code);
}

/* --- A connection --------------------------------------------------------- */

static void open_connection(struct connection *connection)
{
    static const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    int on = 1;

    connection->is_secure = 0;
    connection->flight_size = 0;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (void *)&load.address, sizeof load.address) !=
            0) {
        fail("connecting: %s", strerror(errno));
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(
        connection->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static void set_up(
    struct connection *connection, const mbedtls_ssl_session *session)
{
    mbedtls_ssl_init(&connection->ssl);
    tls_check(
        "setting up", mbedtls_ssl_setup(&connection->ssl, &load.rules.config));
    tls_check("the name", mbedtls_ssl_set_hostname(&connection->ssl, NULL));
    if (session != NULL) {
        tls_check(
            "resuming", mbedtls_ssl_set_session(&connection->ssl, session));
    }
    mbedtls_ssl_set_bio(
        &connection->ssl, connection, gather, receive_octets, NULL);
}

static void secure(
    struct connection *connection, const mbedtls_ssl_session *session)
{
    int ret;

    set_up(connection, session);
    do {
        ret = mbedtls_ssl_handshake(&connection->ssl);
    } while (tls_wants_again(ret));
    tls_check("the handshake", ret == 0 ? send_flight(connection) : ret);
    connection->is_secure = 1;
}

/* The server closes after QUIT. */
static void wait_for_end(struct connection *connection)
{
    unsigned char ignored[256];

    while (receive_octets(connection, ignored, sizeof ignored) > 0) {
    }
    if (connection->is_secure) {
        mbedtls_ssl_free(&connection->ssl);
    }
    close(connection->fd);
}

static void ask_for_tls(struct connection *connection)
{
    open_connection(connection);
    expect(connection, "220");
    ask(connection, "EHLO load.example.com\r\n", "250");
    ask(connection, "STARTTLS\r\n", "220");
}

static void greet(
    struct connection *connection, const mbedtls_ssl_session *session)
{
    if (load.mode == STORM) {
        ask_for_tls(connection);
    } else {
        open_connection(connection);
    }
    if (load.mode != PLAIN && load.mode != TALK && load.mode != BULK_PLAIN) {
        secure(connection, session);
    }
    if (load.mode != STORM) {
        expect(connection, "220");
    }
}

static void quit(struct connection *connection)
{
    ask(connection, "QUIT\r\n", "221");
    wait_for_end(connection);
}

static void make_connection(
    struct connection *connection, const mbedtls_ssl_session *session)
{
    greet(connection, session);
    for (int i = 0; load.mode == TALK && i < 2; i++) {
        ask(connection, "NOOP\r\n", "250");
    }
    quit(connection);
}

/* --- Modes ---------------------------------------------------------------- */

static int claim(void)
{
    return !atomic_load(&load.is_over) &&
        atomic_fetch_add(&load.started, 1) < load.count;
}

static void *shake_often(void *user)
{
    struct connection *connection = user;
    mbedtls_ssl_session session;

    mbedtls_ssl_session_init(&session);
    greet(connection, NULL);
    if (load.mode == RESUMED) {
        tls_check("a session to resume",
            tls_keep_session(&connection->ssl, &session));
    }
    quit(connection);
    pthread_barrier_wait(&load.barrier);
    pthread_barrier_wait(&load.barrier);
    while (claim()) {
        make_connection(connection, load.mode == RESUMED ? &session : NULL);
        atomic_fetch_add(&load.done, 1);
    }
    mbedtls_ssl_session_free(&session);
    return NULL;
}

/* What a client says first. It stays in `flight`, since there is no socket. */
static void make_hello(void)
{
    load.hello.fd = -1;
    set_up(&load.hello, NULL);
    (void)mbedtls_ssl_handshake(&load.hello.ssl);
    mbedtls_ssl_free(&load.hello.ssl);
}

/* Costs a client nothing and a server a key exchange and a signature. */
static void *say_hello_often(void *user)
{
    struct connection *connection = user;
    unsigned char ignored[LINE_MAX_SIZE];

    pthread_barrier_wait(&load.barrier);
    pthread_barrier_wait(&load.barrier);
    while (claim()) {
        ask_for_tls(connection);
        memcpy(connection->flight, load.hello.flight, load.hello.flight_size);
        connection->flight_size = load.hello.flight_size;
        if (receive_octets(connection, ignored, sizeof ignored) <= 0) {
            fail("no answer to a client's hello");
        }
        close(connection->fd);
        atomic_fetch_add(&load.done, 1);
    }
    return NULL;
}

static void *send_bulk(void *user)
{
    struct connection *connection = user;

    greet(connection, NULL);
    ask(connection, "EHLO load.example.com\r\n", "250");
    pthread_barrier_wait(&load.barrier);
    pthread_barrier_wait(&load.barrier);
    while (claim()) {
        ask(connection, "MAIL FROM:<sender@example.com>\r\n", "250");
        ask(connection, "RCPT TO:<recipient@example.com>\r\n", "250");
        ask(connection, "DATA\r\n", "354");
        say(connection, load.body, BODY_SIZE);
        ask(connection, ".\r\n", "250");
        atomic_fetch_add(&load.done, 1);
    }
    quit(connection);
    return NULL;
}

static void make_body(void)
{
    load.body = malloc(BODY_SIZE);
    if (load.body == NULL) {
        fail("out of memory");
    }
    for (size_t i = 0; i < BODY_SIZE; i++) {
        load.body[i] = "abcdefghijklmnopqrstuvwxyz"[i % 26];
    }
    for (size_t i = BODY_LINE; i <= BODY_SIZE; i += BODY_LINE) {
        memcpy(load.body + i - 2, "\r\n", 2);
    }
    memcpy(load.body + BODY_SIZE - 2, "\r\n", 2);
}

/* Tells that all is prepared and waits for a line; 0 at the end of stdin. */
static int wait_for_word(void)
{
    char word;

    puts("ready");
    fflush(stdout);
    return read(STDIN_FILENO, &word, 1) == 1;
}

static void run_threads(size_t threads)
{
    static void *(*const work[MODES])(void *user) = {
        [PLAIN] = shake_often,
        [TALK] = shake_often,
        [FULL] = shake_often,
        [RESUMED] = shake_often,
        [STORM] = shake_often,
        [HELLOS] = say_hello_often,
        [BULK_PLAIN] = send_bulk,
        [BULK] = send_bulk,
    };
    static struct connection connections[MAX_THREADS];
    pthread_t ids[MAX_THREADS];

    pthread_barrier_init(&load.barrier, NULL, (unsigned)threads + 1);
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&ids[i], NULL, work[load.mode], &connections[i]) !=
            0) {
            fail("no thread");
        }
    }
    pthread_barrier_wait(&load.barrier);
    (void)wait_for_word();
    pthread_barrier_wait(&load.barrier);
    if (load.mode == STORM || load.mode == HELLOS) {
        (void)wait_for_word();
        atomic_store(&load.is_over, 1);
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void hold(void)
{
    struct connection *connections = calloc(load.count, sizeof *connections);

    if (connections == NULL) {
        fail("out of memory");
    }
    for (size_t i = 0; i < load.count; i++) {
        greet(&connections[i], NULL);
        ask(&connections[i], "EHLO load.example.com\r\n", "250");
    }
    (void)wait_for_word();
    /* They have to be alive. */
    for (size_t i = 0; i < load.count; i++) {
        quit(&connections[i]);
    }
    free(connections);
    atomic_store(&load.done, load.count);
}

int main(int argc, char **argv)
{
    size_t threads;

    if (argc != 6) {
        fputs(
            "usage: tls_load "
            "plain|talk|full|resumed|storm|hellos|bulk-plain|bulk|idle"
            " 1.2|1.3 PORT THREADS COUNT\n",
            stderr);
        return 2;
    }
    load.mode = parse_mode(argv[1]);
    tls_peer_init_client(&load.rules, tls_parse_version(argv[2]));
    /* Only loopback: this program must not be of use against anybody else. */
    load.address.sin_family = AF_INET;
    load.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load.address.sin_port = htons((in_port_t)parse_number(argv[3], 65535));
    threads = parse_number(argv[4], MAX_THREADS);
    load.count = parse_number(argv[5], MAX_COUNT);
    raise_descriptor_limit();
    make_body();
    make_hello();
    if (load.mode == IDLE) {
        hold();
    } else {
        run_threads(threads);
    }
    printf("done %zu\n", atomic_load(&load.done));
    return 0;
}
