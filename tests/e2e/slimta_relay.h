/** A client that sends mail over HTTP as python-slimta's HttpRelay does, and
 * understands no more of the answer than that. */
#ifndef E2E_SLIMTA_RELAY_H
#define E2E_SLIMTA_RELAY_H

#include "web.h"

struct relay_mail {
    const char *path;
    const char *ehlo;
    const char *sender; /* "": the null sender */
    const char *const *recipients;
    size_t recipient_count;
    struct slimta_slice head; /* with the empty line */
    struct slimta_slice body;
};

/** What becomes of the message at the relay. */
enum relay_outcome {
    RELAY_DELIVERED,
    RELAY_PERMANENT, /* it is bounced */
    RELAY_TRANSIENT, /* it is tried again */
    RELAY_NOT_READY, /* the last answer was not read to its end: an error */
    RELAY_LOST       /* the connection broke: the relay hangs for ever */
};

extern const char *const relay_outcome_names[RELAY_LOST + 1];

struct relay_answer {
    int status;
    int code; /* of X-Smtp-Reply; 0: none that the relay understands */
    char message[512];
    char command[32];
};

struct relay {
    struct slimta_address address;
    int keeps; /* it has an idle_timeout: connections are used again */
    int is_connected;
    int has_unread; /* the end of an answer was never read */
    size_t connections;
    struct host_client client;
};

void relay_init(
    struct relay *relay, const struct slimta_address *address, int keeps);
void relay_fini(struct relay *relay);

/** One message. Nothing of it asserts. */
enum relay_outcome relay_deliver(struct relay *relay,
    const struct relay_mail *mail, struct relay_answer *answer);

#endif
