/** What tests of handing on over HTTP play on: a next hop, a queue that leads
 * to it, an SMTP edge with that queue, and a client. */
#include "web_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void write_down(const struct slimta_event *event, void *user)
{
    struct web_relay *relay = user;
    char line[1024];

    (void)slimta_event_format(event, SLIMTA_LOG_TEXT, line, sizeof line);
    pthread_mutex_lock(&relay->lock);
    if (strlen(relay->log) + strlen(line) + 2 < sizeof relay->log) {
        strcat(strcat(relay->log, line), "\n");
    }
    pthread_cond_broadcast(&relay->news);
    pthread_mutex_unlock(&relay->lock);
}

struct web_relay *web_relay_prepare(
    const struct slimta_http_queue_options *options,
    const struct smtp_edge_options *edge)
{
    struct web_relay *relay = calloc(1, sizeof *relay);
    struct slimta_http_queue_options own = {.size = sizeof own};
    struct slimta_error error = {0};
    char url[128];

    assert_non_null(relay);
    pthread_mutex_init(&relay->lock, NULL);
    pthread_cond_init(&relay->news, NULL);
    web_hop_open(&relay->hop);
    relay->client.fd = -1;
    if (options != NULL) {
        own = *options;
    }
    (void)snprintf(url, sizeof url, "http://%s/mail?to=us", relay->hop.text);
    own.urls = own.urls == NULL ? url : own.urls;
    own.event = write_down;
    own.event_user = relay;
    if (slimta_http_queue_new(&relay->queue, &own, &error) != 0) {
        fail_msg("%s", error.text);
    }
    host_edge_open(&relay->host, edge, relay->queue);
    return relay;
}

void web_relay_start(struct web_relay *relay)
{
    struct slimta_error error = {0};

    if (smtp_edge_start(relay->host.edge, NULL, &error) != 0) {
        fail_msg("%s", error.text);
    }
    web_relay_connect(relay);
}

struct web_relay *web_relay_new(const struct slimta_http_queue_options *options,
    const struct smtp_edge_options *edge)
{
    struct web_relay *relay = web_relay_prepare(options, edge);

    web_relay_start(relay);
    return relay;
}

void web_relay_close(struct web_relay *relay)
{
    host_client_close(&relay->client);
    if (relay->host.edge != NULL) {
        host_edge_stop(&relay->host, 1000);
    }
    slimta_queue_free(relay->queue);
    web_hop_close(&relay->hop);
    pthread_cond_destroy(&relay->news);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

void web_relay_ask(
    struct web_relay *relay, const char *words, const char *beginning)
{
    int code = host_client_ask(&relay->client, words);

    if (code <= 0 ||
        strncmp(relay->client.line, beginning, strlen(beginning)) != 0) {
        fail_msg("'%.80s' heard %d '%s', not '%s'\n%s", words, code,
            relay->client.line, beginning, relay->log);
    }
}

void web_relay_connect(struct web_relay *relay)
{
    host_client_close(&relay->client);
    assert_int_equal(host_client_open(&relay->client, &relay->host.address), 0);
    assert_int_equal(host_client_reply(&relay->client), 220);
    web_relay_ask(relay, "EHLO client.example\r\n", "250");
}

int web_relay_try(struct web_relay *relay, const char *octets, size_t size)
{
    static const char *const words[] = {"MAIL FROM:<a@example.com>\r\n",
        "RCPT TO:<b@example.net>\r\n", "RCPT TO:<c@example.net>\r\n",
        "DATA\r\n"};
    int code = -1;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        code = host_client_ask(&relay->client, words[i]);
        if (code <= 0 || code >= 400) {
            return code;
        }
    }
    if (host_client_send(&relay->client, octets, size) != 0) {
        return -1;
    }
    return host_client_ask(&relay->client, ".\r\n");
}

void web_relay_deliver(struct web_relay *relay, const char *beginning)
{
    int code = web_relay_try(relay, HOST_MESSAGE, strlen(HOST_MESSAGE));

    if (code <= 0 ||
        strncmp(relay->client.line, beginning, strlen(beginning)) != 0) {
        fail_msg("heard %d '%s', not '%s'\n%s", code, relay->client.line,
            beginning, relay->log);
    }
}

size_t web_relay_told(struct web_relay *relay, const char *text)
{
    const char *at;
    size_t count = 0;

    pthread_mutex_lock(&relay->lock);
    at = relay->log;
    while ((at = strstr(at, text)) != NULL) {
        count++;
        at += strlen(text);
    }
    pthread_mutex_unlock(&relay->lock);
    return count;
}

void web_relay_await(struct web_relay *relay, const char *text)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&relay->lock);
    while (strstr(relay->log, text) == NULL &&
        pthread_cond_timedwait(&relay->news, &relay->lock, &end) == 0) {
    }
    pthread_mutex_unlock(&relay->lock);
    assert_true(web_relay_told(relay, text) > 0);
}
