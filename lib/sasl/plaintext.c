/** PLAIN (RFC 4616), LOGIN, Basic and Bearer: the password itself comes.
 * Nothing is hashed and no nonce is needed, so libgsasl has no part in it: it
 * would keep copies of the password that nobody wipes. */
#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/credentials.h"
#include "sasl/fake.h"
#include "sasl/prepare.h"
#include "sasl/state.h"
#include "sasl/stored_secret.h"

/* 0 when it is one: RFC 4616 section 2 wants UTF-8 without NUL, and no success
 * for what cannot be prepared. */
static int keep_password(
    struct sli_sasl_exchange *exchange, struct slimta_slice password)
{
    struct sli_sasl_prepared prepared;
    int err;

    if (password.size == 0 ||
        memchr(password.data, '\0', password.size) != NULL) {
        return SLIMTA_EINVAL;
    }
    exchange->password = sli_alloc_text(exchange->alloc, password);
    if (exchange->password == NULL) {
        return SLIMTA_ENOMEM;
    }
    err = sli_sasl_prepare(&prepared, exchange->password);
    if (err == 0) {
        sli_sasl_prepare_fini(&prepared);
    }
    return err;
}

/* Takes what stands before the next NUL, and the NUL too. */
static int take_part(struct slimta_slice *rest, struct slimta_slice *part)
{
    const char *end =
        rest->size == 0 ? NULL : memchr(rest->data, '\0', rest->size);

    if (end == NULL) {
        return 0;
    }
    *part = sli_slice(rest->data, (size_t)(end - rest->data));
    *rest = sli_slice_skip(*rest, part->size + 1);
    return 1;
}

static enum sli_sasl_next step_plain(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    struct slimta_slice authzid;
    struct slimta_slice authcid;
    struct slimta_slice rest;
    int err;

    if (message == NULL) {
        return sli_sasl_state_ask(exchange, "", SLI_SASL_STAGE_FIRST);
    }
    rest = *message;
    if (!take_part(&rest, &authzid) || !take_part(&rest, &authcid)) {
        return sli_sasl_state_refuse(exchange, "malformed message");
    }
    err = sli_sasl_state_name(exchange, authzid, authcid);
    if (err == 0) {
        err = keep_password(exchange, rest);
    }
    return err == 0
        ? SLI_SASL_NEEDS_SECRET
        : sli_sasl_state_fail(exchange, err, "malformed name or password");
}

/* Its initial response, where a client sends one, is the name. The questions
 * are those that clients look for. */
static enum sli_sasl_next step_login(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    int err;

    if (message == NULL) {
        return sli_sasl_state_ask(exchange, "Username:", SLI_SASL_STAGE_FIRST);
    }
    if (exchange->stage == SLI_SASL_STAGE_PASSWORD) {
        err = keep_password(exchange, *message);
        return err == 0
            ? SLI_SASL_NEEDS_SECRET
            : sli_sasl_state_fail(exchange, err, "malformed password");
    }
    err = sli_sasl_state_name(exchange, SLI_LITERAL(""), *message);
    return err == 0
        ? sli_sasl_state_ask(exchange, "Password:", SLI_SASL_STAGE_PASSWORD)
        : sli_sasl_state_fail(exchange, err, "malformed name");
}

/* RFC 6750: a token says by itself whose it is, to those who can read it. */
static enum sli_sasl_next step_bearer(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    int err =
        message == NULL ? SLIMTA_EINVAL : keep_password(exchange, *message);

    return err == 0 ? SLI_SASL_CREDENTIALS
                    : sli_sasl_state_fail(exchange, err, "malformed token");
}

/* 0, or SLIMTA_ENOMEM, after as long as a wrong password takes. */
static int work_for_nobody(struct sli_sasl_exchange *exchange)
{
    struct sli_sasl_keys keys;

    if (!exchange->is_unknown_slow) {
        return 0;
    }
    keys = (struct sli_sasl_keys){.hash = SLI_SASL_SHA_256,
        .iterations = SLI_SASL_ITERATIONS,
        .salt_size = SLI_SASL_SALT_SIZE};
    return sli_sasl_fake_work(&keys);
}

/* 1, 0, or SLIMTA_ENOMEM. */
static int is_stored(struct sli_sasl_exchange *exchange, const char *stored)
{
    struct sli_sasl_keys keys;
    int result = 0;

    if (sli_sasl_stored_secret_read(&keys, stored) == 0) {
        result = sli_sasl_keys_match(&keys, exchange->password);
        sli_secret_wipe(&keys, sizeof keys);
    }
    return result;
}

static enum sli_sasl_next judge(struct sli_sasl_exchange *exchange,
    enum sli_sasl_secret_kind kind, const char *text)
{
    int result = 0;

    switch (kind) {
    case SLI_SASL_SECRET_UNASKED:
        return SLI_SASL_CREDENTIALS;
    case SLI_SASL_SECRET_NONE:
        return sli_sasl_state_fail(exchange,
            work_for_nobody(exchange) == 0 ? SLIMTA_EINVAL : SLIMTA_ENOMEM,
            "unknown user");
    case SLI_SASL_SECRET_PASSWORD:
        result = sli_sasl_credentials_is_password(exchange->password, text);
        break;
    case SLI_SASL_SECRET_STORED:
        result = is_stored(exchange, text);
        break;
    }
    if (result != 1) {
        return sli_sasl_state_fail(
            exchange, result == 0 ? SLIMTA_EINVAL : result, "wrong password");
    }
    exchange->is_proved = 1;
    return SLI_SASL_CREDENTIALS;
}

const struct sli_sasl_way sli_sasl_plain_way = {
    .step = step_plain,
    .secret = judge,
    .slow = SLI_SASL_SECRET_STORED,
};

const struct sli_sasl_way sli_sasl_login_way = {
    .step = step_login,
    .secret = judge,
    .slow = SLI_SASL_SECRET_STORED,
};

const struct sli_sasl_way sli_sasl_bearer_way = {
    .step = step_bearer,
    .slow = SLI_SASL_SECRET_NONE,
};
