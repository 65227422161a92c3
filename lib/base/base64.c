/** Base64 (RFC 4648 section 4), strictly. */
#include "base/base64.h"

#include <stdint.h>

#include "base/ascii.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NO_CHARACTER = 64 };

static unsigned value_of(char character)
{
    if (sli_ascii_is(character, SLI_ASCII_ALPHA)) {
        return character >= 'a' ? (unsigned)(character - 'a') + 26
                                : (unsigned)(character - 'A');
    }
    if (sli_ascii_is(character, SLI_ASCII_DIGIT)) {
        return (unsigned)(character - '0') + 52;
    }
    return character == '+' ? 62 : character == '/' ? 63 : NO_CHARACTER;
}

/* Takes the padding off; 0 when it is wrong. */
static int strip(struct slimta_slice *text, enum sli_base64_padding padding)
{
    size_t size = text->size;

    while (size > 0 && text->size - size < 2 && text->data[size - 1] == '=') {
        size--;
    }
    if (text->size % 4 != 0 &&
        (padding == SLI_BASE64_PADDED || size != text->size)) {
        return 0;
    }
    text->size = size;
    return size % 4 != 1;
}

int sli_base64_decode(struct slimta_slice text, enum sli_base64_padding padding,
    void *out, size_t *size)
{
    unsigned char *octets = out;
    uint32_t bits = 0;
    unsigned count = 0;

    *size = 0;
    if (!strip(&text, padding)) {
        return 0;
    }
    for (size_t i = 0; i < text.size; i++) {
        unsigned value = value_of(text.data[i]);

        if (value == NO_CHARACTER) {
            return 0;
        }
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            octets[(*size)++] = (unsigned char)(bits >> count);
        }
    }
    return (bits & ((1U << count) - 1)) == 0;
}

size_t sli_base64_encode(struct slimta_slice octets, char *out)
{
    const unsigned char *in = (const unsigned char *)octets.data;
    size_t size = 0;

    for (size_t i = 0; i < octets.size; i += 3) {
        size_t left = octets.size - i;
        uint32_t bits = (uint32_t)in[i] << 16 |
            (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
            (left > 2 ? in[i + 2] : 0);

        out[size++] = alphabet[bits >> 18];
        out[size++] = alphabet[bits >> 12 & 63];
        out[size++] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        out[size++] = left > 2 ? alphabet[bits & 63] : '=';
    }
    return size;
}
