/** The time that a client has for one message. */
#include "test.h"

#include <slimta/export.h>

#include "edge/rate.h"

enum { GRACE = SLI_EDGE_RATE_GRACE_MS, RATE = 1024 };

/* Any moment will do. */
static const uint64_t begin = 123456789;

static void start(
    struct sli_edge_rate *rate, uint64_t min_rate, uint64_t max_ms)
{
    const struct sli_edge_rate_limits limits = {min_rate, max_ms};

    sli_edge_rate_start(rate, &limits, begin);
}

static enum sli_edge_rate_verdict judge(
    const struct sli_edge_rate *rate, uint64_t after_ms)
{
    return sli_edge_rate_judge(rate, begin + after_ms);
}

static uint64_t check_ms(const struct sli_edge_rate *rate, uint64_t after_ms)
{
    return sli_edge_rate_check_ms(rate, begin + after_ms);
}

static void test_grace(void **state)
{
    struct sli_edge_rate rate;

    (void)state;
    start(&rate, RATE, SLIMTA_UNLIMITED);
    assert_int_equal(judge(&rate, 0), SLI_EDGE_RATE_FINE);
    assert_int_equal(judge(&rate, GRACE - 1), SLI_EDGE_RATE_FINE);
    assert_int_equal(judge(&rate, GRACE), SLI_EDGE_RATE_TOO_SLOW);
    assert_int_equal(check_ms(&rate, 0), GRACE);
    assert_int_equal(check_ms(&rate, GRACE - 1), 1);
    assert_int_equal(check_ms(&rate, GRACE + 5), 0);
}

/* At the limit is enough, one octet below it is not. */
static void test_limit(void **state)
{
    struct sli_edge_rate at;
    struct sli_edge_rate below;
    struct sli_edge_rate above;

    (void)state;
    start(&at, RATE, SLIMTA_UNLIMITED);
    sli_edge_rate_add(&at, GRACE / 1000 * RATE);
    below = at;
    below.octets--;
    above = at;
    sli_edge_rate_add(&above, 1);
    assert_int_equal(judge(&below, GRACE), SLI_EDGE_RATE_TOO_SLOW);
    assert_int_equal(judge(&at, GRACE), SLI_EDGE_RATE_FINE);
    assert_int_equal(judge(&at, GRACE + 1), SLI_EDGE_RATE_TOO_SLOW);
    /* An octet is worth a little less than a millisecond. */
    assert_int_equal(judge(&above, GRACE), SLI_EDGE_RATE_FINE);
    assert_int_equal(judge(&above, GRACE + 1), SLI_EDGE_RATE_TOO_SLOW);
    sli_edge_rate_add(&above, 1);
    assert_int_equal(judge(&above, GRACE + 1), SLI_EDGE_RATE_FINE);
    assert_int_equal(judge(&above, GRACE + 2), SLI_EDGE_RATE_TOO_SLOW);
}

/* The next look is the first at which standing still would have been too much:
 * never earlier, never later. */
static void test_check_is_exact(void **state)
{
    static const uint64_t rates[] = {1, 3, 7, 1000, 1024, 1048577};
    static const uint64_t octets[] = {0, 1, 179, 61440, 99999, 12345678};

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        for (size_t j = 0; j < sizeof octets / sizeof *octets; j++) {
            struct sli_edge_rate rate;
            uint64_t at;

            start(&rate, rates[i], SLIMTA_UNLIMITED);
            sli_edge_rate_add(&rate, octets[j]);
            at = check_ms(&rate, 10);
            assert_int_equal(judge(&rate, 10 + at), SLI_EDGE_RATE_TOO_SLOW);
            assert_int_equal(judge(&rate, 10 + at - 1), SLI_EDGE_RATE_FINE);
            assert_true(octets[j] * 1000 < rates[i] * (10 + at));
            assert_true(10 + at == GRACE ||
                octets[j] * 1000 >= rates[i] * (10 + at - 1));
        }
    }
}

/* A client at exactly the rate is looked at now and then, and stays. */
static void test_steady(void **state)
{
    struct sli_edge_rate rate;
    unsigned looks = 0;
    uint64_t look = 0;

    (void)state;
    start(&rate, RATE, SLIMTA_UNLIMITED);
    for (uint64_t now = 0; now < 600000; now += 1000) {
        sli_edge_rate_add(&rate, RATE); /* ahead by one second */
        while (look <= now) {
            assert_int_equal(judge(&rate, look), SLI_EDGE_RATE_FINE);
            look += check_ms(&rate, look);
            looks++;
        }
    }
    assert_true(looks < 1200);
}

static void test_whole_time(void **state)
{
    struct sli_edge_rate rate;

    (void)state;
    start(&rate, SLIMTA_UNLIMITED, 5000);
    assert_int_equal(check_ms(&rate, 0), 5000);
    assert_int_equal(judge(&rate, 4999), SLI_EDGE_RATE_FINE);
    assert_int_equal(judge(&rate, 5000), SLI_EDGE_RATE_TOO_LONG);
    /* Whichever comes first is looked at; the whole time is said first. */
    start(&rate, RATE, 5000);
    assert_int_equal(check_ms(&rate, 0), 5000);
    start(&rate, RATE, GRACE);
    assert_int_equal(judge(&rate, GRACE), SLI_EDGE_RATE_TOO_LONG);
    start(&rate, RATE, 600000);
    assert_int_equal(check_ms(&rate, 0), GRACE);
    sli_edge_rate_add(&rate, 1000 * RATE);
    assert_int_equal(check_ms(&rate, 0), 600000);
}

static void test_pause(void **state)
{
    struct sli_edge_rate rate;

    (void)state;
    start(&rate, RATE, 600000);
    sli_edge_rate_pause(&rate, begin + 1000);
    assert_int_equal(check_ms(&rate, 2000), SLIMTA_UNLIMITED);
    assert_int_equal(judge(&rate, 10000000), SLI_EDGE_RATE_FINE);
    sli_edge_rate_pause(&rate, begin + 5000); /* changes nothing */
    sli_edge_rate_resume(&rate, begin + 10000000);
    assert_int_equal(check_ms(&rate, 10000000), GRACE - 1000);
    sli_edge_rate_resume(&rate, begin + 10000500); /* nor does this */
    assert_int_equal(check_ms(&rate, 10000500), GRACE - 1500);
    assert_int_equal(judge(&rate, 10000000 + GRACE - 1001), SLI_EDGE_RATE_FINE);
    assert_int_equal(
        judge(&rate, 10000000 + GRACE - 1000), SLI_EDGE_RATE_TOO_SLOW);
    sli_edge_rate_add(&rate, 1000 * RATE);
    assert_int_equal(
        judge(&rate, 10000000 + 600000 - 1000), SLI_EDGE_RATE_TOO_LONG);
}

static void test_unlimited(void **state)
{
    struct sli_edge_rate rate;

    (void)state;
    start(&rate, SLIMTA_UNLIMITED, SLIMTA_UNLIMITED);
    assert_int_equal(check_ms(&rate, 0), SLIMTA_UNLIMITED);
    assert_int_equal(judge(&rate, UINT64_MAX / 2), SLI_EDGE_RATE_FINE);
}

/* Numbers that nobody means do no harm. */
static void test_extremes(void **state)
{
    struct sli_edge_rate rate;

    (void)state;
    start(&rate, UINT64_MAX - 1, SLIMTA_UNLIMITED);
    sli_edge_rate_add(&rate, UINT64_MAX - 2);
    assert_int_equal(check_ms(&rate, 0), GRACE);
    start(&rate, 1, SLIMTA_UNLIMITED);
    sli_edge_rate_add(&rate, UINT64_MAX);
    assert_int_equal(check_ms(&rate, 0), SLIMTA_UNLIMITED);
    assert_int_equal(judge(&rate, UINT64_MAX / 2), SLI_EDGE_RATE_FINE);
    /* A clock that goes back counts as one that stands. */
    start(&rate, RATE, 1000);
    assert_int_equal(sli_edge_rate_judge(&rate, begin - 5), SLI_EDGE_RATE_FINE);
    assert_int_equal(sli_edge_rate_check_ms(&rate, begin - 5), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_check_is_exact),
        cmocka_unit_test(test_steady),
        cmocka_unit_test(test_whole_time),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_unlimited),
        cmocka_unit_test(test_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
