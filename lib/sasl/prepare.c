/** SASLprep (RFC 4013) of what clients show and hosts keep. */
#include "sasl/prepare.h"

#include <gsasl.h>
#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/secret.h"
#include "base/slice.h"

int sli_sasl_prepare_is_text(struct slimta_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (sli_ascii_is(text.data[i], SLI_ASCII_CONTROL)) {
            return 0;
        }
    }
    return sli_ascii_is_utf8(text);
}

int sli_sasl_prepare_check(const char *name)
{
    struct sli_sasl_prepared prepared;
    int err = SLIMTA_EINVAL;

    if (sli_sasl_prepare_is_text(sli_slice_text(name))) {
        err = sli_sasl_prepare(&prepared, name);
    }
    if (err == 0) {
        sli_sasl_prepare_fini(&prepared);
    }
    return err;
}

int sli_sasl_prepare(struct sli_sasl_prepared *out, const char *password)
{
    struct slimta_slice text = sli_slice_text(password);
    int rc;

    *out = (struct sli_sasl_prepared){.text = password};
    /* It leaves these as they are, and they stay out of its memory, which it
     * does not wipe. */
    if (text.size > 0 && sli_ascii_all(text, SLI_ASCII_PRINT)) {
        return 0;
    }
    if (!sli_ascii_is_utf8(text)) {
        return SLIMTA_EINVAL;
    }
    /* GSASL_ALLOW_UNASSIGNED does the contrary in all versions up to 2.2.2. */
    rc = gsasl_saslprep(password, (Gsasl_saslprep_flags)0, &out->own, NULL);
    if (rc != GSASL_OK) {
        return rc == GSASL_MALLOC_ERROR ? SLIMTA_ENOMEM : SLIMTA_EINVAL;
    }
    out->text = out->own;
    if (*out->own == '\0') {
        sli_sasl_prepare_fini(out);
        return SLIMTA_EINVAL;
    }
    return 0;
}

void sli_sasl_prepare_fini(struct sli_sasl_prepared *prepared)
{
    if (prepared->own != NULL) {
        sli_secret_wipe(prepared->own, strlen(prepared->own));
        gsasl_free(prepared->own);
        prepared->own = NULL;
    }
    prepared->text = NULL;
}
