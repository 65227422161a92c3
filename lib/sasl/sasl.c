/** What all exchanges of an edge share. */
#include "sasl/sasl.h"

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/shared.h"

/* A key of a fixed size and printable, as libgsasl wants it of a password,
 * whatever the host has given. */
static int set_salt_key(struct sli_sasl *sasl, const char *salt_key)
{
    char octets[SLI_SASL_KEY_MAX];
    int err = 0;

    if (salt_key != NULL && *salt_key != '\0') {
        err = sli_sasl_keys_mix(
            octets, "salts of users", sli_slice_text(salt_key));
    } else if (gsasl_random(octets, sizeof octets) != GSASL_OK) {
        err = SLIMTA_ESYSTEM;
    }
    if (err == 0) {
        (void)sli_base64_encode(
            sli_slice(octets, sizeof octets), sasl->salt_key);
    }
    sli_secret_wipe(octets, sizeof octets);
    return err;
}

int sli_sasl_new(struct sli_sasl **out, const struct slimta_alloc *alloc,
    const char *salt_key)
{
    int err = SLIMTA_ENOMEM;
    int rc;
    struct sli_sasl *sasl = sli_alloc_zero(alloc, sizeof *sasl);

    if (sasl == NULL) {
        goto done;
    }
    sasl->alloc = alloc;
    atomic_init(&sasl->last_kind, 0);
    rc = gsasl_init(&sasl->gsasl);
    if (rc != GSASL_OK) {
        sasl->gsasl = NULL;
        err = rc == GSASL_MALLOC_ERROR ? SLIMTA_ENOMEM : SLIMTA_ESYSTEM;
        goto done;
    }
    err = set_salt_key(sasl, salt_key);
    if (err != 0) {
        goto done;
    }
    *out = sasl;
    sasl = NULL;
done:
    sli_sasl_free(sasl);
    return err;
}

void sli_sasl_free(struct sli_sasl *sasl)
{
    if (sasl != NULL) {
        if (sasl->gsasl != NULL) {
            gsasl_done(sasl->gsasl);
        }
        sli_secret_wipe(sasl->salt_key, sizeof sasl->salt_key);
        sli_free(sasl->alloc, sasl);
    }
}
