/** The timers of a loop. */
#include "io_support.h"

#include "io/timer.h"

static int loop_fired;

static void on_loop_fired(struct sli_io_timer *timer)
{
    (void)timer;
    loop_fired = 1;
}

static void a_loop_turns_its_wheel(void **state)
{
    struct test_loop test;
    struct sli_io_timer timer = {0};
    struct sli_io_timer far = {0};

    (void)state;
    loop_fired = 0;
    test_loop_enter(&test, NULL);
    sli_io_timer_start(test.loop, &far, 3600000, on_loop_fired);
    assert_true(slimta_loop_timeout_ms(test.loop) >= 0);
    sli_io_timer_start(test.loop, &timer, 1, on_loop_fired);
    test_loop_run_until(&test, &loop_fired);
    assert_false(sli_io_timer_is_set(&timer));
    assert_true(sli_io_timer_is_set(&far));
    sli_io_timer_start(test.loop, &far, UINT64_MAX, on_loop_fired);
    assert_false(sli_io_timer_is_set(&far));
    sli_io_timer_start(test.loop, &far, UINT64_MAX - 1, on_loop_fired);
    assert_true(sli_io_timer_is_set(&far));
    sli_io_timer_stop(test.loop, &far);
    test_loop_leave(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_turns_its_wheel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
