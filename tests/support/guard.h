/** Octets that end right before a page that nobody may touch. */
#ifndef SUPPORT_GUARD_H
#define SUPPORT_GUARD_H

#include <stddef.h>

#include <slimta/slice.h>

struct guard {
    char *pages;
    size_t size; /**< of all pages, the inaccessible one included */
};

/** Copies the octets so that reading one past their end is a SIGSEGV. Lives
 * until guard_free. Aborts the test when there is no memory. */
struct slimta_slice guard_copy(struct guard *guard, struct slimta_slice octets);

void guard_free(struct guard *guard);

#endif
