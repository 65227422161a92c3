/** SASLprep (RFC 4013) of what clients show and hosts keep. */
#ifndef SASL_PREPARE_H
#define SASL_PREPARE_H

#include <slimta/slice.h>

/** Whether the octets can be a name that is only handed on, an authzid: UTF-8
 * without control octets. */
int sli_sasl_prepare_is_text(struct slimta_slice text);

/** 0 when `name` can be an authcid: such a text, not empty, that SASLprep takes
 * and leaves something of (RFC 4616 section 2, RFC 5802 section 5.1).
 * SLIMTA_EINVAL, SLIMTA_ENOMEM. */
int sli_sasl_prepare_check(const char *name);

/** A password made ready to be compared or hashed. */
struct sli_sasl_prepared {
    const char *text; /**< lives as long as `own` and the password do */
    char *own;        /**< what is to be wiped; NULL when it is the password
                           itself */
};

/** The same for what clients show and what hosts keep: code points that Unicode
 * 3.2 did not know pass in both, so that a password of today is one (RFC 3454
 * section 7 would not have them kept; RFC 8265 has let them in since). libgsasl
 * refuses them in SCRAM. Borrows
 * `password` until sli_sasl_prepare_fini. SLIMTA_EINVAL when it cannot
 * be prepared or nothing is left of it, SLIMTA_ENOMEM; then there is nothing to
 * give back. */
int sli_sasl_prepare(struct sli_sasl_prepared *out, const char *password);

/** Wipes and frees. */
void sli_sasl_prepare_fini(struct sli_sasl_prepared *prepared);

#endif
