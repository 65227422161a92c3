/** What tests of a whole chain play on: a client, an edge that hands on over
 * HTTP, an HTTP edge that hands on over SMTP or LMTP, and behind it an edge
 * with a queue of the test's, or a hop with every fault. All of it asserts. */
#ifndef E2E_CHAIN_H
#define E2E_CHAIN_H

#include "hop.h"
#include "web.h"

struct chain_options {
    int begins_with_lmtp; /* the first edge: each recipient has its reply */
    int ends_with_lmtp;
    int ends_in_edge; /* not in the hop */
    int is_hasty;     /* gives a hop that hangs little time */
    unsigned flags;   /* of the HTTP edge */
};

struct chain {
    struct chain_options options;
    struct host_client client;
    struct host_edge first;
    struct slimta_queue *http;
    struct web_edge middle;
    struct slimta_queue *smtp; /* or LMTP */
    struct hop hop;            /* when it ends in that */
    struct host_edge last;     /* when it ends in this */
    struct host_policy policy; /* of the last edge */
    struct host_queue sink;    /* HOST_QUEUED at first */
    pthread_mutex_t lock;
    char log[65536]; /* events of both queues as lines of text */
};

/** Everything runs, and a client has said EHLO (or LHLO). */
struct chain *chain_new(struct chain_options options);

/** Stops and frees all. */
void chain_close(struct chain *chain);

/** A new client, which says EHLO (or LHLO). */
void chain_connect(struct chain *chain);

/** Says something, and hears a reply that begins so. */
void chain_ask(struct chain *chain, const char *words, const char *beginning);

/** The next reply begins so. */
void chain_hear(struct chain *chain, const char *beginning);

/** Sends HOST_MESSAGE for one recipient; the reply to it begins so. */
void chain_deliver(struct chain *chain, const char *beginning);

/** How often an event of that name was told. */
size_t chain_told(struct chain *chain, const char *name);

#endif
