/** Tests of lib/http/rules.c. */
#include "test.h"

#include "base/slice.h"
#include "http/rules.h"

static const struct sli_http_rules rules = {
    .method = {"POST", 4}, .max_message_bytes = 1000};

static enum sli_http_refusal check(const char *name, const char *value)
{
    const struct sli_http_field field = {
        sli_slice_text(name), sli_slice_text(value)};
    const struct sli_http_request request = {
        .method = SLI_LITERAL("POST"),
        .fields = &field,
        .field_count = 1,
        .framing = SLI_HTTP_FRAMING_SIZED,
        .body_bytes = 1000,
    };

    return sli_http_rules_check(&rules, &request);
}

static void checks_types(void **state)
{
    static const struct {
        const char *value;
        int is_right;
    } types[] = {{"message/rfc822", 1}, {"Message/RFC822", 1},
        {"message/rfc822; charset=x", 1}, {"message/rfc822\t;", 1},
        {"message/global", 1}, {"text/plain", 0}, {"message/rfc822x", 0},
        {"message/rfc82", 0}, {"", 0}, {";message/rfc822", 0},
        {"message/rfc822, text/plain", 0}};

    (void)state;
    assert_int_equal(check("X", "y"), SLI_HTTP_REFUSAL_NONE);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_int_equal(check("content-type", types[i].value),
            types[i].is_right ? SLI_HTTP_REFUSAL_NONE
                              : SLI_HTTP_REFUSAL_BAD_TYPE);
    }
}

static void checks_encodings(void **state)
{
    (void)state;
    assert_int_equal(
        check("Content-Encoding", "Identity"), SLI_HTTP_REFUSAL_NONE);
    assert_int_equal(check("Content-Encoding", ""), SLI_HTTP_REFUSAL_NONE);
    assert_int_equal(
        check("Content-Encoding", "gzip"), SLI_HTTP_REFUSAL_BAD_ENCODING);
    assert_int_equal(check("Content-Encoding", "identity, gzip"),
        SLI_HTTP_REFUSAL_BAD_ENCODING);
}

static void checks_lengths(void **state)
{
    struct sli_http_rules lenient = rules;
    struct sli_http_request request = {.method = SLI_LITERAL("POST")};

    (void)state;
    lenient.allows_empty = 1;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_NO_LENGTH);
    assert_int_equal(
        sli_http_rules_check(&lenient, &request), SLI_HTTP_REFUSAL_NO_LENGTH);
    request.framing = SLI_HTTP_FRAMING_CHUNKED;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_NONE);
    request.framing = SLI_HTTP_FRAMING_SIZED;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_NO_MESSAGE);
    assert_int_equal(
        sli_http_rules_check(&lenient, &request), SLI_HTTP_REFUSAL_NONE);
    request.body_bytes = 1;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_NONE);
    request.body_bytes = 999;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_NONE);
    request.body_bytes = 1001;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_TOO_LARGE);
    lenient.max_message_bytes = UINT64_MAX;
    request.body_bytes = UINT64_MAX - 1;
    assert_int_equal(
        sli_http_rules_check(&lenient, &request), SLI_HTTP_REFUSAL_NONE);
}

/* 405, then 415, then the length. */
static void checks_in_order(void **state)
{
    const struct sli_http_field fields[] = {
        {SLI_LITERAL("Content-Encoding"), SLI_LITERAL("gzip")},
        {SLI_LITERAL("Content-Type"), SLI_LITERAL("a/b")},
    };
    struct sli_http_request request = {
        .method = SLI_LITERAL("post"), .fields = fields, .field_count = 2};

    (void)state;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_BAD_METHOD);
    request.method = SLI_LITERAL("POST");
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_BAD_TYPE);
    request.field_count = 1;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_BAD_ENCODING);
    request.field_count = 0;
    assert_int_equal(
        sli_http_rules_check(&rules, &request), SLI_HTTP_REFUSAL_NO_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_types),
        cmocka_unit_test(checks_encodings),
        cmocka_unit_test(checks_lengths),
        cmocka_unit_test(checks_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
