/** A client that sends mail over HTTP as python-slimta's HttpRelay does, and
 * understands no more of the answer than that. */
#ifndef E2E_HTTPRELAY_H
#define E2E_HTTPRELAY_H

#include "web.h"

struct httprelay_mail {
    const char *path;
    const char *ehlo;
    const char *sender; /* "": the null sender */
    const char *const *recipients;
    size_t recipient_count;
    struct slimta_slice head; /* with the empty line */
    struct slimta_slice body;
};

/** What becomes of the message at the relay. */
enum httprelay_outcome {
    HTTPRELAY_DELIVERED,
    HTTPRELAY_PERMANENT, /* it is bounced */
    HTTPRELAY_TRANSIENT, /* it is tried again */
    HTTPRELAY_NOT_READY, /* the last answer was not read to its end: an error */
    HTTPRELAY_LOST       /* the connection broke: the relay hangs for ever */
};

extern const char *const httprelay_outcome_names[HTTPRELAY_LOST + 1];

struct httprelay_answer {
    int status;
    int code; /* of X-Smtp-Reply; 0: none that the relay understands */
    char message[512];
    char command[32];
};

struct httprelay {
    struct slimta_address address;
    int keeps; /* it has an idle_timeout: connections are used again */
    int is_connected;
    int has_unread; /* the end of an answer was never read */
    size_t connections;
    struct host_client client;
};

void httprelay_init(
    struct httprelay *relay, const struct slimta_address *address, int keeps);
void httprelay_fini(struct httprelay *relay);

/** One message. Nothing of it asserts. */
enum httprelay_outcome httprelay_deliver(struct httprelay *relay,
    const struct httprelay_mail *mail, struct httprelay_answer *answer);

#endif
