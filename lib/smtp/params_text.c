/** The parameters of MAIL and RCPT as text, each with a space before it. */
#include "smtp/params_text.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/date.h"
#include "smtp/xtext.h"

void sli_smtp_params_text_put(
    struct sli_smtp_params_text *text, const char *words)
{
    if (text->err == 0) {
        text->err = sli_buf_append_text(text->out, words);
    }
}

static void put_xtext(struct sli_smtp_params_text *text, const char *octets)
{
    if (text->err == 0) {
        text->err = sli_smtp_xtext_append(text->out, sli_slice_text(octets));
    }
}

static void put_number(struct sli_smtp_params_text *text, int64_t number)
{
    char digits[SLI_ASCII_NUMBER_MAX];

    if (number < 0) {
        sli_smtp_params_text_put(text, "-");
        number = -number;
    }
    (void)sli_ascii_format_number((uint64_t)number, digits);
    sli_smtp_params_text_put(text, digits);
}

void sli_smtp_params_text_reports(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params)
{
    if (params->ret != SLIMTA_RET_NONE) {
        sli_smtp_params_text_put(
            text, params->ret == SLIMTA_RET_FULL ? " RET=FULL" : " RET=HDRS");
    }
    if (params->envid != NULL) {
        sli_smtp_params_text_put(text, " ENVID=");
        put_xtext(text, params->envid);
    }
}

void sli_smtp_params_text_by(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params)
{
    if (params->by == SLIMTA_BY_NONE) {
        return;
    }
    sli_smtp_params_text_put(text, " BY=");
    put_number(text, params->by_seconds);
    sli_smtp_params_text_put(
        text, params->by == SLIMTA_BY_RETURN ? ";R" : ";N");
    sli_smtp_params_text_put(text, params->by_trace ? "T" : "");
}

void sli_smtp_params_text_hold(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params)
{
    char date[SLI_MAIL_DATE_INTERNET_MAX];

    if (params->hold_until_ms == 0) {
        return;
    }
    (void)sli_mail_date_format_internet(params->hold_until_ms, date);
    sli_smtp_params_text_put(text, " HOLDUNTIL=");
    sli_smtp_params_text_put(text, date);
}

void sli_smtp_params_text_priority(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params)
{
    if (params->has_priority) {
        sli_smtp_params_text_put(text, " MT-PRIORITY=");
        put_number(text, params->priority);
    }
}

static void put_notify(struct sli_smtp_params_text *text, unsigned notify)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {
        {SLIMTA_NOTIFY_NEVER, "NEVER"},
        {SLIMTA_NOTIFY_SUCCESS, "SUCCESS"},
        {SLIMTA_NOTIFY_FAILURE, "FAILURE"},
        {SLIMTA_NOTIFY_DELAY, "DELAY"},
    };
    const char *before = " NOTIFY=";

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if ((notify & words[i].flag) != 0) {
            sli_smtp_params_text_put(text, before);
            sli_smtp_params_text_put(text, words[i].word);
            before = ",";
        }
    }
}

/* The character at the front of UTF-8 that was looked at; its size. */
static size_t read_point(const char *octets, uint32_t *point)
{
    unsigned char first = (unsigned char)octets[0];
    size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};

    *point = first & masks[size];
    for (size_t i = 1; i < size; i++) {
        *point = *point << 6 | ((unsigned char)octets[i] & 0x3F);
    }
    return size;
}

/* RFC 6533 section 3, EmbeddedUnicodeChar: no zero too many. */
static void put_point(struct sli_smtp_params_text *text, uint32_t point)
{
    static const char digits[] = "0123456789ABCDEF";
    char out[sizeof "\\x{10FFFF}"] = "\\x{";
    size_t size = 3;
    int shift = 20;

    while (shift > 4 && point >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        out[size++] = digits[point >> shift & 15];
    }
    out[size] = '}';
    sli_smtp_params_text_put(text, out);
}

/* RFC 6533 section 3: utf-8-addr-unitext, or without `is_utf8` the form that is
 * ASCII. What parts words stands for itself in neither. */
static void put_utf8(
    struct sli_smtp_params_text *text, const char *octets, int is_utf8)
{
    uint32_t point;

    for (size_t size; *octets != '\0'; octets += size) {
        size = read_point(octets, &point);
        if (size == 1 ? strchr(" +=\\", *octets) == NULL : is_utf8) {
            if (text->err == 0) {
                text->err = sli_buf_append(text->out, sli_slice(octets, size));
            }
        } else {
            put_point(text, point);
        }
    }
}

void sli_smtp_params_text_recipient(struct sli_smtp_params_text *text,
    const struct slimta_recipient *recipient, int is_utf8)
{
    put_notify(text, recipient->notify);
    if (recipient->orcpt == NULL) {
        return;
    }
    sli_smtp_params_text_put(text, " ORCPT=");
    sli_smtp_params_text_put(text, recipient->orcpt_type);
    sli_smtp_params_text_put(text, ";");
    if (sli_ascii_same(
            sli_slice_text(recipient->orcpt_type), SLI_LITERAL("utf-8"))) {
        put_utf8(text, recipient->orcpt, is_utf8);
    } else {
        put_xtext(text, recipient->orcpt);
    }
}
