/** Certificates with their keys, and the CAs that are trusted. */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include <slimta/tls.h>

#include "tls/compat.h"
#include "tls/source.h"

/** A certificate, those that follow it in its chain, and its key. */
struct sli_tls_certificate {
    struct sli_tls_certificate *next; /* in the context; the first is default */
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

/** Reads both; `from` is borrowed. Errors as slimta_tls_add_certificate. */
int sli_tls_certificate_new(struct sli_tls_certificate **out,
    const struct slimta_alloc *alloc, const struct slimta_tls_certificate *from,
    mbedtls_ctr_drbg_context *random, struct slimta_error *error);

/** Wipes the key. NULL is accepted. */
void sli_tls_certificate_free(
    struct sli_tls_certificate *certificate, const struct slimta_alloc *alloc);

/** Whether it is for the host of that name. */
int sli_tls_certificate_is_for(
    const struct sli_tls_certificate *certificate, struct slimta_slice name);

/** Whether it is for one of the hosts that the other one is for: the same names
 * with a key of another type. */
int sli_tls_certificate_is_like(const struct sli_tls_certificate *certificate,
    const struct sli_tls_certificate *other);

/** Adds the CAs of a source to `chain`, which was initialised; those that
 * mbedTLS cannot read are left out, but one must be left. */
int sli_tls_certificate_read_authorities(mbedtls_x509_crt *chain,
    const struct slimta_alloc *alloc, const struct sli_tls_source *source,
    struct slimta_error *error);

#endif
