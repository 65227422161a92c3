/** The text that stands in for a password (the fields of RFC 5803). */
#include "sasl/stored_secret.h"

#include <assert.h>
#include <gsasl.h>
#include <string.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/slice.h"
#include "base/text.h"

enum {
    ITERATIONS_DIGITS = 8,
    KEY_TEXT = SLI_BASE64_ENCODED_SIZE(SLI_SASL_KEY_MAX),
    SALT_TEXT = SLI_BASE64_ENCODED_SIZE(SLI_SASL_SALT_MAX),
    LONGEST = sizeof "{SCRAM-SHA-256},,,," + ITERATIONS_DIGITS + SALT_TEXT +
        2 * KEY_TEXT
};

static_assert(LONGEST <= SLIMTA_STORED_SECRET_MAX, "every text has room");
static_assert(
    SLI_SASL_ITERATIONS_MAX < 100000000, "the number has at most 8 digits");

/* Takes what stands before `mark` off the front of `rest`, and the mark too; 0
 * when there is none. */
static int take_field(
    struct slimta_slice *rest, char mark, struct slimta_slice *field)
{
    const char *end =
        rest->size == 0 ? NULL : memchr(rest->data, mark, rest->size);

    if (end == NULL) {
        return 0;
    }
    *field = sli_slice(rest->data, (size_t)(end - rest->data));
    *rest = sli_slice_skip(*rest, field->size + 1);
    return 1;
}

static int read_hash(struct slimta_slice field, enum sli_sasl_hash *hash)
{
    return field.size > 0 && field.data[0] == '{' &&
        sli_sasl_keys_find_hash(hash, sli_slice_skip(field, 1)) &&
        field.size - 1 == strlen(sli_sasl_keys_mechanism(*hash));
}

static int read_iterations(struct slimta_slice field, unsigned *iterations)
{
    uint64_t value;

    if (field.size == 0 || field.data[0] == '0' ||
        !sli_ascii_number(field, ITERATIONS_DIGITS, &value) ||
        value < SLI_SASL_ITERATIONS_MIN || value > SLI_SASL_ITERATIONS_MAX) {
        return 0;
    }
    *iterations = (unsigned)value;
    return 1;
}

static int read_salt(struct slimta_slice field, struct sli_sasl_keys *keys)
{
    char octets[SLI_BASE64_DECODED_MAX(SALT_TEXT)];
    size_t size;

    if (field.size > SALT_TEXT ||
        !sli_base64_decode(field, SLI_BASE64_PADDED, octets, &size) ||
        size < SLI_SASL_SALT_MIN || size > SLI_SASL_SALT_MAX) {
        return 0;
    }
    memcpy(keys->salt, octets, size);
    keys->salt_size = size;
    return 1;
}

static int read_key(struct slimta_slice field, size_t wanted, char *key)
{
    char octets[SLI_BASE64_DECODED_MAX(KEY_TEXT)];
    size_t size;
    int is_good = field.size <= KEY_TEXT &&
        sli_base64_decode(field, SLI_BASE64_PADDED, octets, &size) &&
        size == wanted;

    if (is_good) {
        memcpy(key, octets, wanted);
    }
    sli_secret_wipe(octets, sizeof octets);
    return is_good;
}

int sli_sasl_stored_secret_read(struct sli_sasl_keys *keys, const char *text)
{
    struct slimta_slice rest = sli_slice_text(text);
    struct slimta_slice hash;
    struct slimta_slice iterations;
    struct slimta_slice salt;
    struct slimta_slice stored;

    *keys = (struct sli_sasl_keys){0};
    return take_field(&rest, '}', &hash) && read_hash(hash, &keys->hash) &&
            take_field(&rest, ',', &iterations) &&
            read_iterations(iterations, &keys->iterations) &&
            take_field(&rest, ',', &salt) && read_salt(salt, keys) &&
            take_field(&rest, ',', &stored) &&
            read_key(stored, sli_sasl_keys_size(keys->hash), keys->stored) &&
            read_key(rest, sli_sasl_keys_size(keys->hash), keys->server)
        ? 0
        : SLIMTA_EINVAL;
}

static void put_base64(struct sli_text *text, const char *octets, size_t size)
{
    char encoded[SALT_TEXT > KEY_TEXT ? SALT_TEXT : KEY_TEXT];

    sli_text_put_slice(text,
        sli_slice(
            encoded, sli_base64_encode(sli_slice(octets, size), encoded)));
    sli_secret_wipe(encoded, sizeof encoded);
}

static void write_text(char *out, const struct sli_sasl_keys *keys)
{
    struct sli_text text = sli_text_in(out, SLIMTA_STORED_SECRET_MAX);
    size_t size = sli_sasl_keys_size(keys->hash);

    sli_text_put(&text, '{');
    sli_text_put_string(&text, sli_sasl_keys_mechanism(keys->hash));
    sli_text_put(&text, '}');
    sli_text_put_number(&text, keys->iterations);
    sli_text_put(&text, ',');
    put_base64(&text, keys->salt, keys->salt_size);
    sli_text_put(&text, ',');
    put_base64(&text, keys->stored, size);
    sli_text_put(&text, ',');
    put_base64(&text, keys->server, size);
}

/* Everything but the keys. */
static int choose(struct sli_sasl_keys *keys, const char *mechanism,
    unsigned iterations, struct slimta_error *error)
{
    struct slimta_slice name = sli_slice_text(mechanism);

    if (!sli_sasl_keys_find_hash(&keys->hash, name) ||
        name.size != strlen(sli_sasl_keys_mechanism(keys->hash))) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "the mechanism is neither SCRAM-SHA-1 nor SCRAM-SHA-256");
    }
    keys->iterations = iterations == 0 ? SLI_SASL_ITERATIONS : iterations;
    if (keys->iterations < SLI_SASL_ITERATIONS_MIN ||
        keys->iterations > SLI_SASL_ITERATIONS_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "%u iterations are not between %d and %d", iterations,
            SLI_SASL_ITERATIONS_MIN, SLI_SASL_ITERATIONS_MAX);
    }
    keys->salt_size = SLI_SASL_SALT_SIZE;
    if (gsasl_nonce(keys->salt, keys->salt_size) != GSASL_OK) {
        return sli_error_set(
            error, SLIMTA_ESYSTEM, "there is no randomness for a salt");
    }
    return 0;
}

int slimta_stored_secret_make(char *out, const char *mechanism,
    const char *password, unsigned iterations, struct slimta_error *error)
{
    struct sli_sasl_keys keys = {0};
    int err = choose(&keys, mechanism, iterations, error);

    if (err != 0) {
        return err;
    }
    err = sli_sasl_keys_derive(&keys, password);
    if (err == 0) {
        write_text(out, &keys);
    } else {
        (void)sli_error_set(error, err, "%s",
            err == SLIMTA_EINVAL
                ? "the password is empty or not what SASLprep allows"
                : slimta_strerror(err));
    }
    sli_secret_wipe(&keys, sizeof keys);
    return err;
}

int slimta_stored_secret_is_valid(const char *text)
{
    struct sli_sasl_keys keys;
    int err = sli_sasl_stored_secret_read(&keys, text);

    sli_secret_wipe(&keys, sizeof keys);
    return err == 0;
}
