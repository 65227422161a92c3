/** The envelope in a request's fields: EHLO name, sender and recipients. */
#include "http/envelope.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "http/fields.h"

/* As long as a domain may be (RFC 5321 section 4.5.3.1.2). */
enum { NAME_MAX_OCTETS = 255 };

/* What is said of an address that cannot be taken, and whether it may be the
 * one that has no domain (RFC 5321 section 4.1.1.3). */
struct address_words {
    int may_be_postmaster;
    enum sli_http_refusal not_base64;
    enum sli_http_refusal not_utf8;
    enum sli_http_refusal syntax;
    enum sli_http_refusal too_long;
    enum sli_http_refusal tag;
};

static const struct address_words sender_words = {
    .not_base64 = SLI_HTTP_REFUSAL_SENDER_NOT_BASE64,
    .not_utf8 = SLI_HTTP_REFUSAL_SENDER_NOT_UTF8,
    .syntax = SLI_HTTP_REFUSAL_BAD_SENDER,
    .too_long = SLI_HTTP_REFUSAL_LONG_SENDER,
    .tag = SLI_HTTP_REFUSAL_SENDER_TAG,
};

static const struct address_words recipient_words = {
    .may_be_postmaster = 1,
    .not_base64 = SLI_HTTP_REFUSAL_RECIPIENT_NOT_BASE64,
    .not_utf8 = SLI_HTTP_REFUSAL_RECIPIENT_NOT_UTF8,
    .syntax = SLI_HTTP_REFUSAL_BAD_RECIPIENT,
    .too_long = SLI_HTTP_REFUSAL_LONG_RECIPIENT,
    .tag = SLI_HTTP_REFUSAL_RECIPIENT_TAG,
};

static enum sli_http_refusal path_refusal(
    enum sli_mail_path_result result, const struct address_words *words)
{
    switch (result) {
    case SLI_MAIL_PATH_OK:
        return SLI_HTTP_REFUSAL_NONE;
    case SLI_MAIL_PATH_TOO_LONG:
        return words->too_long;
    case SLI_MAIL_PATH_NOT_UTF8:
        return words->not_utf8;
    case SLI_MAIL_PATH_TAG:
        return words->tag;
    case SLI_MAIL_PATH_SYNTAX:
        break;
    }
    return words->syntax;
}

static int is_postmaster(struct slimta_slice mailbox)
{
    return sli_ascii_same(mailbox, SLI_LITERAL("Postmaster"));
}

/* The same grammar as for MAIL and RCPT: what passes here is said to the next
 * hop in a command, and may not hold another one. */
static enum sli_http_refusal read_address(struct slimta_slice text,
    const struct address_words *words, struct sli_http_address *address)
{
    struct slimta_slice mailbox = {address->octets, 0};

    if (text.size > SLI_BASE64_ENCODED_SIZE(SLI_HTTP_ADDRESS_MAX)) {
        return words->too_long;
    }
    if (!sli_base64_decode(
            text, SLI_BASE64_OPTIONAL, address->octets, &mailbox.size)) {
        return words->not_base64;
    }
    if (!sli_ascii_is_utf8(mailbox)) {
        return words->not_utf8;
    }
    if (words->may_be_postmaster && is_postmaster(mailbox)) {
        address->path = (struct sli_mail_path){
            .mailbox = mailbox, .local = mailbox, .domain = {"", 0}};
        return SLI_HTTP_REFUSAL_NONE;
    }
    return path_refusal(
        sli_mail_path_parse_mailbox(mailbox, &address->path), words);
}

/* `single` becomes the field of that name, NULL when there is none. 0 when
 * there are two. */
static int find_single(const struct sli_http_request *request,
    struct slimta_slice name, const struct sli_http_field **single)
{
    size_t index = 0;

    *single = sli_http_fields_next(
        request->fields, request->field_count, name, &index);
    return *single == NULL ||
        sli_http_fields_next(
            request->fields, request->field_count, name, &index) == NULL;
}

/* As in EHLO: any printable name (RFC 5321 section 4.1.4, RFC 6531 section
 * 3.7.1). */
static int is_name(struct slimta_slice name)
{
    if (name.size > NAME_MAX_OCTETS) {
        return 0;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == ' ' ||
            !sli_ascii_is(name.data[i], SLI_ASCII_PRINT)) {
            return 0;
        }
    }
    return 1;
}

enum sli_http_refusal sli_http_envelope_ehlo(const struct sli_http_rules *rules,
    const struct sli_http_request *request, struct slimta_slice *name)
{
    const struct sli_http_field *field;

    *name = sli_slice("", 0);
    if (!find_single(request, rules->ehlo, &field)) {
        return SLI_HTTP_REFUSAL_BAD_EHLO;
    }
    if (field != NULL) {
        *name = sli_http_fields_trim(field->value);
    }
    return is_name(*name) ? SLI_HTTP_REFUSAL_NONE : SLI_HTTP_REFUSAL_BAD_EHLO;
}

enum sli_http_refusal sli_http_envelope_sender(
    const struct sli_http_rules *rules, const struct sli_http_request *request,
    struct sli_http_address *sender)
{
    const struct sli_http_field *field;
    struct slimta_slice text = {"", 0};

    sender->path = (struct sli_mail_path){.mailbox = {"", 0}};
    if (!find_single(request, rules->sender, &field)) {
        return SLI_HTTP_REFUSAL_TWO_SENDERS;
    }
    if (field == NULL && rules->needs_sender) {
        return SLI_HTTP_REFUSAL_NO_SENDER;
    }
    if (field != NULL) {
        text = sli_http_fields_trim(field->value);
    }
    return text.size == 0 ? SLI_HTTP_REFUSAL_NONE
                          : read_address(text, &sender_words, sender);
}

void sli_http_envelope_recipients(struct sli_http_recipients *recipients,
    const struct sli_http_rules *rules, const struct sli_http_request *request)
{
    *recipients = (struct sli_http_recipients){
        .rules = rules, .request = request, .list = {NULL, 0}};
}

/* The next member that is not empty; 0 when there is none. */
static int next_member(
    struct sli_http_recipients *recipients, struct slimta_slice *member)
{
    const struct sli_http_request *request = recipients->request;

    for (;;) {
        const struct sli_http_field *field;

        while (sli_http_fields_member(
            &recipients->list, SLI_LITERAL(",;"), member)) {
            if (member->size > 0) {
                return 1;
            }
        }
        field = sli_http_fields_next(request->fields, request->field_count,
            recipients->rules->recipient, &recipients->index);
        if (field == NULL) {
            return 0;
        }
        recipients->list = field->value;
    }
}

enum sli_http_refusal sli_http_envelope_next(
    struct sli_http_recipients *recipients, struct sli_http_address *recipient)
{
    struct slimta_slice member;

    recipient->path = (struct sli_mail_path){.mailbox = {"", 0}};
    if (!next_member(recipients, &member)) {
        return recipients->count == 0 ? SLI_HTTP_REFUSAL_NO_RECIPIENTS
                                      : SLI_HTTP_REFUSAL_NONE;
    }
    if (recipients->count == recipients->rules->max_recipients) {
        return SLI_HTTP_REFUSAL_TOO_MANY_RECIPIENTS;
    }
    recipients->count++;
    return read_address(member, &recipient_words, recipient);
}
