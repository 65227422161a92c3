/** Threads of ours. Only this room makes any. */
#ifndef IO_THREAD_H
#define IO_THREAD_H

#include <pthread.h>

/** Starts a thread that runs `main(user)` with every signal blocked. The
 * caller's own mask is as before. SLIMTA_ESYSTEM, SLIMTA_ENOMEM. */
int sli_io_thread_start(
    pthread_t *thread, void *(*main)(void *user), void *user);

#endif
