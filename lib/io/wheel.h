/** A wheel of timers: thousands for the price of one. The clock is an argument.
 */
#ifndef IO_WHEEL_H
#define IO_WHEEL_H

#include <stdint.h>

#include "base/list.h"

/** What a slot covers: timers fire up to this much late, never early. */
#define SLI_IO_TICK_MS 64
#define SLI_IO_SLOTS 512

/** Embedded in what it is about. All zero: not set. */
struct sli_io_timer {
    struct sli_list link;
    uint64_t due_ms;
    void (*fired)(struct sli_io_timer *timer);
};

struct sli_io_wheel {
    struct sli_list slots[SLI_IO_SLOTS];
    uint64_t busy[SLI_IO_SLOTS / 64]; /* a bit for each slot in use */
    uint64_t tick;                    /* the last tick that was turned */
    unsigned count;
};

void sli_io_wheel_init(struct sli_io_wheel *wheel, uint64_t now_ms);

/** Sets or moves the timer. Moving to a later time costs a store: the timer is
 * put right when its old slot comes. `fired` is called once, on turning. */
void sli_io_wheel_set(struct sli_io_wheel *wheel, struct sli_io_timer *timer,
    uint64_t due_ms, void (*fired)(struct sli_io_timer *timer));

/** Does nothing when it is not set. */
void sli_io_wheel_cancel(
    struct sli_io_wheel *wheel, struct sli_io_timer *timer);

static inline int sli_io_timer_is_set(const struct sli_io_timer *timer)
{
    return timer->fired != NULL;
}

/** Fires what is due. A timer that fires is not set any more; it may set
 * itself or cancel others. */
void sli_io_wheel_turn(struct sli_io_wheel *wheel, uint64_t now_ms);

/** When to turn next at the latest: milliseconds from now, UINT64_MAX when no
 * timer is set. */
uint64_t sli_io_wheel_wait_ms(
    const struct sli_io_wheel *wheel, uint64_t now_ms);

/** When a timer that is due then fires: at the end of a tick. */
uint64_t sli_io_wheel_fires_ms(uint64_t due_ms);

#endif
