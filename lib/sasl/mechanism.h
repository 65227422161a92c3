/** The mechanisms that are spoken here, what each needs, and how it goes. */
#ifndef SASL_MECHANISM_H
#define SASL_MECHANISM_H

#include <slimta/slice.h>

/** What a mechanism needs and shows. */
enum sli_sasl_trait {
    SLI_SASL_IS_PLAINTEXT = 1 << 0,      /**< the password itself crosses */
    SLI_SASL_IS_CHALLENGE = 1 << 1,      /**< proves a secret that we know */
    SLI_SASL_NEEDS_BINDING = 1 << 2,     /**< -PLUS: tls-exporter */
    SLI_SASL_NEEDS_CERTIFICATE = 1 << 3, /**< EXTERNAL: of the client, verified
                                          */
    SLI_SASL_SERVER_FIRST = 1 << 4 /**< an initial response is 501, RFC 4954
                                        section 4 (LOGIN is none of them:
                                        its initial response is the name) */
};

struct sli_sasl_way;

struct sli_sasl_mechanism {
    const char *name; /**< "SCRAM-SHA-256-PLUS" */
    unsigned traits;
    const struct sli_sasl_way *way; /**< this room's own */
};

/** By name, case does not matter; NULL when it is not spoken here. Static. */
const struct sli_sasl_mechanism *sli_sasl_mechanism_find(
    struct slimta_slice name);

/** HTTP's Basic: goes as PLAIN without an authzid, its message is PLAIN's.
 * Bearer: its message is the token, which the host judges. No AUTH finds them.
 */
extern const struct sli_sasl_mechanism sli_sasl_mechanism_basic;
extern const struct sli_sasl_mechanism sli_sasl_mechanism_bearer;

#endif
