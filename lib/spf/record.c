/** SPF records (RFC 7208 sections 4.5, 4.6.1, 5, 6), read term by term. */
#include "spf/record.h"

#include <string.h>

#include <slimta/error.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "spf/macro.h"

enum { BITS4 = 32, BITS6 = 128 };

/** A mechanism or modifier that is known. */
struct known {
    struct slimta_slice name;
    enum sli_spf_term_type type;
    /* Reads what follows the name of a mechanism, or the "=" of a modifier.
     * Returns 1 or 0. */
    int (*read)(struct slimta_slice text, struct sli_spf_term *term);
};

static int read_nothing(struct slimta_slice text, struct sli_spf_term *term)
{
    (void)term;
    return text.size == 0;
}

static int read_domain(struct slimta_slice text, struct sli_spf_term *term)
{
    term->domain = text;
    return text.size > 0 && text.size <= SLI_SPF_SPEC_MAX &&
        sli_spf_macro_is_domain(text);
}

/* ":" domain-spec */
static int read_colon_domain(
    struct slimta_slice text, struct sli_spf_term *term)
{
    return text.size > 0 && text.data[0] == ':' &&
        read_domain(sli_slice_skip(text, 1), term);
}

/* [ ":" domain-spec ] */
static int read_optional_domain(
    struct slimta_slice text, struct sli_spf_term *term)
{
    return text.size == 0 || read_colon_domain(text, term);
}

/*
 * Cuts `mark` and the number behind it off the end, if both are there. Returns
 * 0 for a number that is none of a prefix: RFC 7208 section 5.6, no leading
 * zero.
 */
static int cut_prefix(struct slimta_slice *text, struct slimta_slice mark,
    unsigned bits, unsigned *prefix)
{
    size_t at = text->size;
    struct slimta_slice digits;
    uint64_t number;

    while (at > 0 && sli_ascii_is(text->data[at - 1], SLI_ASCII_DIGIT)) {
        at--;
    }
    digits = sli_slice_skip(*text, at);
    if (digits.size == 0 || at < mark.size ||
        !sli_slice_is(
            sli_slice(text->data + at - mark.size, mark.size), mark)) {
        return 1;
    }
    if (!sli_ascii_number(digits, 3, &number) || number > bits ||
        (digits.size > 1 && digits.data[0] == '0')) {
        return 0;
    }
    *prefix = (unsigned)number;
    text->size = at - mark.size;
    return 1;
}

/* [ ":" domain-spec ] [ "/" prefix4 ] [ "//" prefix6 ]. A domain-spec may hold
 * slashes, but never ends in one and digits. */
static int read_host(struct slimta_slice text, struct sli_spf_term *term)
{
    return cut_prefix(&text, SLI_LITERAL("//"), BITS6, &term->prefix6) &&
        cut_prefix(&text, SLI_LITERAL("/"), BITS4, &term->prefix4) &&
        read_optional_domain(text, term);
}

static int read_ip4(struct slimta_slice text, struct sli_spf_term *term)
{
    return cut_prefix(&text, SLI_LITERAL("/"), BITS4, &term->prefix4) &&
        text.size > 0 && text.data[0] == ':' &&
        sli_address_parse_ipv4(sli_slice_skip(text, 1), term->ip);
}

static int read_ip6(struct slimta_slice text, struct sli_spf_term *term)
{
    return cut_prefix(&text, SLI_LITERAL("/"), BITS6, &term->prefix6) &&
        text.size > 0 && text.data[0] == ':' &&
        sli_address_parse_ipv6(sli_slice_skip(text, 1), term->ip);
}

static const struct known mechanisms[] = {
    {{"all", 3}, SLI_SPF_TERM_ALL, read_nothing},
    {{"include", 7}, SLI_SPF_TERM_INCLUDE, read_colon_domain},
    {{"a", 1}, SLI_SPF_TERM_A, read_host},
    {{"mx", 2}, SLI_SPF_TERM_MX, read_host},
    {{"ptr", 3}, SLI_SPF_TERM_PTR, read_optional_domain},
    {{"ip4", 3}, SLI_SPF_TERM_IP4, read_ip4},
    {{"ip6", 3}, SLI_SPF_TERM_IP6, read_ip6},
    {{"exists", 6}, SLI_SPF_TERM_EXISTS, read_colon_domain},
};

static const struct known modifiers[] = {
    {{"redirect", 8}, SLI_SPF_TERM_REDIRECT, read_domain},
    {{"exp", 3}, SLI_SPF_TERM_EXP, read_domain},
};

static const struct known *find(
    const struct known *known, size_t count, struct slimta_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (sli_ascii_same(known[i].name, name)) {
            return &known[i];
        }
    }
    return NULL;
}

/* How much of the word is the name of a modifier, its "=" not counted; 0: it is
 * none. name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static size_t modifier_name(struct slimta_slice word)
{
    size_t size = 0;

    if (!sli_ascii_is(word.data[0], SLI_ASCII_ALPHA)) {
        return 0;
    }
    while (size < word.size &&
        (sli_ascii_is(word.data[size], SLI_ASCII_ALNUM) ||
            word.data[size] == '-' || word.data[size] == '_' ||
            word.data[size] == '.')) {
        size++;
    }
    return size < word.size && word.data[size] == '=' ? size : 0;
}

static int read_modifier(
    struct slimta_slice word, size_t name, struct sli_spf_term *term)
{
    struct slimta_slice value = sli_slice_skip(word, name + 1);
    const struct known *row = find(modifiers,
        sizeof modifiers / sizeof *modifiers, sli_slice(word.data, name));

    term->type = row == NULL ? SLI_SPF_TERM_OTHER : row->type;
    return row == NULL
        ? sli_spf_macro_is_string(value, SLI_SPF_MACRO_EXPLANATION)
        : row->read(value, term);
}

/* Section 4.6.2. */
static int read_qualifier(char octet, enum slimta_spf_result *result)
{
    static const char octets[] = "+-~?";
    static const enum slimta_spf_result results[] = {SLIMTA_SPF_PASS,
        SLIMTA_SPF_FAIL, SLIMTA_SPF_SOFTFAIL, SLIMTA_SPF_NEUTRAL};
    const char *found = octet == '\0' ? NULL : strchr(octets, octet);

    *result = found == NULL ? SLIMTA_SPF_PASS : results[found - octets];
    return found != NULL;
}

static int read_mechanism(struct slimta_slice word, struct sli_spf_term *term)
{
    const struct known *row;
    size_t size = 0;

    if (read_qualifier(word.data[0], &term->result)) {
        word = sli_slice_skip(word, 1);
    }
    while (
        size < word.size && word.data[size] != ':' && word.data[size] != '/') {
        size++;
    }
    row = find(mechanisms, sizeof mechanisms / sizeof *mechanisms,
        sli_slice(word.data, size));
    if (row == NULL) {
        return 0;
    }
    term->type = row->type;
    return row->read(sli_slice_skip(word, size), term);
}

/* Terms are parted by spaces and nothing else. */
static struct slimta_slice take_word(struct slimta_slice *text)
{
    struct slimta_slice word;
    const char *space;

    while (text->size > 0 && text->data[0] == ' ') {
        *text = sli_slice_skip(*text, 1);
    }
    space = text->size == 0 ? NULL : memchr(text->data, ' ', text->size);
    word = *text;
    if (space != NULL) {
        word.size = (size_t)(space - text->data);
    }
    *text = sli_slice_skip(*text, word.size);
    return word;
}

int sli_spf_record_next(struct slimta_slice *terms, struct sli_spf_term *term)
{
    struct slimta_slice word = take_word(terms);
    size_t name;

    if (word.size == 0) {
        return 0;
    }
    *term = (struct sli_spf_term){.prefix4 = BITS4, .prefix6 = BITS6};
    name = modifier_name(word);
    return (name > 0 ? read_modifier(word, name, term)
                     : read_mechanism(word, term))
        ? 1
        : SLIMTA_EINVAL;
}

int sli_spf_record_is_one(struct slimta_slice text)
{
    struct slimta_slice version = SLI_LITERAL("v=spf1");

    /* RFC 7208 section 4.5: a space or the end follows. */
    return text.size >= version.size &&
        sli_ascii_same(sli_slice(text.data, version.size), version) &&
        (text.size == version.size || text.data[version.size] == ' ');
}

/* Section 6: each at most once. */
static int note(struct slimta_slice *place, const struct sli_spf_term *term)
{
    int is_first = place->size == 0;

    *place = term->domain;
    return is_first;
}

int sli_spf_record_read(struct slimta_slice text, struct sli_spf_record *record)
{
    struct sli_spf_term term;
    struct slimta_slice terms = sli_slice_skip(text, sizeof "v=spf1" - 1);
    int more;

    *record = (struct sli_spf_record){.terms = terms};
    if (text.size > SLI_SPF_RECORD_MAX) {
        return SLIMTA_ELIMIT;
    }
    while ((more = sli_spf_record_next(&terms, &term)) == 1) {
        if ((term.type == SLI_SPF_TERM_REDIRECT &&
                !note(&record->redirect, &term)) ||
            (term.type == SLI_SPF_TERM_EXP && !note(&record->exp, &term))) {
            return SLIMTA_EINVAL;
        }
    }
    return more;
}
