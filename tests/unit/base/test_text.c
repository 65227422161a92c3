/** Tests of base/text.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "base/text.h"

static size_t write_all(char *out, size_t size)
{
    struct sli_text text = sli_text_in(out, size);

    sli_text_put(&text, 'a');
    sli_text_put_string(&text, "bc");
    sli_text_put_slice(&text, SLI_LITERAL("de"));
    sli_text_put_number(&text, 120);
    return text.length;
}

static void test_fits(void **state)
{
    char out[9];

    (void)state;
    assert_int_equal(write_all(out, sizeof out), 8);
    assert_string_equal(out, "abcde120");
}

/* Cut at every size, terminated, and nothing behind it is touched. */
static void test_is_cut(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 9; size++) {
        char out[16];

        memset(out, '!', sizeof out);
        assert_int_equal(write_all(out, size), 8);
        if (size > 0) {
            assert_int_equal(strlen(out), size - 1);
            assert_memory_equal(out, "abcde120", size - 1);
        }
        assert_int_equal(out[size], '!');
    }
}

static void test_is_empty_at_first(void **state)
{
    char out[2] = "x";

    (void)state;
    assert_int_equal(sli_text_in(out, sizeof out).length, 0);
    assert_string_equal(out, "");
}

static void test_quotes(void **state)
{
    char out[32];
    struct sli_text text = sli_text_in(out, sizeof out);

    (void)state;
    sli_text_put_quoted(&text, SLI_LITERAL(""));
    sli_text_put_quoted(&text, SLI_LITERAL("a \"b\\\r\n\0\x7f\xff~"));
    assert_string_equal(out, "\"\"\"a \\\"b\\\\?????~\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_is_cut),
        cmocka_unit_test(test_is_empty_at_first),
        cmocka_unit_test(test_quotes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
