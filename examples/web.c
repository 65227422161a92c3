/** The HTTP server that a host has already, as small as can be. */
#include "web.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FIELDS = 64, MAX_INPUT = 32768, MAX_OUTPUT = 8192 };

enum state {
    HEAD,    /**< its end has not come yet */
    BODY,    /**< goes to the app as it comes */
    PAUSED,  /**< the app does not want it now */
    WAITING, /**< it is complete: the app's turn */
    ANSWERED /**< what still comes is dropped, until the client closes */
};

struct exchange {
    int fd; /* -1: there is no client */
    enum state state;
    const struct web_app *app;
    void *user;
    struct http_edge_request request;
    struct http_edge_field fields[MAX_FIELDS];
    uint64_t left; /* of the body */
    char input[MAX_INPUT];
    size_t size;
    char output[MAX_OUTPUT];
    size_t output_size;
};

void *web_user(const struct exchange *exchange)
{
    return exchange->user;
}

void web_set_user(struct exchange *exchange, void *user)
{
    exchange->user = user;
}

void web_request(
    const struct exchange *exchange, struct http_edge_request *request)
{
    *request = exchange->request;
}

void web_resume(struct exchange *exchange)
{
    exchange->state = BODY;
}

/* --- Answers -------------------------------------------------------------- */

/* What does not fit is left out; what is empty may have no octets. */
static void put(struct exchange *exchange, struct slimta_slice text)
{
    if (text.size > 0 &&
        text.size <= sizeof exchange->output - exchange->output_size) {
        memcpy(exchange->output + exchange->output_size, text.data, text.size);
        exchange->output_size += text.size;
    }
}

static struct slimta_slice slice(const char *text)
{
    return (struct slimta_slice){text, strlen(text)};
}

void web_field(struct exchange *exchange, struct slimta_slice name,
    struct slimta_slice value)
{
    put(exchange, name);
    put(exchange, slice(": "));
    put(exchange, value);
    put(exchange, slice("\r\n"));
}

/* The client reads the answer to its end before the connection goes. */
void web_send(struct exchange *exchange, int status, const char *reason,
    struct slimta_slice body)
{
    char line[64];
    int size =
        snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, reason);

    web_field(exchange, slice("Connection"), slice("close"));
    put(exchange, slice("\r\n"));
    put(exchange, body);
    (void)send(exchange->fd, line, (size_t)size, MSG_NOSIGNAL | MSG_MORE);
    (void)send(
        exchange->fd, exchange->output, exchange->output_size, MSG_NOSIGNAL);
    (void)shutdown(exchange->fd, SHUT_WR);
    exchange->state = ANSWERED;
}

/* --- Requests ------------------------------------------------------------- */

/* The octets up to `end`, or to where the text ends, and moves behind it. */
static struct slimta_slice cut(char **at, const char *end)
{
    struct slimta_slice part = {*at, strcspn(*at, end)};

    *at += part.size + ((*at)[part.size] == '\0' ? 0 : 1);
    return part;
}

static void read_field(struct exchange *exchange, char **at)
{
    struct http_edge_field *field =
        &exchange->fields[exchange->request.field_count];

    field->name = cut(at, ":\r");
    *at += strspn(*at, " ");
    field->value = cut(at, "\r");
    *at += strspn(*at, "\n");
    exchange->request.field_count++;
    if (strncasecmp(field->name.data, "Content-Length:", 15) == 0) {
        exchange->left = strtoull(field->value.data, NULL, 10);
        exchange->request.body = SLIMTA_HTTP_BODY_SIZED;
        exchange->request.body_bytes = exchange->left;
    }
}

static void set_client(struct exchange *exchange)
{
    struct slimta_address *client = &exchange->request.client;
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;

    (void)getpeername(exchange->fd, (struct sockaddr *)&address, &size);
    client->family = SLIMTA_FAMILY_IPV4;
    client->port = ntohs(address.sin_port);
    memcpy(client->ip, &address.sin_addr, sizeof address.sin_addr);
}

/* `head` is terminated. */
static void read_head(struct exchange *exchange, char *head)
{
    exchange->request = (struct http_edge_request){
        .size = sizeof exchange->request,
        .method = cut(&head, " "),
        .target = cut(&head, " "),
        .fields = exchange->fields,
    };
    set_client(exchange);
    (void)cut(&head, "\n");
    while (*head != '\0' && exchange->request.field_count < MAX_FIELDS) {
        read_field(exchange, &head);
    }
}

static void begin(struct exchange *exchange, void *user)
{
    const struct slimta_slice target = exchange->request.target;
    size_t path = strlen(exchange->app->path);

    exchange->state = BODY;
    if (target.size < path ||
        memcmp(target.data, exchange->app->path, path) != 0) {
        web_send(exchange, 404, "Not Found", slice("No such page.\n"));
    } else {
        exchange->app->begin(exchange, user);
    }
}

static void pass_on(struct exchange *exchange)
{
    size_t size = exchange->size < exchange->left ? exchange->size
                                                  : (size_t)exchange->left;

    if (size == 0) {
        return;
    }
    if (exchange->app->body(
            exchange, (struct slimta_slice){exchange->input, size})) {
        exchange->left -= size;
        exchange->size = 0; /* what comes behind is no concern of ours */
    } else {
        exchange->state = PAUSED;
    }
}

/* Does as much as can be done with the octets that were read. */
static void advance(struct exchange *exchange, void *user)
{
    char *end;

    exchange->input[exchange->size] = '\0';
    end = strstr(exchange->input, "\r\n\r\n");
    if (exchange->state == HEAD && end != NULL) {
        size_t size = (size_t)(end - exchange->input) + 4;

        end[2] = '\0';
        read_head(exchange, exchange->input);
        begin(exchange, user);
        exchange->size -= size;
        memmove(exchange->input, exchange->input + size, exchange->size);
    }
    if (exchange->state == BODY) {
        pass_on(exchange);
    }
    if (exchange->state == BODY && exchange->left == 0) {
        exchange->state = WAITING;
        exchange->app->end(exchange);
    }
}

static void hang_up(struct exchange *exchange)
{
    if (exchange->user != NULL) {
        exchange->app->lost(exchange);
    }
    close(exchange->fd);
    exchange->fd = -1;
}

static void read_more(struct exchange *exchange)
{
    size_t room;
    ssize_t got;

    if (exchange->state == ANSWERED) {
        exchange->size = 0;
    }
    room = sizeof exchange->input - 1 - exchange->size;
    got = recv(exchange->fd, exchange->input + exchange->size, room, 0);
    if (got <= 0) { /* a head that is too long, too */
        hang_up(exchange);
    } else {
        exchange->size += (size_t)got;
    }
}

/* --- Serving -------------------------------------------------------------- */

static int listen_on(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        perror("cannot serve");
        close(listener);
        return -1;
    }
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    return listener;
}

static void wait_for_something(
    struct exchange *exchange, int listener, struct slimta_loop *loop)
{
    int wants_more = exchange->fd >= 0 && exchange->state != PAUSED;
    struct pollfd polled[] = {
        {.fd = slimta_loop_fd(loop), .events = POLLIN},
        {.fd = exchange->fd < 0 ? listener : -1, .events = POLLIN},
        {.fd = wants_more ? exchange->fd : -1, .events = POLLIN},
    };

    (void)poll(polled, 3, slimta_loop_timeout_ms(loop));
    if (polled[1].revents != 0) {
        *exchange = (struct exchange){
            .fd = accept(listener, NULL, NULL), .app = exchange->app};
    } else if (polled[2].revents != 0) {
        read_more(exchange);
    }
}

int web_serve(const char *port, struct slimta_loop *loop,
    const struct web_app *app, void *user)
{
    struct exchange exchange = {.fd = -1, .app = app};
    int listener = listen_on(port);

    if (listener < 0) {
        return -1;
    }
    while (slimta_loop_turn(loop) == 1) {
        if (exchange.fd >= 0) {
            advance(&exchange, user);
        }
        wait_for_something(&exchange, listener, loop);
    }
    if (exchange.fd >= 0) {
        hang_up(&exchange);
    }
    close(listener);
    return 0;
}
