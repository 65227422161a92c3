/** What TLS costs a server by itself: mbedTLS on both sides, in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls_peer.h"

/* What SLI_IO_READ_BYTES and a body of the benchmark are. */
enum { WAY_SIZE = 512 * 1024, READ_SIZE = 64 * 1024, RECORD_SIZE = 16384 };

/** Records on their way to one side. */
struct way {
    unsigned char octets[WAY_SIZE];
    size_t start;
    size_t end;
};

/** One side of a connection. */
struct side {
    mbedtls_ssl_context ssl;
    struct way *in;
    struct way *out;
};

struct memory {
    struct tls_peer client_rules;
    struct tls_peer server_rules;
    struct side client;
    struct side server;
    struct way to_client;
    struct way to_server;
    mbedtls_ssl_session session;
    int has_session;
    int64_t server_ns; /* of this thread, in the server's calls */
};

static struct memory memory;
static unsigned char text[READ_SIZE];

static int64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int send_octets(void *user, const unsigned char *octets, size_t size)
{
    struct way *way = ((struct side *)user)->out;

    if (way->start == way->end) {
        way->start = way->end = 0;
    }
    if (size > sizeof way->octets - way->end) {
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    memcpy(way->octets + way->end, octets, size);
    way->end += size;
    return (int)size;
}

static int receive_octets(void *user, unsigned char *out, size_t size)
{
    struct way *way = ((struct side *)user)->in;
    size_t left = way->end - way->start;

    if (left == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (size > left) {
        size = left;
    }
    memcpy(out, way->octets + way->start, size);
    way->start += size;
    return (int)size;
}

static void set_up(
    struct side *side, struct tls_peer *rules, struct way *in, struct way *out)
{
    side->in = in;
    side->out = out;
    mbedtls_ssl_init(&side->ssl);
    tls_check("setting up", mbedtls_ssl_setup(&side->ssl, &rules->config));
    mbedtls_ssl_set_bio(&side->ssl, side, send_octets, receive_octets, NULL);
}

static void set_up_server(void)
{
    int64_t begin = now_ns();

    set_up(&memory.server, &memory.server_rules, &memory.to_server,
        &memory.to_client);
    memory.server_ns += now_ns() - begin;
}

static void set_up_client(int resumes)
{
    set_up(&memory.client, &memory.client_rules, &memory.to_client,
        &memory.to_server);
    tls_check("the name", mbedtls_ssl_set_hostname(&memory.client.ssl, NULL));
    if (resumes) {
        tls_check("resuming",
            mbedtls_ssl_set_session(&memory.client.ssl, &memory.session));
    }
}

static int shake_server(void)
{
    int64_t begin = now_ns();
    int ret = mbedtls_ssl_handshake(&memory.server.ssl);

    memory.server_ns += now_ns() - begin;
    return ret;
}

static void shake(void)
{
    int client = MBEDTLS_ERR_SSL_WANT_READ;
    int server = MBEDTLS_ERR_SSL_WANT_READ;

    while (client != 0 || server != 0) {
        if (client != 0) {
            client = mbedtls_ssl_handshake(&memory.client.ssl);
        }
        if (server != 0) {
            server = shake_server();
        }
        if (client != 0 && !tls_wants_again(client)) {
            tls_fail("the client's handshake", client);
        }
        if (server != 0 && !tls_wants_again(server)) {
            tls_fail("the server's handshake", server);
        }
    }
}

static void connect_both(int resumes)
{
    set_up_server();
    set_up_client(resumes);
    shake();
}

static void hang_up(void)
{
    int64_t begin;

    mbedtls_ssl_free(&memory.client.ssl);
    begin = now_ns();
    mbedtls_ssl_free(&memory.server.ssl);
    memory.server_ns += now_ns() - begin;
    memory.to_client.start = memory.to_client.end = 0;
    memory.to_server.start = memory.to_server.end = 0;
}

/* With TLS 1.3 a ticket comes after the handshake. */
static void get_session(void)
{
    connect_both(0);
    for (int i = 0; i < 4; i++) {
        int ret = mbedtls_ssl_read(&memory.client.ssl, text, sizeof text);

        if (ret != 0 && !tls_wants_again(ret)) {
            tls_fail("reading a ticket", ret);
        }
    }
    tls_check("a session to resume",
        tls_keep_session(&memory.client.ssl, &memory.session));
    hang_up();
}

static void measure_handshakes(int resumes, unsigned long count)
{
    if (resumes) {
        get_session();
    }
    memory.server_ns = 0;
    for (unsigned long i = 0; i < count; i++) {
        connect_both(resumes);
        hang_up();
    }
}

static void send_some(unsigned long octets)
{
    while (octets > 0) {
        size_t size = octets < RECORD_SIZE ? octets : RECORD_SIZE;
        int ret = mbedtls_ssl_write(&memory.client.ssl, text, size);

        if (ret <= 0) {
            tls_fail("writing", ret);
        }
        octets -= (unsigned long)ret;
    }
}

static void receive_all(void)
{
    int64_t begin = now_ns();
    int ret;

    do {
        ret = mbedtls_ssl_read(&memory.server.ssl, text, sizeof text);
    } while (ret > 0);
    memory.server_ns += now_ns() - begin;
    if (!tls_wants_again(ret)) {
        tls_fail("reading", ret);
    }
}

/* Per megabyte. */
static void measure_bulk(unsigned long megabytes)
{
    connect_both(0);
    memset(text, 'x', sizeof text);
    memory.server_ns = 0;
    for (unsigned long i = 0; i < megabytes * 4; i++) {
        send_some(250000);
        receive_all();
    }
    hang_up();
}

int main(int argc, char **argv)
{
    unsigned long count;

    if (argc != 6 || (count = strtoul(argv[5], NULL, 10)) == 0) {
        fputs(
            "usage: tls_memory full|resumed|bulk 1.2|1.3 CERTIFICATE KEY"
            " COUNT\n",
            stderr);
        return 2;
    }
    tls_peer_init_client(&memory.client_rules, tls_parse_version(argv[2]));
    tls_peer_init_server(&memory.server_rules, argv[3], argv[4]);
    mbedtls_ssl_session_init(&memory.session);
    if (strcmp(argv[1], "bulk") == 0) {
        measure_bulk(count);
    } else {
        measure_handshakes(strcmp(argv[1], "resumed") == 0, count);
    }
    printf("%.3f\n", (double)memory.server_ns / 1e3 / (double)count);
    return 0;
}
