/** What tests of handing on play on: a next hop, a queue that leads to it, an
 * edge with that queue, and a client. */
#include "smtp_relay.h"

#include <stdlib.h>
#include <string.h>

static void write_down(const struct slimta_event *event, void *user)
{
    struct smtp_relay *relay = user;
    char line[1024];

    (void)slimta_event_format(event, SLIMTA_LOG_TEXT, line, sizeof line);
    pthread_mutex_lock(&relay->lock);
    if (strlen(relay->log) + strlen(line) + 2 < sizeof relay->log) {
        strcat(strcat(relay->log, line), "\n");
    }
    pthread_mutex_unlock(&relay->lock);
}

struct smtp_relay *smtp_relay_prepare(int is_lmtp)
{
    struct smtp_relay *relay = calloc(1, sizeof *relay);

    assert_non_null(relay);
    pthread_mutex_init(&relay->lock, NULL);
    hop_open(&relay->hop);
    relay->hop.is_lmtp = is_lmtp;
    relay->client.fd = -1;
    return relay;
}

void smtp_relay_start(struct smtp_relay *relay,
    const struct slimta_smtp_queue_options *options,
    const struct smtp_edge_options *edge)
{
    struct slimta_smtp_queue_options own = {.size = sizeof own};
    struct slimta_error error = {0};
    int err;

    if (options != NULL) {
        own = *options;
    }
    own.size = sizeof own;
    own.hosts = own.hosts == NULL ? relay->hop.text : own.hosts;
    own.ehlo_name = "edge.example";
    own.event = write_down;
    own.event_user = relay;
    if (options == NULL || options->tls == NULL) {
        own.tls_policy = SLIMTA_HOP_TLS_OFF;
    }
    err = relay->hop.is_lmtp
        ? slimta_lmtp_queue_new(&relay->queue, &own, &error)
        : slimta_smtp_queue_new(&relay->queue, &own, &error);
    if (err != 0) {
        fail_msg("%s", error.text);
    }
    host_edge_start(&relay->host, edge, relay->queue);
}

struct smtp_relay *smtp_relay_new(
    const struct slimta_smtp_queue_options *options,
    const struct smtp_edge_options *edge, int is_lmtp)
{
    struct smtp_relay *relay = smtp_relay_prepare(is_lmtp);

    smtp_relay_start(relay, options, edge);
    smtp_relay_connect(relay);
    return relay;
}

struct smtp_relay *smtp_relay_new_lmtp(void)
{
    const struct smtp_edge_options edge = {
        .size = sizeof edge, .dialect = SLIMTA_DIALECT_LMTP};
    struct smtp_relay *relay = smtp_relay_prepare(1);

    smtp_relay_start(relay, NULL, &edge);
    assert_int_equal(host_client_open(&relay->client, &relay->host.address), 0);
    assert_int_equal(host_client_reply(&relay->client), 220);
    smtp_relay_ask(relay, "LHLO client.example\r\n", "250");
    return relay;
}

void smtp_relay_close(struct smtp_relay *relay)
{
    host_client_close(&relay->client);
    if (relay->host.edge != NULL) {
        host_edge_stop(&relay->host, 1000);
    }
    slimta_queue_free(relay->queue);
    hop_close_all(&relay->hop);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

void smtp_relay_ask(
    struct smtp_relay *relay, const char *words, const char *beginning)
{
    int code = host_client_ask(&relay->client, words);

    if (code <= 0 ||
        strncmp(relay->client.line, beginning, strlen(beginning)) != 0) {
        fail_msg("'%s' heard %d '%s', not '%s'\n%s", words, code,
            relay->client.line, beginning, relay->log);
    }
}

void smtp_relay_connect(struct smtp_relay *relay)
{
    host_client_close(&relay->client);
    assert_int_equal(host_client_open(&relay->client, &relay->host.address), 0);
    assert_int_equal(host_client_reply(&relay->client), 220);
    smtp_relay_ask(relay, "EHLO client.example\r\n", "250");
}

int smtp_relay_try(struct smtp_relay *relay)
{
    static const char *const words[] = {
        SMTP_RELAY_MAIL, SMTP_RELAY_RCPT, "DATA\r\n", HOST_MESSAGE ".\r\n"};
    int code = -1;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        code = host_client_ask(&relay->client, words[i]);
        if (code <= 0 || code >= 400) {
            break;
        }
    }
    return code;
}

void smtp_relay_deliver(struct smtp_relay *relay)
{
    int code = smtp_relay_try(relay);

    if (code != 250) {
        fail_msg("heard %d '%s'\n%s", code, relay->client.line, relay->log);
    }
}

void smtp_relay_expect_taken(struct smtp_relay *relay, size_t wanted)
{
    assert_true(hop_wait(&relay->hop, &relay->hop.taken, wanted));
    assert_int_equal(hop_count(&relay->hop, &relay->hop.taken), wanted);
}

size_t smtp_relay_told(struct smtp_relay *relay, const char *name)
{
    const char *at;
    size_t count = 0;

    pthread_mutex_lock(&relay->lock);
    at = relay->log;
    while ((at = strstr(at, name)) != NULL) {
        count++;
        at += strlen(name);
    }
    pthread_mutex_unlock(&relay->lock);
    return count;
}
