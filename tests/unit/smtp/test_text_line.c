/** Tests of smtp/text_line.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "smtp/text_line.h"

enum { MAX = 10 };

/* `fit` is how many octets may pass. */
static const struct {
    const char *message;
    size_t fit;
} cases[] = {
    {"", 0},
    {"\r\n", 2},
    /* One below, at, and one above: with CRLF. */
    {"1234567\r\n", 9},
    {"12345678\r\n", 10},
    {"123456789\r\n", 10},
    {"1234567890\r\n", 10},
    {"1234567890123\r\n", 10},
    /* Without an end yet. */
    {"1234567890", 10},
    {"12345678901", 10},
    /* Each line begins anew. */
    {"12345678\r\n12345678\r\n\r\n12345678\r\n", 32},
    {"12345678\r\n1\r\n123456789\r\n", 23},
    /* RFC 5321 section 2.3.8: a bare CR or LF ends no line. */
    {"1234\n678\r\n", 10},
    {"1234\n6789\r\n", 10},
    {"1234\r6789\r\n", 10},
    {"\n\n\n\n\n\n\n\n\n\n\n", 10},
};

/* A piece as the data reader lends it: no CRLF apart, a bare LF alone. */
static size_t piece_size(const char *text, size_t most)
{
    size_t size = 0;

    if (text[0] == '\n') {
        return 1;
    }
    while (size < most && text[size] != '\0') {
        if (text[size] == '\n' && text[size - 1] != '\r') {
            return size;
        }
        size++;
    }
    return text[size] == '\n' && text[size - 1] == '\r' ? size + 1 : size;
}

static size_t fit(const char *message, size_t step, uint64_t max)
{
    uint64_t line_size = 0;
    size_t size = strlen(message);
    size_t at = 0;

    while (at < size) {
        struct slimta_slice piece =
            sli_slice(message + at, piece_size(message + at, step));
        size_t count = sli_smtp_text_line_fit(&line_size, max, piece);

        at += count;
        if (count < piece.size) {
            break;
        }
    }
    return at;
}

static void stops_at_the_limit_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step <= strlen(cases[i].message) + 1; step++) {
            assert_int_equal(fit(cases[i].message, step, MAX), cases[i].fit);
        }
    }
}

static void a_huge_limit_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            fit(cases[i].message, 3, UINT64_MAX - 1), strlen(cases[i].message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_at_the_limit_however_it_is_cut),
        cmocka_unit_test(a_huge_limit_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
