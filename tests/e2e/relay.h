/** What tests of handing on play on: a next hop, a queue that leads to it, an
 * edge with that queue, and a client. All of it asserts. */
#ifndef E2E_RELAY_H
#define E2E_RELAY_H

#include "hop.h"

#define RELAY_MAIL "MAIL FROM:<a@example.com>\r\n"
#define RELAY_RCPT "RCPT TO:<b@example.net>\r\n"

struct relay {
    struct hop hop;
    struct slimta_queue *queue;
    struct host_edge host;
    struct host_client client;
    pthread_mutex_t lock;
    char log[65536]; /* events of the queue as lines of text */
};

/** `options` may be NULL; size, hosts (unless given), ehlo_name and event are
 * the relay's, and without a policy of TLS it is off. `edge` may be NULL. */
struct relay *relay_new(const struct slimta_smtp_queue_options *options,
    const struct smtp_edge_options *edge, int is_lmtp);

/** The same without a start: hop->... may be set before. */
struct relay *relay_prepare(int is_lmtp);
void relay_start(struct relay *relay,
    const struct slimta_smtp_queue_options *options,
    const struct smtp_edge_options *edge);

/** Stops and frees all. */
void relay_close(struct relay *relay);

/** A new client, which says EHLO (or LHLO). */
void relay_connect(struct relay *relay);

/** Says something, and hears a reply that begins so. */
void relay_ask(struct relay *relay, const char *words, const char *beginning);

/** One message from MAIL on; the code of the last reply (the first that is not
 * a success), or -1. Nothing is asserted. */
int relay_try(struct relay *relay);

/** One message that is taken. */
void relay_deliver(struct relay *relay);

/** The hop comes to have said 250 to that many messages, and to no more. */
void relay_expect_taken(struct relay *relay, size_t wanted);

/** How often an event of that name was told. */
size_t relay_told(struct relay *relay, const char *name);

#endif
