/** One message on its way: who it is from, who it is for, how it came. */
#ifndef SLIMTA_ENVELOPE_H
#define SLIMTA_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/content.h>
#include <slimta/export.h>
#include <slimta/slice.h>

/**
 * Atomically reference counted. While the edge builds it, it belongs to its
 * session's loop. From the moment a queue has it, it is sealed: nothing in it
 * changes any more, it points to nothing of the loop, and any thread may read
 * and release it. (One exception, for a queue that asked for it: see
 * `recipient` in <slimta/queue.h>.) Everything that a function below returns
 * lives as long as the envelope.
 */
struct slimta_envelope;

/** What the sender said of the body (RFC 6152, RFC 3030). */
enum slimta_body {
    SLIMTA_BODY_7BIT = 0, /**< also when nothing was said */
    SLIMTA_BODY_8BITMIME,
    SLIMTA_BODY_BINARYMIME
};

/** How much of the message a report returns (RFC 3461 section 4.3). */
enum slimta_ret {
    SLIMTA_RET_NONE = 0, /**< nothing was said */
    SLIMTA_RET_FULL,
    SLIMTA_RET_HDRS
};

/** What is to happen when time runs out (RFC 2852 section 4). */
enum slimta_by {
    SLIMTA_BY_NONE = 0, /**< nothing was said */
    SLIMTA_BY_RETURN,
    SLIMTA_BY_NOTIFY
};

/** When a report is wanted (RFC 3461 section 4.1): flags; 0: nothing was
 * said. NEVER stands alone. */
#define SLIMTA_NOTIFY_NEVER 0x01u
#define SLIMTA_NOTIFY_SUCCESS 0x02u
#define SLIMTA_NOTIFY_FAILURE 0x04u
#define SLIMTA_NOTIFY_DELAY 0x08u

/** The parameters of MAIL FROM as typed fields. */
struct slimta_mail_params {
    size_t size;         /**< how much of the struct the library knows */
    int has_size;        /**< SIZE was given (RFC 1870) */
    uint64_t size_bytes; /**< its value, capped at UINT64_MAX */
    int has_body;        /**< BODY was given */
    enum slimta_body body;
    int smtputf8; /**< SMTPUTF8 was given (RFC 6531) */

    int requiretls;      /**< REQUIRETLS was given (RFC 8689) */
    enum slimta_ret ret; /**< RET (RFC 3461) */
    const char *envid;   /**< ENVID, decoded; NULL when not given */
    /** AUTH=, decoded; "" for `<>`; NULL when not given. What a client may not
     * assert is "" (RFC 4954 section 5). */
    const char *auth;
    enum slimta_by by;  /**< BY (RFC 2852) */
    int by_trace;       /**< its T */
    int64_t by_seconds; /**< below zero is possible with NOTIFY */
    int has_priority;   /**< MT-PRIORITY (RFC 6710) */
    int priority;       /**< -9..9 */
    /** HOLDFOR or HOLDUNTIL (RFC 4865): milliseconds since 1970; 0 when not
     * given. */
    int64_t hold_until_ms;
    int hold_was_until; /**< it was said as HOLDUNTIL */
};

/** One recipient that was accepted. */
struct slimta_recipient {
    size_t size; /**< how much of the struct the library knows */
    /** The mailbox as it was given, a source route and the angle brackets
     * taken off, quoting kept: `"a b"@example.com`, `Postmaster`. */
    const char *address;

    unsigned notify;        /**< SLIMTA_NOTIFY_… (RFC 3461) */
    const char *orcpt_type; /**< ORCPT's address type; NULL when not given */
    const char *orcpt;      /**< its address, decoded; NULL when not given */
};

/** Who brought the message, after PROXY. */
struct slimta_client {
    size_t size; /**< how much of the struct the library knows */
    struct slimta_address address;
    const char *ehlo_as;      /**< its EHLO, HELO argument; never NULL */
    const char *reverse_name; /**< confirmed reverse name, or NULL */
    const char *protocol;     /**< "SMTP", "ESMTP", …, RFC 3848, RFC 6531 */

    struct slimta_address peer; /**< the real peer, which may be a proxy */
    uint64_t session_id;        /**< slimta_session_id */
    /** How it has authenticated; NULL when it has not. */
    const char *auth_mechanism;
    const char *authcid;
    const char *authzid;
    /** What TLS agreed on; NULL in the clear. */
    const char *tls_version;
    const char *tls_cipher;
    const char *tls_peer_subject; /**< of a verified certificate, or NULL */
    /** What the client of XFORWARD said of its own; NULL when not told. */
    const char *forwarded_name;
    const char *forwarded_address;
    const char *forwarded_ehlo;
};

/** How much of a message's beginning always stays in memory. */
#define SLIMTA_HEAD_BYTES 32768

SLIMTA_BEGIN_DECLS

/** Takes another reference; returns its argument. Any thread. */
SLIMTA_API struct slimta_envelope *slimta_envelope_ref(
    struct slimta_envelope *envelope);

/** Gives a reference back; the last one frees it. NULL is accepted. Any
 * thread. */
SLIMTA_API void slimta_envelope_unref(struct slimta_envelope *envelope);

/** The reverse path's mailbox, in the form of struct slimta_recipient; "" for
 * the null sender `<>`. */
SLIMTA_API const char *slimta_envelope_sender(
    const struct slimta_envelope *envelope);

SLIMTA_API const struct slimta_mail_params *slimta_envelope_params(
    const struct slimta_envelope *envelope);

SLIMTA_API size_t slimta_envelope_recipient_count(
    const struct slimta_envelope *envelope);

/** Recipient number `index`, in the order in which they came; NULL past the
 * last. */
SLIMTA_API const struct slimta_recipient *slimta_envelope_recipient(
    const struct slimta_envelope *envelope, size_t index);

SLIMTA_API const struct slimta_client *slimta_envelope_client(
    const struct slimta_envelope *envelope);

/** The edge's hostname. */
SLIMTA_API const char *slimta_envelope_receiver(
    const struct slimta_envelope *envelope);

/** When it was sealed, that is handed to the queue: milliseconds since
 * 1970-01-01T00:00Z. */
SLIMTA_API int64_t slimta_envelope_timestamp_ms(
    const struct slimta_envelope *envelope);

/** 1 when the message has a "TLS-Required: No" that counts (RFC 8689 section
 * 5): the one of its kind, and REQUIRETLS was not given. Else 0; always 0 while
 * the content is not known. Any thread. */
SLIMTA_API int slimta_envelope_waives_tls(
    const struct slimta_envelope *envelope);

/** The message itself; empty for the streaming form of a queue. */
SLIMTA_API struct slimta_content *slimta_envelope_content(
    const struct slimta_envelope *envelope);

/**
 * A new sealed envelope with the recipients `first` to `first + count - 1` and
 * everything else as in `envelope`; the content is shared, not copied, and the
 * part knows which recipients of the whole it holds: an LMTP reply is found by
 * that. The caller gets the reference. SLIMTA_EINVAL when a recipient is not
 * there, SLIMTA_ENOMEM. Any thread, on a sealed envelope.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_envelope_split(
    struct slimta_envelope **out, struct slimta_envelope *envelope,
    size_t first, size_t count);

/**
 * Looks for the header field `name` (case does not matter) and lends the
 * value of occurrence number `index`, 0 first: unfolded lines kept as they
 * stand, without the white space around it. Prepended fields count first.
 * Returns 1 when found, 0 when there is none. Looks at the first
 * SLIMTA_HEAD_BYTES of the message only, and never blocks: those octets stay in
 * memory even when the rest is spilled.
 */
SLIMTA_API int slimta_envelope_header(const struct slimta_envelope *envelope,
    const char *name, size_t index, struct slimta_slice *value);

/**
 * Puts a header field above all others, also above the trace field of this hop
 * (RFC 7208 section 9.1 and RFC 8601 section 4.1 want it there). `value` may be
 * folded with CRLF and white space before a line that is not blank; any other
 * control octet but HT, and a name that is no field name (RFC 5322
 * section 3.6.8), are SLIMTA_EINVAL. SLIMTA_ESTATE once sealed; SLIMTA_ENOMEM.
 * On the session's loop.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_envelope_prepend(
    struct slimta_envelope *envelope, const char *name, const char *value);

/** The prepended fields as they stand on the wire, each ended with CRLF, the
 * last one prepended first. What a queue stores is these, the trace field
 * (slimta_envelope_received), the content. */
SLIMTA_API struct slimta_slice slimta_envelope_prepended(
    const struct slimta_envelope *envelope);

/**
 * Writes the trace field of RFC 5321 section 4.4, "Received: from … \r\n",
 * folded, ended with CRLF, `for` only with a single recipient (section 7.6).
 * `id` is the queue's name for the message, or NULL. Always terminates;
 * returns the length of the whole text, which was cut if it is not below
 * `size`. Any thread.
 */
SLIMTA_API size_t slimta_envelope_received(
    const struct slimta_envelope *envelope, const char *id, char *out,
    size_t size);

/** Room for every text of slimta_envelope_received with an id of up to 128
 * octets. */
#define SLIMTA_RECEIVED_MAX 2048

SLIMTA_END_DECLS

#endif
