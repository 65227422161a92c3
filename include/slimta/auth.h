/** What a client shows to prove who it is, and what it is held against. */
#ifndef SLIMTA_AUTH_H
#define SLIMTA_AUTH_H

#include <stddef.h>

#include <slimta/error.h>
#include <slimta/export.h>
#include <slimta/slice.h>

struct slimta_op;

/**
 * The credentials of one attempt. Atomically reference counted and immutable:
 * lent to the `auth` validator until it returns; a thread that checks them
 * later takes a reference, and then everything below is allowed on it. The last
 * reference wipes the password.
 */
struct slimta_credentials;

/** A stored secret's longest text, NUL included. */
#define SLIMTA_STORED_SECRET_MAX 512

SLIMTA_BEGIN_DECLS

/** Takes another reference; returns its argument. Any thread. */
SLIMTA_API struct slimta_credentials *slimta_credentials_ref(
    struct slimta_credentials *credentials);

/** Gives a reference back; the last one wipes and frees. NULL is accepted. Any
 * thread. */
SLIMTA_API void slimta_credentials_unref(
    struct slimta_credentials *credentials);

/** "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", with "-PLUS",
 * "EXTERNAL"; HTTP: "BASIC", "BEARER". Static. */
SLIMTA_API const char *slimta_credentials_mechanism(
    const struct slimta_credentials *credentials);

/** The name that the client has shown; "" for BEARER. UTF-8 without control
 * octets. Lives as long as the credentials, like all below. */
SLIMTA_API const char *slimta_credentials_authcid(
    const struct slimta_credentials *credentials);

/** Whom the client wants to act as; "" when it did not say. */
SLIMTA_API const char *slimta_credentials_authzid(
    const struct slimta_credentials *credentials);

/** 1 when the exchange itself, or a `secret` validator's secret, has proved the
 * authcid: then only the authzid is still to be judged. 0 when the password
 * is still to be checked. */
SLIMTA_API int slimta_credentials_are_proved(
    const struct slimta_credentials *credentials);

/** The password of PLAIN, LOGIN and BASIC, the token of BEARER, NUL terminated
 * and without NUL inside; NULL for the other mechanisms. */
SLIMTA_API const char *slimta_credentials_password(
    const struct slimta_credentials *credentials);

/** 1 when the password is `password`, else 0, in a time that does not tell
 * where they differ. Both are prepared as SASLprep (RFC 4013) says; what cannot
 * be prepared matches nothing. 0 when there is no password. `password` is
 * borrowed. */
SLIMTA_API int slimta_credentials_match(
    const struct slimta_credentials *credentials, const char *password);

/** The same against a text of slimta_stored_secret_make. Takes as long as its
 * iterations: for a worker thread. Never 1 when `stored` is no such text
 * (slimta_stored_secret_is_valid), or when there is no memory. */
SLIMTA_API int slimta_credentials_match_stored(
    const struct slimta_credentials *credentials, const char *stored);

/**
 * Writes the text that stands in for a password and cannot be turned back:
 * "{SCRAM-SHA-256}iterations,salt,stored key,server key" (RFC 5803's fields).
 * `mechanism` is "SCRAM-SHA-1" or "SCRAM-SHA-256"; `iterations` 0 means 10000,
 * which is what unknown users are shown, else 4096 to 10,000,000; `out` has
 * SLIMTA_STORED_SECRET_MAX octets. Slow: for a worker thread. SLIMTA_EINVAL
 * when SASLprep does not take the password or leaves nothing of it.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_stored_secret_make(char *out,
    const char *mechanism, const char *password, unsigned iterations,
    struct slimta_error *error);

/** 1 when `text` is one that slimta_stored_secret_make can have written, with
 * a salt of 8 to 64 octets, else 0. Any thread. */
SLIMTA_API int slimta_stored_secret_is_valid(const char *text);

/** Answers a `secret` question with a password. Copied, and wiped after use.
 * SLIMTA_ENOMEM: then the answer is 454 4.7.0, whatever else is said. Where
 * slimta_op_reply is allowed. */
SLIMTA_API int slimta_op_secret(struct slimta_op *op, const char *password);

/** Answers a `secret` question with a text of slimta_stored_secret_make; good
 * for SCRAM with the same hash, PLAIN, LOGIN and BASIC, and as good as an
 * unknown user for CRAM-MD5. SLIMTA_EINVAL, SLIMTA_ENOMEM: as above. */
SLIMTA_API int slimta_op_secret_stored(
    struct slimta_op *op, const char *stored);

SLIMTA_END_DECLS

#endif
