/** Tests of lib/http/fields.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "http/fields.h"

static void finds_by_name(void **state)
{
    const struct sli_http_field fields[] = {
        {SLI_LITERAL("A"), SLI_LITERAL("1")},
        {SLI_LITERAL("b"), SLI_LITERAL("2")},
        {SLI_LITERAL("a"), SLI_LITERAL("3")},
    };
    size_t index = 0;

    (void)state;
    assert_ptr_equal(
        sli_http_fields_next(fields, 3, SLI_LITERAL("a"), &index), &fields[0]);
    assert_ptr_equal(
        sli_http_fields_next(fields, 3, SLI_LITERAL("a"), &index), &fields[2]);
    assert_null(sli_http_fields_next(fields, 3, SLI_LITERAL("a"), &index));
    index = 0;
    assert_null(sli_http_fields_next(fields, 3, SLI_LITERAL("ab"), &index));
    assert_null(sli_http_fields_next(NULL, 0, SLI_LITERAL("a"), &index));
}

static void expect_members(const char *list, const char *const *wanted)
{
    struct slimta_slice rest = sli_slice_text(list);
    struct slimta_slice member;

    for (; *wanted != NULL; wanted++) {
        assert_int_equal(
            sli_http_fields_member(&rest, SLI_LITERAL(",;"), &member), 1);
        assert_int_equal(member.size, strlen(*wanted));
        assert_memory_equal(member.data, *wanted, member.size);
    }
    assert_int_equal(
        sli_http_fields_member(&rest, SLI_LITERAL(",;"), &member), 0);
}

static void cuts_lists(void **state)
{
    (void)state;
    expect_members("", (const char *const[]){"", NULL});
    expect_members("a", (const char *const[]){"a", NULL});
    expect_members(
        " a\t,b c; ,d,", (const char *const[]){"a", "b c", "", "d", "", NULL});
    assert_int_equal(
        sli_http_fields_has_word(SLI_LITERAL("x, CLOSE"), SLI_LITERAL("close")),
        1);
    assert_int_equal(sli_http_fields_has_word(
                         SLI_LITERAL("closed, xclose"), SLI_LITERAL("close")),
        0);
}

static void grows_and_keeps(void **state)
{
    struct fail_alloc alloc;
    struct sli_http_fields fields;

    (void)state;
    fail_alloc_init(&alloc, 2, FAIL_ALLOC_ONCE);
    sli_http_fields_init(&fields, &alloc.table);
    assert_int_equal(sli_http_fields_reserve(&fields, 0), 0);
    assert_int_equal(atomic_load(&alloc.asked), 0);
    assert_int_equal(sli_http_fields_reserve(&fields, 3), 0);
    assert_int_equal(sli_http_fields_reserve(&fields, 2), 0);
    assert_int_equal(atomic_load(&alloc.asked), 1);
    assert_int_equal(sli_http_fields_reserve(&fields, 4), SLIMTA_ENOMEM);
    assert_int_equal(fields.capacity, 3);
    assert_int_equal(sli_http_fields_reserve(&fields, 4), 0);
    sli_http_fields_fini(&fields);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_name),
        cmocka_unit_test(cuts_lists),
        cmocka_unit_test(grows_and_keeps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
