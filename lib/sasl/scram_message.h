/** The client's messages of SCRAM (RFC 5802 section 7), read strictly. */
#ifndef SASL_SCRAM_MESSAGE_H
#define SASL_SCRAM_MESSAGE_H

#include <stddef.h>

#include <slimta/slice.h>

/** The client-first-message. Slices point into it. */
struct sli_sasl_scram_first {
    char flag;                   /**< 'n', 'y' or 'p' */
    struct slimta_slice binding; /**< the name after "p=" */
    struct slimta_slice authzid; /**< a saslname, or empty */
    struct slimta_slice name;    /**< a saslname */
    struct slimta_slice nonce;
    size_t gs2_size; /**< of the header that the final message repeats */
};

/** 1, or 0 when it is no such message. One with "m=" is none: nobody knows an
 * extension that must be understood. */
int sli_sasl_scram_message_first(
    struct sli_sasl_scram_first *first, struct slimta_slice message);

/** The client-final-message. Slices point into it. */
struct sli_sasl_scram_final {
    struct slimta_slice binding; /**< in base64 */
    struct slimta_slice nonce;
    struct slimta_slice proof; /**< in base64 */
};

/** 1, or 0 when it is no such message. */
int sli_sasl_scram_message_final(
    struct sli_sasl_scram_final *final, struct slimta_slice message);

/** Decodes a saslname into `out`, which has as many octets as it; its size
 * there, or 0 when a `=` in it is neither "=2C" nor "=3D". */
size_t sli_sasl_scram_message_name(char *out, struct slimta_slice name);

#endif
