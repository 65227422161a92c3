/** What a request must be for its body to be a message. */
#include "http/rules.h"

#include "base/ascii.h"
#include "base/slice.h"
#include "http/fields.h"

/* RFC 9110 section 8.3: in any case, whatever its parameters. RFC 6532 has the
 * second one. */
static int is_mail(struct slimta_slice type)
{
    struct slimta_slice media = {"", 0};

    (void)sli_http_fields_member(&type, SLI_LITERAL(";"), &media);
    return sli_ascii_same(media, SLI_LITERAL("message/rfc822")) ||
        sli_ascii_same(media, SLI_LITERAL("message/global"));
}

/* RFC 9110 section 8.4.1: nothing is decoded here. */
static int is_plain(struct slimta_slice encoding)
{
    return encoding.size == 0 ||
        sli_ascii_same(encoding, SLI_LITERAL("identity"));
}

/* Whether every field of that name, if there is any, passes. */
static int passes(const struct sli_http_request *request,
    struct slimta_slice name, int (*is_right)(struct slimta_slice value))
{
    const struct sli_http_field *field;
    size_t index = 0;

    while ((field = sli_http_fields_next(
                request->fields, request->field_count, name, &index)) != NULL) {
        if (!is_right(field->value)) {
            return 0;
        }
    }
    return 1;
}

static enum sli_http_refusal check_length(
    const struct sli_http_rules *rules, const struct sli_http_request *request)
{
    switch (request->framing) {
    case SLI_HTTP_FRAMING_NONE:
        return SLI_HTTP_REFUSAL_NO_LENGTH;
    case SLI_HTTP_FRAMING_CHUNKED:
        return SLI_HTTP_REFUSAL_NONE;
    case SLI_HTTP_FRAMING_SIZED:
        break;
    }
    if (request->body_bytes == 0 && !rules->allows_empty) {
        return SLI_HTTP_REFUSAL_NO_MESSAGE;
    }
    return request->body_bytes > rules->max_message_bytes
        ? SLI_HTTP_REFUSAL_TOO_LARGE
        : SLI_HTTP_REFUSAL_NONE;
}

enum sli_http_refusal sli_http_rules_check(
    const struct sli_http_rules *rules, const struct sli_http_request *request)
{
    /* RFC 9110 section 9.1: methods know case. */
    if (!sli_slice_is(request->method, rules->method)) {
        return SLI_HTTP_REFUSAL_BAD_METHOD;
    }
    if (!passes(request, SLI_LITERAL("Content-Type"), is_mail)) {
        return SLI_HTTP_REFUSAL_BAD_TYPE;
    }
    if (!passes(request, SLI_LITERAL("Content-Encoding"), is_plain)) {
        return SLI_HTTP_REFUSAL_BAD_ENCODING;
    }
    return check_length(rules, request);
}
