/** Tests of lib/smtp/words.c. */
#include "test.h"

#include "base/slice.h"
#include "smtp/words.h"

static void cuts_words(void **state)
{
    struct slimta_slice text = SLI_LITERAL("  one two   3 ");
    struct slimta_slice word;

    (void)state;
    assert_true(sli_smtp_words_next(&text, &word));
    assert_true(sli_slice_is(word, SLI_LITERAL("one")));
    assert_true(sli_smtp_words_next(&text, &word));
    assert_true(sli_slice_is(word, SLI_LITERAL("two")));
    assert_true(sli_smtp_words_next(&text, &word));
    assert_true(sli_slice_is(word, SLI_LITERAL("3")));
    assert_false(sli_smtp_words_next(&text, &word));
    assert_int_equal(text.size, 0);
}

static void finds_words(void **state)
{
    const struct slimta_slice text = SLI_LITERAL("PLAIN CRAM-MD5 LOGIN");

    (void)state;
    assert_int_equal(sli_smtp_words_find(text, SLI_LITERAL("plain")), 0);
    assert_int_equal(sli_smtp_words_find(text, SLI_LITERAL("LOGIN")), 2);
    assert_int_equal(sli_smtp_words_find(text, SLI_LITERAL("CRAM")), -1);
    assert_int_equal(sli_smtp_words_find(text, SLI_LITERAL("")), -1);
    assert_int_equal(
        sli_smtp_words_find(sli_slice_text(NULL), SLI_LITERAL("PLAIN")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_words),
        cmocka_unit_test(finds_words),
    };

    return cmocka_run_group_tests_name("smtp/words", tests, NULL, NULL);
}
