/** Tests of sasl/prepare.c. */
#include "test.h"

#include <slimta/error.h>

#include "base/slice.h"
#include "sasl/prepare.h"

/* Of RFC 4013 section 3, and what passwords are made of today. */
static const struct {
    const char *from;
    const char *prepared; /* NULL: cannot be */
} rows[] = {
    {"user", "user"},
    {"USER", "USER"},
    {" a~b ", " a~b "},
    {"I\xc2\xadX", "IX"},
    {"\xc2\xaa", "a"},
    {"\xe2\x85\xa8", "IX"},
    {"a\xc2\xa0"
     "b",
        "a b"},
    {"\x07", NULL},
    {"a\tb", NULL},
    {"\xd8\xa7\x31", NULL}, /* bidirectional check */
    {"", NULL},
    {"\xc2\xad", NULL}, /* nothing is left */
    {"a\xff", NULL},
    {"a\xc3", NULL},
    {"\xed\xa0\x80", NULL},
    /* Unassigned in Unicode 3.2, an emoji. */
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
};

static void test_prepares(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sli_sasl_prepared prepared;
        int err = sli_sasl_prepare(&prepared, rows[i].from);

        if (rows[i].prepared == NULL) {
            assert_int_equal(err, SLIMTA_EINVAL);
        } else {
            assert_int_equal(err, 0);
            assert_string_equal(prepared.text, rows[i].prepared);
            sli_sasl_prepare_fini(&prepared);
            assert_null(prepared.text);
        }
    }
}

static void test_checks_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(sli_sasl_prepare_check(rows[i].from),
            rows[i].prepared == NULL ? SLIMTA_EINVAL : 0);
    }
    assert_int_equal(sli_sasl_prepare_check("a\x7f"), SLIMTA_EINVAL);
}

static void test_knows_texts(void **state)
{
    (void)state;
    assert_true(sli_sasl_prepare_is_text(SLI_LITERAL("")));
    assert_true(sli_sasl_prepare_is_text(SLI_LITERAL("a \xc3\xa4~")));
    assert_false(sli_sasl_prepare_is_text(SLI_LITERAL("a\0b")));
    assert_false(sli_sasl_prepare_is_text(SLI_LITERAL("a\x1f")));
    assert_false(sli_sasl_prepare_is_text(SLI_LITERAL("a\x7f")));
    assert_false(sli_sasl_prepare_is_text(SLI_LITERAL("a\x80")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepares),
        cmocka_unit_test(test_checks_names),
        cmocka_unit_test(test_knows_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
