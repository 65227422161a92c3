/** Making what <slimta/auth.h> reads. */
#ifndef SASL_CREDENTIALS_H
#define SASL_CREDENTIALS_H

#include <slimta/alloc.h>
#include <slimta/auth.h>

/** All copied but the mechanism, which is static. */
struct sli_sasl_credentials_facts {
    const char *mechanism;
    const char *authcid;  /**< NULL: "" */
    const char *authzid;  /**< NULL: "" */
    const char *password; /**< NULL: none */
    int are_proved;
};

/** With one reference, the caller's. SLIMTA_ENOMEM. */
int sli_sasl_credentials_new(struct slimta_credentials **out,
    const struct slimta_alloc *alloc,
    const struct sli_sasl_credentials_facts *facts);

/** 1 when the `shown` password is `password`, both prepared, else 0.
 * SLIMTA_ENOMEM. */
int sli_sasl_credentials_is_password(const char *shown, const char *password);

#endif
