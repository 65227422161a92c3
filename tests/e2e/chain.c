/** What tests of a whole chain play on: a client, an edge that hands on over
 * HTTP, an HTTP edge that hands on over SMTP or LMTP, and what stands behind
 * it. */
#include "chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a step of a hasty chain may take. */
enum { HASTE_MS = 300 };

static void write_down(const struct slimta_event *event, void *user)
{
    struct chain *chain = user;
    char line[1024];

    (void)slimta_event_format(event, SLIMTA_LOG_TEXT, line, sizeof line);
    pthread_mutex_lock(&chain->lock);
    if (strlen(chain->log) + strlen(line) + 2 < sizeof chain->log) {
        strcat(strcat(chain->log, line), "\n");
    }
    pthread_mutex_unlock(&chain->lock);
}

static void start_last(struct chain *chain)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "last.example",
        .dialect = chain->options.ends_with_lmtp ? SLIMTA_DIALECT_LMTP
                                                 : SLIMTA_DIALECT_SMTP};
    struct host_policy *const policies[] = {&chain->policy, NULL};

    host_policy_init(&chain->policy);
    host_queue_init(&chain->sink, HOST_QUEUED);
    host_policy_start(&chain->last, &options, &chain->sink.queue, policies);
}

static void stop_last(struct chain *chain)
{
    host_edge_stop(&chain->last, 1000);
    host_policy_fini(&chain->policy);
    host_queue_fini(&chain->sink);
}

/* The HTTP edge, whose queue leads to the chain's end. */
static void start_middle(struct chain *chain)
{
    const struct http_edge_options options = {.size = sizeof options,
        .hostname = "middle.example",
        .flags = chain->options.flags};
    char hosts[64];
    const uint64_t patience_ms = chain->options.is_hasty ? HASTE_MS : 0;
    const struct slimta_smtp_queue_options queue = {.size = sizeof queue,
        .hosts = chain->options.ends_in_edge ? hosts : chain->hop.text,
        .ehlo_name = "middle.example",
        .tls_policy = SLIMTA_HOP_TLS_OFF,
        .connect_timeout_ms = patience_ms,
        .command_timeout_ms = patience_ms,
        .data_timeout_ms = patience_ms,
        .event = write_down,
        .event_user = chain};
    struct slimta_error error = {0};
    int err;

    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u",
        (unsigned)chain->last.address.port);
    err = chain->options.ends_with_lmtp
        ? slimta_lmtp_queue_new(&chain->smtp, &queue, &error)
        : slimta_smtp_queue_new(&chain->smtp, &queue, &error);
    if (err != 0) {
        fail_msg("%s", error.text);
    }
    web_start(&chain->middle, &options, chain->smtp, NULL);
}

static void start_first(struct chain *chain)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "first.example",
        .dialect = chain->options.begins_with_lmtp ? SLIMTA_DIALECT_LMTP
                                                   : SLIMTA_DIALECT_SMTP};
    char urls[64];
    const struct slimta_http_queue_options queue = {.size = sizeof queue,
        .urls = urls,
        .event = write_down,
        .event_user = chain};
    struct slimta_error error = {0};

    (void)snprintf(urls, sizeof urls, "http://127.0.0.1:%u/mail",
        (unsigned)chain->middle.address.port);
    if (slimta_http_queue_new(&chain->http, &queue, &error) != 0) {
        fail_msg("%s", error.text);
    }
    host_edge_start(&chain->first, &options, chain->http);
}

struct chain *chain_new(struct chain_options options)
{
    struct chain *chain = calloc(1, sizeof *chain);

    assert_non_null(chain);
    pthread_mutex_init(&chain->lock, NULL);
    chain->options = options;
    chain->client.fd = -1;
    if (options.ends_in_edge) {
        start_last(chain);
    } else {
        hop_open(&chain->hop);
        chain->hop.is_lmtp = options.ends_with_lmtp;
    }
    start_middle(chain);
    start_first(chain);
    chain_connect(chain);
    return chain;
}

void chain_close(struct chain *chain)
{
    host_client_close(&chain->client);
    host_edge_stop(&chain->first, 1000);
    slimta_queue_free(chain->http);
    web_stop(&chain->middle, 1000);
    slimta_queue_free(chain->smtp);
    if (chain->options.ends_in_edge) {
        stop_last(chain);
    } else {
        hop_close_all(&chain->hop);
    }
    pthread_mutex_destroy(&chain->lock);
    free(chain);
}

void chain_connect(struct chain *chain)
{
    host_client_close(&chain->client);
    assert_int_equal(
        host_client_open(&chain->client, &chain->first.address), 0);
    chain_hear(chain, "220");
    chain_ask(chain,
        chain->options.begins_with_lmtp ? "LHLO client.example\r\n"
                                        : "EHLO client.example\r\n",
        "250");
}

void chain_hear(struct chain *chain, const char *beginning)
{
    int code = host_client_reply(&chain->client);

    if (code <= 0 ||
        strncmp(chain->client.line, beginning, strlen(beginning)) != 0) {
        fail_msg("heard %d '%s', not '%s'\n%s", code, chain->client.line,
            beginning, chain->log);
    }
}

void chain_ask(struct chain *chain, const char *words, const char *beginning)
{
    assert_int_equal(host_client_send(&chain->client, words, strlen(words)), 0);
    chain_hear(chain, beginning);
}

void chain_deliver(struct chain *chain, const char *beginning)
{
    chain_ask(chain, "MAIL FROM:<a@example.com>\r\n", "250");
    chain_ask(chain, "RCPT TO:<b@example.net>\r\n", "250");
    chain_ask(chain, "DATA\r\n", "354");
    chain_ask(chain, HOST_MESSAGE ".\r\n", beginning);
}

size_t chain_told(struct chain *chain, const char *name)
{
    const char *at;
    size_t count = 0;

    pthread_mutex_lock(&chain->lock);
    at = chain->log;
    while ((at = strstr(at, name)) != NULL) {
        count++;
        at += strlen(name);
    }
    pthread_mutex_unlock(&chain->lock);
    return count;
}
