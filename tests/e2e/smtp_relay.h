/** What tests of handing on play on: a next hop, a queue that leads to it, an
 * edge with that queue, and a client. All of it asserts. */
#ifndef E2E_SMTP_RELAY_H
#define E2E_SMTP_RELAY_H

#include "hop.h"

#define SMTP_RELAY_MAIL "MAIL FROM:<a@example.com>\r\n"
#define SMTP_RELAY_RCPT "RCPT TO:<b@example.net>\r\n"

struct smtp_relay {
    struct hop hop;
    struct slimta_queue *queue;
    struct host_edge host;
    struct host_client client;
    pthread_mutex_t lock;
    char log[65536]; /* events of the queue as lines of text */
};

/** `options` may be NULL; size, hosts (unless given), ehlo_name and event are
 * the relay's, and without a policy of TLS it is off. `edge` may be NULL. */
struct smtp_relay *smtp_relay_new(
    const struct slimta_smtp_queue_options *options,
    const struct smtp_edge_options *edge, int is_lmtp);

/** The same without a start: hop->... may be set before. */
struct smtp_relay *smtp_relay_prepare(int is_lmtp);
void smtp_relay_start(struct smtp_relay *relay,
    const struct slimta_smtp_queue_options *options,
    const struct smtp_edge_options *edge);

/** An edge of LMTP before a hop of LMTP, and a client that has said LHLO. */
struct smtp_relay *smtp_relay_new_lmtp(void);

/** Stops and frees all. */
void smtp_relay_close(struct smtp_relay *relay);

/** A new client, which says EHLO (or LHLO). */
void smtp_relay_connect(struct smtp_relay *relay);

/** Says something, and hears a reply that begins so. */
void smtp_relay_ask(
    struct smtp_relay *relay, const char *words, const char *beginning);

/** One message from MAIL on; the code of the last reply (the first that is not
 * a success), or -1. Nothing is asserted. */
int smtp_relay_try(struct smtp_relay *relay);

/** One message that is taken. */
void smtp_relay_deliver(struct smtp_relay *relay);

/** The hop comes to have said 250 to that many messages, and to no more. */
void smtp_relay_expect_taken(struct smtp_relay *relay, size_t wanted);

/** How often an event of that name was told. */
size_t smtp_relay_told(struct smtp_relay *relay, const char *name);

#endif
