/** Tests of lib/base/input.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/input.h"
#include "base/slice.h"
#include "fail_alloc.h"

struct fixture {
    struct fail_alloc alloc;
    struct sli_input input;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fail_alloc_init(&fixture.alloc, 0, FAIL_ALLOC_ONCE);
    sli_input_init(&fixture.input, &fixture.alloc.table);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sli_input_fini(&fixture->input);
    return (int)atomic_load(&fixture->alloc.live);
}

static void feed(struct fixture *fixture, const char *text)
{
    assert_int_equal(sli_input_feed(&fixture->input, sli_slice_text(text)), 0);
}

static void expect_text(struct slimta_slice got, const char *wanted)
{
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

static void lends_what_is_fed(void **state)
{
    struct fixture *fixture = *state;
    const char *text = "abc";

    assert_int_equal(sli_input_size(&fixture->input), 0);
    feed(fixture, text);
    assert_ptr_equal(sli_input_front(&fixture->input).data, text);
    sli_input_consume(&fixture->input, 1);
    expect_text(sli_input_front(&fixture->input), "bc");
    assert_int_equal(sli_input_gather(&fixture->input, 2), 0);
    assert_ptr_equal(sli_input_front(&fixture->input).data, text + 1);
    assert_int_equal(atomic_load(&fixture->alloc.asked), 0);
}

static void keeps_what_is_parked(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "abc");
    sli_input_consume(&fixture->input, 1);
    assert_int_equal(sli_input_park(&fixture->input), 0);
    feed(fixture, "def");
    assert_int_equal(sli_input_size(&fixture->input), 5);
    expect_text(sli_input_front(&fixture->input), "bc");
    expect_text(sli_input_at(&fixture->input, 1), "c");
    expect_text(sli_input_at(&fixture->input, 2), "def");
    expect_text(sli_input_at(&fixture->input, 5), "");
    assert_int_equal(sli_input_gather(&fixture->input, 4), 0);
    expect_text(sli_input_front(&fixture->input), "bcde");
    sli_input_consume(&fixture->input, 4);
    expect_text(sli_input_front(&fixture->input), "f");
    sli_input_release(&fixture->input);
    assert_int_equal(atomic_load(&fixture->alloc.live), 0);
    feed(fixture, "g");
    expect_text(sli_input_front(&fixture->input), "f");
}

static void is_as_it_was_without_memory(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "abc");
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_input_park(&fixture->input), SLIMTA_ENOMEM);
    expect_text(sli_input_front(&fixture->input), "abc");
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_input_feed(&fixture->input, SLI_LITERAL("def")), SLIMTA_ENOMEM);
    expect_text(sli_input_front(&fixture->input), "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lends_what_is_fed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            keeps_what_is_parked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            is_as_it_was_without_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
