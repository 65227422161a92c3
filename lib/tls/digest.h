/** SHA-256 of octets that come piece by piece. */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include <slimta/alloc.h>
#include <slimta/slice.h>

enum { SLI_TLS_DIGEST_SIZE = 32 };

struct sli_tls_digest;

/** Of no octets so far. SLIMTA_ENOMEM. */
int sli_tls_digest_new(
    struct sli_tls_digest **out, const struct slimta_alloc *alloc);

/** NULL is accepted. */
void sli_tls_digest_free(struct sli_tls_digest *digest);

void sli_tls_digest_add(
    struct sli_tls_digest *digest, struct slimta_slice octets);

/** Writes the digest of all that was added; nothing may follow. */
void sli_tls_digest_finish(
    struct sli_tls_digest *digest, unsigned char out[SLI_TLS_DIGEST_SIZE]);

#endif
