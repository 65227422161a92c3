/** Tests of base/buf.c. */
#include "test.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/error.h>

#include "base/buf.h"
#include "base/slice.h"
#include "fail_alloc.h"

static struct fail_alloc alloc;

static int set_up(void **state)
{
    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return alloc.live == 0 ? 0 : -1;
}

static void assert_holds(const struct sli_buf *buf, const char *text)
{
    assert_int_equal(sli_buf_size(buf), strlen(text));
    assert_true(sli_slice_is(sli_buf_slice(buf), sli_slice_text(text)));
}

static void test_empty(void **state)
{
    struct sli_buf buf;

    (void)state;
    sli_buf_init(&buf, &alloc.table, 100);
    assert_holds(&buf, "");
    assert_int_equal(sli_buf_append(&buf, (struct slimta_slice){NULL, 0}), 0);
    sli_buf_consume(&buf, 0);
    sli_buf_clear(&buf);
    assert_int_equal(alloc.asked, 0);
    sli_buf_fini(&buf);
}

static void test_append_and_consume(void **state)
{
    struct sli_buf buf;

    (void)state;
    sli_buf_init(&buf, &alloc.table, 1000);
    assert_int_equal(sli_buf_append_text(&buf, "hello "), 0);
    assert_int_equal(sli_buf_append(&buf, SLI_LITERAL("world")), 0);
    assert_holds(&buf, "hello world");
    sli_buf_consume(&buf, 6);
    assert_holds(&buf, "world");
    assert_int_equal(sli_buf_append_text(&buf, "!"), 0);
    assert_holds(&buf, "world!");
    sli_buf_consume(&buf, 6);
    assert_holds(&buf, "");
    assert_int_equal(buf.start, 0);
    assert_int_equal(alloc.asked, 1);
    assert_int_equal(sli_buf_append_text(&buf, "again"), 0);
    sli_buf_clear(&buf);
    assert_holds(&buf, "");
    sli_buf_fini(&buf);
    assert_int_equal(alloc.live, 0);
    assert_int_equal(sli_buf_append_text(&buf, "reused"), 0);
    assert_holds(&buf, "reused");
    sli_buf_fini(&buf);
}

static void test_reserve(void **state)
{
    struct sli_buf buf;
    char *room;

    (void)state;
    sli_buf_init(&buf, &alloc.table, 1000);
    room = sli_buf_reserve(&buf, 5);
    assert_non_null(room);
    assert_holds(&buf, "");
    memcpy(room, "abcde", 5);
    sli_buf_added(&buf, 3);
    assert_holds(&buf, "abc");
    sli_buf_fini(&buf);
}

static void test_maximum(void **state)
{
    static const size_t maxima[] = {1, 127, 128, 129, 1000};
    static char octets[1001];

    (void)state;
    for (size_t i = 0; i < sizeof maxima / sizeof *maxima; i++) {
        size_t max = maxima[i];
        struct sli_buf buf;

        sli_buf_init(&buf, &alloc.table, max);
        assert_int_equal(
            sli_buf_append(&buf, sli_slice(octets, max + 1)), SLIMTA_ELIMIT);
        assert_int_equal(sli_buf_append(&buf, sli_slice(octets, max - 1)), 0);
        assert_int_equal(sli_buf_append(&buf, sli_slice(octets, 1)), 0);
        assert_int_equal(sli_buf_size(&buf), max);
        assert_true(buf.capacity <= max);
        assert_int_equal(
            sli_buf_append(&buf, sli_slice(octets, 1)), SLIMTA_ELIMIT);
        assert_null(sli_buf_reserve(&buf, 1));
        assert_null(sli_buf_reserve(&buf, SIZE_MAX));
        assert_int_equal(sli_buf_size(&buf), max);
        /* What was consumed makes room. */
        sli_buf_consume(&buf, 1);
        assert_int_equal(sli_buf_append(&buf, sli_slice(octets, 1)), 0);
        assert_int_equal(sli_buf_size(&buf), max);
        sli_buf_fini(&buf);
    }
}

/* One octet at a time, with some taken off: the order stays, and growing costs
 * a few allocations only. */
static void test_growth(void **state)
{
    struct sli_buf buf;
    size_t taken = 0;

    (void)state;
    sli_buf_init(&buf, &alloc.table, 100000);
    for (size_t i = 0; i < 50000; i++) {
        char octet = (char)(i % 251);

        assert_int_equal(sli_buf_append(&buf, sli_slice(&octet, 1)), 0);
        if (i % 3 == 0) {
            assert_int_equal(
                (unsigned char)sli_buf_slice(&buf).data[0], taken % 251);
            sli_buf_consume(&buf, 1);
            taken++;
        }
    }
    assert_int_equal(sli_buf_size(&buf), 50000 - taken);
    assert_true(alloc.asked < 15);
    sli_buf_fini(&buf);
}

static void test_no_memory(void **state)
{
    static char octets[500];
    struct sli_buf buf;

    (void)state;
    sli_buf_init(&buf, &alloc.table, 1000);
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(sli_buf_append_text(&buf, "x"), SLIMTA_ENOMEM);
    assert_holds(&buf, "");
    assert_int_equal(sli_buf_append_text(&buf, "hello"), 0);
    sli_buf_consume(&buf, 1);
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_buf_append(&buf, sli_slice(octets, sizeof octets)), SLIMTA_ENOMEM);
    assert_holds(&buf, "ello");
    assert_int_equal(sli_buf_append(&buf, sli_slice(octets, sizeof octets)), 0);
    assert_int_equal(sli_buf_size(&buf), 4 + sizeof octets);
    sli_buf_fini(&buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* An allocator that looks at what is given back. */
static size_t secrets_found;

static void look(const void *block, size_t size)
{
    const char *text = block;

    for (size_t i = 0; i + 6 <= size; i++) {
        secrets_found += memcmp(text + i, "secret", 6) == 0;
    }
}

/* Each block has its size before it. */
static void *watched_allocate(size_t size, void *user)
{
    size_t *block = malloc(sizeof(max_align_t) + size);

    (void)user;
    assert_non_null(block);
    *block = size;
    memset((char *)block + sizeof(max_align_t), 0, size);
    return (char *)block + sizeof(max_align_t);
}

static void watched_release(void *block, void *user)
{
    size_t *whole;

    (void)user;
    if (block != NULL) {
        whole = (size_t *)(void *)((char *)block - sizeof(max_align_t));
        look(block, *whole);
        free(whole);
    }
}

static void *watched_reallocate(void *block, size_t size, void *user)
{
    void *grown = watched_allocate(size, user);

    if (block != NULL) {
        size_t *whole = (size_t *)(void *)((char *)block - sizeof(max_align_t));

        memcpy(grown, block, *whole < size ? *whole : size);
        watched_release(block, user);
    }
    return grown;
}

static size_t secrets_left(int is_secret)
{
    const struct slimta_alloc watched = {
        .size = sizeof watched,
        .allocate = watched_allocate,
        .reallocate = watched_reallocate,
        .release = watched_release,
    };
    char text[100];
    struct sli_buf buf;

    secrets_found = 0;
    memset(text, 'x', sizeof text);
    memcpy(text + 70, "secret", 6);
    sli_buf_init(&buf, &watched, 1000);
    if (is_secret) {
        sli_buf_keep_secret(&buf);
    }
    assert_int_equal(sli_buf_append(&buf, sli_slice(text, 100)), 0);
    assert_int_equal(sli_buf_append(&buf, sli_slice(text, 100)), 0);
    sli_buf_consume(&buf, 190);
    /* It moves to the front, and nothing stays behind it. */
    assert_non_null(sli_buf_reserve(&buf, 200));
    look(buf.data, buf.capacity);
    assert_int_equal(sli_buf_append(&buf, sli_slice(text, 100)), 0);
    sli_buf_clear(&buf);
    sli_buf_fini(&buf);
    assert_int_equal(buf.is_secret, is_secret);
    return secrets_found;
}

static void test_keeps_secrets(void **state)
{
    (void)state;
    assert_int_equal(secrets_left(1), 0);
    assert_true(secrets_left(0) > 0); /* so that one would be seen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_empty),
        TEST(test_append_and_consume),
        TEST(test_reserve),
        TEST(test_maximum),
        TEST(test_growth),
        TEST(test_no_memory),
        cmocka_unit_test_setup_teardown(test_keeps_secrets, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
