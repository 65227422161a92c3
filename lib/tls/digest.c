/** SHA-256 of octets that come piece by piece. */
#include "tls/digest.h"

#include <slimta/error.h>

#include "base/alloc.h"
#include "tls/compat.h"

/* What it returns is for accelerators: in software it cannot fail. */
struct sli_tls_digest {
    struct slimta_alloc alloc;
    mbedtls_sha256_context sha;
};

int sli_tls_digest_new(
    struct sli_tls_digest **out, const struct slimta_alloc *alloc)
{
    struct sli_tls_digest *digest = sli_alloc_zero(alloc, sizeof *digest);

    if (digest == NULL) {
        return SLIMTA_ENOMEM;
    }
    digest->alloc = *alloc;
    mbedtls_sha256_init(&digest->sha);
    (void)sli_tls_compat_sha256_starts(&digest->sha);
    *out = digest;
    return 0;
}

void sli_tls_digest_free(struct sli_tls_digest *digest)
{
    struct slimta_alloc alloc;

    if (digest != NULL) {
        alloc = digest->alloc;
        mbedtls_sha256_free(&digest->sha);
        sli_free(&alloc, digest);
    }
}

void sli_tls_digest_add(
    struct sli_tls_digest *digest, struct slimta_slice octets)
{
    if (octets.size > 0) {
        (void)sli_tls_compat_sha256_update(
            &digest->sha, (const unsigned char *)octets.data, octets.size);
    }
}

void sli_tls_digest_finish(
    struct sli_tls_digest *digest, unsigned char out[SLI_TLS_DIGEST_SIZE])
{
    (void)sli_tls_compat_sha256_finish(&digest->sha, out);
}
