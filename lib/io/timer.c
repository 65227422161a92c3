/** The wheel of a loop, and the one libuv timer that turns it. */
#include "io/timer.h"

#include "io/loop.h"

static void on_wheel_timer(uv_timer_t *uv_timer)
{
    struct slimta_loop *loop = uv_timer->data;
    uint64_t wait_ms;

    sli_io_wheel_turn(&loop->wheel, sli_io_loop_now(loop));
    wait_ms = sli_io_wheel_wait_ms(&loop->wheel, sli_io_loop_now(loop));
    if (loop->wheel_timer != NULL && wait_ms != UINT64_MAX) {
        (void)uv_timer_start(loop->wheel_timer, on_wheel_timer, wait_ms, 0);
    }
}

/* Wakes the loop for this timer, unless it wakes before anyway. */
static void arm(
    struct slimta_loop *loop, const struct sli_io_timer *timer, uint64_t now_ms)
{
    uv_timer_t *uv_timer = loop->wheel_timer;
    uint64_t wait_ms = sli_io_wheel_fires_ms(timer->due_ms) - now_ms;

    if (uv_timer != NULL &&
        (!uv_is_active((uv_handle_t *)uv_timer) ||
            uv_timer_get_due_in(uv_timer) > wait_ms)) {
        (void)uv_timer_start(uv_timer, on_wheel_timer, wait_ms, 0);
    }
}

void sli_io_timer_start(struct slimta_loop *loop, struct sli_io_timer *timer,
    uint64_t after_ms, void (*fired)(struct sli_io_timer *timer))
{
    uint64_t now_ms;

    if (after_ms == UINT64_MAX) {
        sli_io_timer_stop(loop, timer);
        return;
    }
    /* Between the turns of a foreign loop libuv's time stands still. */
    if (loop->owns_uv && !loop->is_running) {
        uv_update_time(loop->uv);
    }
    now_ms = sli_io_loop_now(loop);
    if (after_ms > UINT64_MAX - now_ms) {
        after_ms = UINT64_MAX - now_ms;
    }
    sli_io_wheel_set(&loop->wheel, timer, now_ms + after_ms, fired);
    arm(loop, timer, now_ms);
}

void sli_io_timer_stop(struct slimta_loop *loop, struct sli_io_timer *timer)
{
    sli_io_wheel_cancel(&loop->wheel, timer);
}
