/** Tests of base/arena.c. */
#include "test.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/slice.h"
#include "fail_alloc.h"

enum { BLOCK = 256 };

static void test_pieces(void **state)
{
    static const size_t sizes[] = {
        1, 16, 17, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 0, 5};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    unsigned char *pieces[COUNT];
    struct fail_alloc alloc;
    struct sli_arena arena;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_arena_init(&arena, &alloc.table, BLOCK);
    assert_int_equal(alloc.asked, 0);
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = sli_arena_get(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(pieces[i][j], 0);
        }
        memset(pieces[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(pieces[i][j], i + 1);
        }
    }
    sli_arena_fini(&arena);
    assert_int_equal(alloc.live, 0);
    /* It can be used again. */
    assert_non_null(sli_arena_get(&arena, 1));
    sli_arena_fini(&arena);
    sli_arena_fini(&arena);
    assert_int_equal(alloc.live, 0);
}

static void test_blocks_are_shared(void **state)
{
    struct fail_alloc alloc;
    struct sli_arena arena;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_arena_init(&arena, &alloc.table, BLOCK);
    for (size_t i = 0; i < BLOCK / sizeof(max_align_t); i++) {
        assert_non_null(sli_arena_get(&arena, 1));
    }
    assert_int_equal(alloc.asked, 1);
    assert_non_null(sli_arena_get(&arena, 1));
    assert_int_equal(alloc.asked, 2);
    sli_arena_fini(&arena);
}

static void test_text(void **state)
{
    struct fail_alloc alloc;
    struct sli_arena arena;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_arena_init(&arena, &alloc.table, BLOCK);
    assert_string_equal(sli_arena_text(&arena, sli_slice("abcd", 3)), "abc");
    assert_string_equal(
        sli_arena_text(&arena, (struct slimta_slice){NULL, 0}), "");
    sli_arena_fini(&arena);
}

static void test_too_large(void **state)
{
    struct fail_alloc alloc;
    struct sli_arena arena;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_arena_init(&arena, &alloc.table, BLOCK);
    assert_null(sli_arena_get(&arena, SIZE_MAX));
    assert_null(sli_arena_get(&arena, SIZE_MAX / 2 + 1));
    assert_null(sli_arena_text(&arena, sli_slice("", SIZE_MAX)));
    assert_int_equal(alloc.asked, 0);
    sli_arena_fini(&arena);
}

static void test_no_memory(void **state)
{
    struct fail_alloc alloc;
    struct sli_arena arena;
    const char *kept;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_arena_init(&arena, &alloc.table, BLOCK);
    kept = sli_arena_text(&arena, SLI_LITERAL("kept"));
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_null(sli_arena_get(&arena, BLOCK));
    assert_non_null(sli_arena_get(&arena, BLOCK));
    assert_string_equal(kept, "kept");
    sli_arena_fini(&arena);
    assert_int_equal(alloc.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_blocks_are_shared),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
