/** Tests of smtp/hops.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "smtp/hops.h"

static const struct {
    const char *message;
    unsigned count;
} cases[] = {
    {"", 0},
    {"Received: a\r\n", 1},
    {"Received: a\r\nRECEIVED:b\r\nreceived: c\r\n\r\n", 3},
    {"Received: a\r\n\r\nReceived: b\r\n", 1},
    {"\r\nReceived: a\r\n", 0},
    {"Received: a\n\nReceived: b\r\n", 1},
    {"Received: a\r\n Received: b\r\n\tReceived: c\r\n", 1},
    {"Receive: a\r\nReceivedX: b\r\nX-Received: c\r\n", 0},
    {"Received : a\r\n", 0},
    {"Received\r\n: a\r\n", 0},
    {"a\r\nReceived:\r\nb\r\n", 1},
    {"R\r\nReceived: a\r\nRece\r\nReceived: b\r\n", 2},
};

static unsigned count(const char *message, size_t step)
{
    struct sli_smtp_hops hops = {0};
    size_t size = strlen(message);

    for (size_t at = 0; at < size; at += step) {
        size_t rest = size - at;

        sli_smtp_hops_read(
            &hops, sli_slice(message + at, rest < step ? rest : step));
    }
    return (unsigned)hops.count;
}

static void counts_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step <= strlen(cases[i].message) + 1; step++) {
            assert_int_equal(count(cases[i].message, step), cases[i].count);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_however_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
