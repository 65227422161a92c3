/** Character classes, case and numbers of ASCII, without the locale. */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdint.h>

#include <slimta/slice.h>

enum sli_ascii_class {
    SLI_ASCII_ALPHA = 1 << 0,
    SLI_ASCII_DIGIT = 1 << 1,
    SLI_ASCII_HEX = 1 << 2,
    /** RFC 5321 atext: what an atom is made of. */
    SLI_ASCII_ATEXT = 1 << 3,
    /** Space and everything that prints: 32 to 126. */
    SLI_ASCII_PRINT = 1 << 4,
    /** RFC 9110 tchar. */
    SLI_ASCII_TCHAR = 1 << 5,
    /** 0 to 31 and 127. */
    SLI_ASCII_CONTROL = 1 << 6,
    /** 128 to 255. */
    SLI_ASCII_HIGH = 1 << 7,
    SLI_ASCII_ALNUM = SLI_ASCII_ALPHA | SLI_ASCII_DIGIT
};

extern const unsigned char sli_ascii_classes[256];

/** Whether the octet is in one of the classes that are or-ed in `classes`. */
static inline int sli_ascii_is(char octet, unsigned classes)
{
    return (sli_ascii_classes[(unsigned char)octet] & classes) != 0;
}

/** Whether every octet is in one of the classes; 1 for an empty slice. */
int sli_ascii_all(struct slimta_slice text, unsigned classes);

static inline char sli_ascii_lower(char octet)
{
    return octet >= 'A' && octet <= 'Z' ? (char)(octet + 32) : octet;
}

static inline char sli_ascii_upper(char octet)
{
    return octet >= 'a' && octet <= 'z' ? (char)(octet - 32) : octet;
}

/** The same text when the case of letters does not count. */
int sli_ascii_same(struct slimta_slice a, struct slimta_slice b);

/**
 * Reads `text`, nothing but 1 to `max_digits` digits, into `value`, capped at
 * UINT64_MAX. Returns 1, or 0 when it is anything else.
 */
int sli_ascii_number(
    struct slimta_slice text, size_t max_digits, uint64_t *value);

/** Room for the text of any uint64_t, NUL included. */
#define SLI_ASCII_NUMBER_MAX 21

/** Writes `value` in decimal, terminated; returns the length. `out` has room
 * for SLI_ASCII_NUMBER_MAX. */
size_t sli_ascii_format_number(uint64_t value, char *out);

/** Whether the octets are well-formed UTF-8 (RFC 3629: no surrogates, no
 * overlong forms). */
int sli_ascii_is_utf8(struct slimta_slice text);

#endif
