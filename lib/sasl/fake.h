/** What users without stored keys are shown, those who do not exist too. */
#ifndef SASL_FAKE_H
#define SASL_FAKE_H

#include "base/base64.h"
#include "sasl/keys.h"
#include "sasl/sasl.h"

/** Iterations and a salt that depend on the name and the salt key alone, the
 * same for those who have a password and those who do not exist.
 * SLIMTA_ENOMEM. */
int sli_sasl_fake_salt(const struct sli_sasl *sasl, struct sli_sasl_keys *keys,
    enum sli_sasl_hash hash, const char *authcid);

/** Keys that nothing proves. SLIMTA_ESYSTEM. */
int sli_sasl_fake_keys(struct sli_sasl_keys *keys);

/** The time that making keys takes, spent. SLIMTA_ENOMEM. */
int sli_sasl_fake_work(const struct sli_sasl_keys *keys);

enum { SLI_SASL_FAKE_PASSWORD = SLI_BASE64_ENCODED_SIZE(SLI_SASL_KEY_MAX) + 1 };

/** Writes a terminated password that nobody has. SLIMTA_ESYSTEM. */
int sli_sasl_fake_password(char out[SLI_SASL_FAKE_PASSWORD]);

#endif
