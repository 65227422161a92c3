/** CRAM-MD5 (RFC 2195). */
#include <gsasl.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "sasl/fake.h"
#include "sasl/prepare.h"
#include "sasl/state.h"

/* The digest in hexadecimal. */
enum { DIGEST_TEXT = 32 };

/* 1 when it is a digest as section 2 writes it, in lower case. */
static int is_digest(struct slimta_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return 0;
        }
    }
    return text.size == DIGEST_TEXT;
}

/* Section 2: the name, a space, the digest. A name may hold spaces. */
static enum sli_sasl_next read_response(
    struct sli_sasl_exchange *exchange, struct slimta_slice message)
{
    size_t name_size;
    int err;

    if (message.size < 1 + DIGEST_TEXT) {
        return sli_sasl_state_refuse(exchange, "malformed message");
    }
    name_size = message.size - DIGEST_TEXT - 1;
    if (message.data[name_size] != ' ' ||
        !is_digest(sli_slice_skip(message, name_size + 1))) {
        return sli_sasl_state_refuse(exchange, "malformed message");
    }
    err = sli_sasl_state_name(
        exchange, SLI_LITERAL(""), sli_slice(message.data, name_size));
    return err == 0 ? sli_sasl_state_await(exchange, message)
                    : sli_sasl_state_fail(exchange, err, "malformed name");
}

static enum sli_sasl_next step(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    if (exchange->stage != SLI_SASL_STAGE_START) {
        return read_response(exchange, *message);
    }
    if (message != NULL) {
        return sli_sasl_state_refuse(
            exchange, "a message before the challenge");
    }
    if (sli_sasl_state_start(exchange) != 0 ||
        sli_sasl_state_run(exchange, SLI_LITERAL("")) != GSASL_NEEDS_MORE ||
        exchange->challenge.size == 0) {
        return SLI_SASL_NO_MEMORY;
    }
    exchange->stage = SLI_SASL_STAGE_FIRST;
    return SLI_SASL_CHALLENGE;
}

/* Stored keys say nothing here, and a password that cannot be prepared is as
 * good as none: then the digest is held against that of a random one. */
static int set_password(struct sli_sasl_exchange *exchange,
    enum sli_sasl_secret_kind kind, const char *text)
{
    struct sli_sasl_prepared prepared;
    char random[SLI_SASL_FAKE_PASSWORD];
    int err = kind == SLI_SASL_SECRET_PASSWORD
        ? sli_sasl_prepare(&prepared, text)
        : SLIMTA_EINVAL;

    if (err == 0) {
        err = sli_sasl_state_set(exchange, GSASL_PASSWORD, prepared.text);
        sli_sasl_prepare_fini(&prepared);
    } else if (err == SLIMTA_EINVAL) {
        err = sli_sasl_fake_password(random);
        if (err == 0) {
            err = sli_sasl_state_set(exchange, GSASL_PASSWORD, random);
        }
    }
    return err;
}

static enum sli_sasl_next judge(struct sli_sasl_exchange *exchange,
    enum sli_sasl_secret_kind kind, const char *text)
{
    int rc;

    if (set_password(exchange, kind, text) != 0) {
        return SLI_SASL_NO_MEMORY;
    }
    rc = sli_sasl_state_run(
        exchange, sli_slice(exchange->message, exchange->message_size));
    if (rc == GSASL_OK) {
        exchange->is_proved = 1;
        return SLI_SASL_CREDENTIALS;
    }
    return rc == GSASL_AUTHENTICATION_ERROR
        ? sli_sasl_state_refuse(exchange,
              kind == SLI_SASL_SECRET_PASSWORD ? "wrong password"
                                               : "no password is known")
        : SLI_SASL_NO_MEMORY;
}

const struct sli_sasl_way sli_sasl_cram_way = {
    .step = step,
    .secret = judge,
};
