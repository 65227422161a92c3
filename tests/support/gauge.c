/** An allocator that weighs what is held, and remembers the most. */
#include "gauge.h"

#include <stdlib.h>

struct gauged {
    size_t size;
    size_t padding; /* keeps what follows aligned */
};

static void weigh(struct gauge *gauge, size_t more, size_t less)
{
    pthread_mutex_lock(&gauge->lock);
    gauge->held += more;
    gauge->held -= less;
    gauge->most = gauge->held > gauge->most ? gauge->held : gauge->most;
    pthread_mutex_unlock(&gauge->lock);
}

static void *reallocate(void *block, size_t size, void *user)
{
    struct gauged *old = block == NULL ? NULL : (struct gauged *)block - 1;
    size_t before = old == NULL ? 0 : old->size;
    struct gauged *now = realloc(old, sizeof *now + size);

    if (now == NULL) {
        return NULL;
    }
    weigh(user, size, before);
    now->size = size;
    return now + 1;
}

static void *allocate(size_t size, void *user)
{
    return reallocate(NULL, size, user);
}

static void release(void *block, void *user)
{
    struct gauged *gauged = (struct gauged *)block - 1;

    weigh(user, 0, gauged->size);
    free(gauged);
}

void gauge_init(struct gauge *gauge)
{
    *gauge = (struct gauge){.lock = PTHREAD_MUTEX_INITIALIZER,
        .table = {.size = sizeof gauge->table,
            .allocate = allocate,
            .reallocate = reallocate,
            .release = release,
            .user = gauge}};
}
