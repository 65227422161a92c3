/** The credentials of a request: Basic (RFC 7617) and Bearer (RFC 6750). */
#include "http/authorization.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"
#include "http/fields.h"

/* RFC 9110 section 11.4: the scheme's name, then spaces. `text` becomes what
 * follows them. */
static struct slimta_slice cut_scheme(struct slimta_slice *text)
{
    struct slimta_slice scheme = *text;
    size_t size = 0;

    while (size < text->size && text->data[size] != ' ') {
        size++;
    }
    scheme.size = size;
    *text = sli_http_fields_trim(sli_slice_skip(*text, size));
    return scheme;
}

/* RFC 7617 section 2: UTF-8, as the challenge says, without control octets; the
 * first colon ends the name. */
static int read_basic(
    struct slimta_slice text, struct sli_http_authorization *authorization)
{
    struct slimta_slice pair = {authorization->room, 0};
    const char *colon;
    size_t name;

    if (text.size > SLI_BASE64_ENCODED_SIZE(SLI_HTTP_BASIC_MAX) ||
        !sli_base64_decode(
            text, SLI_BASE64_OPTIONAL, authorization->room, &pair.size) ||
        pair.size > SLI_HTTP_BASIC_MAX) {
        return 0;
    }
    colon = memchr(pair.data, ':', pair.size);
    if (colon == NULL || !sli_ascii_is_utf8(pair) ||
        !sli_ascii_all(pair, SLI_ASCII_PRINT | SLI_ASCII_HIGH)) {
        return 0;
    }
    name = (size_t)(colon - pair.data);
    authorization->name = sli_slice(pair.data, name);
    authorization->password = sli_slice_skip(pair, name + 1);
    return 1;
}

/* RFC 6750 section 2.1, b64token. */
static int read_bearer(
    struct slimta_slice text, struct sli_http_authorization *authorization)
{
    static const char marks[] = "-._~+/";
    size_t size = text.size;

    while (size > 0 && text.data[size - 1] == '=') {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        if (!sli_ascii_is(text.data[i], SLI_ASCII_ALNUM) &&
            memchr(marks, text.data[i], sizeof marks - 1) == NULL) {
            return 0;
        }
    }
    authorization->token = text;
    return size > 0;
}

static const struct {
    struct slimta_slice name;
    enum sli_http_authorization_scheme scheme;
    int (*read)(
        struct slimta_slice text, struct sli_http_authorization *authorization);
    const char *challenge; /* behind the realm */
} schemes[] = {
    {{"Basic", 5}, SLI_HTTP_AUTHORIZATION_BASIC, read_basic,
        ", charset=\"UTF-8\""},
    {{"Bearer", 6}, SLI_HTTP_AUTHORIZATION_BEARER, read_bearer, ""},
};

static void read_value(
    struct slimta_slice text, struct sli_http_authorization *authorization)
{
    struct slimta_slice name = cut_scheme(&text);

    authorization->scheme = SLI_HTTP_AUTHORIZATION_OTHER;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (sli_ascii_same(name, schemes[i].name)) {
            authorization->scheme = schemes[i].read(text, authorization)
                ? schemes[i].scheme
                : SLI_HTTP_AUTHORIZATION_BAD;
        }
    }
}

void sli_http_authorization_read(const struct sli_http_request *request,
    struct sli_http_authorization *authorization)
{
    struct slimta_slice name = SLI_LITERAL("Authorization");
    size_t index = 0;
    const struct sli_http_field *field = sli_http_fields_next(
        request->fields, request->field_count, name, &index);

    authorization->scheme = SLI_HTTP_AUTHORIZATION_NONE;
    if (field == NULL) {
        return;
    }
    if (sli_http_fields_next(
            request->fields, request->field_count, name, &index) != NULL) {
        authorization->scheme = SLI_HTTP_AUTHORIZATION_BAD;
        return;
    }
    read_value(sli_http_fields_trim(field->value), authorization);
}

size_t sli_http_authorization_challenge(
    enum sli_http_authorization_scheme scheme, struct slimta_slice realm,
    char *out, size_t size)
{
    struct sli_text text = sli_text_in(out, size);

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (schemes[i].scheme == scheme) {
            sli_text_put_slice(&text, schemes[i].name);
            sli_text_put_string(&text, " realm=");
            sli_text_put_quoted(&text, realm);
            sli_text_put_string(&text, schemes[i].challenge);
        }
    }
    return text.length;
}
