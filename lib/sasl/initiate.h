/** One SASL exchange, the side that proves who it is: challenges in, messages
 * out. */
#ifndef SASL_INITIATE_H
#define SASL_INITIATE_H

#include <slimta/alloc.h>
#include <slimta/slice.h>

#include "sasl/mechanism.h"
#include "sasl/sasl.h"

struct sli_sasl_initiate;

/** The most iterations of SCRAM that are made for a server: half a second. */
#define SLI_SASL_INITIATE_ITERATIONS_MAX 1000000

/** Who we are, and how we are connected. */
struct sli_sasl_identity {
    const char *authcid;
    const char *authzid; /**< NULL: the same */
    const char *password;
    const unsigned char *exporter; /**< 32 octets, or NULL: RFC 9266 */
    int is_secure;                 /**< TLS is on, and whom it is with was
                                        looked at: a password may cross */
};

/** The best mechanism among the words of `offered` that this identity can use;
 * NULL when there is none. `only`, unless that is NULL, is the one wanted. */
const struct sli_sasl_mechanism *sli_sasl_initiate_choose(
    struct slimta_slice offered, const char *only,
    const struct sli_sasl_identity *identity);

enum sli_sasl_initiate_next {
    SLI_SASL_INITIATE_SEND,  /**< sli_sasl_initiate_message, maybe empty */
    SLI_SASL_INITIATE_WAIT,  /**< at the beginning only: no initial response */
    SLI_SASL_INITIATE_FAILED /**< cancel: the other side is wrong, or an
                                  impostor; or there is no memory */
};

/** `identity` is borrowed until return; libgsasl has copies. SLIMTA_ENOMEM. */
int sli_sasl_initiate_new(struct sli_sasl_initiate **out,
    const struct slimta_alloc *alloc, const struct sli_sasl *sasl,
    const struct sli_sasl_mechanism *mechanism,
    const struct sli_sasl_identity *identity);

/** Wipes and frees. NULL is accepted. */
void sli_sasl_initiate_free(struct sli_sasl_initiate *initiate);

/** The next challenge, decoded; NULL at the beginning. */
enum sli_sasl_initiate_next sli_sasl_initiate_step(
    struct sli_sasl_initiate *initiate, const struct slimta_slice *challenge);

/** Whether the next step makes keys of the password, for which a worker thread
 * is the place. */
int sli_sasl_initiate_is_slow(const struct sli_sasl_initiate *initiate);

/** What is to be sent, not encoded; a secret that lives until the next step. */
struct slimta_slice sli_sasl_initiate_message(
    const struct sli_sasl_initiate *initiate);

/** Whether all is said, and with SCRAM whether the other side has proved that
 * it knows us. Who accepts us earlier is an impostor, and not to be trusted. */
int sli_sasl_initiate_is_done(const struct sli_sasl_initiate *initiate);

#endif
