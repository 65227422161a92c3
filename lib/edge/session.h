/** What a session of either edge is made of, and what its host may know. */
#ifndef EDGE_SESSION_H
#define EDGE_SESSION_H

#include <slimta/envelope.h>
#include <slimta/session.h>
#include <slimta/validators.h>

#include "edge/handoff.h"
#include "edge/policy.h"
#include "edge/rate.h"
#include "edge/reverse.h"
#include "edge/shard.h"

struct sli_edge_exchange;

/** What the two doors answer differently. */
struct sli_edge_session_kind {
    /** Fills what the step's validators are told; all of it lives until the
     * engine is touched again. */
    void (*arguments)(struct slimta_session *session, enum sli_edge_step step,
        struct sli_edge_arguments *arguments);
    /** What a question lends belongs to the session, or with NULL to an op that
     * was taken. */
    void (*lent)(struct slimta_session *session, struct slimta_results *results,
        struct slimta_extensions *extensions);
    /** Something that was waited for is there: go on. */
    void (*go_on)(struct slimta_session *session);
    /** The protocol word, RFC 3848. */
    const char *(*protocol)(const struct slimta_session *session);
    int (*is_extended)(const struct slimta_session *session);

    /** What the session waits for now is due in `time_ms`. */
    void (*wait)(struct slimta_session *session, uint64_t time_ms);
    /** Answers what the validators or the queue were asked about; NULL: with
     * its default. */
    void (*answer)(
        struct slimta_session *session, const struct slimta_reply *reply);
    /** The session ends with `reply` as its last word. */
    void (*terminate)(
        struct slimta_session *session, const struct slimta_reply *reply);
    /** The session ends for want of memory. */
    void (*out_of_memory)(struct slimta_session *session);

    /** The queue has answered `begin` at the sender, a `recipient`, `begin`
     * before the content: `reply` is its refusal, or what the validators have
     * said (NULL: the default). */
    void (*opened)(struct slimta_session *session,
        const struct slimta_reply *reply, int is_refused);
    void (*listed)(struct slimta_session *session,
        const struct slimta_reply *reply, int is_refused);
    void (*begun)(struct slimta_session *session,
        const struct slimta_reply *reply, int is_refused);
    /** Whether the client is to send content. */
    int (*is_receiving)(const struct slimta_session *session);
    /** The reply for a message that the queue has taken. SLIMTA_ENOMEM. */
    int (*say_queued)(const struct slimta_session *session,
        struct slimta_reply *reply, const char *id);
    /** The queue's results are there, not yet answered; NULL: no matter. */
    void (*heard)(struct slimta_session *session);
    /** An attempt to prove who the client is has ended with `reply`. */
    void (*proved)(struct slimta_session *session,
        const struct slimta_reply *reply, int is_refused);
    /** A mechanism asks the client for more. SMTP only. */
    void (*challenge)(
        struct slimta_session *session, struct slimta_slice octets);
};

/** One pointer that a host, or a check of ours, keeps in a session. */
struct sli_edge_session_user {
    struct sli_edge_session_user *next;
    const void *key;
    void *user;
};

/** What a trusted peer has said of the client of a message. */
struct sli_edge_forwarded {
    const char *name;
    const char *address;
    const char *ehlo;
};

/** Comes first in the sessions of both doors. */
struct slimta_session {
    struct sli_edge_member member;
    const struct sli_edge_session_kind *kind;
    uint64_t id;
    struct slimta_address client;
    struct slimta_address peer;
    struct slimta_address local; /* known after PROXY and to validators */
    struct slimta_proxy *proxy;  /* the connection's, which frees it, or NULL */
    char *ehlo_as;               /* NULL before EHLO and HELO */
    struct sli_edge_reverse reverse;
    struct slimta_envelope *envelope;  /* of the transaction, or NULL */
    const struct slimta_tls_info *tls; /* the connection's; NULL in the clear */
    struct slimta_auth *auth;          /* NULL before AUTH */
    struct sli_edge_forwarded *forwarded; /* for the next message, or NULL */
    struct sli_edge_round round;     /* the validators that are being asked */
    struct sli_edge_handoff handoff; /* the message's way to the queue */
    struct sli_edge_rate rate;       /* the client's time for a message */
    struct sli_edge_exchange *exchange; /* of AUTH; NULL without one */
    struct slimta_slice octets;         /* of the message, for `chunk` */
    char *held;                     /* a copy of them, while `chunk` waits */
    struct slimta_reply *kept;      /* that a later answer needs, or NULL */
    struct slimta_results *results; /* for `queued` */
    int is_refused;                 /* by the queue */
    enum slimta_closed reason;
    void *user;
    struct sli_edge_session_user *users;
};

/** A number that nobody else in the process has or had. Any thread. */
uint64_t sli_edge_session_new_id(void);

/** A session of `shard` on a connection that has arrived there; without a
 * descriptor (-1) on one that the host has. Borrows its `proxy` until fini. */
void sli_edge_session_init(struct slimta_session *session,
    const struct sli_edge_session_kind *kind, struct sli_edge_shard *shard,
    const struct sli_edge_arrival *arrival);

/** Tells every table that the session is closed, and frees what it holds. */
void sli_edge_session_fini(struct slimta_session *session);

/** Takes over the name of EHLO or HELO. SLIMTA_ENOMEM. */
int sli_edge_session_set_ehlo(
    struct slimta_session *session, struct slimta_slice name);

/** The client has proved who it is; all is copied. SLIMTA_ENOMEM. */
int sli_edge_session_set_auth(
    struct slimta_session *session, struct slimta_credentials *credentials);

/** The same by the word of a trusted peer. `mechanism` is static. */
int sli_edge_session_set_login(
    struct slimta_session *session, const char *mechanism, const char *login);

/** What XFORWARD has said of the next message; NULL for what it has not, copied
 * in the place of what was said before. SLIMTA_ENOMEM. */
int sli_edge_session_set_forwarded(
    struct slimta_session *session, const struct sli_edge_forwarded *forwarded);

/** What the client has said of itself does not count any more: its EHLO name
 * and its AUTH. */
void sli_edge_session_forget(struct slimta_session *session);

/** What an envelope notes of the client. Borrowed from the session. */
struct slimta_client sli_edge_session_facts(
    const struct slimta_session *session);

/** Gives the transaction's envelope back, if there is one. */
void sli_edge_session_drop_envelope(struct slimta_session *session);

static inline struct sli_edge_shard *sli_edge_session_shard(
    const struct slimta_session *session)
{
    return session->member.shard;
}

#endif
