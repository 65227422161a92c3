/** What users without stored keys are shown, those who do not exist too. */
#include "sasl/fake.h"

#include <gsasl.h>
#include <string.h>

#include <slimta/error.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/shared.h"

/* Room for the longest name of a mechanism, an octet, and the longest name of a
 * user that a line of AUTH can bring. */
enum { SALTED_MAX = 64 * 1024 };

int sli_sasl_fake_salt(const struct sli_sasl *sasl, struct sli_sasl_keys *keys,
    enum sli_sasl_hash hash, const char *authcid)
{
    char octets[SLI_SASL_KEY_MAX];
    struct sli_buf text;
    int err;

    *keys = (struct sli_sasl_keys){.hash = hash,
        .iterations = SLI_SASL_ITERATIONS,
        .salt_size = SLI_SASL_SALT_SIZE};
    sli_buf_init(&text, sasl->alloc, SALTED_MAX);
    err = sli_buf_append_text(&text, sli_sasl_keys_mechanism(hash));
    if (err == 0) {
        err = sli_buf_append(&text, SLI_LITERAL("\0"));
    }
    if (err == 0) {
        err = sli_buf_append_text(&text, authcid);
    }
    if (err == 0) {
        err = sli_sasl_keys_mix(octets, sasl->salt_key, sli_buf_slice(&text));
    }
    if (err == 0) {
        memcpy(keys->salt, octets, keys->salt_size);
    }
    sli_secret_wipe(octets, sizeof octets);
    sli_buf_fini(&text);
    return err;
}

int sli_sasl_fake_keys(struct sli_sasl_keys *keys)
{
    return gsasl_random(keys->stored, sizeof keys->stored) == GSASL_OK &&
            gsasl_random(keys->server, sizeof keys->server) == GSASL_OK
        ? 0
        : SLIMTA_ESYSTEM;
}

int sli_sasl_fake_password(char out[SLI_SASL_FAKE_PASSWORD])
{
    char octets[SLI_SASL_KEY_MAX];

    if (gsasl_random(octets, sizeof octets) != GSASL_OK) {
        return SLIMTA_ESYSTEM;
    }
    out[sli_base64_encode(sli_slice(octets, sizeof octets), out)] = '\0';
    return 0;
}

int sli_sasl_fake_work(const struct sli_sasl_keys *keys)
{
    struct sli_sasl_keys made = *keys;
    int err = sli_sasl_keys_derive(&made, "password");

    sli_secret_wipe(&made, sizeof made);
    return err;
}
