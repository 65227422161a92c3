/** Tests of base/secret.c. */
#include "test.h"

#include "base/secret.h"
#include "base/slice.h"
#include "guard.h"

static void test_wipes_just_that(void **state)
{
    char octets[] = "abcdef";

    (void)state;
    sli_secret_wipe(octets + 1, 4);
    assert_memory_equal(octets, "a\0\0\0\0f", 7);
    sli_secret_wipe(octets, 0);
    assert_int_equal(octets[0], 'a');
    sli_secret_wipe(NULL, 0);
}

static const struct {
    struct slimta_slice shown;
    struct slimta_slice secret;
    int is_same;
} rows[] = {
    {{"", 0}, {"", 0}, 1},
    {{NULL, 0}, {NULL, 0}, 1},
    {{"a", 1}, {"a", 1}, 1},
    {{"a\0b", 3}, {"a\0b", 3}, 1},
    {{"a\0b", 3}, {"a\0c", 3}, 0},
    {{"secret", 6}, {"Secret", 6}, 0},
    {{"secret", 6}, {"secreT", 6}, 0},
    {{"secret", 6}, {"secre", 5}, 0},
    {{"secre", 5}, {"secret", 6}, 0},
    {{"", 0}, {"a", 1}, 0},
    {{"a", 1}, {"", 0}, 0},
    {{"a", 1}, {NULL, 0}, 0},
};

static void test_compares(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guard shown;
        struct guard secret;

        assert_int_equal(sli_secret_is(guard_copy(&shown, rows[i].shown),
                             guard_copy(&secret, rows[i].secret)),
            rows[i].is_same);
        guard_free(&shown);
        guard_free(&secret);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wipes_just_that),
        cmocka_unit_test(test_compares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
