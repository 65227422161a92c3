/** Plain mbedTLS for the benchmark: what both its programs set up alike. */
#include "tls_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKET_SECONDS = 24 * 60 * 60 };

/* mbedTLS keeps the lists by reference. */
SLI_TLS_GROUPS;

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

/* TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 */
static const int suites[] = {0x1301, 0xC02B, 0};
static const uint16_t client_groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

static void set_version(mbedtls_ssl_config *config, enum tls_version version)
{
    mbedtls_ssl_protocol_version number = version == TLS_1_3
        ? MBEDTLS_SSL_VERSION_TLS1_3
        : MBEDTLS_SSL_VERSION_TLS1_2;

    mbedtls_ssl_conf_min_tls_version(config, number);
    mbedtls_ssl_conf_max_tls_version(config, number);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
}

#else

static const int suites[] = {0xC02B, 0};
static const mbedtls_ecp_group_id client_groups[] = {
    MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};

static void set_version(mbedtls_ssl_config *config, enum tls_version version)
{
    sli_tls_compat_set_min_version(config, version == TLS_1_3);
}

#endif

_Noreturn void tls_fail(const char *what, int ret)
{
    char text[128] = "";

    mbedtls_strerror(ret, text, sizeof text);
    fprintf(stderr, "%s: %s (-0x%04x)\n", what, text, (unsigned)-ret);
    exit(1);
}

enum tls_version tls_parse_version(const char *text)
{
    if (strcmp(text, "1.2") == 0) {
        return TLS_1_2;
    }
    if (strcmp(text, "1.3") != 0 || !SLI_TLS_HAS_1_3) {
        fprintf(stderr, "no TLS %s with mbedTLS %s\n", text,
            MBEDTLS_VERSION_STRING);
        exit(3);
    }
    return TLS_1_3;
}

static void init(struct tls_peer *peer, int endpoint)
{
    mbedtls_entropy_init(&peer->entropy);
    mbedtls_ctr_drbg_init(&peer->random);
    mbedtls_ssl_config_init(&peer->config);
    mbedtls_x509_crt_init(&peer->chain);
    mbedtls_pk_init(&peer->key);
    mbedtls_ssl_ticket_init(&peer->tickets);
    tls_check("starting", sli_tls_compat_start());
    tls_check("seeding",
        mbedtls_ctr_drbg_seed(
            &peer->random, mbedtls_entropy_func, &peer->entropy, NULL, 0));
    tls_check("the defaults",
        mbedtls_ssl_config_defaults(&peer->config, endpoint,
            MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&peer->config, mbedtls_ctr_drbg_random, &peer->random);
    mbedtls_ssl_conf_authmode(&peer->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ciphersuites(&peer->config, suites);
}

void tls_peer_init_client(struct tls_peer *peer, enum tls_version version)
{
    init(peer, MBEDTLS_SSL_IS_CLIENT);
    set_version(&peer->config, version);
    sli_tls_compat_set_groups(&peer->config, client_groups);
    mbedtls_ssl_conf_session_tickets(
        &peer->config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
}

/* As PEM text, which ends with a NUL for mbedTLS. */
static void read_key(struct tls_peer *peer, const char *path)
{
    unsigned char text[4096];
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);

    if (file != NULL) {
        fclose(file);
    }
    text[size] = 0;
    tls_check(path,
        sli_tls_compat_parse_key(
            &peer->key, text, size + 1, NULL, 0, &peer->random));
}

void tls_peer_init_server(
    struct tls_peer *peer, const char *certificate_file, const char *key_file)
{
    init(peer, MBEDTLS_SSL_IS_SERVER);
    sli_tls_compat_set_min_version(&peer->config, 0);
    sli_tls_compat_set_groups(&peer->config, sli_tls_groups);
    tls_check(certificate_file,
        mbedtls_x509_crt_parse_file(&peer->chain, certificate_file));
    read_key(peer, key_file);
    tls_check("the certificate",
        mbedtls_ssl_conf_own_cert(&peer->config, &peer->chain, &peer->key));
    tls_check("tickets",
        mbedtls_ssl_ticket_setup(&peer->tickets, mbedtls_ctr_drbg_random,
            &peer->random, MBEDTLS_CIPHER_AES_256_GCM, TICKET_SECONDS));
    mbedtls_ssl_conf_session_tickets_cb(&peer->config, mbedtls_ssl_ticket_write,
        mbedtls_ssl_ticket_parse, &peer->tickets);
}

int tls_keep_session(
    const mbedtls_ssl_context *ssl, mbedtls_ssl_session *session)
{
    mbedtls_ssl_session_free(session);
    mbedtls_ssl_session_init(session);
    return mbedtls_ssl_get_session(ssl, session);
}
