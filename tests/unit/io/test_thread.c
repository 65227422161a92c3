/** Threads that leave the host's signals alone, and the wall clock. */
#include "io_support.h"

#include <signal.h>
#include <time.h>

#include "io/clock.h"
#include "io/thread.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1,
    SIGUSR2, SIGCHLD, SIGALRM, SIGWINCH};

enum { SIGNALS = sizeof signals / sizeof *signals };

static void *read_mask(void *user)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, user);
    return user;
}

static void every_signal_is_blocked(void **state)
{
    sigset_t before;
    sigset_t after;
    sigset_t inside;
    pthread_t thread;
    void *result = NULL;

    (void)state;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(sli_io_thread_start(&thread, read_mask, &inside), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &inside);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 0; i < SIGNALS; i++) {
        assert_int_equal(sigismember(&inside, signals[i]), 1);
        assert_int_equal(
            sigismember(&before, signals[i]), sigismember(&after, signals[i]));
    }
}

static void the_clock_is_the_wall_clock(void **state)
{
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = sli_io_clock_now_ms();

    (void)state;
    /* A second of doubt: time() may read a coarser clock. */
    assert_true(now >= before - 1000);
    assert_true(now <= ((int64_t)time(NULL) + 2) * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_signal_is_blocked),
        cmocka_unit_test(the_clock_is_the_wall_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
