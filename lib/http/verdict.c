/** What a response says of a message: X-Smtp-Reply, or the status. */
#include "http/verdict.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"
#include "http/status.h"
#include "mail/reply.h"

static void skip_spaces(struct slimta_slice *text)
{
    while (text->size > 0 && (text->data[0] == ' ' || text->data[0] == '\t')) {
        *text = sli_slice_skip(*text, 1);
    }
}

static int take(struct slimta_slice *text, char octet)
{
    skip_spaces(text);
    if (text->size == 0 || text->data[0] != octet) {
        return 0;
    }
    *text = sli_slice_skip(*text, 1);
    return 1;
}

/* Digits and the semicolon behind them. */
static int take_number(
    struct slimta_slice *text, size_t max_digits, uint64_t *number)
{
    size_t size = 0;

    skip_spaces(text);
    while (
        size < text->size && sli_ascii_is(text->data[size], SLI_ASCII_DIGIT)) {
        size++;
    }
    if (!sli_ascii_number(sli_slice(text->data, size), max_digits, number)) {
        return 0;
    }
    *text = sli_slice_skip(*text, size);
    return take(text, ';');
}

/* One `name="value"`; there is no escape in it. */
static int take_param(struct slimta_slice *text, struct slimta_slice *name,
    struct slimta_slice *value)
{
    size_t size = 0;

    skip_spaces(text);
    while (
        size < text->size && sli_ascii_is(text->data[size], SLI_ASCII_TCHAR)) {
        size++;
    }
    *name = sli_slice(text->data, size);
    *text = sli_slice_skip(*text, size);
    if (size == 0 || !take(text, '=') || !take(text, '"')) {
        return 0;
    }
    size = text->size;
    *value = sli_slice_take_until(text, '"');
    return value->size < size;
}

/* The parameters behind a code: the last message counts. */
static struct slimta_slice take_message(struct slimta_slice *text)
{
    struct slimta_slice message = SLI_LITERAL("");
    struct slimta_slice name;
    struct slimta_slice value;

    while (take_param(text, &name, &value)) {
        if (sli_ascii_same(name, SLI_LITERAL("message"))) {
            message = value;
        }
        (void)take(text, ';');
    }
    return message;
}

static const char *plain_text(int code)
{
    return code < 400 ? "Accepted by next hop" : "Refused by next hop";
}

static void set(
    struct slimta_reply *reply, int code, struct slimta_slice message)
{
    if (sli_mail_reply_set(reply, code, message) != 0) {
        sli_mail_reply_set_fixed(reply, code, plain_text(code));
    }
    if (code == 421) {
        (void)slimta_reply_set(reply, 451, NULL);
    }
}

/* Reads `CODE; message="TEXT"`; 0 when it has no such code, or one of a class
 * that the status does not have. */
static int read_value(
    struct slimta_reply *reply, struct slimta_slice value, int is_success)
{
    struct slimta_slice message;
    uint64_t code = 0;

    if (!take_number(&value, 3, &code) ||
        (is_success ? code / 100 != 2 : code / 100 != 4 && code / 100 != 5)) {
        return 0;
    }
    message = take_message(&value);
    set(reply, (int)code,
        message.size > 0 ? message : sli_slice_text(plain_text((int)code)));
    return 1;
}

/* Statuses that mean a refusal of this message as it is, or only of now,
 * against the rule of their class. */
static const struct {
    int status;
    int code;
    const char *enhanced;
} exceptions[] = {
    {408, 451, "4.4.2"}, /* RFC 9110 section 15.5.9 */
    {413, 552, "5.3.4"}, /* section 15.5.14 */
    {421, 451, "4.4.0"}, /* section 15.5.20 */
    {425, 451, "4.4.0"}, /* RFC 8470 section 5.2 */
    {429, 451, "4.4.5"}, /* RFC 6585 section 4 */
};

static void read_status(struct slimta_reply *reply, int status)
{
    char room[128];
    struct sli_text text = sli_text_in(room, sizeof room);
    int code = status / 100 == 2 ? 250 : status / 100 == 4 ? 550 : 451;
    const char *enhanced = code == 250 ? "2.6.0"
        : code == 550                  ? "5.0.0"
                                       : "4.4.0";

    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (exceptions[i].status == status) {
            code = exceptions[i].code;
            enhanced = exceptions[i].enhanced;
        }
    }
    sli_text_put_string(&text, enhanced);
    sli_text_put_string(&text, " Next hop says ");
    sli_text_put_number(&text, (uint64_t)status);
    sli_text_put_string(&text, *sli_http_status_reason(status) ? " " : "");
    sli_text_put_string(&text, sli_http_status_reason(status));
    set(reply, code, sli_slice(room, text.length));
}

static struct slimta_slice find(const struct sli_http_field *fields,
    size_t field_count, struct slimta_slice name)
{
    size_t index = 0;
    const struct sli_http_field *field =
        sli_http_fields_next(fields, field_count, name, &index);

    return field == NULL ? sli_slice("", 0) : field->value;
}

void sli_http_verdict_read(struct slimta_reply *reply, int status,
    const struct sli_http_field *fields, size_t field_count)
{
    struct slimta_slice value =
        find(fields, field_count, SLI_LITERAL("X-Smtp-Reply"));

    if (!read_value(reply, value, status / 100 == 2)) {
        read_status(reply, status);
    }
}

struct slimta_slice sli_http_verdict_recipients(
    const struct sli_http_field *fields, size_t field_count)
{
    return find(fields, field_count, SLI_LITERAL("X-Smtp-Rcpt-Reply"));
}

int sli_http_verdict_next(
    struct slimta_slice *list, uint64_t *index, struct slimta_reply *reply)
{
    struct slimta_slice name;
    struct slimta_slice message;
    uint64_t code = 0;

    if (!take_number(list, 20, index) || !take_number(list, 3, &code) ||
        code / 100 < 4 || code / 100 > 5 ||
        !take_param(list, &name, &message)) {
        return 0;
    }
    (void)take(list, ',');
    set(reply, (int)code, message);
    return 1;
}
