/** An allocator that fails when it is told to, and that sees leaks. */
#include "fail_alloc.h"

#include <stdlib.h>

static int is_failing(struct fail_alloc *alloc)
{
    size_t number = atomic_fetch_add(&alloc->asked, 1) + 1;
    size_t fail_at = atomic_load(&alloc->fail_at);
    int fails = fail_at != 0 &&
        (number == fail_at ||
            (atomic_load(&alloc->mode) == FAIL_ALLOC_ONWARD &&
                number > fail_at));

    if (fails) {
        atomic_fetch_add(&alloc->failed, 1);
    }
    return fails;
}

static void *allocate(size_t size, void *user)
{
    struct fail_alloc *alloc = user;
    void *block = is_failing(alloc) ? NULL : malloc(size);

    if (block != NULL) {
        atomic_fetch_add(&alloc->live, 1);
    }
    return block;
}

static void *reallocate(void *block, size_t size, void *user)
{
    return is_failing(user) ? NULL : realloc(block, size);
}

static void release(void *block, void *user)
{
    struct fail_alloc *alloc = user;

    atomic_fetch_sub(&alloc->live, 1);
    free(block);
}

void fail_alloc_init(
    struct fail_alloc *alloc, size_t fail_at, enum fail_alloc_mode mode)
{
    alloc->table = (struct slimta_alloc){
        .size = sizeof alloc->table,
        .allocate = allocate,
        .reallocate = reallocate,
        .release = release,
        .user = alloc,
    };
    atomic_init(&alloc->live, 0);
    fail_alloc_arm(alloc, fail_at, mode);
}

void fail_alloc_arm(
    struct fail_alloc *alloc, size_t fail_at, enum fail_alloc_mode mode)
{
    atomic_store(&alloc->fail_at, fail_at);
    atomic_store(&alloc->mode, mode);
    atomic_store(&alloc->asked, 0);
    atomic_store(&alloc->failed, 0);
}

int fail_alloc_has_failed(const struct fail_alloc *alloc)
{
    return atomic_load(&alloc->failed) > 0;
}

size_t fail_alloc_sweep(fail_alloc_scenario scenario, void *user)
{
    static const enum fail_alloc_mode modes[] = {
        FAIL_ALLOC_ONCE, FAIL_ALLOC_ONWARD};

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        int has_failed = 1;

        for (size_t n = 1; has_failed; n++) {
            struct fail_alloc alloc;

            fail_alloc_init(&alloc, n, modes[i]);
            scenario(&alloc, user);
            has_failed = fail_alloc_has_failed(&alloc);
            if (atomic_load(&alloc.live) != 0) {
                return n;
            }
        }
    }
    return 0;
}
