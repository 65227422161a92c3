/** A text that is written into a space that may be too small for it. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/slice.h>

/** What is in `out` is always terminated, if it has any room at all; `length`
 * is that of the whole text, cut or not. */
struct sli_text {
    char *out;
    size_t size;
    size_t length;
};

/** An empty text in the `size` octets at `out`. */
struct sli_text sli_text_in(char *out, size_t size);

void sli_text_put(struct sli_text *text, char octet);
void sli_text_put_slice(struct sli_text *text, struct slimta_slice octets);
void sli_text_put_string(struct sli_text *text, const char *string);

/** In quotes (RFC 5322 section 3.2.4, RFC 9110 section 5.6.4); what does not
 * print becomes '?'. */
void sli_text_put_quoted(struct sli_text *text, struct slimta_slice octets);

/** In decimal. */
void sli_text_put_number(struct sli_text *text, uint64_t number);

#endif
