/** Counted memory for the tests of a file: each gives all of it back. */
#ifndef SUPPORT_COUNTING_H
#define SUPPORT_COUNTING_H

#include "test.h"

#include "fail_alloc.h"

static struct fail_alloc counting;

static inline int counting_set_up(void **state)
{
    (void)state;
    fail_alloc_init(&counting, 0, FAIL_ALLOC_ONCE);
    return 0;
}

static inline int counting_tear_down(void **state)
{
    (void)state;
    return counting.live == 0 ? 0 : -1;
}

/** A row of the tests. */
#define COUNTED(name) \
    cmocka_unit_test_setup_teardown(name, counting_set_up, counting_tear_down)

#endif
