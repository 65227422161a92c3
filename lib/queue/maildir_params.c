/** What the sender has asked for, as fields of a stored message. */
#include "queue/maildir_params.h"

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/date.h"
#include "smtp/xtext.h"

/* A field is put together where it will stand; the first error stays. */
struct field {
    struct sli_buf *head;
    int err;
};

static void put(struct field *field, const char *text)
{
    if (field->err == 0) {
        field->err = sli_buf_append_text(field->head, text);
    }
}

static void put_xtext(struct field *field, const char *text)
{
    if (field->err == 0) {
        field->err = sli_smtp_xtext_append(field->head, sli_slice_text(text));
    }
}

static void put_number(struct field *field, int64_t number)
{
    char digits[SLI_ASCII_NUMBER_MAX];

    if (number < 0) {
        put(field, "-");
        number = -number;
    }
    (void)sli_ascii_format_number((uint64_t)number, digits);
    put(field, digits);
}

/* RFC 6533 section 3, utf-8-addr-unitext. */
static void put_unitext(struct field *field, const char *text)
{
    for (; *text != '\0'; text++) {
        const char one[] = {*text, '\0'};

        switch (*text) {
        case ' ':
            put(field, "\\x{20}");
            break;
        case '+':
            put(field, "\\x{2B}");
            break;
        case '=':
            put(field, "\\x{3D}");
            break;
        case '\\':
            put(field, "\\x{5C}");
            break;
        default:
            put(field, one);
            break;
        }
    }
}

static void put_reports(
    struct field *field, const struct slimta_mail_params *params)
{
    if (params->ret != SLIMTA_RET_NONE) {
        put(field, params->ret == SLIMTA_RET_FULL ? " RET=FULL" : " RET=HDRS");
    }
    if (params->envid != NULL) {
        put(field, " ENVID=");
        put_xtext(field, params->envid);
    }
}

static void put_times(
    struct field *field, const struct slimta_mail_params *params)
{
    if (params->by != SLIMTA_BY_NONE) {
        put(field, " BY=");
        put_number(field, params->by_seconds);
        put(field, params->by == SLIMTA_BY_RETURN ? ";R" : ";N");
        put(field, params->by_trace ? "T" : "");
    }
    if (params->hold_until_ms != 0) {
        char date[SLI_MAIL_DATE_INTERNET_MAX];

        (void)sli_mail_date_format_internet(params->hold_until_ms, date);
        put(field, " HOLDUNTIL=");
        put(field, date);
    }
}

static int asks(const struct slimta_mail_params *params)
{
    return params->requiretls || params->ret != SLIMTA_RET_NONE ||
        params->envid != NULL || params->by != SLIMTA_BY_NONE ||
        params->has_priority || params->hold_until_ms != 0 ||
        params->body == SLIMTA_BODY_BINARYMIME;
}

static void put_mail(
    struct field *field, const struct slimta_mail_params *params)
{
    if (!asks(params)) {
        return;
    }
    put(field, "X-Slimta-Mail:");
    put(field,
        params->body == SLIMTA_BODY_BINARYMIME ? " BODY=BINARYMIME" : "");
    put_reports(field, params);
    put(field, params->requiretls ? " REQUIRETLS" : "");
    put_times(field, params);
    if (params->has_priority) {
        put(field, " MT-PRIORITY=");
        put_number(field, params->priority);
    }
    put(field, "\r\n");
}

static void put_notify(struct field *field, unsigned notify)
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
            put(field, before);
            put(field, words[i].word);
            before = ",";
        }
    }
}

static void put_recipient(
    struct field *field, const struct slimta_recipient *recipient)
{
    if (recipient->notify == 0 && recipient->orcpt == NULL) {
        return;
    }
    put(field, "X-Slimta-Rcpt: <");
    put(field, recipient->address);
    put(field, ">");
    put_notify(field, recipient->notify);
    if (recipient->orcpt != NULL) {
        put(field, " ORCPT=");
        put(field, recipient->orcpt_type);
        put(field, ";");
        if (sli_ascii_same(
                sli_slice_text(recipient->orcpt_type), SLI_LITERAL("utf-8"))) {
            put_unitext(field, recipient->orcpt);
        } else {
            put_xtext(field, recipient->orcpt);
        }
    }
    put(field, "\r\n");
}

int sli_queue_maildir_params_append(
    struct sli_buf *head, const struct slimta_envelope *envelope)
{
    struct field field = {.head = head};
    size_t count = slimta_envelope_recipient_count(envelope);

    put_mail(&field, slimta_envelope_params(envelope));
    for (size_t i = 0; i < count && field.err == 0; i++) {
        put_recipient(&field, slimta_envelope_recipient(envelope, i));
    }
    return field.err;
}
