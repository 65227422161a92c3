/** The text that stands in for a password (the fields of RFC 5803). */
#ifndef SASL_STORED_SECRET_H
#define SASL_STORED_SECRET_H

#include <slimta/auth.h>

#include "sasl/keys.h"

/** Reads a text of slimta_stored_secret_make, strictly: nothing around it,
 * numbers without leading zeros, base64 with its padding. 0, or SLIMTA_EINVAL;
 * then `keys` is not to be used. */
int sli_sasl_stored_secret_read(struct sli_sasl_keys *keys, const char *text);

#endif
