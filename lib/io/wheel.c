/** A wheel of timers, turned by whoever knows the time. */
#include "io/wheel.h"

#include <stddef.h>

enum { WORD_BITS = 64, WORDS = SLI_IO_SLOTS / WORD_BITS };

void sli_io_wheel_init(struct sli_io_wheel *wheel, uint64_t now_ms)
{
    for (unsigned i = 0; i < SLI_IO_SLOTS; i++) {
        sli_list_init(&wheel->slots[i]);
    }
    for (unsigned i = 0; i < WORDS; i++) {
        wheel->busy[i] = 0;
    }
    wheel->tick = now_ms / SLI_IO_TICK_MS;
    wheel->count = 0;
}

/* Rounded up, so that no timer fires early. */
static uint64_t tick_of(uint64_t due_ms)
{
    return due_ms / SLI_IO_TICK_MS + (due_ms % SLI_IO_TICK_MS != 0);
}

uint64_t sli_io_wheel_fires_ms(uint64_t due_ms)
{
    uint64_t tick = tick_of(due_ms);

    return tick > UINT64_MAX / SLI_IO_TICK_MS ? UINT64_MAX
                                              : tick * SLI_IO_TICK_MS;
}

/* A timer that is due already goes where the wheel comes next. */
static void insert(struct sli_io_wheel *wheel, struct sli_io_timer *timer)
{
    uint64_t tick = tick_of(timer->due_ms);
    unsigned slot;

    if (tick <= wheel->tick) {
        tick = wheel->tick + 1;
    }
    slot = (unsigned)(tick % SLI_IO_SLOTS);
    sli_list_append(&wheel->slots[slot], &timer->link);
    wheel->busy[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

void sli_io_wheel_set(struct sli_io_wheel *wheel, struct sli_io_timer *timer,
    uint64_t due_ms, void (*fired)(struct sli_io_timer *timer))
{
    int was_set = sli_io_timer_is_set(timer);
    int stays = was_set && due_ms >= timer->due_ms;

    timer->due_ms = due_ms;
    timer->fired = fired;
    if (stays) {
        return;
    }
    if (was_set) {
        sli_list_remove(&timer->link);
    } else {
        wheel->count++;
    }
    insert(wheel, timer);
}

/* The slot's bit stays: which slot it is cannot be told from a timer that was
 * moved. At worst the wheel is turned once for nothing. */
void sli_io_wheel_cancel(struct sli_io_wheel *wheel, struct sli_io_timer *timer)
{
    if (sli_io_timer_is_set(timer)) {
        timer->fired = NULL;
        sli_list_remove(&timer->link);
        wheel->count--;
    }
}

static void fire(struct sli_io_wheel *wheel, struct sli_io_timer *timer)
{
    void (*fired)(struct sli_io_timer *) = timer->fired;

    timer->fired = NULL;
    wheel->count--;
    fired(timer);
}

/* Empties the slot of the wheel's tick: into callbacks, and into later slots
 * what was moved or is due in a later round. */
static void turn_slot(struct sli_io_wheel *wheel)
{
    unsigned slot = (unsigned)(wheel->tick % SLI_IO_SLOTS);
    struct sli_list taken;
    struct sli_list *link;

    sli_list_init(&taken);
    while ((link = sli_list_take(&wheel->slots[slot])) != NULL) {
        sli_list_append(&taken, link);
    }
    wheel->busy[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
    while ((link = sli_list_take(&taken)) != NULL) {
        struct sli_io_timer *timer =
            SLI_LIST_ITEM(link, struct sli_io_timer, link);

        if (tick_of(timer->due_ms) > wheel->tick) {
            insert(wheel, timer);
        } else {
            fire(wheel, timer);
        }
    }
}

static int is_busy(const struct sli_io_wheel *wheel, uint64_t tick)
{
    unsigned slot = (unsigned)(tick % SLI_IO_SLOTS);

    return (wheel->busy[slot / WORD_BITS] >> slot % WORD_BITS & 1) != 0;
}

void sli_io_wheel_turn(struct sli_io_wheel *wheel, uint64_t now_ms)
{
    uint64_t last = now_ms / SLI_IO_TICK_MS;

    /* After a long sleep one round meets every slot. */
    if (last > wheel->tick && last - wheel->tick > SLI_IO_SLOTS) {
        wheel->tick = last - SLI_IO_SLOTS;
    }
    while (wheel->tick < last) {
        wheel->tick++;
        if (is_busy(wheel, wheel->tick)) {
            turn_slot(wheel);
        }
    }
}

/* How many ticks after the wheel's own one the next busy slot comes; 0 when
 * there is none. */
static unsigned ticks_to_busy(const struct sli_io_wheel *wheel)
{
    unsigned first = (unsigned)((wheel->tick + 1) % SLI_IO_SLOTS);
    uint64_t from_first = ~UINT64_C(0) << first % WORD_BITS;

    for (unsigned i = 0; i <= WORDS; i++) {
        unsigned word = (first / WORD_BITS + i) % WORDS;
        uint64_t bits = wheel->busy[word];

        if (i == 0) {
            bits &= from_first;
        } else if (i == WORDS) {
            bits &= ~from_first;
        }
        if (bits != 0) {
            unsigned slot = word * WORD_BITS + (unsigned)__builtin_ctzll(bits);

            return (slot - first + SLI_IO_SLOTS) % SLI_IO_SLOTS + 1;
        }
    }
    return 0;
}

uint64_t sli_io_wheel_wait_ms(const struct sli_io_wheel *wheel, uint64_t now_ms)
{
    unsigned ticks = wheel->count == 0 ? 0 : ticks_to_busy(wheel);
    uint64_t due_ms = (wheel->tick + ticks) * SLI_IO_TICK_MS;

    if (ticks == 0) {
        return UINT64_MAX;
    }
    return due_ms > now_ms ? due_ms - now_ms : 0;
}
