/** How often things have happened in an edge. */
#ifndef SLIMTA_COUNTERS_H
#define SLIMTA_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/export.h>

/**
 * Counted since the edge was made; the first three are what there is now. The
 * caller sets `size`; the edge fills what both know. Numbers are read one by
 * one while the edge runs: each is right, their sums may be off by what happens
 * meanwhile.
 */
struct slimta_counters {
    size_t size; /**< sizeof(struct slimta_counters) */

    uint64_t connections_open;
    uint64_t ops_open;           /**< questions that wait for an answer */
    uint64_t message_bytes_held; /**< of messages, in memory */

    uint64_t connections;
    uint64_t connections_refused; /**< over a limit */
    uint64_t proxy_errors;        /**< no PROXY header, or a wrong one */
    uint64_t tls_handshakes;      /**< that were done */
    uint64_t tls_resumptions;     /**< of those, with a ticket */
    uint64_t tls_errors;
    uint64_t auth_successes;
    uint64_t auth_failures;
    uint64_t commands; /**< SMTP commands, HTTP requests */
    uint64_t senders_refused;
    uint64_t recipients_refused;
    uint64_t messages_accepted; /**< answered with success */
    uint64_t messages_deferred; /**< answered with 4xx */
    uint64_t messages_refused;  /**< answered with 5xx */
    uint64_t messages_aborted;  /**< the client left, or the edge stopped */
    uint64_t messages_late;     /**< the queue's yes came after its deadline */
    uint64_t messages_spilled;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t timeouts;  /**< of clients */
    uint64_t deadlines; /**< of questions */
    uint64_t memory_failures;
};

SLIMTA_BEGIN_DECLS

/**
 * Writes them in Prometheus' text format, names beginning with "slimta_".
 * `labels` goes into each line as it is, such as `edge="mx"`, or is NULL.
 * Always terminates; returns the length of the whole text, which was cut if it
 * is not below `size`. Any thread.
 */
SLIMTA_API size_t slimta_counters_format(const struct slimta_counters *counters,
    const char *labels, char *out, size_t size);

SLIMTA_END_DECLS

#endif
