/** xtext (RFC 3461 section 4): what stands in the parameters of MAIL and RCPT
 * for text that may hold anything. */
#ifndef SMTP_XTEXT_H
#define SMTP_XTEXT_H

#include <slimta/slice.h>

#include "base/buf.h"

/**
 * Decodes `text` strictly into `out`, which has room for as many octets and may
 * be where the text stands: printable ASCII without `+` and `=`, and `+` with
 * two hexadecimal digits, upper case. 1 and the number of octets, or 0 when it
 * is no xtext.
 */
int sli_smtp_xtext_decode(struct slimta_slice text, char *out, size_t *size);

/** Room for the xtext of `size` octets. */
#define SLI_SMTP_XTEXT_ENCODED_MAX(size) ((size)*3)

/** Writes `octets` as xtext to `out`, without NUL; returns its length. */
size_t sli_smtp_xtext_encode(struct slimta_slice octets, char *out);

/** Appends `text` as xtext. SLIMTA_ENOMEM. */
int sli_smtp_xtext_append(struct sli_buf *buf, struct slimta_slice text);

#endif
