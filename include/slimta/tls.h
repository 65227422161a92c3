/** TLS: certificates, trust, and what a handshake has agreed on. */
#ifndef SLIMTA_TLS_H
#define SLIMTA_TLS_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/export.h>
#include <slimta/slice.h>

/**
 * Certificates, keys and rules for both doors and for the queues that hand
 * mail on. Atomically reference counted. It is filled by one thread, and from
 * the moment an edge or a queue has it nothing in it changes any more, so that
 * several loops and several edges may share one. New certificates are a new
 * context, see smtp_edge_set_tls: sessions that run keep the old one.
 */
struct slimta_tls;

enum slimta_tls_version {
    SLIMTA_TLS_1_2 = 0, /**< and later */
    SLIMTA_TLS_1_3      /**< and later; SLIMTA_ENOTSUP where mbedTLS lacks it */
};

/** Is the other side asked for a certificate? */
enum slimta_tls_verify {
    SLIMTA_TLS_VERIFY_DEFAULT = 0, /**< edges: none; queues: required */
    SLIMTA_TLS_VERIFY_NONE,
    SLIMTA_TLS_VERIFY_OPTIONAL, /**< asked; a wrong or missing one is told */
    SLIMTA_TLS_VERIFY_REQUIRED  /**< without a good one no handshake */
};

enum slimta_tls_tickets {
    /** Keys change every day, in memory only. An edge that asks for
     * certificates gives none: each time they are to be shown. */
    SLIMTA_TLS_TICKETS_ON = 0,
    SLIMTA_TLS_TICKETS_OFF
};

struct slimta_tls_options {
    size_t size;                      /**< sizeof(struct slimta_tls_options) */
    const struct slimta_alloc *alloc; /**< [malloc]; copied */
    enum slimta_tls_version min_version;
    enum slimta_tls_verify verify;
    /** Certificates in PEM of those who may sign the other side's: a file, or
     * the text itself [edges: none; queues: the system's]. Read at once; those
     * that mbedTLS cannot read are left out. An edge that requires certificates
     * needs it. */
    const char *ca_file;
    struct slimta_slice ca_pem;
    enum slimta_tls_tickets tickets;
    const char *alpn; /**< protocols, parted by commas, best first [none] */
};

/** A certificate with its key; each in a file or as text, in PEM. The chain
 * follows the certificate. Read and copied at once; keys are wiped. */
struct slimta_tls_certificate {
    size_t size; /**< sizeof(struct slimta_tls_certificate) */
    const char *certificate_file;
    const char *key_file;
    struct slimta_slice certificate_pem;
    struct slimta_slice key_pem;
    const char *key_password; /**< [none] */
};

/** What a handshake has agreed on. Texts live as long as the struct. */
struct slimta_tls_info {
    size_t size;             /**< how much of the struct the library knows */
    const char *version;     /**< "TLSv1.2", "TLSv1.3" */
    const char *cipher;      /**< as IANA names it */
    const char *server_name; /**< SNI; NULL when none came */
    const char *alpn;        /**< NULL when none was agreed on */
    int is_resumed;

    int has_peer_certificate;
    int peer_is_verified;          /**< signed by one of the CAs, in date */
    const char *peer_subject;      /**< RFC 4514 text, or NULL */
    unsigned char peer_sha256[32]; /**< fingerprint; zero without one */
    /** Whom the certificate names: its first mail address (rfc822Name), else
     * the common name of its subject; NULL when there is none, or none of 1 to
     * 255 octets. UTF-8 without control octets. */
    const char *peer_name;
};

SLIMTA_BEGIN_DECLS

/** A new context with one reference. Errors name the file and the reason. May
 * read files: not on a loop that serves. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_tls_new(struct slimta_tls **out,
    const struct slimta_tls_options *options, struct slimta_error *error);

/** Adds a certificate: the first is the default, all are chosen by SNI among
 * the names in them. For an edge at least one. SLIMTA_EINVAL when key and
 * certificate do not fit, SLIMTA_ENOENT, SLIMTA_EACCES, SLIMTA_ESTATE when
 * the context is in use already; on failure it is as before. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_tls_add_certificate(
    struct slimta_tls *tls, const struct slimta_tls_certificate *certificate,
    struct slimta_error *error);

/** Takes another reference; returns its argument. Any thread. */
SLIMTA_API struct slimta_tls *slimta_tls_ref(struct slimta_tls *tls);

/** Gives a reference back; the last one frees. NULL is accepted. Any thread. */
SLIMTA_API void slimta_tls_unref(struct slimta_tls *tls);

SLIMTA_END_DECLS

#endif
