/** The parameters behind the path of MAIL and RCPT, as typed fields. */
#include "smtp/params.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/date.h"
#include "smtp/extensions.h"
#include "smtp/values.h"
#include "smtp/words.h"
#include "smtp/xtext.h"

enum {
    SIZE_DIGITS = 20, /* RFC 1870 section 3 */
    AUTH_MAX = 500    /* RFC 4954 section 3 (6), before it is decoded */
};

struct parameter {
    struct slimta_slice keyword;
    struct slimta_slice value;
    int has_value;
};

/* Where the fields are that a parameter may fill: one of the two; and room for
 * what is decoded of all of them. */
struct target {
    struct slimta_mail_params *mail;
    struct slimta_recipient *rcpt;
    const struct sli_smtp_params_rules *rules;
    struct sli_buf *decoded;
    size_t room; /* enough for all that the line can hold */
};

/** A parameter that is known. */
struct known {
    struct slimta_slice keyword;
    /* Returns NONE, or what is replied when the value is not a right one. */
    enum sli_smtp_reply_id (*read)(
        const struct parameter *parameter, const struct target *target);
    unsigned extension; /* that must be offered */
};

static enum sli_smtp_reply_id good_if(int is_good)
{
    return is_good ? SLI_SMTP_REPLY_NONE : SLI_SMTP_REPLY_BAD_ARGUMENT;
}

static enum sli_smtp_reply_id read_size(
    const struct parameter *parameter, const struct target *target)
{
    target->mail->has_size = 1;
    return good_if(sli_ascii_number(
        parameter->value, SIZE_DIGITS, &target->mail->size_bytes));
}

/* RFC 6152 section 2. */
static enum sli_smtp_reply_id read_body(
    const struct parameter *parameter, const struct target *target)
{
    target->mail->has_body = 1;
    if (sli_ascii_same(parameter->value, SLI_LITERAL("8BITMIME"))) {
        target->mail->body = SLIMTA_BODY_8BITMIME;
        return SLI_SMTP_REPLY_NONE;
    }
    /* RFC 3030 section 3. */
    if ((target->rules->offered & SLI_SMTP_EXTENSION_BINARYMIME) != 0 &&
        sli_ascii_same(parameter->value, SLI_LITERAL("BINARYMIME"))) {
        target->mail->body = SLIMTA_BODY_BINARYMIME;
        return SLI_SMTP_REPLY_NONE;
    }
    target->mail->body = SLIMTA_BODY_7BIT;
    return good_if(sli_ascii_same(parameter->value, SLI_LITERAL("7BIT")));
}

/* RFC 6531 section 3.1: it takes no value. */
static enum sli_smtp_reply_id read_smtputf8(
    const struct parameter *parameter, const struct target *target)
{
    target->mail->smtputf8 = 1;
    return good_if(!parameter->has_value);
}

/* Lends room for what is decoded of one value, with the NULs. The first one
 * makes room for all values of the line, so that none moves. */
static char *decoding_room(const struct target *target)
{
    return sli_buf_reserve(
        target->decoded, target->room - sli_buf_size(target->decoded));
}

/* Keeps the text of `size` octets that was written to `room`. */
static const char *keep_decoded(
    const struct target *target, char *room, size_t size)
{
    room[size] = '\0';
    sli_buf_added(target->decoded, size + 1);
    return room;
}

/* Decodes a value of xtext. It holds text and nothing that could end a line or
 * a string: there it would be put one day. */
static enum sli_smtp_reply_id decode(const struct parameter *parameter,
    const struct target *target, const char **out)
{
    char *room = decoding_room(target);
    size_t size = 0;

    if (room == NULL) {
        return SLI_SMTP_REPLY_SYSTEM_ERROR;
    }
    if (!sli_smtp_xtext_decode(parameter->value, room, &size) ||
        !sli_ascii_all(
            sli_slice(room, size), SLI_ASCII_PRINT | SLI_ASCII_HIGH) ||
        !sli_ascii_is_utf8(sli_slice(room, size))) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    *out = keep_decoded(target, room, size);
    return SLI_SMTP_REPLY_NONE;
}

/* RFC 4954 section 5. */
static enum sli_smtp_reply_id read_auth(
    const struct parameter *parameter, const struct target *target)
{
    enum sli_smtp_reply_id id = SLI_SMTP_REPLY_BAD_ARGUMENT;

    if (parameter->value.size > 0 && parameter->value.size <= AUTH_MAX) {
        id = decode(parameter, target, &target->mail->auth);
    }
    if (id == SLI_SMTP_REPLY_NONE && strcmp(target->mail->auth, "<>") == 0) {
        target->mail->auth = "";
    }
    return id;
}

static enum sli_smtp_reply_id read_ret(
    const struct parameter *parameter, const struct target *target)
{
    return good_if(sli_smtp_values_ret(parameter->value, &target->mail->ret));
}

static enum sli_smtp_reply_id read_envid(
    const struct parameter *parameter, const struct target *target)
{
    char *room = decoding_room(target);
    size_t size = 0;

    if (room == NULL) {
        return SLI_SMTP_REPLY_SYSTEM_ERROR;
    }
    if (!sli_smtp_values_envid(parameter->value, room, &size)) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    target->mail->envid = keep_decoded(target, room, size);
    return SLI_SMTP_REPLY_NONE;
}

/* RFC 8689 section 2: it takes no value. */
static enum sli_smtp_reply_id read_requiretls(
    const struct parameter *parameter, const struct target *target)
{
    target->mail->requiretls = 1;
    return good_if(!parameter->has_value);
}

static enum sli_smtp_reply_id read_by(
    const struct parameter *parameter, const struct target *target)
{
    const struct slimta_mail_params *mail = target->mail;

    if (!sli_smtp_values_by(parameter->value, target->mail)) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    return mail->by == SLIMTA_BY_RETURN &&
            (uint64_t)mail->by_seconds < target->rules->min_by_seconds
        ? SLI_SMTP_REPLY_BY_TOO_SOON
        : SLI_SMTP_REPLY_NONE;
}

static enum sli_smtp_reply_id read_priority(
    const struct parameter *parameter, const struct target *target)
{
    target->mail->has_priority = 1;
    return good_if(
        sli_smtp_values_priority(parameter->value, &target->mail->priority));
}

/* RFC 4865 section 4: HOLDFOR or HOLDUNTIL, never both; not beyond what was
 * announced, nor in the past. A value that cannot be is best answered as one
 * that cannot be read: 501. */
static enum sli_smtp_reply_id keep_hold(
    const struct target *target, int64_t until_ms)
{
    const struct sli_smtp_params_rules *rules = target->rules;
    int64_t wait_ms = until_ms - rules->now_ms;

    if (target->mail->hold_until_ms != 0 || wait_ms < 0 ||
        (uint64_t)wait_ms > rules->max_hold_seconds * 1000) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    target->mail->hold_until_ms = until_ms;
    return SLI_SMTP_REPLY_NONE;
}

static enum sli_smtp_reply_id read_hold_for(
    const struct parameter *parameter, const struct target *target)
{
    int64_t seconds = 0;

    return sli_smtp_values_hold_for(parameter->value, &seconds)
        ? keep_hold(target, target->rules->now_ms + seconds * 1000)
        : SLI_SMTP_REPLY_BAD_ARGUMENT;
}

static enum sli_smtp_reply_id read_hold_until(
    const struct parameter *parameter, const struct target *target)
{
    int64_t until_ms = 0;

    target->mail->hold_was_until = 1;
    return sli_mail_date_parse_internet(parameter->value, &until_ms)
        ? keep_hold(target, until_ms)
        : SLI_SMTP_REPLY_BAD_ARGUMENT;
}

static enum sli_smtp_reply_id read_notify(
    const struct parameter *parameter, const struct target *target)
{
    return good_if(
        sli_smtp_values_notify(parameter->value, &target->rcpt->notify));
}

static enum sli_smtp_reply_id read_orcpt(
    const struct parameter *parameter, const struct target *target)
{
    char *room = decoding_room(target);
    size_t type_size = 0;
    size_t size = 0;

    if (room == NULL) {
        return SLI_SMTP_REPLY_SYSTEM_ERROR;
    }
    if (!sli_smtp_values_orcpt(parameter->value, target->rules->is_utf8, room,
            &type_size, &size)) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    /* Two texts, with a NUL where the semicolon was. */
    memmove(room + type_size + 1, room + type_size, size);
    target->rcpt->orcpt_type = keep_decoded(target, room, type_size);
    target->rcpt->orcpt = keep_decoded(target, room + type_size + 1, size);
    return SLI_SMTP_REPLY_NONE;
}

static const struct known known_mail[] = {
    {{"SIZE", 4}, read_size, SLI_SMTP_EXTENSION_SIZE},
    {{"BODY", 4}, read_body, SLI_SMTP_EXTENSION_8BITMIME},
    {{"SMTPUTF8", 8}, read_smtputf8, SLI_SMTP_EXTENSION_SMTPUTF8},
    {{"AUTH", 4}, read_auth, SLI_SMTP_EXTENSION_AUTH},
    {{"RET", 3}, read_ret, SLI_SMTP_EXTENSION_DSN},
    {{"ENVID", 5}, read_envid, SLI_SMTP_EXTENSION_DSN},
    {{"REQUIRETLS", 10}, read_requiretls, SLI_SMTP_EXTENSION_REQUIRETLS},
    {{"BY", 2}, read_by, SLI_SMTP_EXTENSION_DELIVERBY},
    {{"MT-PRIORITY", 11}, read_priority, SLI_SMTP_EXTENSION_MT_PRIORITY},
    {{"HOLDFOR", 7}, read_hold_for, SLI_SMTP_EXTENSION_FUTURERELEASE},
    {{"HOLDUNTIL", 9}, read_hold_until, SLI_SMTP_EXTENSION_FUTURERELEASE},
};

static const struct known known_rcpt[] = {
    {{"NOTIFY", 6}, read_notify, SLI_SMTP_EXTENSION_DSN},
    {{"ORCPT", 5}, read_orcpt, SLI_SMTP_EXTENSION_DSN},
};

/* Cuts the next parameter off; 0 when there is none. Runs of spaces, also at
 * the end, are taken as one (RFC 5321 section 4.1.1). */
static int next_parameter(
    struct slimta_slice *text, struct parameter *parameter)
{
    struct slimta_slice word;
    const char *equals;

    if (!sli_smtp_words_next(text, &word)) {
        return 0;
    }
    equals = memchr(word.data, '=', word.size);
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
    const struct known *known, size_t count, const struct target *target)
{
    struct parameter parameter;
    unsigned seen = 0;

    sli_buf_clear(target->decoded);

    if (text.size > 0 && text.data[0] != ' ') {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    while (next_parameter(&text, &parameter)) {
        size_t row = find(known, count, &parameter);
        enum sli_smtp_reply_id id;

        if (!sli_smtp_params_is_keyword(parameter.keyword)) {
            return SLI_SMTP_REPLY_BAD_ARGUMENT;
        }
        if (row == count ||
            (known[row].extension & target->rules->offered) == 0) {
            /* RFC 5321 section 4.1.1.11. */
            return SLI_SMTP_REPLY_UNKNOWN_PARAMETER;
        }
        id = good_if((seen & 1U << row) == 0);
        if (id == SLI_SMTP_REPLY_NONE) {
            id = known[row].read(&parameter, target);
        }
        if (id != SLI_SMTP_REPLY_NONE) {
            return id;
        }
        seen |= 1U << row;
    }
    return SLI_SMTP_REPLY_NONE;
}

enum sli_smtp_reply_id sli_smtp_params_mail(struct slimta_slice text,
    const struct sli_smtp_params_rules *rules,
    struct slimta_mail_params *params, struct sli_buf *decoded)
{
    const struct target target = {
        .mail = params, .rules = rules, .decoded = decoded, .room = text.size};

    return read_all(
        text, known_mail, sizeof known_mail / sizeof *known_mail, &target);
}

enum sli_smtp_reply_id sli_smtp_params_rcpt(struct slimta_slice text,
    const struct sli_smtp_params_rules *rules, struct slimta_recipient *params,
    struct sli_buf *decoded)
{
    const struct target target = {
        .rcpt = params, .rules = rules, .decoded = decoded, .room = text.size};

    return read_all(
        text, known_rcpt, sizeof known_rcpt / sizeof *known_rcpt, &target);
}
