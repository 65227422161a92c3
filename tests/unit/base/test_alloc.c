/** Tests of base/alloc.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "fail_alloc.h"

static void test_init_default(void **state)
{
    struct slimta_alloc empty = {.size = sizeof empty};
    const struct slimta_alloc *tables[] = {NULL, &empty};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct slimta_alloc alloc;
        void *block;

        assert_int_equal(sli_alloc_init(&alloc, tables[i]), 0);
        block = sli_alloc(&alloc, 10);
        assert_non_null(block);
        block = sli_realloc(&alloc, block, 20);
        assert_non_null(block);
        sli_free(&alloc, block);
    }
}

static void test_init_refused(void **state)
{
    struct fail_alloc full;
    struct slimta_error error = {0};
    struct slimta_alloc out = {.size = 77};
    struct slimta_alloc table;

    (void)state;
    fail_alloc_init(&full, 0, FAIL_ALLOC_ONCE);
    table = full.table;
    table.size = 0;
    assert_int_equal(sli_alloc_init(&out, &table), SLIMTA_EINVAL);
    table = full.table;
    table.allocate = NULL;
    assert_int_equal(sli_alloc_init(&out, &table), SLIMTA_EINVAL);
    table = full.table;
    table.reallocate = NULL;
    assert_int_equal(sli_alloc_init(&out, &table), SLIMTA_EINVAL);
    table = full.table;
    table.release = NULL;
    assert_int_equal(sli_alloc_init(&out, &table), SLIMTA_EINVAL);
    assert_int_equal(sli_alloc_take(&out, &table, &error), SLIMTA_EINVAL);
    assert_string_equal(
        error.text, "alloc: of a wrong size, or only some functions are there");
    assert_int_equal(out.size, 77);
    assert_int_equal(sli_alloc_take(&out, &full.table, NULL), 0);
    assert_ptr_equal(out.user, &full);
}

static void test_blocks(void **state)
{
    static const char zeros[64];
    struct fail_alloc alloc;
    char *block;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    block = sli_alloc(&alloc.table, 0);
    assert_non_null(block);
    sli_free(&alloc.table, block);
    block = sli_alloc_zero(&alloc.table, sizeof zeros);
    assert_memory_equal(block, zeros, sizeof zeros);
    sli_free(&alloc.table, block);
    block = sli_alloc_array(&alloc.table, 8, 8);
    assert_memory_equal(block, zeros, sizeof zeros);
    block = sli_realloc(&alloc.table, block, 0);
    assert_non_null(block);
    sli_free(&alloc.table, block);
    block = sli_realloc(&alloc.table, NULL, 5);
    assert_non_null(block);
    sli_free(&alloc.table, block);
    sli_free(&alloc.table, NULL);
    assert_int_equal(alloc.live, 0);
}

static void test_products(void **state)
{
    struct fail_alloc alloc;
    void *block;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_null(sli_alloc_array(&alloc.table, SIZE_MAX, 2));
    assert_null(sli_alloc_array(&alloc.table, 2, SIZE_MAX));
    assert_null(sli_alloc_array(&alloc.table, SIZE_MAX / 2 + 1, 2));
    assert_int_equal(alloc.asked, 0);
    block = sli_alloc_array(&alloc.table, SIZE_MAX, 0);
    assert_non_null(block);
    sli_free(&alloc.table, block);
}

static void test_text(void **state)
{
    struct fail_alloc alloc;
    char *text;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    text = sli_alloc_text(&alloc.table, sli_slice("abcd", 3));
    assert_string_equal(text, "abc");
    sli_free(&alloc.table, text);
    text = sli_alloc_text(&alloc.table, (struct slimta_slice){NULL, 0});
    assert_string_equal(text, "");
    sli_free(&alloc.table, text);
    assert_null(sli_alloc_text(&alloc.table, sli_slice("", SIZE_MAX)));
    assert_int_equal(alloc.live, 0);
}

static void test_no_memory(void **state)
{
    struct fail_alloc alloc;
    char *kept;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    kept = sli_alloc_text(&alloc.table, SLI_LITERAL("kept"));
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONWARD);
    assert_null(sli_alloc(&alloc.table, 1));
    assert_null(sli_alloc_zero(&alloc.table, 1));
    assert_null(sli_alloc_array(&alloc.table, 1, 1));
    assert_null(sli_alloc_text(&alloc.table, SLI_LITERAL("x")));
    assert_null(sli_realloc(&alloc.table, kept, 100));
    assert_string_equal(kept, "kept");
    sli_free(&alloc.table, kept);
    assert_int_equal(alloc.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_default),
        cmocka_unit_test(test_init_refused),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
