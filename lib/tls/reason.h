/** Why something of mbedTLS failed, for the host and for an operator. */
#ifndef TLS_REASON_H
#define TLS_REASON_H

#include <stdint.h>

/** The host's code of mbedTLS's: SLIMTA_ENOMEM or SLIMTA_EINVAL; 0 of 0. */
int sli_tls_reason_code(int ret);

enum { SLI_TLS_REASON_SIZE = 128 };

/** A few words about a code of mbedTLS's, printable ASCII, terminated. */
void sli_tls_reason_write(int ret, char out[SLI_TLS_REASON_SIZE]);

/** An alert's name in RFC 8446 section 6, or "unknown alert". Static. */
const char *sli_tls_reason_alert(int alert);

/** What is wrong with a certificate, by the flags of MBEDTLS_X509_BADCERT_: the
 * gravest. Static. */
const char *sli_tls_reason_verify(uint32_t flags);

#endif
