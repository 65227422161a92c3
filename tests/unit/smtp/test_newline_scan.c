/** Tests of lib/smtp/newline_scan.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "guard.h"
#include "smtp/newline_scan.h"

/* What both scans must say, octet by octet. */
static size_t naive(struct slimta_slice text, int at_line_start)
{
    size_t i = 0;

    while (i < text.size) {
        char octet = text.data[i];

        if (octet == '\n' || (octet == '.' && at_line_start)) {
            return i;
        }
        at_line_start = 0;
        if (octet == '\r') {
            if (i + 1 == text.size || text.data[i + 1] != '\n') {
                return i;
            }
            at_line_start = 1;
            i++;
        }
        i++;
    }
    return i;
}

static void check(struct slimta_slice text, int at_line_start)
{
    struct guard guard;
    struct slimta_slice copy = guard_copy(&guard, text);
    size_t wanted = naive(text, at_line_start);

    assert_int_equal(sli_smtp_newline_scan(copy, at_line_start), wanted);
    assert_int_equal(
        sli_smtp_newline_scan_portable(copy, at_line_start), wanted);
    guard_free(&guard);
}

static void knows_the_small_cases(void **state)
{
    static const struct {
        const char *text;
        int at_line_start;
        size_t wanted;
    } cases[] = {
        {"", 1, 0},
        {"a", 1, 1},
        {".", 1, 0},
        {".", 0, 1},
        {"\r", 0, 0},
        {"\n", 0, 0},
        {"\r\n", 1, 2},
        {"\r\n.", 0, 2},
        {"\r\r\n", 0, 0},
        {"a\r\n\r\n", 0, 5},
        {"a\r\n\n", 0, 3},
        {"a\r\nb.\r\n", 1, 7},
        {"a\nb", 0, 1},
        {"\x0c\x0e\x8d\x8a", 0, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_slice text = sli_slice_text(cases[i].text);

        assert_int_equal(naive(text, cases[i].at_line_start), cases[i].wanted);
        check(text, cases[i].at_line_start);
    }
}

/* Two odd octets at every pair of places around the edges of the blocks. */
static void finds_what_is_odd_at_every_place(void **state)
{
    static const char odd[] = {'\r', '\n', '.', '\0'};
    char octets[200];

    (void)state;
    for (size_t size = 0; size < 140; size += size < 70 ? 1 : 23) {
        for (size_t at = 0; at < size; at++) {
            for (size_t kind = 0; kind < 16; kind++) {
                memset(octets, 'x', sizeof octets);
                octets[at] = odd[kind % 4];
                if (at + 1 < size) {
                    octets[at + 1] = odd[kind / 4];
                }
                check(sli_slice(octets, size), at % 2);
            }
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return *seed >> 16;
}

/* Mostly clean lines, now and then broken. */
static void agrees_on_many_texts(void **state)
{
    uint32_t seed = 1;
    char octets[600];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t size = next_random(&seed) % sizeof octets;
        unsigned breaks = next_random(&seed) % 4 == 0 ? 40 : 4000;

        for (size_t i = 0; i < size; i++) {
            unsigned pick = next_random(&seed) % breaks;

            octets[i] = pick < 3 ? "\r\n."[pick]
                                 : (char)(next_random(&seed) % 2 ? 'a' : 200);
            if (pick >= 3 && pick < 8 && i + 2 < size) {
                memcpy(octets + i, "\r\n", 2);
                i++;
            }
        }
        check(sli_slice(octets, size), round % 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_small_cases),
        cmocka_unit_test(finds_what_is_odd_at_every_place),
        cmocka_unit_test(agrees_on_many_texts),
    };

    return cmocka_run_group_tests_name("smtp/newline_scan", tests, NULL, NULL);
}
