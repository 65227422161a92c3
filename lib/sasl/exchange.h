/** One SASL exchange, the side that asks for proof: messages in, challenges
 * out, credentials at the end. */
#ifndef SASL_EXCHANGE_H
#define SASL_EXCHANGE_H

#include <slimta/alloc.h>
#include <slimta/auth.h>
#include <slimta/slice.h>

#include "sasl/mechanism.h"
#include "sasl/sasl.h"

struct sli_sasl_exchange;

/** What is known of the client's connection. */
struct sli_sasl_channel {
    const unsigned char *exporter; /**< 32 octets, or NULL: RFC 9266 */
    int offers_plus; /**< a -PLUS was offered: a client that says it believes
                          otherwise (`y`) has been lied to (RFC 5802 section 6)
                          */
    const char *certificate_name; /**< for EXTERNAL: whom the verified
                                       certificate names; NULL: nobody */
};

enum sli_sasl_next {
    SLI_SASL_CHALLENGE,    /**< send sli_sasl_exchange_challenge (maybe empty),
                                then step with the client's answer */
    SLI_SASL_NEEDS_SECRET, /**< then sli_sasl_exchange_secret */
    SLI_SASL_CREDENTIALS,  /**< it is over: sli_sasl_exchange_credentials */
    SLI_SASL_REFUSED,      /**< it is over: wrong or malformed, nothing more is
                                told; sli_sasl_exchange_error for the log */
    SLI_SASL_NO_MEMORY     /**< it is over */
};

/** A new exchange with `mechanism`, which can be used on this `channel`
 * (copied). SLIMTA_ENOMEM. */
int sli_sasl_exchange_new(struct sli_sasl_exchange **out,
    const struct slimta_alloc *alloc, struct sli_sasl *sasl,
    const struct sli_sasl_mechanism *mechanism,
    const struct sli_sasl_channel *channel);

/** Wipes and frees. NULL is accepted. */
void sli_sasl_exchange_free(struct sli_sasl_exchange *exchange);

/** The client's next message, decoded; NULL at the beginning when there is no
 * initial response (an empty one is an empty slice). */
enum sli_sasl_next sli_sasl_exchange_step(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message);

enum sli_sasl_secret_kind {
    SLI_SASL_SECRET_NONE,     /**< there is no such user */
    SLI_SASL_SECRET_PASSWORD, /**< the password itself */
    SLI_SASL_SECRET_STORED,   /**< a text of slimta_stored_secret_make */
    SLI_SASL_SECRET_UNASKED   /**< nobody supplies secrets: for PLAIN and LOGIN,
                                   whose password the host then judges */
};

/**
 * The secret of sli_sasl_exchange_authcid, borrowed until return; goes on. Slow
 * when keys have to be made from a password (SCRAM with PASSWORD or NONE, PLAIN
 * and LOGIN with STORED): sli_sasl_exchange_is_slow says so before, and then it
 * belongs on a worker thread. An unknown user takes the way of a wrong password
 * in every respect, its slowness included.
 */
enum sli_sasl_next sli_sasl_exchange_secret(struct sli_sasl_exchange *exchange,
    enum sli_sasl_secret_kind kind, const char *text);

int sli_sasl_exchange_is_slow(
    const struct sli_sasl_exchange *exchange, enum sli_sasl_secret_kind kind);

/** What is to be sent, not encoded. Lives until the next step. */
struct slimta_slice sli_sasl_exchange_challenge(
    const struct sli_sasl_exchange *exchange);

/** The name that the client has shown so far, "" before; as it came, for
 * events. Lives as long as the exchange. */
const char *sli_sasl_exchange_authcid(const struct sli_sasl_exchange *exchange);

/** After CREDENTIALS: one reference for the caller, proved or not. NULL when
 * there is no memory. */
struct slimta_credentials *sli_sasl_exchange_credentials(
    struct sli_sasl_exchange *exchange);

/** Why it was refused, for the host's eyes: "wrong password", "channel binding
 * does not match". Static. */
const char *sli_sasl_exchange_error(const struct sli_sasl_exchange *exchange);

#endif
