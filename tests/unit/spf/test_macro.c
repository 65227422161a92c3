/** Tests of lib/spf/macro.c. */
#include "test.h"

#include <slimta/error.h>

#include "base/slice.h"
#include "guard.h"
#include "spf/macro.h"

enum { STRING = 1, TEXT = 2, DOMAIN = 4 };

static int kind_of(struct slimta_slice text)
{
    struct guard guard;
    struct slimta_slice copy = guard_copy(&guard, text);
    int kind =
        (sli_spf_macro_is_string(copy, SLI_SPF_MACRO_TERM) ? STRING : 0) |
        (sli_spf_macro_is_string(copy, SLI_SPF_MACRO_EXPLANATION) ? TEXT : 0) |
        (sli_spf_macro_is_domain(copy) ? DOMAIN : 0);

    guard_free(&guard);
    return kind;
}

/* RFC 7208 section 7.1. */
static void knows_the_grammar(void **state)
{
    enum { BOTH = STRING | TEXT, ALL = STRING | TEXT | DOMAIN };
    static const struct {
        const char *text;
        int kind;
    } cases[] = {
        {"", BOTH},
        {"a", BOTH},
        {"a b", BOTH},
        {"%", 0},
        {"%a", 0},
        {"a%", 0},
        {"%{", 0},
        {"%{d", 0},
        {"%{}", 0},
        {"%{a}", 0},
        {"%{dd}", 0},
        {"%{d}", ALL},
        {"%{D}", ALL},
        {"%{d1}", ALL},
        {"%{d0}", 0},
        {"%{d00}", 0},
        {"%{d010}", ALL},
        {"%{d99999999999999999999999999}", ALL},
        {"%{dr}", ALL},
        {"%{dR}", ALL},
        {"%{d1r}", ALL},
        {"%{dr1}", 0},
        {"%{d1r.-+,/_=}", ALL},
        {"%{d1r!}", 0},
        {"%{s}%{l}%{o}%{i}%{p}%{v}%{h}", ALL},
        {"%{c}", TEXT},
        {"%{r}", TEXT},
        {"%{T}.example.com", TEXT},
        {"%%", ALL},
        {"%_%-", ALL},
        {"\x7f", 0},
        {"\t", 0},
        {"\xc3\xbc.example.com", 0},
        {"example.com", ALL},
        {"example.com.", ALL},
        {"example.com..", BOTH},
        {"example", BOTH},
        {"example.", BOTH},
        {"example.1", BOTH},
        {"example.1a", ALL},
        {"example.1-2", ALL},
        {"example.-a", BOTH},
        {"example.a-", BOTH},
        {"example.a_b", BOTH},
        {".com", ALL},
        {"%{d}com", BOTH},
        {"%{d}.com", ALL},
        {"%{d}.", BOTH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int kind = kind_of(sli_slice_text(cases[i].text));

        if (kind != cases[i].kind) {
            fail_msg("%s: %d", cases[i].text, kind);
        }
    }
    assert_int_equal(kind_of(sli_slice("a\0", 2)), 0);
    assert_int_equal(kind_of(sli_slice("%\0", 2)), 0);
    assert_int_equal(kind_of(sli_slice("%{\0}", 4)), 0);
}

static void cuts_pieces(void **state)
{
    struct slimta_slice rest = SLI_LITERAL("a.%{S3r-/}%%");
    struct sli_spf_piece piece;

    (void)state;
    assert_int_equal(sli_spf_macro_next(&rest, &piece), 1);
    assert_false(piece.is_macro);
    assert_memory_equal(piece.literal.data, "a.", 2);
    assert_int_equal(piece.literal.size, 2);
    assert_int_equal(sli_spf_macro_next(&rest, &piece), 1);
    assert_int_equal(piece.letter, 's');
    assert_true(piece.is_escaped);
    assert_true(piece.is_reversed);
    assert_int_equal(piece.parts, 3);
    assert_true(sli_slice_is(piece.delimiters, SLI_LITERAL("-/")));
    assert_int_equal(sli_spf_macro_next(&rest, &piece), 1);
    assert_true(sli_slice_is(piece.literal, SLI_LITERAL("%")));
    assert_true(piece.is_macro);
    assert_int_equal(sli_spf_macro_next(&rest, &piece), 0);
    rest = SLI_LITERAL("%{d");
    assert_int_equal(sli_spf_macro_next(&rest, &piece), SLIMTA_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_grammar),
        cmocka_unit_test(cuts_pieces),
    };

    return cmocka_run_group_tests_name("spf/macro", tests, NULL, NULL);
}
