/** Threads of ours. */
#include "io/thread.h"

#include <signal.h>

#include "base/error.h"

int sli_io_thread_start(
    pthread_t *thread, void *(*main)(void *user), void *user)
{
    sigset_t all;
    sigset_t before;
    int number;

    /* A new thread inherits the mask. The host's signals must go to threads of
     * the host, which alone knows what its handlers may interrupt. */
    (void)sigfillset(&all);
    number = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (number == 0) {
        number = pthread_create(thread, NULL, main, user);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return number == 0 ? 0 : sli_error_from_errno(number);
}
