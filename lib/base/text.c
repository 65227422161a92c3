/** A text that is written into a space that may be too small for it. */
#include "base/text.h"

#include "base/ascii.h"
#include "base/slice.h"

struct sli_text sli_text_in(char *out, size_t size)
{
    if (size > 0) {
        out[0] = '\0';
    }
    return (struct sli_text){.out = out, .size = size};
}

void sli_text_put(struct sli_text *text, char octet)
{
    if (text->length + 1 < text->size) {
        text->out[text->length] = octet;
        text->out[text->length + 1] = '\0';
    }
    text->length++;
}

void sli_text_put_slice(struct sli_text *text, struct slimta_slice octets)
{
    for (size_t i = 0; i < octets.size; i++) {
        sli_text_put(text, octets.data[i]);
    }
}

void sli_text_put_string(struct sli_text *text, const char *string)
{
    sli_text_put_slice(text, sli_slice_text(string));
}

void sli_text_put_quoted(struct sli_text *text, struct slimta_slice octets)
{
    sli_text_put(text, '"');
    for (size_t i = 0; i < octets.size; i++) {
        char octet = octets.data[i];

        if (octet == '"' || octet == '\\') {
            sli_text_put(text, '\\');
        }
        sli_text_put(text, sli_ascii_is(octet, SLI_ASCII_PRINT) ? octet : '?');
    }
    sli_text_put(text, '"');
}

void sli_text_put_number(struct sli_text *text, uint64_t number)
{
    char digits[SLI_ASCII_NUMBER_MAX];
    size_t count = sli_ascii_format_number(number, digits);

    sli_text_put_slice(text, sli_slice(digits, count));
}
