/** The counters of one shard, and their sum. */
#ifndef EDGE_COUNTERS_H
#define EDGE_COUNTERS_H

#include <stdatomic.h>

#include <slimta/counters.h>

/** Every counter: its constant, the member of struct slimta_counters, its kind
 * for Prometheus, and a sentence. In the order of the struct. */
#define SLI_EDGE_COUNT_MAP(X) \
    X(CONNECTIONS_OPEN, connections_open, GAUGE, \
        "Connections that are served now.") \
    X(OPS_OPEN, ops_open, GAUGE, "Questions that wait for an answer now.") \
    X(MESSAGE_BYTES_HELD, message_bytes_held, GAUGE, \
        "Octets of messages in memory now.") \
    X(CONNECTIONS, connections, COUNTER, "Connections that were served.") \
    X(CONNECTIONS_REFUSED, connections_refused, COUNTER, \
        "Connections that were one too many.") \
    X(PROXY_ERRORS, proxy_errors, COUNTER, \
        "Connections without a PROXY header, or with a wrong one.") \
    X(TLS_HANDSHAKES, tls_handshakes, COUNTER, \
        "TLS handshakes that were done.") \
    X(TLS_RESUMPTIONS, tls_resumptions, COUNTER, \
        "TLS handshakes that resumed a session.") \
    X(TLS_ERRORS, tls_errors, COUNTER, \
        "TLS handshakes and records that failed.") \
    X(AUTH_SUCCESSES, auth_successes, COUNTER, \
        "Clients that have proved who they are.") \
    X(AUTH_FAILURES, auth_failures, COUNTER, \
        "AUTH exchanges that failed or were given up.") \
    X(COMMANDS, commands, COUNTER, "Commands.") \
    X(SENDERS_REFUSED, senders_refused, COUNTER, \
        "Senders answered with 4xx or 5xx.") \
    X(RECIPIENTS_REFUSED, recipients_refused, COUNTER, \
        "Recipients answered with 4xx or 5xx.") \
    X(MESSAGES_ACCEPTED, messages_accepted, COUNTER, \
        "Messages answered with success.") \
    X(MESSAGES_DEFERRED, messages_deferred, COUNTER, \
        "Messages answered with 4xx.") \
    X(MESSAGES_REFUSED, messages_refused, COUNTER, \
        "Messages answered with 5xx.") \
    X(MESSAGES_ABORTED, messages_aborted, COUNTER, \
        "Messages that did not come to their end.") \
    X(MESSAGES_LATE, messages_late, COUNTER, \
        "Messages that the queue took after its deadline.") \
    X(MESSAGES_SPILLED, messages_spilled, COUNTER, \
        "Messages that went to a file on their way.") \
    X(BYTES_IN, bytes_in, COUNTER, "Octets received.") \
    X(BYTES_OUT, bytes_out, COUNTER, "Octets sent.") \
    X(TIMEOUTS, timeouts, COUNTER, "Clients that were too slow.") \
    X(DEADLINES, deadlines, COUNTER, \
        "Questions that were not answered in time.") \
    X(MEMORY_FAILURES, memory_failures, COUNTER, \
        "Times that there was no memory.")

enum sli_edge_count {
#define SLI_EDGE_COUNT_ENUM(name, member, kind, help) SLI_EDGE_COUNT_##name,
    SLI_EDGE_COUNT_MAP(SLI_EDGE_COUNT_ENUM)
#undef SLI_EDGE_COUNT_ENUM
        SLI_EDGE_COUNTS
};

/** Written by the shard's own thread alone, so that no write has to be locked;
 * read by any. */
struct sli_edge_counters {
    atomic_uint_least64_t values[SLI_EDGE_COUNTS];
};

/** It has happened `more` times more. On the shard's loop. */
static inline void sli_edge_count(struct sli_edge_counters *counters,
    enum sli_edge_count which, uint64_t more)
{
    uint64_t now =
        atomic_load_explicit(&counters->values[which], memory_order_relaxed);

    atomic_store_explicit(
        &counters->values[which], now + more, memory_order_relaxed);
}

/** There are `fewer` of them now: of what the first three count. On the shard's
 * loop. */
static inline void sli_edge_uncount(struct sli_edge_counters *counters,
    enum sli_edge_count which, uint64_t fewer)
{
    sli_edge_count(counters, which, 0 - fewer);
}

/** Adds a shard's numbers. Any thread. */
void sli_edge_counters_add(
    struct slimta_counters *sum, const struct sli_edge_counters *counters);

/** Fills what both know: `to` may be of a program that was built against
 * another version, its `size` says which. */
void sli_edge_counters_give(
    struct slimta_counters *to, const struct slimta_counters *from);

#endif
