/** An allocator that weighs what is held, and remembers the most. */
#ifndef SUPPORT_GAUGE_H
#define SUPPORT_GAUGE_H

#include <pthread.h>
#include <stddef.h>

#include <slimta/alloc.h>

/** `table` is what the code under test gets. Any thread. */
struct gauge {
    struct slimta_alloc table;
    pthread_mutex_t lock;
    size_t held; /**< octets */
    size_t most; /**< that were ever held at a time */
};

/** Nothing is held. */
void gauge_init(struct gauge *gauge);

#endif
