/** xtext (RFC 3461 section 4): what stands in the parameters of MAIL and RCPT
 * for text that may hold anything. */
#include "smtp/xtext.h"

#include <stdint.h>

#include <slimta/error.h>

#include "base/ascii.h"

/* The value of a digit; -1 when it is none, and lower case is none. */
static int digit(char octet)
{
    if (!sli_ascii_is(octet, SLI_ASCII_HEX) ||
        sli_ascii_upper(octet) != octet) {
        return -1;
    }
    return octet <= '9' ? octet - '0' : octet - 'A' + 10;
}

static int is_plain(char octet)
{
    return sli_ascii_is(octet, SLI_ASCII_PRINT) && octet != ' ' &&
        octet != '+' && octet != '=';
}

int sli_smtp_xtext_decode(struct slimta_slice text, char *out, size_t *size)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++) {
        char octet = text.data[i];

        if (octet == '+' && text.size - i > 2 && digit(text.data[i + 1]) >= 0 &&
            digit(text.data[i + 2]) >= 0) {
            octet =
                (char)(digit(text.data[i + 1]) * 16 + digit(text.data[i + 2]));
            i += 2;
        } else if (!is_plain(octet)) {
            return 0;
        }
        out[count++] = octet;
    }
    *size = count;
    return 1;
}

size_t sli_smtp_xtext_encode(struct slimta_slice octets, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t count = 0;

    for (size_t i = 0; i < octets.size; i++) {
        unsigned char octet = (unsigned char)octets.data[i];

        if (is_plain(octets.data[i])) {
            out[count++] = octets.data[i];
        } else {
            out[count++] = '+';
            out[count++] = digits[octet >> 4];
            out[count++] = digits[octet & 15];
        }
    }
    return count;
}

int sli_smtp_xtext_append(struct sli_buf *buf, struct slimta_slice text)
{
    char *out = text.size > SIZE_MAX / 4
        ? NULL
        : sli_buf_reserve(buf, SLI_SMTP_XTEXT_ENCODED_MAX(text.size) + 1);

    if (out == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_buf_added(buf, sli_smtp_xtext_encode(text, out));
    return 0;
}
