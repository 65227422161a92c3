/** Whom a certificate is for, as text. */
#ifndef TLS_SUBJECT_H
#define TLS_SUBJECT_H

#include "base/buf.h"
#include "tls/compat.h"

/** Appends the name as RFC 4514 has it: well-formed UTF-8 without control
 * octets. SLIMTA_ENOMEM, SLIMTA_ELIMIT past the buffer's maximum. */
int sli_tls_subject_write(struct sli_buf *out, const mbedtls_x509_name *name);

/** What a person calls the owner: the first rfc822Name, else the most specific
 * common name; well-formed UTF-8 without control octets. Empty when there is
 * none, or when that one is something else. Lives as long as the certificate.
 */
struct slimta_slice sli_tls_subject_name(const mbedtls_x509_crt *certificate);

#endif
