/** Character classes, case and numbers of ASCII, without the locale. */
#include "base/ascii.h"

enum {
    ALPHA = SLI_ASCII_ALPHA,
    DIGIT = SLI_ASCII_DIGIT,
    HEX = SLI_ASCII_HEX,
    ATEXT = SLI_ASCII_ATEXT,
    PRINT = SLI_ASCII_PRINT,
    TCHAR = SLI_ASCII_TCHAR,
    CONTROL = SLI_ASCII_CONTROL,
    HIGH = SLI_ASCII_HIGH,
    /* The names of the rows below. */
    C = CONTROL,
    P = PRINT,
    /* Punctuation of atext, and what of it tchar has too. */
    A = PRINT | ATEXT,
    T = PRINT | ATEXT | TCHAR,
    D = PRINT | ATEXT | TCHAR | DIGIT | HEX,
    H = PRINT | ATEXT | TCHAR | ALPHA | HEX,
    L = PRINT | ATEXT | TCHAR | ALPHA,
    /* The one octet that is a tchar and no atext. */
    O = PRINT | TCHAR,
    X = HIGH
};

const unsigned char sli_ascii_classes[256] = {
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    C,
    P,
    T,
    P,
    T,
    T,
    T,
    T,
    T,
    P,
    P,
    T,
    T,
    P,
    T,
    O,
    A,
    D,
    D,
    D,
    D,
    D,
    D,
    D,
    D,
    D,
    D,
    P,
    P,
    P,
    A,
    P,
    A,
    P,
    H,
    H,
    H,
    H,
    H,
    H,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    P,
    P,
    P,
    T,
    T,
    T,
    H,
    H,
    H,
    H,
    H,
    H,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    L,
    A,
    T,
    A,
    T,
    C,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
    X,
};

int sli_ascii_all(struct slimta_slice text, unsigned classes)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!sli_ascii_is(text.data[i], classes)) {
            return 0;
        }
    }
    return 1;
}

int sli_ascii_same(struct slimta_slice a, struct slimta_slice b)
{
    if (a.size != b.size) {
        return 0;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (sli_ascii_lower(a.data[i]) != sli_ascii_lower(b.data[i])) {
            return 0;
        }
    }
    return 1;
}

int sli_ascii_number(
    struct slimta_slice text, size_t max_digits, uint64_t *value)
{
    uint64_t number = 0;

    if (text.size == 0 || text.size > max_digits ||
        !sli_ascii_all(text, SLI_ASCII_DIGIT)) {
        return 0;
    }
    for (size_t i = 0; i < text.size; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');

        if (number > (UINT64_MAX - digit) / 10) {
            number = UINT64_MAX;
            break;
        }
        number = number * 10 + digit;
    }
    *value = number;
    return 1;
}

size_t sli_ascii_format_number(uint64_t value, char *out)
{
    char digits[SLI_ASCII_NUMBER_MAX];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = digits[count - 1 - i];
    }
    out[count] = '\0';
    return count;
}

/* How many octets follow a lead octet, and what the first of them must be (RFC
 * 3629 section 4); -1 for an octet that leads nothing. */
static int utf8_tail(
    unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80) {
        return 0;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 1;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *low = lead == 0xE0 ? 0xA0 : 0x80;
        *high = lead == 0xED ? 0x9F : 0xBF;
        return 2;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *low = lead == 0xF0 ? 0x90 : 0x80;
        *high = lead == 0xF4 ? 0x8F : 0xBF;
        return 3;
    }
    return -1;
}

int sli_ascii_is_utf8(struct slimta_slice text)
{
    size_t i = 0;

    while (i < text.size) {
        unsigned char low;
        unsigned char high;
        int tail = utf8_tail((unsigned char)text.data[i++], &low, &high);

        if (tail < 0 || (size_t)tail > text.size - i) {
            return 0;
        }
        for (; tail > 0; tail--, i++) {
            unsigned char octet = (unsigned char)text.data[i];

            if (octet < low || octet > high) {
                return 0;
            }
            low = 0x80;
            high = 0xBF;
        }
    }
    return 1;
}
