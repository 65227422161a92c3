/** Tests of base/ascii.c. */
#include "test.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "guard.h"

static int is_one_of(int octet, const char *set)
{
    return octet != 0 && octet < 128 && strchr(set, octet) != NULL;
}

/* The table against the words of the RFCs. */
static void test_classes(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        int is_alpha =
            (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z');
        int is_digit = octet >= '0' && octet <= '9';
        const struct {
            unsigned class;
            int is_in;
        } cases[] = {
            {SLI_ASCII_ALPHA, is_alpha},
            {SLI_ASCII_DIGIT, is_digit},
            {SLI_ASCII_ALNUM, is_alpha || is_digit},
            {SLI_ASCII_HEX,
                is_digit || (octet >= 'A' && octet <= 'F') ||
                    (octet >= 'a' && octet <= 'f')},
            /* RFC 5322 section 3.2.3. */
            {SLI_ASCII_ATEXT,
                is_alpha || is_digit ||
                    is_one_of(octet, "!#$%&'*+-/=?^_`{|}~")},
            {SLI_ASCII_PRINT, octet >= 32 && octet <= 126},
            /* RFC 9110 section 5.6.2. */
            {SLI_ASCII_TCHAR,
                is_alpha || is_digit || is_one_of(octet, "!#$%&'*+-.^_`|~")},
            {SLI_ASCII_CONTROL, octet < 32 || octet == 127},
            {SLI_ASCII_HIGH, octet >= 128},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            if (sli_ascii_is((char)octet, cases[i].class) != cases[i].is_in) {
                fail_msg("octet %d, class %#x", octet, cases[i].class);
            }
        }
    }
}

static void test_case(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        int is_upper = octet >= 'A' && octet <= 'Z';
        int is_lower = octet >= 'a' && octet <= 'z';

        assert_int_equal((unsigned char)sli_ascii_lower((char)octet),
            is_upper ? octet + 32 : octet);
        assert_int_equal((unsigned char)sli_ascii_upper((char)octet),
            is_lower ? octet - 32 : octet);
    }
}

static void test_all(void **state)
{
    (void)state;
    assert_true(sli_ascii_all((struct slimta_slice){NULL, 0}, 0));
    assert_true(sli_ascii_all(SLI_LITERAL("0123"), SLI_ASCII_DIGIT));
    assert_false(sli_ascii_all(SLI_LITERAL("0123a"), SLI_ASCII_DIGIT));
    assert_false(sli_ascii_all(SLI_LITERAL("a0123"), SLI_ASCII_DIGIT));
    assert_false(sli_ascii_all(sli_slice("0\0", 2), SLI_ASCII_DIGIT));
}

static void test_same(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        int is_same;
    } cases[] = {
        {"", "", 1},
        {"MaIl", "mAiL", 1},
        {"mail", "mai", 0},
        {"mail", "mails", 0},
        {"a-b_1", "A-B_1", 1},
        /* Octets 32 apart that are no letters. */
        {"@", "`", 0},
        {"[", "{", 0},
        {"\xC3\xA9", "\xC3\x89", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sli_ascii_same(sli_slice_text(cases[i].a),
                             sli_slice_text(cases[i].b)),
            cases[i].is_same);
    }
}

static void test_number(void **state)
{
    static const struct {
        const char *text;
        size_t max_digits;
        int is_read;
        uint64_t value;
    } cases[] = {
        {"", 20, 0, 0},
        {"0", 20, 1, 0},
        {"007", 20, 1, 7},
        {"12345", 5, 1, 12345},
        {"123456", 5, 0, 0},
        {"18446744073709551614", 20, 1, UINT64_MAX - 1},
        {"18446744073709551615", 20, 1, UINT64_MAX},
        {"18446744073709551616", 20, 1, UINT64_MAX},
        {"99999999999999999999", 20, 1, UINT64_MAX},
        {"184467440737095516150", 21, 1, UINT64_MAX},
        {"-1", 20, 0, 0},
        {"+1", 20, 0, 0},
        {" 1", 20, 0, 0},
        {"1 ", 20, 0, 0},
        {"1a", 20, 0, 0},
        {"0x1", 20, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;
        uint64_t value = 4711;
        int is_read =
            sli_ascii_number(guard_copy(&guard, sli_slice_text(cases[i].text)),
                cases[i].max_digits, &value);

        assert_int_equal(is_read, cases[i].is_read);
        assert_true(value == (is_read ? cases[i].value : 4711));
        guard_free(&guard);
    }
}

static void test_format_number(void **state)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {1000000, "1000000"},
        {UINT64_MAX, "18446744073709551615"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SLI_ASCII_NUMBER_MAX];

        assert_int_equal(sli_ascii_format_number(cases[i].value, text),
            strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

/* RFC 3629 section 4: each form at the edges of its range. */
static void test_utf8(void **state)
{
    static const struct {
        const char *text;
        int is_utf8;
    } cases[] = {
        {"", 1},
        {"plain \x7F", 1},
        {"\xC2\x80", 1},
        {"\xDF\xBF", 1},
        {"\xE0\xA0\x80", 1},
        {"\xED\x9F\xBF", 1},
        {"\xEE\x80\x80", 1},
        {"\xEF\xBF\xBF", 1},
        {"\xF0\x90\x80\x80", 1},
        {"\xF4\x8F\xBF\xBF", 1},
        {"a\xC3\xA9z\xE2\x82\xAC", 1},
        {"\x80", 0},
        {"\xBF", 0},
        {"\xC0\x80", 0},
        {"\xC1\xBF", 0},
        {"\xC2\x7F", 0},
        {"\xC2\xC0", 0},
        {"\xE0\x9F\xBF", 0},
        {"\xE0\xA0\x7F", 0},
        {"\xED\xA0\x80", 0},
        {"\xF0\x8F\xBF\xBF", 0},
        {"\xF4\x90\x80\x80", 0},
        {"\xF5\x80\x80\x80", 0},
        {"\xFE", 0},
        {"\xFF", 0},
        {"\xC3", 0},
        {"\xE2\x82", 0},
        {"\xE2", 0},
        {"\xF0\x90\x80", 0},
        {"\xC3\xA9\xC3", 0},
        {"\xC3z\xA9", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard guard;

        if (sli_ascii_is_utf8(guard_copy(
                &guard, sli_slice_text(cases[i].text))) != cases[i].is_utf8) {
            fail_msg("case %zu", i);
        }
        guard_free(&guard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_case),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_format_number),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
