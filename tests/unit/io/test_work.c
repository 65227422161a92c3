/** Jobs in the pool: a few at a time, and all of them done. */
#include "io_support.h"

#include <stdatomic.h>

#include "io/work.h"

enum { JOBS = 12 };

struct job {
    struct sli_io_work work;
    int is_done;
};

static atomic_int running;
static atomic_int most;
static int done_count;
static int all_done;

/* Each job waits for another one to join it, so that two really run at once;
 * a third would be seen by both. */
static uv_barrier_t pair;

static void on_run(struct sli_io_work *work)
{
    int now = atomic_fetch_add(&running, 1) + 1;

    (void)work;
    if (now > atomic_load(&most)) {
        atomic_store(&most, now);
    }
    (void)uv_barrier_wait(&pair);
    atomic_fetch_sub(&running, 1);
}

static void on_done(struct sli_io_work *work)
{
    SLI_LIST_ITEM(work, struct job, work)->is_done++;
    all_done = ++done_count == JOBS;
}

static void never_more_than_two_at_once(void **state)
{
    struct job jobs[JOBS] = {{.is_done = 0}};
    struct test_loop test;

    (void)state;
    done_count = 0;
    all_done = 0;
    assert_int_equal(uv_barrier_init(&pair, 2), 0);
    test_loop_enter(&test, NULL);
    for (int i = 0; i < JOBS; i++) {
        sli_io_work_start(
            test.loop, &jobs[i].work, SLI_IO_WORK_DISK, on_run, on_done);
        assert_true(
            test.loop->lanes[SLI_IO_WORK_DISK].running <= SLI_IO_WORK_AT_ONCE);
    }
    assert_int_equal(test.loop->lanes[SLI_IO_WORK_DISK].running, 2);
    assert_int_equal(test.loop->lanes[SLI_IO_WORK_TLS].running, 0);
    test_loop_run_until(&test, &all_done);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].is_done, 1);
    }
    assert_int_equal(atomic_load(&most), SLI_IO_WORK_AT_ONCE);
    assert_int_equal(test.loop->lanes[SLI_IO_WORK_DISK].running, 0);
    test_loop_leave(&test);
    uv_barrier_destroy(&pair);
}

static struct test_loop chain;
static int links_left;
static int chain_is_done;

static void on_nothing(struct sli_io_work *work)
{
    (void)work;
}

static void on_link_done(struct sli_io_work *work)
{
    if (--links_left > 0) {
        sli_io_work_start(
            chain.loop, work, SLI_IO_WORK_TLS, on_nothing, on_link_done);
    } else {
        chain_is_done = 1;
    }
}

static void a_job_that_is_done_can_start_again(void **state)
{
    struct sli_io_work work;

    (void)state;
    links_left = 5;
    chain_is_done = 0;
    test_loop_enter(&chain, NULL);
    sli_io_work_start(
        chain.loop, &work, SLI_IO_WORK_TLS, on_nothing, on_link_done);
    test_loop_run_until(&chain, &chain_is_done);
    assert_int_equal(links_left, 0);
    test_loop_leave(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_than_two_at_once),
        cmocka_unit_test(a_job_that_is_done_can_start_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
