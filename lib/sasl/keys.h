/** What SCRAM (RFC 5802, RFC 7677) makes from a password and holds a proof
 * against. */
#ifndef SASL_KEYS_H
#define SASL_KEYS_H

#include <stddef.h>

#include <slimta/slice.h>

enum sli_sasl_hash { SLI_SASL_SHA_1, SLI_SASL_SHA_256 };

enum {
    SLI_SASL_KEY_MAX = 32,
    SLI_SASL_SALT_MIN = 8,
    SLI_SASL_SALT_MAX = 64,
    SLI_SASL_SALT_SIZE = 16, /**< of those that are made here */
    /** RFC 7677 section 4 and RFC 5802 section 5.1: at least 4096. */
    SLI_SASL_ITERATIONS_MIN = 4096,
    SLI_SASL_ITERATIONS_MAX = 10000000,
    SLI_SASL_ITERATIONS = 10000 /**< where nobody says otherwise */
};

struct sli_sasl_keys {
    enum sli_sasl_hash hash;
    unsigned iterations;
    size_t salt_size;
    char salt[SLI_SASL_SALT_MAX];
    char stored[SLI_SASL_KEY_MAX]; /**< so much of it as the hash is long */
    char server[SLI_SASL_KEY_MAX];
};

/** "SCRAM-SHA-256", also with what follows ("-PLUS"); 1 or 0. */
int sli_sasl_keys_find_hash(
    enum sli_sasl_hash *hash, struct slimta_slice mechanism);

/** "SCRAM-SHA-256". Static. */
const char *sli_sasl_keys_mechanism(enum sli_sasl_hash hash);

/** Octets of a key. */
size_t sli_sasl_keys_size(enum sli_sasl_hash hash);

/** Fills in both keys; hash, iterations and salt are there. Slow.
 * SLIMTA_EINVAL when the password cannot be prepared, SLIMTA_ENOMEM. */
int sli_sasl_keys_derive(struct sli_sasl_keys *keys, const char *password);

/** 1 when `password` makes the same keys, else 0. Slow. SLIMTA_ENOMEM. */
int sli_sasl_keys_match(const struct sli_sasl_keys *keys, const char *password);

/** RFC 5802's Hi() with one iteration, which is HMAC-SHA-256 with the printable
 * `key`, of `text` and four octets more. `out` has SLI_SASL_KEY_MAX octets.
 * SLIMTA_ENOMEM. */
int sli_sasl_keys_mix(char *out, const char *key, struct slimta_slice text);

#endif
