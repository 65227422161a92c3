/** Tests of mail/header.c: its lookup is tested through the envelope, too. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "mail/header.h"

/* Cut anywhere, nothing past the cut is read, and what is found lies inside. */
static void test_cut_anywhere(void **state)
{
    static const char text[] =
        "From x\r\nA : 1\r\n 2\r\nB:\r\n\t\r\nA: 3\n\tx\nC\r\n\r\nA: 4\r\n";

    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        struct guard guard;
        struct slimta_slice section = guard_copy(&guard, sli_slice(text, size));
        struct slimta_slice value;

        for (size_t i = 0; i < 3; i++) {
            size_t index = i;

            if (sli_mail_header_find(
                    section, SLI_LITERAL("a"), &index, &value)) {
                assert_true(i < 2);
                assert_true(value.data >= section.data);
                assert_true(
                    value.data + value.size <= section.data + section.size);
            } else {
                assert_true(index <= i);
            }
        }
        guard_free(&guard);
    }
}

static void test_index_counts_down(void **state)
{
    struct slimta_slice value;
    size_t index = 5;

    (void)state;
    assert_false(sli_mail_header_find(SLI_LITERAL("A: 1\r\na: 2\r\nB: 3\r\n"),
        SLI_LITERAL("A"), &index, &value));
    assert_int_equal(index, 3);
}

static void test_value_cut_anywhere(void **state)
{
    static const char text[] = "one\r\n two\r\n\tthree";

    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        struct guard guard;
        struct slimta_slice value = guard_copy(&guard, sli_slice(text, size));
        /* Cut inside a line end or in the white space behind it. */
        int is_bad = (size >= 4 && size <= 6) || (size >= 10 && size <= 12);

        assert_int_equal(sli_mail_header_is_value(value), !is_bad);
        guard_free(&guard);
    }
    assert_false(sli_mail_header_is_value(sli_slice("a\0b", 3)));
    assert_true(sli_mail_header_is_value((struct slimta_slice){NULL, 0}));
}

static void test_every_octet(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char text[] = {'a', (char)octet, 'b'};

        assert_int_equal(sli_mail_header_is_name(sli_slice(text, 3)),
            octet >= 33 && octet <= 126 && octet != ':');
        assert_int_equal(sli_mail_header_is_value(sli_slice(text, 3)),
            octet == '\t' || (octet >= 32 && octet != 127));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_index_counts_down),
        cmocka_unit_test(test_value_cut_anywhere),
        cmocka_unit_test(test_every_octet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
