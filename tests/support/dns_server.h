/** A name server that does what a test wants: on loopback, in the test's own
 * libuv loop, over UDP and TCP. */
#ifndef SUPPORT_DNS_SERVER_H
#define SUPPORT_DNS_SERVER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <uv.h>

#include "test.h"

enum dns_how {
    DNS_ANSWER = 0,
    DNS_SILENT,     /**< nothing comes back */
    DNS_HOLD,       /**< not before dns_server_release */
    DNS_WRONG_ID,   /**< first a forgery with another id, then the answer */
    DNS_WRONG_NAME, /**< first one to another question */
    DNS_TRUNCATED,  /**< over UDP cut, over TCP whole */
    DNS_ALWAYS_TRUNCATED,
    DNS_GARBAGE /**< the id, then octets that are no message */
};

/** What is answered to one question. The last rule of a table is all zero. */
struct dns_rule {
    const char *name;
    unsigned type;
    enum dns_how how;
    unsigned rcode;
    unsigned count; /**< of records with these octets */
    uint32_t ttl;
    uint32_t soa_ttl; /**< 0: no SOA in the authority section */
    const char *octets;
    size_t size;
    int is_alias; /**< a CNAME with these octets comes first, then nothing */
};

#define DNS_OCTETS(text) .octets = (text), .size = sizeof(text) - 1

#define DNS_HELD_MAX 512
#define DNS_MESSAGE_MAX 65535

struct dns_held {
    struct sockaddr_in from;
    char *message;
    size_t size;
};

struct dns_server {
    uv_udp_t udp;
    uv_tcp_t tcp;
    uint16_t port;
    const struct dns_rule *rules;
    unsigned asked;     /**< questions that came */
    unsigned asked_tcp; /**< those over TCP */
    unsigned open;      /**< handles */
    struct dns_held held[DNS_HELD_MAX];
    unsigned held_count;
    char servers[32]; /**< for options */
    char input[DNS_MESSAGE_MAX];
    char output[DNS_MESSAGE_MAX + 2];
};

struct dns_client {
    uv_tcp_t tcp;
    struct dns_server *server;
    char octets[1024];
    size_t size;
};

static inline void dns_put(char **at, unsigned value, int octets)
{
    for (int i = octets - 1; i >= 0; i--) {
        *(*at)++ = (char)(value >> (8 * i));
    }
}

/** The name and type of a question as text; the size of its octets. */
static inline size_t dns_question(
    const char *message, size_t size, char name[256], unsigned *type)
{
    size_t at = 12;
    size_t out = 0;

    while (at < size && message[at] != 0) {
        size_t label = (unsigned char)message[at++];

        assert_true(at + label < size);
        if (out > 0) {
            name[out++] = '.';
        }
        memcpy(name + out, message + at, label);
        out += label;
        at += label;
    }
    name[out] = '\0';
    assert_true(at + 5 <= size);
    *type =
        (unsigned char)message[at + 1] << 8 | (unsigned char)message[at + 2];
    return at + 5 - 12;
}

static inline const struct dns_rule *dns_find(
    const struct dns_server *server, const char *name, unsigned type)
{
    const struct dns_rule *rule = server->rules;

    while (rule->name != NULL &&
        (strcasecmp(rule->name, name) != 0 || rule->type != type)) {
        rule++;
    }
    return rule;
}

static inline void dns_put_record(
    char **at, unsigned type, uint32_t ttl, const char *octets, size_t size)
{
    dns_put(at, 0xC00C, 2); /* the question's name */
    dns_put(at, type, 2);
    dns_put(at, 1, 2);
    dns_put(at, ttl, 4);
    dns_put(at, (unsigned)size, 2);
    if (size > 0) {
        memcpy(*at, octets, size);
    }
    *at += size;
}

/** Without a rule there is no such name. */
static inline size_t dns_answer(char *out, const char *query, size_t question,
    const struct dns_rule *rule, unsigned type, int is_cut)
{
    static const char zeros[18];
    unsigned rcode = rule->name == NULL ? 3 : rule->rcode;
    unsigned count = is_cut ? 0 : rule->count;
    char *at = out;

    memcpy(at, query, 2);
    at += 2;
    dns_put(&at, 0x8180 | rcode | (is_cut ? 0x0200 : 0), 2);
    dns_put(&at, 1, 2);
    dns_put(&at, count, 2);
    dns_put(&at, rule->soa_ttl > 0, 2);
    dns_put(&at, 0, 2);
    memcpy(at, query + 12, question);
    at += question;
    for (unsigned i = 0; i < count; i++) {
        dns_put_record(&at, rule->is_alias ? 5 : type, rule->ttl, rule->octets,
            rule->size);
    }
    if (rule->soa_ttl > 0) {
        /* two root names, four numbers, the last field */
        dns_put_record(&at, 6, 86400, zeros, sizeof zeros);
        at[-18 - 2 + 1] = 22; /* the size, with the last field */
        dns_put(&at, rule->soa_ttl, 4);
    }
    return (size_t)(at - out);
}

static inline void dns_send(struct dns_server *server,
    const struct sockaddr *to, char *message, size_t size)
{
    uv_buf_t buffer = uv_buf_init(message, (unsigned)size);

    assert_int_equal(uv_udp_try_send(&server->udp, &buffer, 1, to), (int)size);
}

static inline void dns_hold(struct dns_server *server,
    const struct sockaddr *from, const char *message, size_t size)
{
    struct dns_held *held = &server->held[server->held_count++];

    assert_true(server->held_count <= DNS_HELD_MAX);
    held->from = *(const struct sockaddr_in *)(const void *)from;
    held->message = malloc(size);
    held->size = size;
    assert_non_null(held->message);
    memcpy(held->message, message, size);
}

/** Answers what was held, in order. */
static inline void dns_server_release(struct dns_server *server)
{
    for (unsigned i = 0; i < server->held_count; i++) {
        dns_send(server, (struct sockaddr *)&server->held[i].from,
            server->held[i].message, server->held[i].size);
        free(server->held[i].message);
    }
    server->held_count = 0;
}

static inline void dns_forge(struct dns_server *server,
    const struct sockaddr *from, enum dns_how how, size_t size)
{
    size_t at = how == DNS_WRONG_ID ? 1 : 13;

    server->output[at] = (char)(server->output[at] ^ 1);
    dns_send(server, from, server->output, size);
    server->output[at] = (char)(server->output[at] ^ 1);
}

static inline void dns_on_datagram(uv_udp_t *udp, ssize_t size,
    const uv_buf_t *buffer, const struct sockaddr *from, unsigned flags)
{
    struct dns_server *server = udp->data;
    char name[256];
    unsigned type;
    size_t question;
    const struct dns_rule *rule;
    size_t answer;

    (void)flags;
    if (size <= 0 || from == NULL) {
        return;
    }
    server->asked++;
    question = dns_question(buffer->base, (size_t)size, name, &type);
    rule = dns_find(server, name, type);
    answer = dns_answer(server->output, buffer->base, question, rule, type,
        rule->how == DNS_TRUNCATED || rule->how == DNS_ALWAYS_TRUNCATED);
    switch (rule->how) {
    case DNS_SILENT:
        return;
    case DNS_HOLD:
        dns_hold(server, from, server->output, answer);
        return;
    case DNS_GARBAGE:
        memset(server->output + 12 + question, 0xFF, 64);
        answer = 12 + question + 64;
        break;
    case DNS_WRONG_ID:
    case DNS_WRONG_NAME:
        dns_forge(server, from, rule->how, answer);
        break;
    case DNS_ANSWER:
    case DNS_TRUNCATED:
    case DNS_ALWAYS_TRUNCATED:
    default:
        break;
    }
    dns_send(server, from, server->output, answer);
}

static inline void dns_on_alloc(
    uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct dns_server *server = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(server->input, sizeof server->input);
}

static inline void dns_on_client_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static inline void dns_client_answer(struct dns_client *client)
{
    struct dns_server *server = client->server;
    char name[256];
    unsigned type;
    size_t question =
        dns_question(client->octets + 2, client->size - 2, name, &type);
    const struct dns_rule *rule = dns_find(server, name, type);
    size_t answer = dns_answer(server->output + 2, client->octets + 2, question,
        rule, type, rule->how == DNS_ALWAYS_TRUNCATED);
    char *at = server->output;
    uv_buf_t buffer = uv_buf_init(server->output, (unsigned)answer + 2);

    server->asked_tcp++;
    dns_put(&at, (unsigned)answer, 2);
    assert_int_equal(
        uv_try_write((uv_stream_t *)&client->tcp, &buffer, 1), (int)answer + 2);
    client->size = 0;
}

static inline void dns_on_client_alloc(
    uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct dns_client *client = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(client->octets + client->size,
        (unsigned)(sizeof client->octets - client->size));
}

static inline void dns_on_client_read(
    uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct dns_client *client = stream->data;

    (void)buffer;
    if (size < 0) {
        uv_close((uv_handle_t *)stream, dns_on_client_closed);
        return;
    }
    client->size += (size_t)size;
    if (client->size > 2 &&
        client->size - 2 ==
            (size_t)((unsigned char)client->octets[0] << 8 |
                (unsigned char)client->octets[1])) {
        dns_client_answer(client);
    }
}

static inline void dns_on_connection(uv_stream_t *listener, int status)
{
    struct dns_client *client = calloc(1, sizeof *client);

    assert_int_equal(status, 0);
    assert_non_null(client);
    client->server = listener->data;
    assert_int_equal(uv_tcp_init(listener->loop, &client->tcp), 0);
    client->tcp.data = client;
    uv_unref((uv_handle_t *)&client->tcp);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&client->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&client->tcp,
                         dns_on_client_alloc, dns_on_client_read),
        0);
}

/* UDP and TCP on one port: another one when somebody has this for TCP. */
static inline int dns_bind(struct dns_server *server, uv_loop_t *loop)
{
    struct sockaddr_in address;
    int size = sizeof address;

    assert_int_equal(uv_udp_init(loop, &server->udp), 0);
    assert_int_equal(uv_tcp_init(loop, &server->tcp), 0);
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(
        uv_udp_bind(&server->udp, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(
        uv_udp_getsockname(&server->udp, (struct sockaddr *)&address, &size),
        0);
    server->port = ntohs(address.sin_port);
    return uv_tcp_bind(&server->tcp, (struct sockaddr *)&address, 0) == 0 &&
        uv_listen((uv_stream_t *)&server->tcp, 8, dns_on_connection) == 0;
}

static inline void dns_on_closed(uv_handle_t *handle)
{
    ((struct dns_server *)handle->data)->open--;
}

/** Its handles do not keep the loop alive. */
static inline void dns_server_start(
    struct dns_server *server, uv_loop_t *loop, const struct dns_rule *rules)
{
    memset(server, 0, sizeof *server);
    server->rules = rules;
    server->udp.data = server;
    server->tcp.data = server;
    while (!dns_bind(server, loop)) {
        server->open = 2;
        uv_close((uv_handle_t *)&server->udp, dns_on_closed);
        uv_close((uv_handle_t *)&server->tcp, dns_on_closed);
        while (server->open > 0) {
            (void)uv_run(loop, UV_RUN_NOWAIT);
        }
    }
    server->open = 2;
    assert_int_equal(
        uv_udp_recv_start(&server->udp, dns_on_alloc, dns_on_datagram), 0);
    uv_unref((uv_handle_t *)&server->udp);
    uv_unref((uv_handle_t *)&server->tcp);
    (void)snprintf(server->servers, sizeof server->servers, "127.0.0.1:%u",
        (unsigned)server->port);
}

/** Clients that are still connected must have left, or leave with the loop's
 * next turns. */
static inline void dns_server_stop(struct dns_server *server, uv_loop_t *loop)
{
    for (unsigned i = 0; i < server->held_count; i++) {
        free(server->held[i].message);
    }
    server->held_count = 0;
    uv_close((uv_handle_t *)&server->udp, dns_on_closed);
    uv_close((uv_handle_t *)&server->tcp, dns_on_closed);
    while (server->open > 0) {
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
    for (int i = 0; i < 8; i++) {
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
}

#endif
