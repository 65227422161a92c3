/** Which SASL mechanisms an edge has, and which of them it offers to whom. */
#include "edge/auth.h"

#include <slimta/smtp_edge.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/text.h"

static int is_configured(const struct sli_edge_auth *auth,
    const struct sli_sasl_mechanism *mechanism)
{
    for (size_t i = 0; i < auth->count; i++) {
        if (auth->mechanisms[i] == mechanism) {
            return 1;
        }
    }
    return 0;
}

static int add(struct sli_edge_auth *auth, struct slimta_slice name,
    struct slimta_error *error)
{
    const struct sli_sasl_mechanism *mechanism = sli_sasl_mechanism_find(name);

    if (mechanism == NULL) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "auth_mechanisms: '%.*s' is no mechanism that is spoken here",
            (int)name.size, name.data);
    }
    if (!is_configured(auth, mechanism)) {
        auth->mechanisms[auth->count++] = mechanism;
    }
    return 0;
}

static struct slimta_slice trim(struct slimta_slice word)
{
    while (word.size > 0 && word.data[0] == ' ') {
        word = sli_slice_skip(word, 1);
    }
    while (word.size > 0 && word.data[word.size - 1] == ' ') {
        word.size--;
    }
    return word;
}

int sli_edge_auth_init(struct sli_edge_auth *auth,
    const struct slimta_alloc *alloc,
    const struct sli_edge_auth_options *options, struct slimta_error *error)
{
    struct slimta_slice rest = sli_slice_text(options->mechanisms);
    unsigned flags = options->flags;
    int err = 0;

    if ((flags & ~(SLIMTA_AUTH_CLEAR | SLIMTA_AUTH_ANYONE)) != 0) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "auth_flags: 0x%x has unknown flags", flags);
    }
    auth->flags = flags;
    while (err == 0 && rest.size > 0) {
        err = add(auth, trim(sli_slice_take_until(&rest, ',')), error);
    }
    if (err == 0 && auth->count > 0) {
        err = sli_sasl_new(&auth->sasl, alloc, options->salt_key);
        if (err != 0) {
            return sli_error_set(
                error, err, "auth_mechanisms: %s", slimta_strerror(err));
        }
    }
    return err;
}

void sli_edge_auth_fini(struct sli_edge_auth *auth)
{
    sli_sasl_free(auth->sasl);
}

int sli_edge_auth_can_use(const struct sli_edge_auth *auth,
    const struct sli_sasl_mechanism *mechanism, unsigned channel)
{
    unsigned traits = mechanism->traits;

    /* RFC 4954 section 4: no password crosses in the clear. */
    if ((traits & SLI_SASL_IS_PLAINTEXT) != 0 &&
        (channel & SLI_EDGE_AUTH_TLS) == 0 &&
        (auth->flags & SLIMTA_AUTH_CLEAR) == 0) {
        return 0;
    }
    if ((traits & SLI_SASL_IS_CHALLENGE) != 0 && !auth->has_secrets) {
        return 0;
    }
    if ((traits & SLI_SASL_NEEDS_BINDING) != 0 &&
        (channel & SLI_EDGE_AUTH_BINDING) == 0) {
        return 0;
    }
    return (traits & SLI_SASL_NEEDS_CERTIFICATE) == 0 ||
        (channel & SLI_EDGE_AUTH_CERTIFICATE) != 0;
}

static void make_list(struct sli_edge_auth *auth, unsigned channel)
{
    struct sli_text list =
        sli_text_in(auth->lists[channel], SLI_EDGE_AUTH_LIST_MAX);

    for (size_t i = 0; i < auth->count; i++) {
        if (sli_edge_auth_can_use(auth, auth->mechanisms[i], channel)) {
            if (list.length > 0) {
                sli_text_put(&list, ' ');
            }
            sli_text_put_string(&list, auth->mechanisms[i]->name);
        }
    }
}

int sli_edge_auth_start(struct sli_edge_auth *auth, int has_auth,
    int has_secret, struct slimta_error *error)
{
    int can_succeed = 0;

    if (auth->count == 0) {
        return 0;
    }
    if (!has_auth && !has_secret && (auth->flags & SLIMTA_AUTH_ANYONE) == 0) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "auth_mechanisms: AUTH needs an `auth` or a `secret` validator, or "
            "the flag SLIMTA_AUTH_ANYONE to take any credentials");
    }
    auth->has_secrets = has_secret;
    for (unsigned channel = 0; channel < SLI_EDGE_AUTH_CHANNELS; channel++) {
        make_list(auth, channel);
        can_succeed = can_succeed || auth->lists[channel][0] != '\0';
    }
    return can_succeed
        ? 0
        : sli_error_set(error, SLIMTA_EINVAL,
              "auth_mechanisms: CRAM-MD5 and SCRAM need a `secret` validator");
}

int sli_edge_auth_has_plus(const struct sli_edge_auth *auth, unsigned channel)
{
    for (size_t i = 0; i < auth->count; i++) {
        if ((auth->mechanisms[i]->traits & SLI_SASL_NEEDS_BINDING) != 0 &&
            sli_edge_auth_can_use(auth, auth->mechanisms[i], channel)) {
            return 1;
        }
    }
    return 0;
}
