/** Plain mbedTLS for the benchmark: what both its programs set up alike. */
#ifndef BENCH_TLS_PEER_H
#define BENCH_TLS_PEER_H

#include "tls/compat.h"

enum tls_version { TLS_1_2, TLS_1_3 };

/** One side's rules. Nothing of it may move. */
struct tls_peer {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain;             /* of a server */
    mbedtls_pk_context key;             /* of a server */
    mbedtls_ssl_ticket_context tickets; /* of a server */
};

/** Says why and exits. */
_Noreturn void tls_fail(const char *what, int ret);

/** `ret` is what mbedTLS said to `what`. */
static inline void tls_check(const char *what, int ret)
{
    if (ret != 0) {
        tls_fail(what, ret);
    }
}

/** "1.2" or "1.3"; any other exits, as does 1.3 where mbedTLS has none. */
enum tls_version tls_parse_version(const char *text);

/** A client that speaks `version` only, with one suite and one group, so that
 * every server does the same for it. It checks no certificate. */
void tls_peer_init_client(struct tls_peer *peer, enum tls_version version);

/** A server with a certificate and tickets as slimta-smtpd has them. */
void tls_peer_init_server(
    struct tls_peer *peer, const char *certificate_file, const char *key_file);

/** Takes what a client has to resume with out of a connection whose handshake
 * is done and that has read something since. 0, or what mbedTLS said. */
int tls_keep_session(
    const mbedtls_ssl_context *ssl, mbedtls_ssl_session *session);

/** mbedTLS wants to be called again: `ret` is no failure. */
static inline int tls_wants_again(int ret)
{
    return ret == MBEDTLS_ERR_SSL_WANT_READ ||
        ret == MBEDTLS_ERR_SSL_WANT_WRITE || ret == SLI_TLS_NEW_TICKET;
}

#endif
