/** A client of mbedTLS's own, which can do what ours does not: resume. */
#ifndef TEST_TLS_PEER_H
#define TEST_TLS_PEER_H

#include "pair.h"
#include "tls/compat.h"

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
static inline void peer_want_tickets(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
}

/** From now on it speaks no TLS 1.3. */
static inline void peer_limit_to_1_2(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
}
#else
static inline void peer_want_tickets(mbedtls_ssl_config *config)
{
    (void)config;
}

static inline void peer_limit_to_1_2(mbedtls_ssl_config *config)
{
    (void)config;
}
#endif

struct peer {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_session session; /* from the last connection */
    int has_session;
    struct end server; /* our end */
    struct way out;
};

static inline int peer_send(void *user, const unsigned char *octets, size_t n)
{
    struct peer *peer = user;

    (void)way_take(&peer->out, sli_slice(octets, n));
    return (int)n;
}

static inline int peer_receive(void *user, unsigned char *out, size_t size)
{
    struct peer *peer = user;
    struct slimta_slice records = way_next(&peer->server.out, size);

    if (records.size == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    memcpy(out, records.data, records.size);
    return (int)records.size;
}

static inline void peer_init(struct peer *peer)
{
    memset(peer, 0, sizeof *peer);
    mbedtls_entropy_init(&peer->entropy);
    mbedtls_ctr_drbg_init(&peer->random);
    mbedtls_ssl_config_init(&peer->config);
    mbedtls_ssl_session_init(&peer->session);
    if (sli_tls_compat_start() != 0 ||
        mbedtls_ctr_drbg_seed(&peer->random, mbedtls_entropy_func,
            &peer->entropy, NULL, 0) != 0 ||
        mbedtls_ssl_config_defaults(&peer->config, MBEDTLS_SSL_IS_CLIENT,
            MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        abort();
    }
    mbedtls_ssl_conf_rng(&peer->config, mbedtls_ctr_drbg_random, &peer->random);
    mbedtls_ssl_conf_authmode(&peer->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_session_tickets(
        &peer->config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
    peer_want_tickets(&peer->config);
}

static inline void peer_fini(struct peer *peer)
{
    mbedtls_ssl_session_free(&peer->session);
    mbedtls_ssl_config_free(&peer->config);
    mbedtls_ctr_drbg_free(&peer->random);
    mbedtls_entropy_free(&peer->entropy);
}

/* What came last is the session to resume: with TLS 1.3 it comes when reading,
 * and 3.6 first says that it wants to be called again. */
static inline void peer_keep_session(struct peer *peer)
{
    unsigned char octet;

    for (int i = 0; i < 3; i++) {
        (void)mbedtls_ssl_read(&peer->ssl, &octet, 1);
    }
    mbedtls_ssl_session_free(&peer->session);
    mbedtls_ssl_session_init(&peer->session);
    peer->has_session =
        mbedtls_ssl_get_session(&peer->ssl, &peer->session) == 0;
}

/** One connection to a server's stream of `tls`, which stays at the peer until
 * peer_hang_up; with the session of the one before, if `resumes`. Returns what
 * the server's handshake said last. */
static inline enum sli_tls_status peer_call(struct peer *peer,
    const struct slimta_alloc *alloc, struct slimta_tls *tls, int resumes)
{
    int ret = MBEDTLS_ERR_SSL_WANT_READ;

    mbedtls_ssl_init(&peer->ssl);
    if (mbedtls_ssl_setup(&peer->ssl, &peer->config) != 0 ||
        mbedtls_ssl_set_hostname(&peer->ssl, "mx.example.com") != 0 ||
        sli_tls_stream_new(
            &peer->server.stream, alloc, tls, SLI_TLS_SERVER, NULL) != 0) {
        abort();
    }
    mbedtls_ssl_set_bio(&peer->ssl, peer, peer_send, peer_receive, NULL);
    if (resumes && mbedtls_ssl_set_session(&peer->ssl, &peer->session) != 0) {
        abort();
    }
    end_attach(&peer->server);
    while (ret == MBEDTLS_ERR_SSL_WANT_READ || way_left(&peer->out) > 0) {
        size_t said = peer->server.out.end;

        ret = mbedtls_ssl_handshake(&peer->ssl);
        if (way_left(&peer->out) > 0) {
            sli_tls_stream_feed(
                peer->server.stream, way_next(&peer->out, SIZE_MAX));
            end_get_on(&peer->server);
        } else if (said == peer->server.out.end) {
            break;
        }
    }
    if (peer->server.status == SLI_TLS_DONE) {
        peer_keep_session(peer);
    }
    return peer->server.status;
}

static inline void peer_hang_up(struct peer *peer)
{
    mbedtls_ssl_free(&peer->ssl);
    end_free(&peer->server);
    way_clear(&peer->out);
}

#endif
