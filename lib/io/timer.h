/** The timers of a loop: its wheel, turned by one libuv timer. */
#ifndef IO_TIMER_H
#define IO_TIMER_H

#include "io/wheel.h"

struct slimta_loop;

/** The loop's wheel: the timer fires `after_ms` from the loop's now. An
 * `after_ms` of UINT64_MAX cancels it. */
void sli_io_timer_start(struct slimta_loop *loop, struct sli_io_timer *timer,
    uint64_t after_ms, void (*fired)(struct sli_io_timer *timer));

void sli_io_timer_stop(struct slimta_loop *loop, struct sli_io_timer *timer);

#endif
