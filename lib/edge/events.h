/** What happens in an edge, told in one line each: to the counters always, to
 * the host when it listens. */
#ifndef EDGE_EVENTS_H
#define EDGE_EVENTS_H

#include <slimta/reply.h>
#include <slimta/session.h>
#include <slimta/tls.h>
#include <slimta/validators.h>

#include "edge/edge.h"

/*
 * All of it happens on the loop of `shard`, and is over when it returns: every
 * pointer is borrowed until then. `id` is slimta_session_id. A NULL reply is
 * the default success. The host may stop the edge meanwhile, nothing else, so
 * no lock may be held.
 */

/* The edge itself */

/** The first shard has begun: tells of every socket. */
void sli_edge_events_listening(const struct sli_edge_shard *shard);

/** The first shard has learned that the edge is to stop. */
void sli_edge_events_stopping(
    const struct sli_edge_shard *shard, uint64_t drain_ms);

/** The last shard is gone. On whatever thread it was. */
void sli_edge_events_stopped(const struct sli_edge *edge);

/** A connection that got no session; `reason` names the limit and is static.
 * Counts connections_refused. */
void sli_edge_events_refused(struct sli_edge_shard *shard,
    const struct slimta_address *client, const char *reason);

/** A connection whose PROXY header is wrong or missing, or may not be there;
 * `reason` is static. Counts proxy_errors. */
void sli_edge_events_proxy(struct sli_edge_shard *shard,
    const struct slimta_address *peer, const char *reason);

/** A connection could not be accepted: SLIMTA_EMFILE and the like are told as
 * DESCRIPTORS, SLIMTA_ENOMEM as MEMORY. Told once for a shortage, which is over
 * when it has not come again for some seconds. */
void sli_edge_events_short_of(struct sli_edge_shard *shard, int error);

/* One session */

/** A session has begun. Counts connections. */
void sli_edge_events_connect(struct sli_edge_shard *shard, uint64_t id,
    const struct slimta_address *client, const struct slimta_address *peer,
    const struct slimta_address *local);

/** The client's name is known, and confirmed. */
void sli_edge_events_reverse_name(const struct sli_edge_shard *shard,
    uint64_t id, const struct slimta_address *client, const char *name);

/** `verb` is "EHLO", "HELO", …; `ehlo_as` as the client said it. */
void sli_edge_events_ehlo(const struct sli_edge_shard *shard, uint64_t id,
    const char *verb, struct slimta_slice ehlo_as);

/** A handshake is done. Counts tls_handshakes and tls_resumptions. */
void sli_edge_events_tls(struct sli_edge_shard *shard, uint64_t id,
    const struct slimta_tls_info *info);

/** A handshake or a record has failed. Counts tls_errors. */
void sli_edge_events_tls_failed(
    struct sli_edge_shard *shard, uint64_t id, const char *reason);

/** Octets in the clear came behind STARTTLS, and were not looked at. */
void sli_edge_events_tls_discarded(
    const struct sli_edge_shard *shard, uint64_t id, uint64_t bytes);

/** A client has proved who it is. Counts auth_successes. */
void sli_edge_events_auth(
    struct sli_edge_shard *shard, uint64_t id, const struct slimta_auth *auth);

struct sli_edge_auth_failure {
    const char *mechanism;
    const char *authcid; /* "" when it was not told */
    int code;            /* 0: the client heard nothing */
    const char *reason;
};

/** It has not. Counts auth_failures. */
void sli_edge_events_auth_failed(struct sli_edge_shard *shard, uint64_t id,
    const struct sli_edge_auth_failure *failure);

/** MAIL was answered. Counts senders_refused. */
void sli_edge_events_mail(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice sender, const struct slimta_reply *reply);

/** RCPT was answered. Counts recipients_refused. */
void sli_edge_events_rcpt(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice recipient, const struct slimta_reply *reply);

/** Another command was answered with 4xx or 5xx. `verb` is told when it can be
 * one: up to 12 letters. */
void sli_edge_events_reject(const struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice verb, const struct slimta_reply *reply);

struct sli_edge_message_facts {
    struct slimta_slice sender;
    uint64_t recipients;
    uint64_t bytes;
    const char *queue_id; /* "" or NULL when there is none */
    uint64_t took_ms;     /* from the 354 to the reply */
};

/** A whole message was answered. Counts messages_accepted, _deferred or
 * _refused. */
void sli_edge_events_message(struct sli_edge_shard *shard, uint64_t id,
    const struct sli_edge_message_facts *facts,
    const struct slimta_reply *reply);

/** A message after its 354 will not come to its end; `bytes` of it came.
 * Counts messages_aborted. */
void sli_edge_events_aborted(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice sender, uint64_t bytes, enum slimta_closed reason);

/** The queue has accepted a message that was answered otherwise since. Counts
 * messages_late. */
void sli_edge_events_late_commit(struct sli_edge_shard *shard, uint64_t id,
    struct slimta_slice sender, const char *queue_id);

/** A question was not answered in time: "rcpt", "enqueue", …, static. Counts
 * deadlines. */
void sli_edge_events_deadline(struct sli_edge_shard *shard, uint64_t id,
    const char *question, uint64_t took_ms);

/** A session has met a limit: the option's name, static, and its value. */
void sli_edge_events_limit(const struct sli_edge_shard *shard, uint64_t id,
    const char *limit, uint64_t value);

/** There was no memory for something: `where` is static. `id` may be 0. Counts
 * memory_failures. */
void sli_edge_events_memory(
    struct sli_edge_shard *shard, uint64_t id, const char *where);

struct sli_edge_closed_facts {
    enum slimta_closed reason;
    uint64_t messages; /* that were accepted */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t took_ms; /* the whole session */
};

/** A session has ended. Counts timeouts, when that is the reason. */
void sli_edge_events_closed(struct sli_edge_shard *shard, uint64_t id,
    const struct sli_edge_closed_facts *facts);

#endif
