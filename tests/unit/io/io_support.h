/** What the tests of this room share: an allocator that fails, and a loop. */
#ifndef IO_SUPPORT_H
#define IO_SUPPORT_H

#include "test.h"

#include <stdlib.h>

#include <uv.h>

#include <slimta/loop.h>

#include "io/loop.h"

/** An allocator that counts what is out, and fails at the `fail_at`th call
 * (0: never), once or from then on. */
struct failing {
    unsigned calls;
    unsigned fail_at;
    int from_then_on;
    int out;
};

static inline int failing_fails(struct failing *failing)
{
    failing->calls++;
    return failing->fail_at != 0 &&
        (failing->calls == failing->fail_at ||
            (failing->from_then_on && failing->calls > failing->fail_at));
}

static inline void *failing_allocate(size_t size, void *user)
{
    struct failing *failing = user;
    void *block = failing_fails(failing) ? NULL : malloc(size);

    failing->out += block != NULL;
    return block;
}

static inline void *failing_reallocate(void *block, size_t size, void *user)
{
    return failing_fails(user) ? NULL : realloc(block, size);
}

static inline void failing_release(void *block, void *user)
{
    ((struct failing *)user)->out--;
    free(block);
}

static inline struct slimta_alloc failing_alloc(struct failing *failing)
{
    return (struct slimta_alloc){.size = sizeof(struct slimta_alloc),
        .allocate = failing_allocate,
        .reallocate = failing_reallocate,
        .release = failing_release,
        .user = failing};
}

/** A loop with one user: the test. */
struct test_loop {
    struct slimta_loop *loop;
    struct sli_io_loop_user user;
    int has_left;
};

static inline void test_loop_on_left(struct sli_io_loop_user *user)
{
    SLI_LIST_ITEM(user, struct test_loop, user)->has_left = 1;
}

static inline void test_loop_enter(
    struct test_loop *test, const struct slimta_alloc *alloc)
{
    struct slimta_error error;

    *test = (struct test_loop){0};
    assert_int_equal(slimta_loop_new(&test->loop, alloc, &error), 0);
    assert_int_equal(sli_io_loop_enter(test->loop), 0);
}

/** Ends in time because meson ends a test that hangs. */
static inline void test_loop_run_until(struct test_loop *test, const int *flag)
{
    while (!*flag) {
        (void)uv_run(test->loop->uv, UV_RUN_ONCE);
    }
}

/** A few turns without waiting: whatever is due has been done after them. */
static inline void test_loop_settle(struct test_loop *test)
{
    for (int i = 0; i < 8; i++) {
        (void)uv_run(test->loop->uv, UV_RUN_NOWAIT);
    }
}

/** Lets time pass for our timers alone. */
static inline void test_loop_skip(struct test_loop *test, uint64_t ms)
{
    sli_io_wheel_turn(
        &test->loop->wheel, sli_io_loop_now(test->loop) + ms + SLI_IO_TICK_MS);
}

static inline void test_loop_leave(struct test_loop *test)
{
    sli_io_loop_leave(test->loop, &test->user, test_loop_on_left);
    assert_int_equal(slimta_loop_run(test->loop), 0);
    assert_true(test->has_left);
    assert_int_equal(slimta_loop_free(test->loop), 0);
}

#endif
