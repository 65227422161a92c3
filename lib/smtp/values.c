/** The values of the parameters of MAIL and RCPT: their grammar, nothing else.
 */
#include "smtp/values.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/xtext.h"

enum {
    ENVID_MAX = 100, /* RFC 3461 section 5.4, before they are decoded */
    ORCPT_MAX = 500,
    SECONDS_DIGITS = 9 /* RFC 2852 section 4, RFC 4865 section 4 */
};

int sli_smtp_values_ret(struct slimta_slice value, enum slimta_ret *ret)
{
    *ret = sli_ascii_same(value, SLI_LITERAL("HDRS")) ? SLIMTA_RET_HDRS
                                                      : SLIMTA_RET_FULL;
    return *ret == SLIMTA_RET_HDRS ||
        sli_ascii_same(value, SLI_LITERAL("FULL"));
}

static unsigned notify_of(struct slimta_slice word)
{
    static const struct {
        struct slimta_slice word;
        unsigned flag;
    } words[] = {
        {{"NEVER", 5}, SLIMTA_NOTIFY_NEVER},
        {{"SUCCESS", 7}, SLIMTA_NOTIFY_SUCCESS},
        {{"FAILURE", 7}, SLIMTA_NOTIFY_FAILURE},
        {{"DELAY", 5}, SLIMTA_NOTIFY_DELAY},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (sli_ascii_same(words[i].word, word)) {
            return words[i].flag;
        }
    }
    return 0;
}

int sli_smtp_values_notify(struct slimta_slice value, unsigned *notify)
{
    unsigned flags = 0;
    int has_more = 1;

    while (has_more) {
        unsigned flag;

        has_more =
            memchr(value.size == 0 ? "" : value.data, ',', value.size) != NULL;
        flag = notify_of(sli_slice_take_until(&value, ','));
        if (flag == 0 || (flags & flag) != 0) {
            return 0;
        }
        flags |= flag;
    }
    *notify = flags;
    return flags == SLIMTA_NOTIFY_NEVER || (flags & SLIMTA_NOTIFY_NEVER) == 0;
}

int sli_smtp_values_envid(struct slimta_slice value, char *out, size_t *size)
{
    return value.size > 0 && value.size <= ENVID_MAX &&
        sli_smtp_xtext_decode(value, out, size) &&
        sli_ascii_all(sli_slice(out, *size), SLI_ASCII_PRINT);
}

/* RFC 3461 section 4.2: an atom, as RFC 5322 knows it. */
static int is_type(struct slimta_slice type)
{
    return type.size > 0 && sli_ascii_all(type, SLI_ASCII_ATEXT);
}

/* Writes a character as UTF-8; `point` is one. Returns its size, at most that
 * of the notation below. */
static size_t put_point(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/* RFC 6533 section 3, QCHAR: what stands for itself. */
static int is_plain(char octet)
{
    return sli_ascii_is(octet, SLI_ASCII_PRINT) &&
        strchr(" +=\\", octet) == NULL;
}

/* RFC 6533 section 3, HEXPOINT: upper case, no zero too many, and nothing that
 * could have stood for itself. Controls are in no address. */
static int is_point(struct slimta_slice digits, uint32_t point)
{
    if (point < 0x80) {
        return digits.size == 2 && point >= ' ' && point != 0x7F &&
            !is_plain((char)point);
    }
    return digits.data[0] != '0' && point <= 0x10FFFF &&
        (point < 0xD800 || point > 0xDFFF);
}

/* Reads "\x{20AC}" at the front of `text`; 0 when it is not there. */
static int take_point(struct slimta_slice *text, uint32_t *point)
{
    size_t size = 3;

    *point = 0;
    if (text->size < size || memcmp(text->data, "\\x{", size) != 0) {
        return 0;
    }
    for (; size < text->size && size < 9; size++) {
        char octet = text->data[size];

        if (!sli_ascii_is(octet, SLI_ASCII_HEX) ||
            sli_ascii_upper(octet) != octet) {
            break;
        }
        *point = *point * 16 +
            (uint32_t)(octet <= '9' ? octet - '0' : octet - 'A' + 10);
    }
    if (size < 5 || size == text->size || text->data[size] != '}' ||
        !is_point(sli_slice(text->data + 3, size - 3), *point)) {
        return 0;
    }
    *text = sli_slice_skip(*text, size + 1);
    return 1;
}

/* RFC 6533 section 3: utf-8-addr-xtext, or with `is_utf8` utf-8-addr-unitext.
 */
static int decode_utf8(
    struct slimta_slice text, int is_utf8, char *out, size_t *size)
{
    size_t count = 0;

    while (text.size > 0) {
        uint32_t point;

        if (is_plain(text.data[0]) ||
            (is_utf8 && sli_ascii_is(text.data[0], SLI_ASCII_HIGH))) {
            out[count++] = text.data[0];
            text = sli_slice_skip(text, 1);
        } else if (take_point(&text, &point)) {
            count += put_point(point, out + count);
        } else {
            return 0;
        }
    }
    *size = count;
    return sli_ascii_is_utf8(sli_slice(out, count));
}

/* RFC 3461 section 4.2 has ASCII under xtext. Postfix (3.7) puts the octets of
 * UTF-8 there, as type rfc822, when its own client gave no ORCPT: with SMTPUTF8
 * no mail is lost over it. */
static int is_address(struct slimta_slice text, int is_utf8)
{
    unsigned classes = SLI_ASCII_PRINT | (is_utf8 ? SLI_ASCII_HIGH : 0u);

    return sli_ascii_all(text, classes) && sli_ascii_is_utf8(text);
}

int sli_smtp_values_orcpt(struct slimta_slice value, int is_utf8, char *out,
    size_t *type_size, size_t *size)
{
    struct slimta_slice rest = value;
    struct slimta_slice type = sli_slice_take_until(&rest, ';');

    if (value.size > ORCPT_MAX || !is_type(type) || rest.size == 0) {
        return 0;
    }
    memcpy(out, type.data, type.size);
    *type_size = type.size;
    out += type.size;
    if (sli_ascii_same(type, SLI_LITERAL("utf-8"))) {
        return decode_utf8(rest, is_utf8, out, size);
    }
    return sli_smtp_xtext_decode(rest, out, size) &&
        is_address(sli_slice(out, *size), is_utf8);
}

int sli_smtp_values_by(
    struct slimta_slice value, struct slimta_mail_params *params)
{
    struct slimta_slice mode = value;
    struct slimta_slice time = sli_slice_take_until(&mode, ';');
    int is_negative = time.size > 0 && time.data[0] == '-';
    uint64_t seconds = 0;

    if (is_negative || (time.size > 0 && time.data[0] == '+')) {
        time = sli_slice_skip(time, 1);
    }
    if (!sli_ascii_number(time, SECONDS_DIGITS, &seconds) || mode.size == 0 ||
        mode.size > 2) {
        return 0;
    }
    params->by_seconds = is_negative ? -(int64_t)seconds : (int64_t)seconds;
    params->by_trace = mode.size == 2 && sli_ascii_upper(mode.data[1]) == 'T';
    params->by = sli_ascii_upper(mode.data[0]) == 'R' ? SLIMTA_BY_RETURN
                                                      : SLIMTA_BY_NOTIFY;
    if (mode.size == 2 && !params->by_trace) {
        return 0;
    }
    /* What is to be returned needs time to be delivered in. */
    return params->by == SLIMTA_BY_RETURN
        ? params->by_seconds > 0
        : sli_ascii_upper(mode.data[0]) == 'N';
}

int sli_smtp_values_priority(struct slimta_slice value, int *priority)
{
    int is_negative = value.size > 0 && value.data[0] == '-';
    uint64_t number = 0;

    if (is_negative) {
        value = sli_slice_skip(value, 1);
    }
    if (!sli_ascii_number(value, 1, &number) || (is_negative && number == 0)) {
        return 0;
    }
    *priority = is_negative ? -(int)number : (int)number;
    return 1;
}

int sli_smtp_values_hold_for(struct slimta_slice value, int64_t *seconds)
{
    uint64_t number = 0;

    if (value.size == 0 || value.data[0] == '0' ||
        !sli_ascii_number(value, SECONDS_DIGITS, &number)) {
        return 0;
    }
    *seconds = (int64_t)number;
    return 1;
}
