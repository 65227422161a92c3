/** Tests of base/error.c. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static const int codes[] = {
#define CODE(name, number, text) SLIMTA_##name,
    SLIMTA_ERROR_MAP(CODE)
#undef CODE
};

static void test_set(void **state)
{
    struct slimta_error error;
    char expected[300];

    (void)state;
    assert_int_equal(sli_error_set(&error, SLIMTA_EACCES, "port %d of \"%s\"",
                         25, "mx.example.com"),
        SLIMTA_EACCES);
    assert_int_equal(error.code, SLIMTA_EACCES);
    assert_string_equal(error.text, "port 25 of \"mx.example.com\"");
    assert_int_equal(
        sli_error_set(NULL, SLIMTA_EBUSY, "%s", "x"), SLIMTA_EBUSY);

    /* At, below and above what there is room for. */
    for (size_t size = sizeof error.text - 2; size <= sizeof error.text;
         size++) {
        memset(expected, 'x', size);
        expected[size] = '\0';
        (void)sli_error_set(&error, SLIMTA_EINVAL, "%s", expected);
        assert_int_equal(strlen(error.text),
            size < sizeof error.text ? size : sizeof error.text - 1);
    }
}

static void test_from_errno(void **state)
{
    static const struct {
        int number;
        int code;
    } cases[] = {
        {EINVAL, SLIMTA_EINVAL},
        {ENOMEM, SLIMTA_ENOMEM},
        {EADDRINUSE, SLIMTA_EADDRINUSE},
        {EADDRNOTAVAIL, SLIMTA_EADDRNOTAVAIL},
        {EACCES, SLIMTA_EACCES},
        {EPERM, SLIMTA_EACCES},
        {ENOENT, SLIMTA_ENOENT},
        {EIO, SLIMTA_EIO},
        {ENOSPC, SLIMTA_ENOSPC},
        {EDQUOT, SLIMTA_ENOSPC},
        {EMFILE, SLIMTA_EMFILE},
        {ENFILE, SLIMTA_EMFILE},
        {ECHILD, SLIMTA_ESYSTEM},
        {0, SLIMTA_ESYSTEM},
        {-1, SLIMTA_ESYSTEM},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sli_error_from_errno(cases[i].number), cases[i].code);
    }
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(
        slimta_strerror(SLIMTA_EINVAL), "an argument or option is not valid");
    assert_string_equal(slimta_error_name(SLIMTA_EINVAL), "SLIMTA_EINVAL");
    assert_string_equal(slimta_error_name(SLIMTA_ESYSTEM), "SLIMTA_ESYSTEM");
    assert_string_equal(slimta_strerror(SLIMTA_OK), "no error");
    assert_string_equal(slimta_error_name(SLIMTA_OK), "SLIMTA_OK");
    assert_string_equal(slimta_strerror(1), "unknown error");
    assert_string_equal(slimta_error_name(-1000), "SLIMTA_UNKNOWN");
}

/* Every code is negative and has a number, a name and a sentence of its own. */
static void test_codes_differ(void **state)
{
    enum { COUNT = sizeof codes / sizeof *codes };

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(codes[i] < 0);
        assert_string_not_equal(slimta_strerror(codes[i]), "unknown error");
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(codes[i], codes[j]);
            assert_string_not_equal(
                slimta_error_name(codes[i]), slimta_error_name(codes[j]));
            assert_string_not_equal(
                slimta_strerror(codes[i]), slimta_strerror(codes[j]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_from_errno),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_codes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
