/** What every connection keeps to: versions, cipher suites, groups. */
#include "tls/rules.h"

/* RFC 9325 section 4.2: an ephemeral key exchange and an AEAD. The order is
 * ours, not the client's. */
#define SUITE_MAP(X) \
    SLI_TLS_SUITE_1_3_MAP(X) \
    X(0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256") \
    X(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256") \
    X(0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384") \
    X(0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384") \
    X(0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256") \
    X(0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")

/* mbedTLS keeps the lists by reference. */
static const int suites[] = {
#define SUITE_NUMBER(number, name) (number),
    SUITE_MAP(SUITE_NUMBER)
#undef SUITE_NUMBER
        0};

SLI_TLS_GROUPS;

const char *sli_tls_rules_suite_name(int suite)
{
    switch (suite) {
#define SUITE_NAME(number, name) \
    case (number): \
        return name;
        SUITE_MAP(SUITE_NAME)
#undef SUITE_NAME
    default:
        return "unknown";
    }
}

/* RFC 9325: no version below 1.2 (section 3.1.1) and no renegotiation (3.5).
 * Compression is not there since mbedTLS is built without it. */
int sli_tls_rules_set(mbedtls_ssl_config *config, int endpoint,
    enum slimta_tls_version min_version)
{
    int ret = mbedtls_ssl_config_defaults(config, endpoint,
        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);

    if (ret != 0) {
        return ret;
    }
    sli_tls_compat_set_min_version(config, min_version == SLIMTA_TLS_1_3);
    sli_tls_compat_set_groups(config, sli_tls_groups);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_legacy_renegotiation(
        config, MBEDTLS_SSL_LEGACY_NO_RENEGOTIATION);
    return 0;
}
