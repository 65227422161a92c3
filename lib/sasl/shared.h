/** The inside of struct sli_sasl, for this room's own. */
#ifndef SASL_SHARED_H
#define SASL_SHARED_H

#include <gsasl.h>
#include <stdatomic.h>

#include "base/base64.h"
#include "sasl/keys.h"
#include "sasl/sasl.h"

struct sli_sasl {
    const struct slimta_alloc *alloc; /* borrowed: outlives this */
    Gsasl *gsasl;
    char salt_key[SLI_BASE64_ENCODED_SIZE(SLI_SASL_KEY_MAX) + 1]; /* a text */
    /* What the last user who had a secret had, an enum sli_sasl_secret_kind;
     * SLI_SASL_SECRET_NONE before. */
    atomic_int last_kind;
};

#endif
