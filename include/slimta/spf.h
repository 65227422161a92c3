/** SPF (RFC 7208): may this client send for that domain? */
#ifndef SLIMTA_SPF_H
#define SLIMTA_SPF_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/export.h>

struct slimta_resolver;
struct slimta_session;
struct slimta_validators;

/**
 * A check with its rules. It is filled before it is used and does not change
 * afterwards: any number of edges and loops may share one. It is freed after
 * the last edge that uses it has stopped.
 */
struct slimta_spf;

enum slimta_spf_result {
    SLIMTA_SPF_UNCHECKED = 0, /**< nobody has asked yet */
    SLIMTA_SPF_NONE,
    SLIMTA_SPF_NEUTRAL,
    SLIMTA_SPF_PASS,
    SLIMTA_SPF_FAIL,
    SLIMTA_SPF_SOFTFAIL,
    SLIMTA_SPF_TEMPERROR,
    SLIMTA_SPF_PERMERROR
};

enum slimta_spf_engine {
    SLIMTA_SPF_STRICT = 0, /**< ours: RFC 7208 to the letter */
    SLIMTA_SPF_LIBSPF2     /**< SLIMTA_ENOTSUP when built without it */
};

/** Where in a session the check stands. */
enum slimta_spf_stage {
    SLIMTA_SPF_AT_MAIL = 0,
    SLIMTA_SPF_AT_RCPT, /**< asked once for a transaction */
    SLIMTA_SPF_AT_DATA
};

/** What is put above the message for the next program, at `data`, when its
 * check was made. Not with a queue that asks about recipients (`recipient` in
 * struct slimta_queue_methods): it has begun before. A field of the same name
 * that the client sent stays where it is, below. */
enum slimta_spf_header {
    SLIMTA_SPF_HEADER_OFF = 0,
    SLIMTA_SPF_HEADER_RECEIVED_SPF,          /**< RFC 7208 section 9.1 */
    SLIMTA_SPF_HEADER_AUTHENTICATION_RESULTS /**< RFC 8601 */
};

struct slimta_spf_options {
    size_t size;                      /**< sizeof(struct slimta_spf_options) */
    const struct slimta_alloc *alloc; /**< [malloc]; copied */
    enum slimta_spf_engine engine;
    enum slimta_spf_stage stage;
    enum slimta_spf_header header;
    uint64_t timeout_ms; /**< for the whole check, then temperror [20 s]; at
                              most an hour */
};

/** The longest text of a rule. */
#define SLIMTA_SPF_TEXT_MAX 512

/** What a check has come to. Texts live as long as the struct. */
struct slimta_spf_report {
    size_t size; /**< how much of the struct the library knows */
    enum slimta_spf_result result;
    enum slimta_spf_result helo_result; /**< the HELO identity's */
    const char *domain; /**< the one that was asked; "" for none */
    /** Why: the domain's explanation, else a sentence of ours. Never empty;
     * foreign text, printable ASCII, at most 256 octets. */
    const char *reason;
};

SLIMTA_BEGIN_DECLS

/** A check without rules: it only reports. `options` may be NULL. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_spf_new(struct slimta_spf **out,
    const struct slimta_spf_options *options, struct slimta_error *error);

/** What `result` is answered with, in place of an earlier rule for it. `text`
 * (copied) may hold "{reason}" and begin with an enhanced code; NULL means
 * "X.7.1 Access denied", for a 2xx or 3xx the usual Ok. SLIMTA_EINVAL for a
 * result or code that is none, or an enhanced code of another class,
 * SLIMTA_ELIMIT for a text of more than SLIMTA_SPF_TEXT_MAX octets,
 * SLIMTA_ESTATE once the check is in use. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_spf_add_rule(struct slimta_spf *spf,
    enum slimta_spf_result result, int code, const char *text,
    struct slimta_error *error);

/** The check as a table for smtp_edge_add_validators. Lives as long as the
 * check; its `user` is filled. */
SLIMTA_API const struct slimta_validators *slimta_spf_validators(
    struct slimta_spf *spf);

/** What the check has found for the transaction in progress; NULL before its
 * stage. On the session's loop, from a later validator. Lives until the
 * transaction ends. */
SLIMTA_API const struct slimta_spf_report *slimta_spf_report(
    const struct slimta_spf *spf, const struct slimta_session *session);

/**
 * One check without a session, on the loop of `resolver`, borrowed until the
 * answer. `sender` "" is the null sender. Texts and the address are copied.
 * `answered` runs exactly once, on that loop; inside this call when nothing has
 * to be looked up. `report` is lent until it returns. On failure it never runs:
 * SLIMTA_EINVAL, SLIMTA_ENOMEM.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_spf_query(struct slimta_spf *spf,
    struct slimta_resolver *resolver, const struct slimta_address *client,
    const char *helo, const char *sender,
    void (*answered)(const struct slimta_spf_report *report, void *user),
    void *user);

/** "pass", "fail", …. Static; any thread. */
SLIMTA_API const char *slimta_spf_result_name(enum slimta_spf_result result);

/** Frees. NULL is accepted. Not while an edge that has it runs, nor while a
 * slimta_spf_query is open. */
SLIMTA_API void slimta_spf_free(struct slimta_spf *spf);

SLIMTA_END_DECLS

#endif
