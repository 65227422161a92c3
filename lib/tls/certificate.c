/** Certificates with their keys, and the CAs that are trusted. */
#include "tls/certificate.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"
#include "tls/name.h"
#include "tls/reason.h"

/* --- Names ---------------------------------------------------------------- */

static struct slimta_slice slice_of(const mbedtls_x509_buf *buf)
{
    return sli_slice(buf->p, buf->len);
}

/* dNSName is what its tag says it is (RFC 5280 section 4.2.1.6). */
enum { TAG_VALUE = 0x1F, DNS_NAME = 2 };

static int is_dns_name(const mbedtls_x509_sequence *name)
{
    return name->buf.p != NULL && (name->buf.tag & TAG_VALUE) == DNS_NAME;
}

typedef int (*name_test)(struct slimta_slice pattern, const void *user);

static int any_common_name(
    const mbedtls_x509_crt *chain, name_test test, const void *user)
{
    for (const mbedtls_x509_name *name = &chain->subject; name != NULL;
         name = name->next) {
        if (name->oid.p != NULL &&
            MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0 &&
            test(slice_of(&name->val), user)) {
            return 1;
        }
    }
    return 0;
}

/* The common name counts only where there is no dNSName (RFC 6125 section
 * 6.4.4). */
static int any_name(
    const mbedtls_x509_crt *chain, name_test test, const void *user)
{
    int has_dns_name = 0;

    for (const mbedtls_x509_sequence *name = &chain->subject_alt_names;
         name != NULL; name = name->next) {
        if (is_dns_name(name)) {
            has_dns_name = 1;
            if (test(slice_of(&name->buf), user)) {
                return 1;
            }
        }
    }
    return !has_dns_name && any_common_name(chain, test, user);
}

static int matches(struct slimta_slice pattern, const void *user)
{
    const struct slimta_slice *name = user;

    return sli_tls_name_matches(pattern, *name);
}

int sli_tls_certificate_is_for(
    const struct sli_tls_certificate *certificate, struct slimta_slice name)
{
    return any_name(&certificate->chain, matches, &name);
}

static int is_in(struct slimta_slice name, const void *user)
{
    return any_name(user, matches, &name);
}

int sli_tls_certificate_is_like(const struct sli_tls_certificate *certificate,
    const struct sli_tls_certificate *other)
{
    return any_name(&certificate->chain, is_in, &other->chain);
}

/* --- Reading -------------------------------------------------------------- */

static int fail(
    const struct sli_tls_source *source, int ret, struct slimta_error *error)
{
    char reason[SLI_TLS_REASON_SIZE];

    sli_tls_reason_write(ret, reason);
    return sli_tls_source_fail(source, sli_tls_reason_code(ret), reason, error);
}

enum strictness {
    ALL, /* each must be readable: else there would be a hole in a chain */
    ANY  /* one must be */
};

/* The one that ends at `end`, where nothing else does. */
static int read_one(mbedtls_x509_crt *chain, char *begin, char *end)
{
    char kept = *end;
    int ret;

    *end = '\0';
    ret = mbedtls_x509_crt_parse(
        chain, (unsigned char *)begin, (size_t)(end - begin) + 1);
    *end = kept;
    return ret;
}

/* One after the other, since of several mbedTLS only tells how many it could
 * not read, and not that there was no memory. */
static int read_each(mbedtls_x509_crt *chain, struct sli_tls_text *text,
    enum strictness strictness)
{
    static const char begins[] = "-----BEGIN CERTIFICATE-----";
    static const char ends[] = "-----END CERTIFICATE-----";
    char *at = (char *)text->data;
    int is_any = 0;
    int first = 0;

    while (strstr(at, begins) != NULL) {
        char *end = strstr(at, ends);
        int ret;

        end = end == NULL ? at + strlen(at) : end + sizeof ends - 1;
        ret = read_one(chain, at, end);
        at = end;
        is_any |= ret == 0;
        first = first == 0 ? ret : first;
        if (ret != 0 &&
            (strictness == ALL || sli_tls_reason_code(ret) == SLIMTA_ENOMEM)) {
            return ret;
        }
    }
    if (is_any) {
        return 0;
    }
    return first == 0 ? MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT : first;
}

static int read_certificates(mbedtls_x509_crt *chain,
    const struct slimta_alloc *alloc, const struct sli_tls_source *source,
    enum strictness strictness, struct slimta_error *error)
{
    struct sli_tls_text text = {NULL, 0};
    int ret;
    int err = sli_tls_source_read(source, alloc, &text, error);

    if (err != 0) {
        return err;
    }
    ret = read_each(chain, &text, strictness);
    sli_tls_text_fini(&text, alloc);
    return ret == 0 ? 0 : fail(source, ret, error);
}

static int read_key(mbedtls_pk_context *key, const struct slimta_alloc *alloc,
    const struct sli_tls_source *source, const char *password,
    mbedtls_ctr_drbg_context *random, struct slimta_error *error)
{
    struct sli_tls_text text = {NULL, 0};
    int ret = 0;
    int err = sli_tls_source_read(source, alloc, &text, error);

    if (err == 0) {
        ret = sli_tls_compat_parse_key(key, text.data, text.size, password,
            sli_slice_text(password).size, random);
        sli_tls_text_fini(&text, alloc);
    }
    return ret != 0 ? fail(source, ret, error) : err;
}

/* --- A certificate with its key ------------------------------------------- */

static int check(struct sli_tls_certificate *certificate,
    const struct sli_tls_source *source, mbedtls_ctr_drbg_context *random,
    struct slimta_error *error)
{
    int ret = sli_tls_compat_check_pair(
        &certificate->chain.pk, &certificate->key, random);

    if (sli_tls_reason_code(ret) == SLIMTA_ENOMEM) {
        return fail(source, ret, error);
    }
    return ret == 0 ? 0
                    : sli_tls_source_fail(source, SLIMTA_EINVAL,
                          "it does not fit the certificate", error);
}

static int fill(struct sli_tls_certificate *certificate,
    const struct slimta_alloc *alloc, const struct slimta_tls_certificate *from,
    mbedtls_ctr_drbg_context *random, struct slimta_error *error)
{
    const struct sli_tls_source chain = {
        "certificate", from->certificate_file, from->certificate_pem};
    const struct sli_tls_source key = {"key", from->key_file, from->key_pem};
    int err;

    if (!sli_tls_source_is_given(&chain) || !sli_tls_source_is_given(&key)) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "certificate and key must both be given");
    }
    err = read_certificates(&certificate->chain, alloc, &chain, ALL, error);
    if (err == 0) {
        err = read_key(
            &certificate->key, alloc, &key, from->key_password, random, error);
    }
    return err == 0 ? check(certificate, &key, random, error) : err;
}

int sli_tls_certificate_new(struct sli_tls_certificate **out,
    const struct slimta_alloc *alloc, const struct slimta_tls_certificate *from,
    mbedtls_ctr_drbg_context *random, struct slimta_error *error)
{
    struct sli_tls_certificate *certificate =
        sli_alloc_zero(alloc, sizeof *certificate);
    int err;

    if (certificate == NULL) {
        return sli_error_set(
            error, SLIMTA_ENOMEM, "%s", slimta_strerror(SLIMTA_ENOMEM));
    }
    mbedtls_x509_crt_init(&certificate->chain);
    mbedtls_pk_init(&certificate->key);
    err = fill(certificate, alloc, from, random, error);
    if (err != 0) {
        sli_tls_certificate_free(certificate, alloc);
        return err;
    }
    *out = certificate;
    return 0;
}

void sli_tls_certificate_free(
    struct sli_tls_certificate *certificate, const struct slimta_alloc *alloc)
{
    if (certificate != NULL) {
        mbedtls_x509_crt_free(&certificate->chain);
        mbedtls_pk_free(&certificate->key);
        sli_free(alloc, certificate);
    }
}

int sli_tls_certificate_read_authorities(mbedtls_x509_crt *chain,
    const struct slimta_alloc *alloc, const struct sli_tls_source *source,
    struct slimta_error *error)
{
    return read_certificates(chain, alloc, source, ANY, error);
}
