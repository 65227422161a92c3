/** mbedTLS, the same in 2.28 and 3.6: the one place that knows the version. */
#ifndef TLS_COMPAT_H
#define TLS_COMPAT_H

#include <slimta/error.h>

#include <mbedtls/version.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/threading.h>
#include <mbedtls/x509_crt.h>

/* A context is shared by threads: random numbers, ticket keys and RSA keys are
 * behind mbedTLS's own mutexes, if it has any. */
#if !defined(MBEDTLS_THREADING_C)
#error "this mbedTLS was built without MBEDTLS_THREADING_C"
#endif

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

#include <psa/crypto.h>

enum { SLI_TLS_HAS_1_3 = 1 };

/** The suites of TLS 1.3: number, name. */
#define SLI_TLS_SUITE_1_3_MAP(X) \
    X(0x1301, "TLS_AES_128_GCM_SHA256") \
    X(0x1302, "TLS_AES_256_GCM_SHA384") \
    X(0x1303, "TLS_CHACHA20_POLY1305_SHA256")

#define SLI_TLS_MEMBER(name) MBEDTLS_PRIVATE(name)
#define SLI_TLS_BAD_VERSION MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
#define SLI_TLS_NO_SUITE MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE
#define SLI_TLS_NEW_TICKET MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
#define SLI_TLS_STATE_TICKET MBEDTLS_SSL_NEW_SESSION_TICKET

/** The groups of a key exchange, the best first. 2.28 by itself takes secp521r1
 * first, which costs twice as much. */
#define SLI_TLS_GROUPS \
    static const uint16_t sli_tls_groups[] = { \
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, \
        MBEDTLS_SSL_IANA_TLS_GROUP_X25519, \
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, \
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE}

static inline void sli_tls_compat_set_groups(
    mbedtls_ssl_config *config, const uint16_t *groups)
{
    mbedtls_ssl_conf_groups(config, groups);
}

static inline int sli_tls_compat_sha256(
    const unsigned char *octets, size_t size, unsigned char out[32])
{
    return mbedtls_sha256(octets, size, out, 0);
}

/** PSA keeps its state for the process. Any thread, any number of times: it
 * has a mutex of its own. 0, SLIMTA_ENOMEM or SLIMTA_ESYSTEM. */
static inline int sli_tls_compat_start(void)
{
    switch (psa_crypto_init()) {
    case PSA_SUCCESS:
        return 0;
    case PSA_ERROR_INSUFFICIENT_MEMORY:
        return SLIMTA_ENOMEM;
    default:
        return SLIMTA_ESYSTEM;
    }
}

static inline void sli_tls_compat_set_min_version(
    mbedtls_ssl_config *config, int is_1_3)
{
    mbedtls_ssl_conf_min_tls_version(config,
        is_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
}

static inline int sli_tls_compat_parse_key(mbedtls_pk_context *key,
    const unsigned char *text, size_t size, const char *password,
    size_t password_size, mbedtls_ctr_drbg_context *random)
{
    return mbedtls_pk_parse_key(key, text, size,
        (const unsigned char *)password, password_size, mbedtls_ctr_drbg_random,
        random);
}

static inline int sli_tls_compat_check_pair(mbedtls_pk_context *public_key,
    mbedtls_pk_context *key, mbedtls_ctr_drbg_context *random)
{
    return mbedtls_pk_check_pair(
        public_key, key, mbedtls_ctr_drbg_random, random);
}

/** The alert that it wanted to send last; encrypted ones cannot be read off
 * the wire. -1: it tells none. */
static inline int sli_tls_compat_alert_sent(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(alert_type) == 0
        ? -1
        : ssl->MBEDTLS_PRIVATE(alert_type);
}

/** Whether it is past the handshake of TLS 1.3 and writes tickets. */
static inline int sli_tls_compat_writes_tickets(const mbedtls_ssl_context *ssl)
{
    int state = ssl->MBEDTLS_PRIVATE(state);

    return state == MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET ||
        state == MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET_FLUSH;
}

static inline int sli_tls_compat_is_1_3(const mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
}

/** RFC 9266: the exporter of TLS 1.3. 1, or 0 without one. */
static inline int sli_tls_compat_export(
    const mbedtls_ssl_context *ssl, unsigned char *out, size_t size)
{
    static const char label[] = "EXPORTER-Channel-Binding";

    /* It only reads; it takes no const. */
    return sli_tls_compat_is_1_3(ssl) &&
        mbedtls_ssl_export_keying_material(
            (mbedtls_ssl_context *)(uintptr_t)ssl, out, size, label,
            sizeof label - 1, (const unsigned char *)"", 0, 1) == 0;
}

#else

enum { SLI_TLS_HAS_1_3 = 0 };

/** None: a handshake fails when a suite of ours that mbedTLS does not know is
 * offered by a client. */
#define SLI_TLS_SUITE_1_3_MAP(X)

#define SLI_TLS_MEMBER(name) name
#define SLI_TLS_BAD_VERSION MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION
#define SLI_TLS_NO_SUITE MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN
#define SLI_TLS_NEW_TICKET MBEDTLS_ERR_SSL_WANT_WRITE /* is never told */
#define SLI_TLS_STATE_TICKET MBEDTLS_SSL_SERVER_NEW_SESSION_TICKET

#define SLI_TLS_GROUPS \
    static const mbedtls_ecp_group_id sli_tls_groups[] = { \
        MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519, \
        MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1, \
        MBEDTLS_ECP_DP_NONE}

static inline void sli_tls_compat_set_groups(
    mbedtls_ssl_config *config, const mbedtls_ecp_group_id *groups)
{
    mbedtls_ssl_conf_curves(config, groups);
}

static inline int sli_tls_compat_sha256(
    const unsigned char *octets, size_t size, unsigned char out[32])
{
    return mbedtls_sha256_ret(octets, size, out, 0);
}

static inline int sli_tls_compat_start(void)
{
    return 0;
}

/* It has TLS 1.0 and 1.1 compiled in; there is no 1.3. */
static inline void sli_tls_compat_set_min_version(
    mbedtls_ssl_config *config, int is_1_3)
{
    (void)is_1_3;
    mbedtls_ssl_conf_min_version(
        config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}

static inline int sli_tls_compat_parse_key(mbedtls_pk_context *key,
    const unsigned char *text, size_t size, const char *password,
    size_t password_size, mbedtls_ctr_drbg_context *random)
{
    (void)random;
    return mbedtls_pk_parse_key(
        key, text, size, (const unsigned char *)password, password_size);
}

static inline int sli_tls_compat_check_pair(mbedtls_pk_context *public_key,
    mbedtls_pk_context *key, mbedtls_ctr_drbg_context *random)
{
    (void)random;
    return mbedtls_pk_check_pair(public_key, key);
}

static inline int sli_tls_compat_alert_sent(const mbedtls_ssl_context *ssl)
{
    (void)ssl;
    return -1;
}

static inline int sli_tls_compat_writes_tickets(const mbedtls_ssl_context *ssl)
{
    (void)ssl;
    return 0;
}

static inline int sli_tls_compat_is_1_3(const mbedtls_ssl_context *ssl)
{
    (void)ssl;
    return 0;
}

static inline int sli_tls_compat_export(
    const mbedtls_ssl_context *ssl, unsigned char *out, size_t size)
{
    (void)ssl;
    (void)out;
    (void)size;
    return 0;
}

#endif

/** What SLI_TLS_MEMBER calls a member is open in 2.28 and private in 3.6; there
 * is no function for these. */
static inline int sli_tls_compat_state(const mbedtls_ssl_context *ssl)
{
    return ssl->SLI_TLS_MEMBER(state);
}

/**
 * Whether a server's next step takes microseconds. Named are the steps that
 * do; all others have a key exchange, a signature or a certificate in them, or
 * stand beside one. What comes after the client's hello is known by then, not
 * guessed: with TLS 1.2 a ticket that holds leads past the heavy states, one
 * that does not leads into them; TLS 1.3 begins its key exchange at once.
 */
static inline int sli_tls_compat_is_light(const mbedtls_ssl_context *ssl)
{
    switch (sli_tls_compat_state(ssl)) {
    case MBEDTLS_SSL_HELLO_REQUEST:
    case MBEDTLS_SSL_CLIENT_HELLO:
    case MBEDTLS_SSL_SERVER_CHANGE_CIPHER_SPEC:
    case MBEDTLS_SSL_SERVER_FINISHED:
    case SLI_TLS_STATE_TICKET:
    case MBEDTLS_SSL_CLIENT_CHANGE_CIPHER_SPEC:
    case MBEDTLS_SSL_CLIENT_FINISHED:
    case MBEDTLS_SSL_FLUSH_BUFFERS:
    case MBEDTLS_SSL_HANDSHAKE_WRAPUP:
        return 1;
    case MBEDTLS_SSL_SERVER_HELLO:
        return !sli_tls_compat_is_1_3(ssl);
    default:
        return sli_tls_compat_writes_tickets(ssl);
    }
}

/** The alert that came last, when it ended the connection. */
static inline int sli_tls_compat_alert_received(const mbedtls_ssl_context *ssl)
{
    return ssl->SLI_TLS_MEMBER(in_msg)[1];
}

/** The header of the record that came last, and what follows it. */
static inline const unsigned char *sli_tls_compat_record(
    const mbedtls_ssl_context *ssl)
{
    return ssl->SLI_TLS_MEMBER(in_hdr);
}

/** Whether the next attribute of a name belongs to the same RDN. */
static inline int sli_tls_compat_is_merged(const mbedtls_x509_name *name)
{
    return name->SLI_TLS_MEMBER(next_merged);
}

#endif
