/** What tests of handing on over HTTP play on: a next hop, a queue that leads
 * to it, an SMTP edge with that queue, and a client. All of it asserts. */
#ifndef E2E_WEB_RELAY_H
#define E2E_WEB_RELAY_H

#include "web_hop.h"

struct web_relay {
    struct web_hop hop;
    struct slimta_queue *queue;
    struct host_edge host;
    struct host_client client;
    pthread_mutex_t lock;
    pthread_cond_t news;
    char log[65536]; /* events of the queue as lines of text */
};

/** `options` may be NULL; size, urls (unless given) and event are the relay's.
 * `edge` may be NULL. */
struct web_relay *web_relay_new(const struct slimta_http_queue_options *options,
    const struct smtp_edge_options *edge);

/** The same before it starts: for validators. */
struct web_relay *web_relay_prepare(
    const struct slimta_http_queue_options *options,
    const struct smtp_edge_options *edge);
void web_relay_start(struct web_relay *relay);

/** Stops and frees all. */
void web_relay_close(struct web_relay *relay);

/** A new client, which says EHLO. */
void web_relay_connect(struct web_relay *relay);

/** Says something, and hears a reply that begins so. */
void web_relay_ask(
    struct web_relay *relay, const char *words, const char *beginning);

/** One message with these octets; the code of the last reply (the first that
 * is no success), or -1. Nothing is asserted. */
int web_relay_try(struct web_relay *relay, const char *octets, size_t size);

/** One HOST_MESSAGE, whose last reply begins so. */
void web_relay_deliver(struct web_relay *relay, const char *beginning);

/** How often a text was told. */
size_t web_relay_told(struct web_relay *relay, const char *text);

/** Waits until it was. */
void web_relay_await(struct web_relay *relay, const char *text);

#endif
