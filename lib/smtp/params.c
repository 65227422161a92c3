/** The parameters behind the path of MAIL and RCPT, as typed fields. */
#include "smtp/params.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "smtp/extensions.h"

/* RFC 1870 section 3: a size has at most 20 digits. */
enum { SIZE_DIGITS = 20 };

struct parameter {
    struct slimta_slice keyword;
    struct slimta_slice value;
    int has_value;
};

/* Where the fields are that a parameter may fill: one of the two. */
union target {
    struct slimta_mail_params *mail;
    struct slimta_recipient *rcpt;
};

/** A parameter that is known. */
struct known {
    struct slimta_slice keyword;
    /* Returns 0 when the value is not a right one. */
    int (*read)(const struct parameter *parameter, union target target);
    unsigned extension; /* that must be offered */
};

static int read_size(const struct parameter *parameter, union target target)
{
    target.mail->has_size = 1;
    return sli_ascii_number(
        parameter->value, SIZE_DIGITS, &target.mail->size_bytes);
}

/* RFC 6152 section 2. */
static int read_body(const struct parameter *parameter, union target target)
{
    target.mail->has_body = 1;
    if (sli_ascii_same(parameter->value, SLI_LITERAL("8BITMIME"))) {
        target.mail->body = SLIMTA_BODY_8BITMIME;
        return 1;
    }
    target.mail->body = SLIMTA_BODY_7BIT;
    return sli_ascii_same(parameter->value, SLI_LITERAL("7BIT"));
}

/* RFC 6531 section 3.1: it takes no value. */
static int read_smtputf8(const struct parameter *parameter, union target target)
{
    target.mail->smtputf8 = 1;
    return !parameter->has_value;
}

static const struct known known_mail[] = {
    {{"SIZE", 4}, read_size, SLI_SMTP_EXTENSION_SIZE},
    {{"BODY", 4}, read_body, SLI_SMTP_EXTENSION_8BITMIME},
    {{"SMTPUTF8", 8}, read_smtputf8, SLI_SMTP_EXTENSION_SMTPUTF8},
};

/* Cuts the next parameter off; 0 when there is none. Runs of spaces, also at
 * the end, are taken as one (RFC 5321 section 4.1.1). */
static int next_parameter(
    struct slimta_slice *text, struct parameter *parameter)
{
    struct slimta_slice word;
    const char *equals;
    size_t size = 0;

    while (text->size > 0 && text->data[0] == ' ') {
        *text = sli_slice_skip(*text, 1);
    }
    while (size < text->size && text->data[size] != ' ') {
        size++;
    }
    if (size == 0) {
        return 0;
    }
    word = sli_slice(text->data, size);
    *text = sli_slice_skip(*text, size);
    equals = memchr(word.data, '=', size);
    *parameter = (struct parameter){.keyword = word};
    if (equals != NULL) {
        parameter->has_value = 1;
        parameter->keyword.size = (size_t)(equals - word.data);
        parameter->value = sli_slice_skip(word, parameter->keyword.size + 1);
    }
    return 1;
}

int sli_smtp_params_is_keyword(struct slimta_slice word)
{
    if (word.size == 0 || !sli_ascii_is(word.data[0], SLI_ASCII_ALNUM)) {
        return 0;
    }
    for (size_t i = 1; i < word.size; i++) {
        if (!sli_ascii_is(word.data[i], SLI_ASCII_ALNUM) &&
            word.data[i] != '-') {
            return 0;
        }
    }
    return 1;
}

/* The row of the keyword, or `count`. */
static size_t find(
    const struct known *known, size_t count, const struct parameter *parameter)
{
    size_t i = 0;

    while (i < count && !sli_ascii_same(known[i].keyword, parameter->keyword)) {
        i++;
    }
    return i;
}

static enum sli_smtp_reply_id read_all(struct slimta_slice text,
    unsigned offered, const struct known *known, size_t count,
    union target target)
{
    struct parameter parameter;
    unsigned seen = 0;

    if (text.size > 0 && text.data[0] != ' ') {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    while (next_parameter(&text, &parameter)) {
        size_t row = find(known, count, &parameter);

        if (!sli_smtp_params_is_keyword(parameter.keyword)) {
            return SLI_SMTP_REPLY_BAD_ARGUMENT;
        }
        if (row == count || (known[row].extension & offered) == 0) {
            /* RFC 5321 section 4.1.1.11. */
            return SLI_SMTP_REPLY_UNKNOWN_PARAMETER;
        }
        if ((seen & 1U << row) != 0 || !known[row].read(&parameter, target)) {
            return SLI_SMTP_REPLY_BAD_ARGUMENT;
        }
        seen |= 1U << row;
    }
    return SLI_SMTP_REPLY_NONE;
}

enum sli_smtp_reply_id sli_smtp_params_mail(struct slimta_slice text,
    unsigned offered, struct slimta_mail_params *params)
{
    return read_all(text, offered, known_mail,
        sizeof known_mail / sizeof *known_mail, (union target){.mail = params});
}

enum sli_smtp_reply_id sli_smtp_params_rcpt(
    struct slimta_slice text, struct slimta_recipient *params)
{
    return read_all(text, 0, NULL, 0, (union target){.rcpt = params});
}
