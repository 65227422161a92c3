/** What the sender has asked for, as fields of a stored message. */
#include "queue/maildir/params.h"

#include "smtp/params_text.h"

static int asks(const struct slimta_mail_params *params)
{
    return params->requiretls || params->ret != SLIMTA_RET_NONE ||
        params->envid != NULL || params->by != SLIMTA_BY_NONE ||
        params->has_priority || params->hold_until_ms != 0 ||
        params->body == SLIMTA_BODY_BINARYMIME;
}

static void put_mail(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params)
{
    if (!asks(params)) {
        return;
    }
    sli_smtp_params_text_put(text, "X-Slimta-Mail:");
    sli_smtp_params_text_put(
        text, params->body == SLIMTA_BODY_BINARYMIME ? " BODY=BINARYMIME" : "");
    sli_smtp_params_text_reports(text, params);
    sli_smtp_params_text_put(text, params->requiretls ? " REQUIRETLS" : "");
    sli_smtp_params_text_by(text, params);
    sli_smtp_params_text_hold(text, params);
    sli_smtp_params_text_priority(text, params);
    sli_smtp_params_text_put(text, "\r\n");
}

static void put_recipient(
    struct sli_smtp_params_text *text, const struct slimta_recipient *recipient)
{
    if (recipient->notify == 0 && recipient->orcpt == NULL) {
        return;
    }
    sli_smtp_params_text_put(text, "X-Slimta-Rcpt: <");
    sli_smtp_params_text_put(text, recipient->address);
    sli_smtp_params_text_put(text, ">");
    sli_smtp_params_text_recipient(text, recipient, 1);
    sli_smtp_params_text_put(text, "\r\n");
}

int sli_queue_maildir_params_append(
    struct sli_buf *head, const struct slimta_envelope *envelope)
{
    struct sli_smtp_params_text text = {.out = head};
    size_t count = slimta_envelope_recipient_count(envelope);

    put_mail(&text, slimta_envelope_params(envelope));
    for (size_t i = 0; i < count && text.err == 0; i++) {
        put_recipient(&text, slimta_envelope_recipient(envelope, i));
    }
    return text.err;
}
