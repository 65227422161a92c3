/** The wheel, with a clock of our own. */
#include "io_support.h"

#include "io/wheel.h"

enum { MAX_FIRED = 8 };

struct probe {
    struct sli_io_timer timer;
    struct sli_io_wheel *wheel;
    struct sli_io_timer *other;
    uint64_t again_ms;
    int fired;
};

static struct sli_io_timer *order[MAX_FIRED];
static int order_count;

static void on_fired(struct sli_io_timer *timer)
{
    struct probe *probe = SLI_LIST_ITEM(timer, struct probe, timer);

    assert_false(sli_io_timer_is_set(timer));
    probe->fired++;
    if (order_count < MAX_FIRED) {
        order[order_count++] = timer;
    }
    if (probe->other != NULL) {
        sli_io_wheel_cancel(probe->wheel, probe->other);
    }
    if (probe->again_ms != 0) {
        sli_io_wheel_set(probe->wheel, timer, probe->again_ms, on_fired);
        probe->again_ms = 0;
    }
}

static void set(
    struct sli_io_wheel *wheel, struct probe *probe, uint64_t due_ms)
{
    sli_io_wheel_set(wheel, &probe->timer, due_ms, on_fired);
}

static int setup(void **state)
{
    static struct sli_io_wheel wheel;

    order_count = 0;
    sli_io_wheel_init(&wheel, 1000);
    *state = &wheel;
    return 0;
}

static void an_empty_wheel_waits_for_ever(void **state)
{
    struct sli_io_wheel *wheel = *state;

    assert_true(sli_io_wheel_wait_ms(wheel, 1000) == UINT64_MAX);
    sli_io_wheel_turn(wheel, 100000);
    assert_true(sli_io_wheel_wait_ms(wheel, 100000) == UINT64_MAX);
}

static void fires_never_early_and_a_tick_late_at_most(void **state)
{
    for (uint64_t after = 0; after < 300; after++) {
        struct sli_io_wheel *wheel = *state;
        struct probe probe = {.fired = 0};
        uint64_t now = 1000;

        sli_io_wheel_init(wheel, now);
        set(wheel, &probe, 1000 + after);
        while (!probe.fired) {
            uint64_t wait = sli_io_wheel_wait_ms(wheel, now);

            assert_true(wait <= SLI_IO_TICK_MS * SLI_IO_SLOTS);
            now += wait;
            sli_io_wheel_turn(wheel, now);
        }
        assert_true(now >= 1000 + after);
        assert_true(now <= 1000 + after + SLI_IO_TICK_MS);
        assert_int_equal(wheel->count, 0);
    }
}

static void moves_later(void **state)
{
    struct sli_io_wheel *wheel = *state;
    struct probe probe = {.fired = 0};

    set(wheel, &probe, 2000);
    set(wheel, &probe, 5000);
    assert_int_equal(wheel->count, 1);
    sli_io_wheel_turn(wheel, 4999);
    assert_int_equal(probe.fired, 0);
    sli_io_wheel_turn(wheel, 5000 + SLI_IO_TICK_MS);
    assert_int_equal(probe.fired, 1);
    assert_int_equal(wheel->count, 0);
}

static void moves_earlier(void **state)
{
    struct sli_io_wheel *wheel = *state;
    struct probe probe = {.fired = 0};

    set(wheel, &probe, 5000);
    set(wheel, &probe, 9000);
    set(wheel, &probe, 2000);
    assert_true(sli_io_wheel_wait_ms(wheel, 1000) <= 1000 + SLI_IO_TICK_MS);
    sli_io_wheel_turn(wheel, 2000 + SLI_IO_TICK_MS);
    assert_int_equal(probe.fired, 1);
    sli_io_wheel_turn(wheel, 20000);
    assert_int_equal(probe.fired, 1);
}

static void cancels(void **state)
{
    struct sli_io_wheel *wheel = *state;
    struct probe probe = {.fired = 0};

    sli_io_wheel_cancel(wheel, &probe.timer);
    set(wheel, &probe, 2000);
    sli_io_wheel_cancel(wheel, &probe.timer);
    sli_io_wheel_cancel(wheel, &probe.timer);
    assert_false(sli_io_timer_is_set(&probe.timer));
    assert_true(sli_io_wheel_wait_ms(wheel, 1000) == UINT64_MAX);
    sli_io_wheel_turn(wheel, 5000);
    assert_int_equal(probe.fired, 0);
}

static void fires_in_order(void **state)
{
    struct sli_io_wheel *wheel = *state;
    struct probe probes[4] = {{.fired = 0}};

    set(wheel, &probes[2], 3000);
    set(wheel, &probes[0], 1100);
    set(wheel, &probes[1], 2000);
    set(wheel, &probes[3], 1200);
    set(wheel, &probes[3], 4000); /* moved: still in an early slot */
    sli_io_wheel_turn(wheel, 10000);
    assert_int_equal(order_count, 4);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(order[i], &probes[i].timer);
    }
}

static void far_timers_take_several_rounds(void **state)
{
    struct sli_io_wheel *wheel = *state;
    uint64_t due = 1000 + UINT64_C(10) * SLI_IO_TICK_MS * SLI_IO_SLOTS + 777;
    uint64_t now = 1000;
    struct probe probe = {.fired = 0};
    int turns = 0;

    set(wheel, &probe, due);
    while (!probe.fired) {
        now += sli_io_wheel_wait_ms(wheel, now);
        sli_io_wheel_turn(wheel, now);
        turns++;
    }
    assert_true(now >= due && now <= due + SLI_IO_TICK_MS);
    assert_true(turns <= 12); /* once a round, not once a tick */
}

static void a_long_sleep_misses_nothing(void **state)
{
    struct sli_io_wheel *wheel = *state;
    struct probe probes[3] = {{.fired = 0}};

    set(wheel, &probes[0], 2000);
    set(wheel, &probes[1], 500000);
    set(wheel, &probes[2], UINT64_MAX);
    sli_io_wheel_turn(wheel, UINT64_C(1) << 50);
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(probes[1].fired, 1);
    assert_int_equal(probes[2].fired, 0);
    assert_int_equal(wheel->count, 1);
}

static void time_that_goes_back_is_ignored(void **state)
{
    struct sli_io_wheel *wheel = *state;
    struct probe probe = {.fired = 0};

    sli_io_wheel_turn(wheel, 9000);
    set(wheel, &probe, 2000);
    sli_io_wheel_turn(wheel, 3000);
    assert_int_equal(probe.fired, 0);
    sli_io_wheel_turn(wheel, 9000 + 2 * SLI_IO_TICK_MS);
    assert_int_equal(probe.fired, 1);
}

static void may_set_itself_and_cancel_others(void **state)
{
    struct sli_io_wheel *wheel = *state;
    struct probe same = {.fired = 0};
    struct probe probe = {
        .wheel = wheel, .other = &same.timer, .again_ms = 60000};

    set(wheel, &probe, 2000);
    set(wheel, &same, 2000);
    sli_io_wheel_turn(wheel, 3000);
    assert_int_equal(probe.fired, 1);
    assert_int_equal(same.fired, 0);
    assert_int_equal(wheel->count, 1);
    sli_io_wheel_turn(wheel, 59000);
    assert_int_equal(probe.fired, 1);
    sli_io_wheel_turn(wheel, 61000);
    assert_int_equal(probe.fired, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_wheel_waits_for_ever, setup),
        cmocka_unit_test_setup(
            fires_never_early_and_a_tick_late_at_most, setup),
        cmocka_unit_test_setup(moves_later, setup),
        cmocka_unit_test_setup(moves_earlier, setup),
        cmocka_unit_test_setup(cancels, setup),
        cmocka_unit_test_setup(fires_in_order, setup),
        cmocka_unit_test_setup(far_timers_take_several_rounds, setup),
        cmocka_unit_test_setup(a_long_sleep_misses_nothing, setup),
        cmocka_unit_test_setup(time_that_goes_back_is_ignored, setup),
        cmocka_unit_test_setup(may_set_itself_and_cancel_others, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
