/** Base64 (RFC 4648 section 4), strictly. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <slimta/slice.h>

enum sli_base64_padding {
    SLI_BASE64_PADDED,  /**< the text is a multiple of four characters */
    SLI_BASE64_OPTIONAL /**< the `=` at the end may be missing, all or none */
};

/** Room for what `size` characters decode to. */
#define SLI_BASE64_DECODED_MAX(size) ((size) / 4 * 3 + 2)

/** Room for the text of `size` octets; there is no NUL. */
#define SLI_BASE64_ENCODED_SIZE(size) (((size) + 2) / 3 * 4)

/**
 * Decodes `text` into `out`, which may be where the text stands, and tells the
 * number of octets. Nothing outside the alphabet is skipped, and bits that no
 * octet uses must be zero (RFC 4648 section 3.5), so that each octet string has
 * one text. 1, or 0 when it is no such text.
 */
int sli_base64_decode(struct slimta_slice text, enum sli_base64_padding padding,
    void *out, size_t *size);

/** Writes the text of `octets`, padded, without NUL; returns its length,
 * SLI_BASE64_ENCODED_SIZE. */
size_t sli_base64_encode(struct slimta_slice octets, char *out);

#endif
