/** DNS without blocking a loop. */
#ifndef SLIMTA_RESOLVER_H
#define SLIMTA_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/export.h>
#include <slimta/slice.h>

struct slimta_loop;

/**
 * A resolver belongs to one loop. Each edge has one in each of its loops
 * (slimta_session_resolver); a host may make its own. It caches answers and
 * non-answers within their TTL and a bound, and caps the queries in flight: the
 * rest wait in it, their deadline running. The same question asked twice at a
 * time goes out once. It keeps the loop busy only while a query runs, and opens
 * nothing before the first. Everything below is for the loop's thread.
 */
struct slimta_resolver;

/** One question on its way. */
struct slimta_query;

/** What came back. Lent to the callback until it returns. */
struct slimta_answer;

enum slimta_dns_type {
    SLIMTA_DNS_A = 1, /**< the numbers of the protocol */
    SLIMTA_DNS_PTR = 12,
    SLIMTA_DNS_MX = 15,
    SLIMTA_DNS_TXT = 16,
    SLIMTA_DNS_AAAA = 28
};

enum slimta_dns_status {
    SLIMTA_DNS_FOUND = 0, /**< there is at least one record */
    SLIMTA_DNS_NO_DATA,   /**< the name is there, but no such record */
    SLIMTA_DNS_NO_NAME,   /**< there is no such name */
    SLIMTA_DNS_UNKNOWN    /**< time-out, server failure, no memory: ask later */
};

/** Whether the reverse names of clients are looked up by an edge. */
enum slimta_reverse_names {
    SLIMTA_REVERSE_NAMES_OFF = 0,
    SLIMTA_REVERSE_NAMES_ON /**< and confirmed; never delays a reply */
};

struct slimta_resolver_options {
    size_t size; /**< sizeof(struct slimta_resolver_options) */
    const struct slimta_alloc *alloc; /**< [malloc]; copied */
    /** Servers, parted by commas: "192.0.2.1", "127.0.0.1:5353", "[::1]:53"
     * [those of the machine]. */
    const char *servers;
    uint64_t max_in_flight;   /**< questions at once [100], at most 10000 */
    uint64_t max_cache_bytes; /**< [1 MiB] */
    uint64_t max_queries;     /**< queries that are not answered, those in
                                   flight among them [10000] */
};

SLIMTA_BEGIN_DECLS

/** A resolver in `loop`, which it borrows until slimta_resolver_free and the
 * turn of the loop after it. SLIMTA_EINVAL names the option at fault. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_resolver_new(
    struct slimta_resolver **out, struct slimta_loop *loop,
    const struct slimta_resolver_options *options, struct slimta_error *error);

/** Cancels every query and frees; only for one's own. What was open closes in
 * the loop: it is freed after slimta_loop_run has returned. NULL is accepted.
 */
SLIMTA_API void slimta_resolver_free(struct slimta_resolver *resolver);

/**
 * Asks for records of `type` at `name` (copied; ASCII, a final dot changes
 * nothing; for PTR see slimta_resolver_reverse). `answered` runs exactly once,
 * on the loop, never before this call has returned, and at the latest when
 * `timeout_ms` (0: 10 s) have passed: then with SLIMTA_DNS_UNKNOWN. The query
 * is gone when `answered` begins.
 *
 * On success `out`, which may be NULL, holds the query, for cancelling it. On
 * failure (SLIMTA_EINVAL for no domain name, SLIMTA_ENOMEM, SLIMTA_ELIMIT when
 * too many wait) `answered` never runs.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_resolver_query(
    struct slimta_query **out, struct slimta_resolver *resolver,
    const char *name, enum slimta_dns_type type, uint64_t timeout_ms,
    void (*answered)(const struct slimta_answer *answer, void *user),
    void *user);

/** The same for the name of an address: PTR under in-addr.arpa or ip6.arpa. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_resolver_reverse(
    struct slimta_query **out, struct slimta_resolver *resolver,
    const struct slimta_address *address, uint64_t timeout_ms,
    void (*answered)(const struct slimta_answer *answer, void *user),
    void *user);

/** Forgets a query, which is gone then: its `answered` never runs. Not after
 * that has begun. NULL is accepted. */
SLIMTA_API void slimta_query_cancel(struct slimta_query *query);

SLIMTA_API enum slimta_dns_status slimta_answer_status(
    const struct slimta_answer *answer);

/** How many records of the asked type; 0 unless SLIMTA_DNS_FOUND. A PTR or MX
 * whose name has other octets than letters, digits, hyphen and underscore is
 * left out. */
SLIMTA_API size_t slimta_answer_count(const struct slimta_answer *answer);

/** How long the answer holds, a day at most, and five minutes when there is
 * none; 0 for SLIMTA_DNS_UNKNOWN. */
SLIMTA_API uint32_t slimta_answer_ttl_s(const struct slimta_answer *answer);

/** A, AAAA: record number `index`. 1, or 0 when there is none. */
SLIMTA_API int slimta_answer_address(const struct slimta_answer *answer,
    size_t index, struct slimta_address *address);

/** PTR, MX: the name in record number `index`, in lower case and without a
 * final dot, so "" for the root (RFC 7505); NULL when there is none. Lives as
 * long as the answer. */
SLIMTA_API const char *slimta_answer_name(
    const struct slimta_answer *answer, size_t index);

/** MX: the preference in record number `index`; 0 when there is none. */
SLIMTA_API unsigned slimta_answer_preference(
    const struct slimta_answer *answer, size_t index);

/** TXT: the strings of record number `index`, joined. 1, or 0 when there is
 * none. Foreign octets. Lives as long as the answer. */
SLIMTA_API int slimta_answer_text(const struct slimta_answer *answer,
    size_t index, struct slimta_slice *text);

SLIMTA_END_DECLS

#endif
