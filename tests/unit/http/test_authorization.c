/** Tests of lib/http/authorization.c. */
#include "test.h"

#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "http/authorization.h"

static void read_slice(
    struct slimta_slice value, struct sli_http_authorization *authorization)
{
    const struct sli_http_field field = {SLI_LITERAL("authorization"), value};
    const struct sli_http_request request = {
        .fields = &field, .field_count = 1};

    sli_http_authorization_read(&request, authorization);
}

static void read_value(
    const char *value, struct sli_http_authorization *authorization)
{
    read_slice(sli_slice_text(value), authorization);
}

static void expect_text(struct slimta_slice got, const char *wanted)
{
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

static void reads_basic(void **state)
{
    static const struct {
        const char *value;
        const char *name;
        const char *password;
    } cases[] = {
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
        {"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin", "open sesame"},
        {"BASIC   dGVzdDoxMjPCow==", "test", "123\xc2\xa3"},
        {"Basic Og==", "", ""},
        {"Basic YTpiOmM=", "a", "b:c"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_authorization authorization;

        read_value(cases[i].value, &authorization);
        assert_int_equal(authorization.scheme, SLI_HTTP_AUTHORIZATION_BASIC);
        expect_text(authorization.name, cases[i].name);
        expect_text(authorization.password, cases[i].password);
    }
}

static void reads_bearer(void **state)
{
    struct sli_http_authorization authorization;

    (void)state;
    read_value("Bearer mF_9.B5f-4.1JqM~+/==", &authorization);
    assert_int_equal(authorization.scheme, SLI_HTTP_AUTHORIZATION_BEARER);
    expect_text(authorization.token, "mF_9.B5f-4.1JqM~+/==");
}

static void refuses(void **state)
{
    static const struct {
        const char *value;
        enum sli_http_authorization_scheme scheme;
    } cases[] = {
        {"Basic", SLI_HTTP_AUTHORIZATION_BAD},
        {"Basic ", SLI_HTTP_AUTHORIZATION_BAD},
        {"Basic YWJj", SLI_HTTP_AUTHORIZATION_BAD}, /* no colon */
        {"Basic YTpi Yw==", SLI_HTTP_AUTHORIZATION_BAD},
        {"Basic YTpi!", SLI_HTTP_AUTHORIZATION_BAD},
        {"Basic YToAYg==", SLI_HTTP_AUTHORIZATION_BAD}, /* NUL */
        {"Basic YToKYg==", SLI_HTTP_AUTHORIZATION_BAD}, /* LF */
        {"Basic YTr/", SLI_HTTP_AUTHORIZATION_BAD},     /* no UTF-8 */
        {"Basic\tYTpi", SLI_HTTP_AUTHORIZATION_OTHER},
        {"Bearer", SLI_HTTP_AUTHORIZATION_BAD},
        {"Bearer ==", SLI_HTTP_AUTHORIZATION_BAD},
        {"Bearer a=b", SLI_HTTP_AUTHORIZATION_BAD},
        {"Bearer a b", SLI_HTTP_AUTHORIZATION_BAD},
        {"Bearer a,b", SLI_HTTP_AUTHORIZATION_BAD},
        {"Digest username=\"a\"", SLI_HTTP_AUTHORIZATION_OTHER},
        {"", SLI_HTTP_AUTHORIZATION_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_http_authorization authorization;

        read_value(cases[i].value, &authorization);
        if (authorization.scheme != cases[i].scheme) {
            fail_msg("%s", cases[i].value);
        }
    }
}

static void limits_basic(void **state)
{
    static char pair[SLI_HTTP_BASIC_MAX + 1];
    static char value[6 + SLI_BASE64_ENCODED_SIZE(sizeof pair)];

    (void)state;
    memset(pair, ':', sizeof pair);
    memcpy(value, "Basic ", 6);
    for (size_t less = 0; less < 3; less++) {
        struct sli_http_authorization authorization;
        size_t size =
            sli_base64_encode(sli_slice(pair, sizeof pair - less), value + 6);

        read_slice(sli_slice(value, 6 + size), &authorization);
        assert_int_equal(authorization.scheme,
            less == 0 ? SLI_HTTP_AUTHORIZATION_BAD
                      : SLI_HTTP_AUTHORIZATION_BASIC);
    }
}

static void wants_it_once(void **state)
{
    const struct sli_http_field fields[] = {
        {SLI_LITERAL("Authorization"), SLI_LITERAL("Bearer a")},
        {SLI_LITERAL("Authorization"), SLI_LITERAL("Bearer a")},
    };
    struct sli_http_request request = {.fields = fields};
    struct sli_http_authorization authorization;

    (void)state;
    sli_http_authorization_read(&request, &authorization);
    assert_int_equal(authorization.scheme, SLI_HTTP_AUTHORIZATION_NONE);
    request.field_count = 2;
    sli_http_authorization_read(&request, &authorization);
    assert_int_equal(authorization.scheme, SLI_HTTP_AUTHORIZATION_BAD);
}

static void challenges(void **state)
{
    char text[64];

    (void)state;
    assert_int_equal(
        sli_http_authorization_challenge(SLI_HTTP_AUTHORIZATION_BASIC,
            SLI_LITERAL("mx \"1\" \\ \r"), text, sizeof text),
        44);
    assert_string_equal(
        text, "Basic realm=\"mx \\\"1\\\" \\\\ ?\", charset=\"UTF-8\"");
    assert_int_equal(
        sli_http_authorization_challenge(
            SLI_HTTP_AUTHORIZATION_BEARER, SLI_LITERAL("mx"), text, 10),
        17);
    assert_string_equal(text, "Bearer re");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_basic),
        cmocka_unit_test(reads_bearer),
        cmocka_unit_test(refuses),
        cmocka_unit_test(limits_basic),
        cmocka_unit_test(wants_it_once),
        cmocka_unit_test(challenges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
