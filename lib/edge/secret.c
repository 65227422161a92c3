/** What a `secret` validator has said: a user's secret, wiped after use. */
#include "edge/secret.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"

void sli_edge_secret_drop(
    struct sli_edge_secret *secret, const struct slimta_alloc *alloc)
{
    if (secret->text != NULL) {
        sli_secret_wipe(secret->text, strlen(secret->text));
    }
    sli_free(alloc, secret->text);
    *secret = (struct sli_edge_secret){.text = NULL};
}

int sli_edge_secret_set(struct sli_edge_secret *secret,
    const struct slimta_alloc *alloc, enum sli_sasl_secret_kind kind,
    const char *text)
{
    sli_edge_secret_drop(secret, alloc);
    secret->kind = kind;
    secret->text = sli_alloc_text(alloc, sli_slice_text(text));
    secret->has_failed = secret->text == NULL;
    return secret->has_failed ? SLIMTA_ENOMEM : 0;
}
