/** Tests of base/buf.c. */
#include "test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_empty),
        TEST(test_append_and_consume),
        TEST(test_reserve),
        TEST(test_maximum),
        TEST(test_growth),
        TEST(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
