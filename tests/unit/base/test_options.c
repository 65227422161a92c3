/** Tests of base/options.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/options.h"

/* The same struct as three versions of the library know it. */
struct old_options {
    size_t size;
    int a;
    int b;
};

struct options {
    size_t size;
    int a;
    int b;
    const char *c;
};

struct new_options {
    size_t size;
    int a;
    int b;
    const char *c;
    int d;
};

static void test_same(void **state)
{
    const struct options from = {.size = sizeof from, .a = 1, .b = 2, .c = "x"};
    struct options to;

    (void)state;
    memset(&to, 0xFF, sizeof to);
    assert_int_equal(SLI_OPTIONS_COPY(&to, &from), 0);
    assert_memory_equal(&to, &from, sizeof to);
}

static void test_shorter(void **state)
{
    const struct old_options from = {.size = sizeof from, .a = 1, .b = 2};
    struct options to;

    (void)state;
    memset(&to, 0xFF, sizeof to);
    assert_int_equal(SLI_OPTIONS_COPY(&to, &from), 0);
    assert_int_equal(to.size, sizeof to);
    assert_int_equal(to.a, 1);
    assert_int_equal(to.b, 2);
    assert_null(to.c);
}

static void test_only_its_size(void **state)
{
    const size_t from = sizeof from;
    struct options to;

    (void)state;
    memset(&to, 0xFF, sizeof to);
    assert_int_equal(SLI_OPTIONS_COPY(&to, &from), 0);
    assert_int_equal(to.size, sizeof to);
    assert_int_equal(to.a, 0);
    assert_null(to.c);
}

static void test_longer(void **state)
{
    struct new_options from;
    struct options to = {.a = 7};

    (void)state;
    memset(&from, 0, sizeof from);
    from.size = sizeof from;
    from.a = 1;
    from.d = 1;
    assert_int_equal(SLI_OPTIONS_COPY(&to, &from), SLIMTA_EINVAL);
    assert_int_equal(to.a, 7);
    from.d = 0;
    assert_int_equal(SLI_OPTIONS_COPY(&to, &from), 0);
    assert_int_equal(to.size, sizeof to);
    assert_int_equal(to.a, 1);
}

/* Each octet of the unknown tail counts. */
static void test_tail(void **state)
{
    union {
        struct options options;
        unsigned char octets[sizeof(struct options) + 5];
    } from;
    struct options to;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        memset(&from, 0, sizeof from);
        from.options.size = sizeof(struct options) + 5;
        from.octets[sizeof(struct options) + i] = 0x80;
        assert_int_equal(SLI_OPTIONS_COPY(&to, &from.options), SLIMTA_EINVAL);
    }
}

static void test_wrong_size(void **state)
{
    struct options from = {.a = 1};
    struct options to = {.a = 7};

    (void)state;
    for (size_t size = 0; size < sizeof(size_t); size++) {
        from.size = size;
        assert_int_equal(SLI_OPTIONS_COPY(&to, &from), SLIMTA_EINVAL);
    }
    assert_int_equal(to.a, 7);
}

static void test_take(void **state)
{
    const struct options from = {.size = sizeof from, .a = 1};
    const struct options wrong = {.size = 1, .a = 1};
    struct options to = {.a = 7};
    struct slimta_error error = {0};

    (void)state;
    assert_int_equal(SLI_OPTIONS_TAKE("these", &to, NULL, &error), 0);
    assert_int_equal(to.a, 7);
    assert_int_equal(
        SLI_OPTIONS_TAKE("these", &to, &wrong, &error), SLIMTA_EINVAL);
    assert_int_equal(to.a, 7);
    assert_int_equal(error.code, SLIMTA_EINVAL);
    assert_string_equal(error.text,
        "these: of a wrong size, or with something that this version does not "
        "know");
    assert_int_equal(
        SLI_OPTIONS_TAKE("these", &to, &wrong, NULL), SLIMTA_EINVAL);
    assert_int_equal(SLI_OPTIONS_TAKE("these", &to, &from, &error), 0);
    assert_int_equal(to.a, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_shorter),
        cmocka_unit_test(test_only_its_size),
        cmocka_unit_test(test_longer),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_wrong_size),
        cmocka_unit_test(test_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
