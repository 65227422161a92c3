/** SCRAM-SHA-1 and SCRAM-SHA-256, with and without -PLUS (RFC 5802, RFC 7677).
 * libgsasl keeps nonces and checks the proof; what it reads too kindly is read
 * here before. */
#include <gsasl.h>
#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/base64.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/fake.h"
#include "sasl/scram_message.h"
#include "sasl/shared.h"
#include "sasl/state.h"
#include "sasl/stored_secret.h"

enum { TEXT_MAX = SLI_BASE64_ENCODED_SIZE(SLI_SASL_SALT_MAX) + 1 };

static int is_plus(const struct sli_sasl_exchange *exchange)
{
    return (exchange->mechanism->traits & SLI_SASL_NEEDS_BINDING) != 0;
}

/* What is wrong with the client's flag, or NULL. RFC 5802 section 6: `y` says
 * that we offered no -PLUS; if we did, somebody has taken it out. */
static const char *judge_binding(const struct sli_sasl_exchange *exchange,
    const struct sli_sasl_scram_first *first)
{
    if (!is_plus(exchange) && first->flag == 'p') {
        return "channel binding without -PLUS";
    }
    if (!is_plus(exchange) && first->flag == 'y' && exchange->offers_plus) {
        return "the offer of -PLUS did not reach the client";
    }
    if (is_plus(exchange) && first->flag != 'p') {
        return "-PLUS without channel binding";
    }
    if (is_plus(exchange) &&
        !sli_slice_is(first->binding, SLI_LITERAL("tls-exporter"))) {
        return "another channel binding than tls-exporter";
    }
    return NULL;
}

/* Keeps both names; 0, SLIMTA_EINVAL, SLIMTA_ENOMEM. */
static int read_names(struct sli_sasl_exchange *exchange,
    const struct sli_sasl_scram_first *first)
{
    char *room =
        sli_alloc(exchange->alloc, first->authzid.size + first->name.size);
    size_t authzid_size;
    size_t name_size;
    int err = SLIMTA_EINVAL;

    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    authzid_size = sli_sasl_scram_message_name(room, first->authzid);
    name_size = sli_sasl_scram_message_name(room + authzid_size, first->name);
    if (name_size > 0 && (authzid_size > 0 || first->authzid.size == 0)) {
        err = sli_sasl_state_name(exchange, sli_slice(room, authzid_size),
            sli_slice(room + authzid_size, name_size));
    }
    sli_free(exchange->alloc, room);
    return err;
}

static enum sli_sasl_next read_first(
    struct sli_sasl_exchange *exchange, struct slimta_slice message)
{
    struct sli_sasl_scram_first first;
    const char *error;
    int err;

    if (!sli_sasl_scram_message_first(&first, message)) {
        return sli_sasl_state_refuse(exchange, "malformed message");
    }
    error = judge_binding(exchange, &first);
    if (error != NULL) {
        return sli_sasl_state_refuse(exchange, error);
    }
    err = read_names(exchange, &first);
    if (err != 0) {
        return sli_sasl_state_fail(exchange, err, "malformed name");
    }
    exchange->gs2_size = first.gs2_size;
    return sli_sasl_state_await(exchange, message);
}

/* Keys from the password, whose salt is chosen; for nobody they are made in the
 * same time and thrown away. SLIMTA_ENOMEM, SLIMTA_ESYSTEM. */
static int make_keys(struct sli_sasl_exchange *exchange,
    struct sli_sasl_keys *keys, const char *password)
{
    int err = SLIMTA_EINVAL;

    if (password != NULL) {
        err = sli_sasl_keys_derive(keys, password);
    }
    if (err == SLIMTA_EINVAL) {
        err = password != NULL || exchange->is_unknown_slow
            ? sli_sasl_fake_work(keys)
            : 0;
        if (err == 0) {
            err = sli_sasl_fake_keys(keys);
        }
    }
    return err;
}

/* Stored keys of another hash are as good as none. */
static int find_keys(struct sli_sasl_exchange *exchange,
    struct sli_sasl_keys *keys, enum sli_sasl_secret_kind kind,
    const char *text)
{
    enum sli_sasl_hash hash;
    int err;

    (void)sli_sasl_keys_find_hash(
        &hash, sli_slice_text(exchange->mechanism->name));
    if (kind == SLI_SASL_SECRET_STORED &&
        sli_sasl_stored_secret_read(keys, text) == 0 && keys->hash == hash) {
        return 0;
    }
    err = sli_sasl_fake_salt(exchange->sasl, keys, hash, exchange->authcid);
    return err != 0 ? err
                    : make_keys(exchange, keys,
                          kind == SLI_SASL_SECRET_PASSWORD ? text : NULL);
}

static int set_base64(struct sli_sasl_exchange *exchange,
    Gsasl_property property, const char *octets, size_t size)
{
    char text[TEXT_MAX];
    int err;

    text[sli_base64_encode(sli_slice(octets, size), text)] = '\0';
    err = sli_sasl_state_set(exchange, property, text);
    sli_secret_wipe(text, sizeof text);
    return err;
}

static int set_properties(
    struct sli_sasl_exchange *exchange, const struct sli_sasl_keys *keys)
{
    char iterations[SLI_ASCII_NUMBER_MAX];
    size_t size = sli_sasl_keys_size(keys->hash);
    int err;

    (void)sli_ascii_format_number(keys->iterations, iterations);
    err = sli_sasl_state_set(exchange, GSASL_SCRAM_ITER, iterations);
    if (err == 0) {
        err =
            set_base64(exchange, GSASL_SCRAM_SALT, keys->salt, keys->salt_size);
    }
    if (err == 0) {
        err = set_base64(exchange, GSASL_SCRAM_STOREDKEY, keys->stored, size);
    }
    if (err == 0) {
        err = set_base64(exchange, GSASL_SCRAM_SERVERKEY, keys->server, size);
    }
    if (err == 0 && is_plus(exchange)) {
        err = set_base64(exchange, GSASL_CB_TLS_EXPORTER, exchange->exporter,
            sizeof exchange->exporter);
    }
    return err;
}

/* Everybody who has come so far gets the server-first-message. */
static enum sli_sasl_next answer_first(struct sli_sasl_exchange *exchange,
    enum sli_sasl_secret_kind kind, const char *text)
{
    struct sli_sasl_keys keys;
    int rc = GSASL_MALLOC_ERROR;
    int err = find_keys(exchange, &keys, kind, text);

    if (err == 0) {
        err = sli_sasl_state_start(exchange);
    }
    if (err == 0) {
        err = set_properties(exchange, &keys);
    }
    sli_secret_wipe(&keys, sizeof keys);
    if (err == 0) {
        rc = sli_sasl_state_run(
            exchange, sli_slice(exchange->message, exchange->message_size));
    }
    if (rc == GSASL_NEEDS_MORE) {
        exchange->stage = SLI_SASL_STAGE_PROOF;
        return SLI_SASL_CHALLENGE;
    }
    /* A name with code points that Unicode 3.2 did not know. */
    return rc == GSASL_AUTHENTICATION_ERROR
        ? sli_sasl_state_refuse(exchange, "libgsasl does not take the name")
        : SLI_SASL_NO_MEMORY;
}

/* Takes `start` off the front of `rest`. */
static int take_start(struct slimta_slice *rest, struct slimta_slice start)
{
    if (rest->size < start.size ||
        memcmp(rest->data, start.data, start.size) != 0) {
        return 0;
    }
    *rest = sli_slice_skip(*rest, start.size);
    return 1;
}

/* Section 5.1, "c": the header of the first message, then the binding's data.
 * 1 or 0, SLIMTA_ENOMEM. */
static int is_bound(
    struct sli_sasl_exchange *exchange, struct slimta_slice binding)
{
    char *octets =
        sli_alloc(exchange->alloc, SLI_BASE64_DECODED_MAX(binding.size));
    struct slimta_slice rest;
    size_t size;
    int result;

    if (octets == NULL) {
        return SLIMTA_ENOMEM;
    }
    result = sli_base64_decode(binding, SLI_BASE64_PADDED, octets, &size);
    rest = sli_slice(octets, size);
    result = result &&
        take_start(&rest, sli_slice(exchange->message, exchange->gs2_size)) &&
        sli_slice_is(rest,
            sli_slice(exchange->exporter,
                is_plus(exchange) ? sizeof exchange->exporter : 0));
    sli_free(exchange->alloc, octets);
    return result;
}

static int is_base64(struct slimta_slice text)
{
    char octets[SLI_BASE64_DECODED_MAX(
        SLI_BASE64_ENCODED_SIZE(SLI_SASL_KEY_MAX))];
    size_t size;

    return text.size <= SLI_BASE64_ENCODED_SIZE(SLI_SASL_KEY_MAX) &&
        sli_base64_decode(text, SLI_BASE64_PADDED, octets, &size);
}

static enum sli_sasl_next judge_proof(
    struct sli_sasl_exchange *exchange, struct slimta_slice message)
{
    struct sli_sasl_scram_final final;
    int result;
    int rc;

    if (!sli_sasl_scram_message_final(&final, message) ||
        !is_base64(final.proof)) {
        return sli_sasl_state_refuse(exchange, "malformed message");
    }
    result = is_bound(exchange, final.binding);
    if (result != 1) {
        return sli_sasl_state_fail(exchange,
            result == 0 ? SLIMTA_EINVAL : result,
            "channel binding does not match");
    }
    rc = sli_sasl_state_run(exchange, message);
    if (rc != GSASL_OK) {
        return rc == GSASL_MALLOC_ERROR
            ? SLI_SASL_NO_MEMORY
            : sli_sasl_state_refuse(exchange, "wrong password");
    }
    exchange->is_proved = 1;
    exchange->stage = SLI_SASL_STAGE_END;
    return SLI_SASL_CHALLENGE;
}

static enum sli_sasl_next step(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    if (message == NULL) {
        return sli_sasl_state_ask(exchange, "", SLI_SASL_STAGE_FIRST);
    }
    switch (exchange->stage) {
    case SLI_SASL_STAGE_PROOF:
        return judge_proof(exchange, *message);
    case SLI_SASL_STAGE_END:
        /* RFC 4954 section 4: our last words go as a challenge; the client has
         * nothing to say to them. */
        return message->size == 0
            ? SLI_SASL_CREDENTIALS
            : sli_sasl_state_refuse(exchange, "a message after the proof");
    default:
        return read_first(exchange, *message);
    }
}

const struct sli_sasl_way sli_sasl_scram_way = {
    .step = step,
    .secret = answer_first,
    .slow = SLI_SASL_SECRET_PASSWORD,
};
