/** Macro strings (RFC 7208 section 7): their grammar, piece by piece. */
#include "spf/macro.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "spf/name.h"

static const char letters[] = "slodiphvcrt";
static const char only_in_explanations[] = "crt";
static const char delimiters[] = ".-+,/_=";

/* An octet of text may be NUL, which strchr would find in any string. */
static int is_one_of(char octet, const char *set)
{
    return octet != '\0' && strchr(set, octet) != NULL;
}

static size_t digits_at(struct slimta_slice text, size_t at)
{
    size_t end = at;

    while (end < text.size && sli_ascii_is(text.data[end], SLI_ASCII_DIGIT)) {
        end++;
    }
    return end - at;
}

/* *DIGIT [ "r" ]; a number must not be zero (section 7.1). */
static int read_transformers(
    struct slimta_slice text, size_t *at, struct sli_spf_piece *piece)
{
    size_t digits = digits_at(text, *at);
    uint64_t number = SIZE_MAX;

    if (digits > 0) {
        (void)sli_ascii_number(
            sli_slice(text.data + *at, digits), digits, &number);
        if (number == 0) {
            return 0;
        }
        piece->parts = number > SIZE_MAX ? SIZE_MAX : (size_t)number;
        *at += digits;
    }
    if (*at < text.size && sli_ascii_lower(text.data[*at]) == 'r') {
        piece->is_reversed = 1;
        (*at)++;
    }
    return 1;
}

/* What follows "%{"; returns how much of `text` it is, 0 when it is wrong. */
static size_t read_braces(struct slimta_slice text, struct sli_spf_piece *piece)
{
    size_t at = 3;
    size_t first;

    if (text.size < 4 || !is_one_of(sli_ascii_lower(text.data[2]), letters)) {
        return 0;
    }
    piece->letter = sli_ascii_lower(text.data[2]);
    piece->is_escaped = piece->letter != text.data[2];
    if (!read_transformers(text, &at, piece)) {
        return 0;
    }
    first = at;
    while (at < text.size && is_one_of(text.data[at], delimiters)) {
        at++;
    }
    piece->delimiters = sli_slice(text.data + first, at - first);
    if (piece->delimiters.size == 0) {
        piece->delimiters = SLI_LITERAL(".");
    }
    return at < text.size && text.data[at] == '}' ? at + 1 : 0;
}

static size_t read_percent(
    struct slimta_slice text, struct sli_spf_piece *piece)
{
    piece->is_macro = 1;
    switch (text.size < 2 ? '\0' : text.data[1]) {
    case '{':
        return read_braces(text, piece);
    case '%':
        piece->literal = SLI_LITERAL("%");
        return 2;
    case '_':
        piece->literal = SLI_LITERAL(" ");
        return 2;
    case '-':
        piece->literal = SLI_LITERAL("%20");
        return 2;
    default:
        return 0;
    }
}

static size_t read_literal(
    struct slimta_slice text, struct sli_spf_piece *piece)
{
    size_t size = 0;

    while (size < text.size && text.data[size] != '%' &&
        sli_ascii_is(text.data[size], SLI_ASCII_PRINT)) {
        size++;
    }
    piece->literal = sli_slice(text.data, size);
    return size;
}

int sli_spf_macro_next(struct slimta_slice *rest, struct sli_spf_piece *piece)
{
    size_t size;

    if (rest->size == 0) {
        return 0;
    }
    *piece = (struct sli_spf_piece){0};
    size = rest->data[0] == '%' ? read_percent(*rest, piece)
                                : read_literal(*rest, piece);
    *rest = sli_slice_skip(*rest, size);
    return size > 0 ? 1 : SLIMTA_EINVAL;
}

/* Goes through all of it; `last` becomes the last piece. */
static int read_all(struct slimta_slice text, enum sli_spf_macro_place place,
    struct sli_spf_piece *last)
{
    int more;

    *last = (struct sli_spf_piece){0};
    while ((more = sli_spf_macro_next(&text, last)) == 1) {
        if (place == SLI_SPF_MACRO_TERM &&
            is_one_of(last->letter, only_in_explanations)) {
            return 0;
        }
    }
    return more == 0;
}

int sli_spf_macro_is_string(
    struct slimta_slice text, enum sli_spf_macro_place place)
{
    struct sli_spf_piece last;

    return read_all(text, place, &last);
}

/* Section 7.1: alphanumeric with a letter, or with a hyphen inside. */
static int is_top_label(struct slimta_slice label)
{
    int has_more_than_digits = 0;

    if (label.size == 0 || !sli_ascii_is(label.data[0], SLI_ASCII_ALNUM) ||
        !sli_ascii_is(label.data[label.size - 1], SLI_ASCII_ALNUM)) {
        return 0;
    }
    for (size_t i = 0; i < label.size; i++) {
        if (!sli_ascii_is(label.data[i], SLI_ASCII_ALNUM) &&
            label.data[i] != '-') {
            return 0;
        }
        has_more_than_digits |= !sli_ascii_is(label.data[i], SLI_ASCII_DIGIT);
    }
    return has_more_than_digits;
}

/* "." toplabel [ "." ] */
static int has_domain_end(struct slimta_slice literal)
{
    size_t at;

    literal = sli_spf_name_trim(literal);
    at = literal.size;
    while (at > 0 && literal.data[at - 1] != '.') {
        at--;
    }
    return at > 0 && is_top_label(sli_slice_skip(literal, at));
}

int sli_spf_macro_is_domain(struct slimta_slice text)
{
    struct sli_spf_piece last;

    return read_all(text, SLI_SPF_MACRO_TERM, &last) &&
        (last.is_macro || has_domain_end(last.literal));
}
