/** An allocator that fails when it is told to, and that sees leaks. */
#ifndef SUPPORT_FAIL_ALLOC_H
#define SUPPORT_FAIL_ALLOC_H

#include <stdatomic.h>
#include <stddef.h>

#include <slimta/alloc.h>

enum fail_alloc_mode {
    FAIL_ALLOC_ONCE,  /**< one allocation fails, the next ones work again */
    FAIL_ALLOC_ONWARD /**< that one fails and every one after it */
};

/** `table` is what the code under test gets. Any thread. */
struct fail_alloc {
    struct slimta_alloc table;
    atomic_size_t fail_at; /**< the failing one's number, 1 first; 0: none */
    _Atomic(enum fail_alloc_mode) mode;
    atomic_size_t asked;  /**< allocations and reallocations asked for */
    atomic_size_t failed; /**< how many of these got NULL */
    atomic_size_t live;   /**< blocks that were not released */
};

/** May be called again at any time: it counts from 1 again, and the blocks
 * that live are forgotten. */
void fail_alloc_init(
    struct fail_alloc *alloc, size_t fail_at, enum fail_alloc_mode mode);

/** From now on allocation number `fail_at`, counted from this call, fails;
 * live blocks stay counted. */
void fail_alloc_arm(
    struct fail_alloc *alloc, size_t fail_at, enum fail_alloc_mode mode);

/** Whether an allocation has failed. */
int fail_alloc_has_failed(const struct fail_alloc *alloc);

/** A scenario builds with `alloc->table`, checks, and releases everything. */
typedef void (*fail_alloc_scenario)(struct fail_alloc *alloc, void *user);

/**
 * Runs the scenario with the n-th allocation failing, for every n, once and
 * from then on, until a run is through without a failure. Returns 0, or the n
 * of the first run that left blocks behind.
 */
size_t fail_alloc_sweep(fail_alloc_scenario scenario, void *user);

#endif
