/** Foreign text in a refusal. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "checks/reason.h"

static void foreign_octets_are_made_printable(void **state)
{
    char out[SLI_CHECKS_REASON_MAX + 1];

    (void)state;
    assert_int_equal(
        sli_checks_reason_clean(SLI_LITERAL("a\r\n250 ok\0\xFF~"), out), 12);
    assert_string_equal(out, "a??250 ok??~");
    assert_int_equal(sli_checks_reason_clean(SLI_LITERAL(""), out), 0);
    assert_string_equal(out, "");
}

static void a_reason_has_256_octets(void **state)
{
    char text[SLI_CHECKS_REASON_MAX + 1];
    char out[SLI_CHECKS_REASON_MAX + 1];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t more = 0; more < 3; more++) {
        size_t size = SLI_CHECKS_REASON_MAX - 1 + more;

        assert_int_equal(sli_checks_reason_clean(sli_slice(text, size), out),
            size < SLI_CHECKS_REASON_MAX ? size : SLI_CHECKS_REASON_MAX);
    }
}

static void templates_are_filled(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *reason;
        const char *filled;
    } cases[] = {
        {"Access denied", 550, "x", "5.7.1 Access denied"},
        {"Access denied", 450, "x", "4.7.1 Access denied"},
        {"5.7.0 No: {reason}", 550, "why", "5.7.0 No: why"},
        {"{reason}", 550, "2.0.0 fine", "5.7.1 2.0.0 fine"},
        {"{reason}{reason}.", 550, "a", "5.7.1 aa."},
        {"{reason", 550, "a", "5.7.1 {reason"},
        {"{reason}", 550, "{reason}", "5.7.1 {reason}"},
        {"", 550, "a", "5.7.1 "},
    };
    char out[SLI_CHECKS_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sli_checks_reason_fill(
            cases[i].text, cases[i].code, cases[i].reason, out);
        assert_string_equal(out, cases[i].filled);
    }
    assert_true(sli_checks_reason_is_wanted("a {reason} b"));
    assert_false(sli_checks_reason_is_wanted("a reason b"));
}

static void an_enhanced_code_has_the_codes_class(void **state)
{
    (void)state;
    assert_true(sli_checks_reason_fits("5.7.1 No", 550));
    assert_true(sli_checks_reason_fits("No", 550));
    assert_false(sli_checks_reason_fits("4.7.1 No", 550));
    assert_false(sli_checks_reason_fits("2.0.0 Yes", 550));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_octets_are_made_printable),
        cmocka_unit_test(a_reason_has_256_octets),
        cmocka_unit_test(templates_are_filled),
        cmocka_unit_test(an_enhanced_code_has_the_codes_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
