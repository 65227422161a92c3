/** Why something of mbedTLS failed, for the host and for an operator. */
#include "tls/reason.h"

#include <stddef.h>
#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/text.h"
#include "tls/compat.h"

/* A code is the sum of a high one, in steps of 128, and a low one below it. */
static const int no_memory[] = {
    MBEDTLS_ERR_SSL_ALLOC_FAILED,
    MBEDTLS_ERR_X509_ALLOC_FAILED,
    MBEDTLS_ERR_PK_ALLOC_FAILED,
    MBEDTLS_ERR_PEM_ALLOC_FAILED,
    MBEDTLS_ERR_ECP_ALLOC_FAILED,
    MBEDTLS_ERR_MD_ALLOC_FAILED,
    MBEDTLS_ERR_CIPHER_ALLOC_FAILED,
    MBEDTLS_ERR_ASN1_ALLOC_FAILED,
    MBEDTLS_ERR_MPI_ALLOC_FAILED,
};

static const struct {
    int ret;
    const char *text;
} reasons[] = {
    {SLI_TLS_BAD_VERSION, "no version in common"},
    {SLI_TLS_NO_SUITE, "no cipher suite, group or certificate in common"},
    {MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, "the peer gave no certificate"},
    {MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED,
        "no CA is known that could have signed the peer's certificate"},
    {MBEDTLS_ERR_SSL_INVALID_RECORD, "what came is no TLS record"},
    {MBEDTLS_ERR_SSL_INVALID_MAC, "a record was damaged or forged"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, "a message that is not due"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_RECORD, "a record that is not due"},
    {MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY, "unknown identity"},
    {MBEDTLS_ERR_PK_PASSWORD_REQUIRED,
        "it is encrypted and there is no password"},
    {MBEDTLS_ERR_PK_PASSWORD_MISMATCH, "the password does not fit"},
    {MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT, "there is no such PEM text"},
    {MBEDTLS_ERR_PK_KEY_INVALID_FORMAT, "it is not a key in PEM"},
};

#define ALERT_MAP(X) \
    X(0, close_notify) \
    X(10, unexpected_message) \
    X(20, bad_record_mac) \
    X(21, decryption_failed) \
    X(22, record_overflow) \
    X(30, decompression_failure) \
    X(40, handshake_failure) \
    X(41, no_certificate) \
    X(42, bad_certificate) \
    X(43, unsupported_certificate) \
    X(44, certificate_revoked) \
    X(45, certificate_expired) \
    X(46, certificate_unknown) \
    X(47, illegal_parameter) \
    X(48, unknown_ca) \
    X(49, access_denied) \
    X(50, decode_error) \
    X(51, decrypt_error) \
    X(60, export_restriction) \
    X(70, protocol_version) \
    X(71, insufficient_security) \
    X(80, internal_error) \
    X(86, inappropriate_fallback) \
    X(90, user_canceled) \
    X(100, no_renegotiation) \
    X(109, missing_extension) \
    X(110, unsupported_extension) \
    X(111, certificate_unobtainable) \
    X(112, unrecognized_name) \
    X(113, bad_certificate_status_response) \
    X(114, bad_certificate_hash_value) \
    X(115, unknown_psk_identity) \
    X(116, certificate_required) \
    X(120, no_application_protocol)

static const struct {
    uint32_t flags;
    const char *text;
} faults[] = {
    {MBEDTLS_X509_BADCERT_MISSING, "the peer gave no certificate"},
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED,
        "the peer's certificate is signed by no CA that is trusted"},
    {MBEDTLS_X509_BADCERT_CN_MISMATCH,
        "the peer's certificate is for another name"},
    {MBEDTLS_X509_BADCERT_EXPIRED, "the peer's certificate has expired"},
    {MBEDTLS_X509_BADCERT_FUTURE, "the peer's certificate is not valid yet"},
    {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
            MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
        "the peer's certificate is for another use"},
    {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
            MBEDTLS_X509_BADCERT_BAD_KEY,
        "the peer's certificate is too weak"},
};

int sli_tls_reason_code(int ret)
{
    int high = -(-ret & 0xFF80);
    int low = -(-ret & 0x007F);

    if (ret == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof no_memory / sizeof *no_memory; i++) {
        if (no_memory[i] == high || no_memory[i] == low) {
            return SLIMTA_ENOMEM;
        }
    }
    return SLIMTA_EINVAL;
}

static const char *find(int ret)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].ret == ret || reasons[i].ret == -(-ret & 0xFF80)) {
            return reasons[i].text;
        }
    }
    return NULL;
}

/* mbedTLS's own sentence: for an operator who reports it, better than a
 * number. */
static void describe(int ret, char out[SLI_TLS_REASON_SIZE])
{
    mbedtls_strerror(ret, out, SLI_TLS_REASON_SIZE);
    for (char *c = out; *c != '\0'; c++) {
        if (!sli_ascii_is(*c, SLI_ASCII_PRINT)) {
            *c = '?';
        }
    }
}

void sli_tls_reason_write(int ret, char out[SLI_TLS_REASON_SIZE])
{
    struct sli_text text = sli_text_in(out, SLI_TLS_REASON_SIZE);
    const char *known = find(ret);

    if (sli_tls_reason_code(ret) == SLIMTA_ENOMEM) {
        known = slimta_strerror(SLIMTA_ENOMEM);
    }
    if (known != NULL) {
        sli_text_put_string(&text, known);
    } else {
        describe(ret, out);
    }
}

const char *sli_tls_reason_alert(int alert)
{
    switch (alert) {
#define ALERT_NAME(number, name) \
    case (number): \
        return #name;
        ALERT_MAP(ALERT_NAME)
#undef ALERT_NAME
    default:
        return "unknown alert";
    }
}

const char *sli_tls_reason_verify(uint32_t flags)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if ((faults[i].flags & flags) != 0) {
            return faults[i].text;
        }
    }
    return "the peer's certificate is not acceptable";
}
