/** What a client has shown: counted, never changed, wiped at the end. */
#include "sasl/credentials.h"

#include <stdatomic.h>
#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/prepare.h"
#include "sasl/stored_secret.h"

/* The texts stand behind it in the same block. */
struct slimta_credentials {
    struct slimta_alloc alloc;
    atomic_size_t references;
    size_t size; /* of the block */
    const char *mechanism;
    const char *authcid;
    const char *authzid;
    const char *password; /* or NULL */
    int are_proved;
    char texts[];
};

static size_t room_for(const char *text)
{
    return text == NULL ? 1 : strlen(text) + 1;
}

/* Copies `text` to `*at`, which moves on. */
static const char *put(char **at, const char *text)
{
    char *start = *at;
    size_t size = room_for(text);

    if (text != NULL) {
        memcpy(start, text, size);
    }
    *at += size;
    return start;
}

int sli_sasl_credentials_new(struct slimta_credentials **out,
    const struct slimta_alloc *alloc,
    const struct sli_sasl_credentials_facts *facts)
{
    size_t size = sizeof(struct slimta_credentials) + room_for(facts->authcid) +
        room_for(facts->authzid) + room_for(facts->password);
    struct slimta_credentials *credentials = sli_alloc_zero(alloc, size);
    char *at;

    if (credentials == NULL) {
        return SLIMTA_ENOMEM;
    }
    credentials->alloc = *alloc;
    atomic_init(&credentials->references, 1);
    credentials->size = size;
    credentials->mechanism = facts->mechanism;
    credentials->are_proved = facts->are_proved;
    at = credentials->texts;
    credentials->authcid = put(&at, facts->authcid);
    credentials->authzid = put(&at, facts->authzid);
    if (facts->password != NULL) {
        credentials->password = put(&at, facts->password);
    }
    *out = credentials;
    return 0;
}

struct slimta_credentials *slimta_credentials_ref(
    struct slimta_credentials *credentials)
{
    atomic_fetch_add_explicit(
        &credentials->references, 1, memory_order_relaxed);
    return credentials;
}

void slimta_credentials_unref(struct slimta_credentials *credentials)
{
    struct slimta_alloc alloc;

    if (credentials == NULL ||
        atomic_fetch_sub_explicit(
            &credentials->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    alloc = credentials->alloc;
    sli_secret_wipe(credentials, credentials->size);
    sli_free(&alloc, credentials);
}

const char *slimta_credentials_mechanism(
    const struct slimta_credentials *credentials)
{
    return credentials->mechanism;
}

const char *slimta_credentials_authcid(
    const struct slimta_credentials *credentials)
{
    return credentials->authcid;
}

const char *slimta_credentials_authzid(
    const struct slimta_credentials *credentials)
{
    return credentials->authzid;
}

int slimta_credentials_are_proved(const struct slimta_credentials *credentials)
{
    return credentials->are_proved;
}

const char *slimta_credentials_password(
    const struct slimta_credentials *credentials)
{
    return credentials->password;
}

int sli_sasl_credentials_is_password(const char *shown, const char *password)
{
    struct sli_sasl_prepared a;
    struct sli_sasl_prepared b;
    int result = sli_sasl_prepare(&a, shown);

    if (result == 0) {
        result = sli_sasl_prepare(&b, password);
        if (result == 0) {
            result =
                sli_secret_is(sli_slice_text(a.text), sli_slice_text(b.text));
            sli_sasl_prepare_fini(&b);
        }
        sli_sasl_prepare_fini(&a);
    }
    return result == SLIMTA_EINVAL ? 0 : result;
}

int slimta_credentials_match(
    const struct slimta_credentials *credentials, const char *password)
{
    return credentials->password != NULL && password != NULL &&
        sli_sasl_credentials_is_password(credentials->password, password) == 1;
}

int slimta_credentials_match_stored(
    const struct slimta_credentials *credentials, const char *stored)
{
    struct sli_sasl_keys keys;
    int result = 0;

    if (credentials->password != NULL && stored != NULL &&
        sli_sasl_stored_secret_read(&keys, stored) == 0) {
        result = sli_sasl_keys_match(&keys, credentials->password) == 1;
        sli_secret_wipe(&keys, sizeof keys);
    }
    return result;
}
