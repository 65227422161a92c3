/** What the test hosts of the HTTP edge share: requests, responses, a running
 * edge. */
#include "web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* More octets into the client's buffer; 0 at the end, -1 on error. */
static int read_more(struct host_client *client)
{
    ssize_t got;

    do {
        got = recv(client->fd, client->buffer + client->held,
            sizeof client->buffer - client->held - 1, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        client->held += (size_t)got;
        client->buffer[client->held] = '\0';
    }
    return got < 0 ? -1 : got > 0;
}

static void take(struct host_client *client, char *out, size_t size)
{
    memcpy(out, client->buffer, size);
    out[size] = '\0';
    memmove(client->buffer, client->buffer + size, client->held - size + 1);
    client->held -= size;
}

static int read_head(struct host_client *client, struct web_response *response)
{
    char *end = NULL;

    client->buffer[client->held] = '\0';
    while ((end = strstr(client->buffer, "\r\n\r\n")) == NULL) {
        int got = read_more(client);

        if (got <= 0) {
            return got == 0 && client->held == 0 ? 0 : -1;
        }
    }
    take(client, response->headers, (size_t)(end - client->buffer) + 4);
    return strncmp(response->headers, "HTTP/1.1 ", 9) == 0
        ? atoi(response->headers + 9)
        : -1;
}

int web_read(
    struct host_client *client, struct web_response *response, int is_head)
{
    char length[1024];
    size_t size = 0;

    memset(response, 0, sizeof *response);
    response->status = read_head(client, response);
    if (response->status <= 0 || is_head || response->status == 100 ||
        !web_header(response, "Content-Length", length)) {
        return response->status;
    }
    size = (size_t)strtoul(length, NULL, 10);
    while (client->held < size) {
        if (size >= sizeof response->body || read_more(client) <= 0) {
            return -1;
        }
    }
    take(client, response->body, size);
    return response->status;
}

int web_ask(struct host_client *client, struct web_response *response,
    const char *request)
{
    if (host_client_send(client, request, strlen(request)) != 0) {
        return -1;
    }
    return web_read(client, response, strncmp(request, "HEAD ", 5) == 0);
}

int web_ask_once(const struct slimta_address *address,
    struct web_response *response, const char *request)
{
    struct host_client client;
    int status = -1;

    if (host_client_open(&client, address) == 0) {
        status = web_ask(&client, response, request);
        host_client_close(&client);
    }
    return status;
}

int web_header(
    const struct web_response *response, const char *name, char value[1024])
{
    const char *line = strstr(response->headers, "\r\n");
    size_t size = strlen(name);

    for (; line != NULL; line = strstr(line + 2, "\r\n")) {
        const char *text = line + 2;

        if (strncasecmp(text, name, size) == 0 &&
            strncmp(text + size, ": ", 2) == 0) {
            text += size + 2;
            snprintf(value, 1024, "%.*s", (int)strcspn(text, "\r\n"), text);
            return 1;
        }
    }
    return 0;
}

void web_expect_header(
    const struct web_response *response, const char *name, const char *value)
{
    char got[1024] = "";
    int is_there = web_header(response, name, got);

    if (is_there != (value != NULL) ||
        (value != NULL && strcmp(got, value) != 0)) {
        fail_msg("%s is '%s', not '%s', in\n%s", name,
            is_there ? got : "(none)", value == NULL ? "(none)" : value,
            response->headers);
    }
}

void web_start(struct web_edge *web, const struct http_edge_options *options,
    struct slimta_queue *queue, struct host_policy *const policies[])
{
    const struct http_edge_options plain = {
        .size = sizeof plain, .hostname = "mx.example.net"};
    struct slimta_error error = {0};
    int err = 0;

    memset(web, 0, sizeof *web);
    assert_int_equal(sem_init(&web->stopped, 0, 0), 0);
    err = http_edge_new(
        &web->edge, options == NULL ? &plain : options, queue, &error);
    for (; err == 0 && policies != NULL && *policies != NULL; ++policies) {
        err = http_edge_add_validators(web->edge, &(*policies)->table, &error);
    }
    if (err == 0) {
        err = http_edge_listen(web->edge, "127.0.0.1", 0, &error);
    }
    if (err == 0) {
        err = http_edge_start(web->edge, NULL, &error);
    }
    if (err != 0) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(http_edge_address(web->edge, 0, &web->address), 1);
}

void web_stopped(struct http_edge *edge, void *user)
{
    struct web_edge *web = user;

    (void)edge;
    sem_post(&web->stopped);
}

void web_stop(struct web_edge *web, uint64_t drain_ms)
{
    assert_int_equal(http_edge_stop(web->edge, drain_ms, web_stopped, web), 0);
    assert_true(host_wait(&web->stopped));
    http_edge_free(web->edge);
    web->edge = NULL;
    sem_destroy(&web->stopped);
}
