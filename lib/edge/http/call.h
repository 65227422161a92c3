/** One request to the mail application, whichever server has received it: a
 * session from its head to its answer. */
#ifndef EDGE_HTTP_CALL_H
#define EDGE_HTTP_CALL_H

#include "base/arena.h"
#include "edge/http/edge.h"
#include "edge/session.h"
#include "http/answer.h"
#include "http/head.h"
#include "smtp/hops.h"

/** What a call asks of the server that it came with. All of it runs on the
 * loop, also inside the functions below. */
struct sli_edge_http_owner {
    /** What the call waits for is due in `time_ms`. */
    void (*wait)(struct http_edge_call *call, uint64_t time_ms);
    /** The body is wanted. */
    void (*proceed)(struct http_edge_call *call);
    /** The answer, lent; once. The call is over when it returns. `closes`: the
     * connection is not to be used again. */
    void (*respond)(struct http_edge_call *call,
        const struct sli_http_response *response, int closes);
    /** Something that was waited for is there. */
    void (*go_on)(struct http_edge_call *call);
};

/** Where a request comes from. Borrowed until begin returns, but for what it
 * points to. */
struct sli_edge_http_origin {
    struct slimta_address client;
    struct slimta_address peer;
    struct slimta_address local;
    struct slimta_proxy *proxy;        /**< as long as the call; or NULL */
    const struct slimta_tls_info *tls; /**< the same */
    int is_tls;
    uint64_t connection; /**< its id in events; 0: none */
};

enum sli_edge_http_stage {
    SLI_EDGE_HTTP_HEAD,    /* who it is from and for is being judged */
    SLI_EDGE_HTTP_BODY,    /* the message comes */
    SLI_EDGE_HTTP_END,     /* it is whole: the queue has the word */
    SLI_EDGE_HTTP_ANSWERED /* it is over */
};

/** The questions of a head, in their order. */
enum sli_edge_http_step {
    SLI_EDGE_HTTP_STEP_TLS,
    SLI_EDGE_HTTP_STEP_CONNECT,
    SLI_EDGE_HTTP_STEP_EHLO,
    SLI_EDGE_HTTP_STEP_AUTH,
    SLI_EDGE_HTTP_STEP_KEY,
    SLI_EDGE_HTTP_STEP_MAIL,
    SLI_EDGE_HTTP_STEP_RCPT,
    SLI_EDGE_HTTP_STEP_HEADER,
    SLI_EDGE_HTTP_STEP_DATA,
    SLI_EDGE_HTTP_STEPS
};

struct sli_edge_http_recipient {
    struct sli_edge_http_recipient *next;
    const char *address;
    int is_refused; /* at RCPT: it is not in the envelope */
};

struct sli_edge_http_header {
    struct sli_edge_http_header *next;
    const char *name; /* as in the options */
    const char *value;
};

/** Held by value, by whoever owns it. */
struct http_edge_call {
    struct slimta_session base; /* first: the two are cast into each other */
    struct http_edge *edge;
    const struct sli_edge_http_owner *owner;
    uint64_t connection;
    enum sli_edge_http_stage stage;
    enum sli_edge_http_step step;

    struct sli_arena memory; /* for what was read out of the head: */
    const char *method;      /* NULL unless events are told */
    const char *target;
    const char *ehlo_as;
    const char *sender;
    struct slimta_mail_params params;
    struct sli_edge_http_recipient *recipients;
    struct sli_edge_http_header *headers;
    const struct sli_sasl_mechanism *mechanism; /* NULL: no credentials */
    char *credentials; /* the mechanism's message; wiped */
    size_t credentials_size;

    struct sli_edge_http_recipient *recipient; /* that is asked about */
    struct sli_edge_http_header *header;
    uint64_t index;                     /* of the recipient */
    uint64_t taken;                     /* recipients that were accepted */
    struct sli_buf refused;             /* X-Smtp-Rcpt-Reply */
    struct slimta_reply *first_refusal; /* of a recipient; or NULL */

    uint64_t bytes; /* of the body so far */
    struct sli_smtp_hops hops;
    uint64_t message_ms; /* when the body was wanted */

    const char *key_text;          /* Idempotency-Key; NULL without one */
    struct sli_edge_http_key *key; /* that is ours while it runs, or NULL */
    struct sli_tls_digest *digest; /* of the request; NULL without a key */
    struct sli_edge_http_keys_answer known; /* that was given before */

    unsigned char is_tls;
    unsigned char is_known; /* `known` is filled: nothing is queued */
    unsigned char is_open;  /* validators may have been asked */
    unsigned char is_due;   /* the next step is to be taken */
    unsigned char is_advancing;
    unsigned char has_message; /* `message` or `aborted` is to be told */
    unsigned char is_accepted; /* a queue has taken the message */
};

static inline struct http_edge_call *sli_edge_http_call_of(
    struct slimta_session *base)
{
    return (struct http_edge_call *)base;
}

/**
 * A request's head is there, borrowed until return. The owner's `respond`, or
 * its `proceed`, follows; either may come before this returns.
 */
void sli_edge_http_call_begin(struct http_edge_call *call,
    struct http_edge *edge, struct sli_edge_shard *shard,
    const struct sli_edge_http_owner *owner,
    const struct sli_edge_http_origin *origin,
    const struct sli_http_request *request);

/** Whether no octets can be taken now. */
int sli_edge_http_call_is_busy(const struct http_edge_call *call);

/** Whether it waits for its body, or is over. */
static inline int sli_edge_http_call_is_over(const struct http_edge_call *call)
{
    return call->stage == SLI_EDGE_HTTP_ANSWERED;
}

/** Octets of the body, at most SLIMTA_WRITE_MAX; not while it is busy, and only
 * since `proceed`. */
void sli_edge_http_call_content(
    struct http_edge_call *call, struct slimta_slice octets);

/** The body is complete; not while it is busy. */
void sli_edge_http_call_end(struct http_edge_call *call);

/** Nobody waits for the answer: the call is over, without `respond`. */
void sli_edge_http_call_abort(
    struct http_edge_call *call, enum slimta_closed reason);

/* For the application's own files. */

/** The head has passed: the body is wanted. */
void sli_edge_http_call_proceed(struct http_edge_call *call);

/** Answers, and the call is over. */
void sli_edge_http_call_refuse(
    struct http_edge_call *call, enum sli_http_refusal refusal);
void sli_edge_http_call_reply(struct http_edge_call *call,
    const struct slimta_reply *reply, const char *command);
void sli_edge_http_call_respond(struct http_edge_call *call,
    const struct sli_http_response *response, int closes);

#endif
