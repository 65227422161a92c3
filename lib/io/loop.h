/** The inside of a loop: libuv's loop and what all users of it share. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <uv.h>

#include <slimta/loop.h>

#include "base/alloc.h"
#include "io/inbox.h"
#include "io/wheel.h"
#include "io/work.h"

/** How much one read takes at most; so a `write` of a queue brings no more
 * (SLIMTA_WRITE_MAX). */
#define SLI_IO_READ_BYTES 65536

/**
 * Its libuv handles are open from the first enter to the last leave. All of it
 * belongs to the loop's thread; only the inbox is for others.
 */
struct slimta_loop {
    struct slimta_alloc alloc;
    uv_loop_t *uv;
    unsigned char owns_uv;
    unsigned char is_running; /* inside slimta_loop_run or _turn */
    unsigned char is_freed;   /* in there: it goes when they return */
    unsigned users;
    struct sli_io_wheel wheel;
    uv_timer_t *wheel_timer;    /* fires when the wheel's next slot is due */
    struct sli_io_inbox *inbox; /* NULL while nobody has entered */
    struct sli_io_work_lane lanes[SLI_IO_WORK_KINDS];
    char *read_buffer;  /* SLI_IO_READ_BYTES, shared by all connections */
    char *clear_buffer; /* the same for decrypted octets; NULL without TLS */
    struct sli_list leaving; /* who waits for the handles to be closed */
    struct sli_io_message leave_message; /* says that some leave */
    int leave_is_posted;
    int leave_is_late; /* someone has left after it was posted */
    unsigned closing_handles;
};

/** One who has entered a loop. */
struct sli_io_loop_user {
    struct sli_list link;
    void (*left)(struct sli_io_loop_user *user);
};

/** A new user of the loop: opens the loop's handles for the first one.
 * SLIMTA_ENOMEM, SLIMTA_ESYSTEM, … */
int sli_io_loop_enter(struct slimta_loop *loop);

/** The user goes; `left` is called on the loop, always later than this call,
 * when everything that it opened is closed (with the last user: the loop's own
 * handles too, after the messages in the inbox were delivered). */
void sli_io_loop_leave(struct slimta_loop *loop, struct sli_io_loop_user *user,
    void (*left)(struct sli_io_loop_user *user));

/** The loop's time: milliseconds since some moment, read once a turn. */
static inline uint64_t sli_io_loop_now(const struct slimta_loop *loop)
{
    return uv_now(loop->uv);
}

#endif
