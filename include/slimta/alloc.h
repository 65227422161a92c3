/** The allocator that an object of this library takes its memory from. */
#ifndef SLIMTA_ALLOC_H
#define SLIMTA_ALLOC_H

#include <stddef.h>

/**
 * Three functions with the meaning of malloc, realloc and free, and a pointer
 * that each of them gets last.
 *
 * The table is copied by value. Its functions are called from any thread, also
 * from several at once, and what `user` points to must outlive every object
 * that was made with it. `allocate` and `reallocate` may return NULL at any
 * time: that costs one session, never the process. `reallocate` gets no NULL
 * and no size of zero; `release` gets no NULL. A NULL table, or one whose
 * functions are all NULL, means malloc, realloc and free.
 */
struct slimta_alloc {
    size_t size; /**< sizeof(struct slimta_alloc) */
    void *(*allocate)(size_t size, void *user);
    void *(*reallocate)(void *block, size_t size, void *user);
    void (*release)(void *block, void *user);
    void *user;
};

#endif
