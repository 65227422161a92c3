/** What SCRAM (RFC 5802, RFC 7677) makes from a password and holds a proof
 * against. */
#include "sasl/keys.h"

#include <assert.h>
#include <gsasl.h>
#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/prepare.h"

static_assert(
    SLI_SASL_KEY_MAX == (int)GSASL_HASH_MAX_SIZE, "room for each key");

static const struct {
    const char *mechanism;
    Gsasl_hash id;
    size_t size;
} hashes[] = {
    [SLI_SASL_SHA_1] = {"SCRAM-SHA-1", GSASL_HASH_SHA1, GSASL_HASH_SHA1_SIZE},
    [SLI_SASL_SHA_256] = {"SCRAM-SHA-256", GSASL_HASH_SHA256,
        GSASL_HASH_SHA256_SIZE},
};

int sli_sasl_keys_find_hash(
    enum sli_sasl_hash *hash, struct slimta_slice mechanism)
{
    const struct slimta_slice plus = SLI_LITERAL("-PLUS");

    if (mechanism.size > plus.size &&
        sli_slice_is(
            sli_slice_skip(mechanism, mechanism.size - plus.size), plus)) {
        mechanism.size -= plus.size;
    }
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        if (sli_slice_is(mechanism, sli_slice_text(hashes[i].mechanism))) {
            *hash = (enum sli_sasl_hash)i;
            return 1;
        }
    }
    return 0;
}

const char *sli_sasl_keys_mechanism(enum sli_sasl_hash hash)
{
    return hashes[hash].mechanism;
}

size_t sli_sasl_keys_size(enum sli_sasl_hash hash)
{
    return hashes[hash].size;
}

/* `password` is prepared. */
static int derive(struct sli_sasl_keys *keys, const char *password)
{
    char salted[SLI_SASL_KEY_MAX];
    char client[SLI_SASL_KEY_MAX];
    int rc = gsasl_scram_secrets_from_password(hashes[keys->hash].id, password,
        keys->iterations, keys->salt, keys->salt_size, salted, client,
        keys->server, keys->stored);

    sli_secret_wipe(salted, sizeof salted);
    sli_secret_wipe(client, sizeof client);
    if (rc == GSASL_SASLPREP_ERROR) {
        return SLIMTA_EINVAL;
    }
    return rc == GSASL_OK ? 0 : SLIMTA_ENOMEM;
}

int sli_sasl_keys_derive(struct sli_sasl_keys *keys, const char *password)
{
    struct sli_sasl_prepared prepared;
    int err = sli_sasl_prepare(&prepared, password);

    if (err == 0) {
        err = derive(keys, prepared.text);
        sli_sasl_prepare_fini(&prepared);
    }
    return err;
}

int sli_sasl_keys_match(const struct sli_sasl_keys *keys, const char *password)
{
    size_t size = hashes[keys->hash].size;
    struct sli_sasl_keys made = *keys;
    int result = sli_sasl_keys_derive(&made, password);

    if (result == 0) {
        result = sli_secret_is(
            sli_slice(made.stored, size), sli_slice(keys->stored, size));
    } else if (result == SLIMTA_EINVAL) {
        result = 0;
    }
    sli_secret_wipe(&made, sizeof made);
    return result;
}

int sli_sasl_keys_mix(char *out, const char *key, struct slimta_slice text)
{
    char client[SLI_SASL_KEY_MAX];
    char server[SLI_SASL_KEY_MAX];
    char stored[SLI_SASL_KEY_MAX];
    int rc = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, key, 1,
        text.data, text.size, out, client, server, stored);

    sli_secret_wipe(client, sizeof client);
    sli_secret_wipe(server, sizeof server);
    sli_secret_wipe(stored, sizeof stored);
    return rc == GSASL_OK ? 0 : SLIMTA_ENOMEM;
}
