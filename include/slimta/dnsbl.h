/** DNS block lists (RFC 5782): is this client's address listed? */
#ifndef SLIMTA_DNSBL_H
#define SLIMTA_DNSBL_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/export.h>

struct slimta_validators;

/**
 * A group of zones that are asked at once; one listing refuses. It is filled
 * before it is used and does not change afterwards: any number of edges and
 * loops may share one. It is freed after the last edge that uses it has
 * stopped. Private, loopback and link-local addresses are not asked about. A
 * client is asked about once in a session, at the first of its stages.
 *
 * A zone that lists a client is also asked for its entry 127.0.0.1 (IPv6:
 * ::ffff:7f00:1), which no list has: one that lists everything counts as one
 * that answers with an error (RFC 5782 section 5).
 */
struct slimta_dnsbl;

enum slimta_dnsbl_stage {
    SLIMTA_DNSBL_AT_CONNECT = 0, /**< SMTP: in place of the banner */
    SLIMTA_DNSBL_AT_EHLO,        /**< EHLO and HELO */
    SLIMTA_DNSBL_AT_MAIL,
    SLIMTA_DNSBL_AT_RCPT
};

/** What a zone counts as that has not answered in time, or with an error. */
enum slimta_dnsbl_strictness {
    SLIMTA_DNSBL_LENIENT = 0, /**< not listed */
    SLIMTA_DNSBL_STRICT       /**< listed */
};

struct slimta_dnsbl_options {
    size_t size; /**< sizeof(struct slimta_dnsbl_options) */
    const struct slimta_alloc *alloc; /**< [malloc]; copied */
    enum slimta_dnsbl_stage stage;
    enum slimta_dnsbl_strictness strictness;
    uint64_t timeout_ms; /**< for all zones together [10 s], an hour
                             at most */
    int code;            /**< 400..599 [550] */
    /** May hold "{reason}", the zone's TXT record, kept to 256 octets of
     * printable ASCII, or a sentence of ours ["X.7.1 Access denied"]. A text
     * without an enhanced code gets X.7.1; at most 512 octets. */
    const char *text;
};

struct slimta_dnsbl_zone {
    size_t size; /**< sizeof(struct slimta_dnsbl_zone) */
    /** "zen.example.org"; must be given. A host name of at most 189 octets. */
    const char *name;
    /** Which answers count: addresses in 127.0.0.0/8 and ranges of them,
     * parted by commas, "127.0.0.2-11" (to 127.0.0.11) [all but 127.0.0.1 and
     * 127.255.255.0/24, which are errors of the zone]. */
    const char *listed;
    const char *ignored; /**< those of them that do not count [none] */
};

SLIMTA_BEGIN_DECLS

/** A group without zones. `options` may be NULL. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_dnsbl_new(struct slimta_dnsbl **out,
    const struct slimta_dnsbl_options *options, struct slimta_error *error);

/** Adds a zone; its texts are copied. SLIMTA_ESTATE once
 * slimta_dnsbl_validators was called, SLIMTA_EINVAL names what is wrong. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_dnsbl_add_zone(
    struct slimta_dnsbl *dnsbl, const struct slimta_dnsbl_zone *zone,
    struct slimta_error *error);

/** The group as a table for smtp_edge_add_validators. Lives as long as the
 * group; its `user` is filled. */
SLIMTA_API const struct slimta_validators *slimta_dnsbl_validators(
    struct slimta_dnsbl *dnsbl);

/** Frees. NULL is accepted. Not while an edge that has it runs. */
SLIMTA_API void slimta_dnsbl_free(struct slimta_dnsbl *dnsbl);

SLIMTA_END_DECLS

#endif
