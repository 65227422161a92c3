/** Memory from the host's allocator, with products checked. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"

static void *default_allocate(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void *default_reallocate(void *block, size_t size, void *user)
{
    (void)user;
    return realloc(block, size);
}

static void default_release(void *block, void *user)
{
    (void)user;
    free(block);
}

static int is_empty(const struct slimta_alloc *table)
{
    return table->allocate == NULL && table->reallocate == NULL &&
        table->release == NULL;
}

int sli_alloc_init(struct slimta_alloc *out, const struct slimta_alloc *from)
{
    struct slimta_alloc table = {.size = sizeof table};
    int err = 0;

    if (from != NULL) {
        err = SLI_OPTIONS_COPY(&table, from);
    }
    if (err == 0 && is_empty(&table)) {
        table.allocate = default_allocate;
        table.reallocate = default_reallocate;
        table.release = default_release;
    }
    if (err == 0 &&
        (table.allocate == NULL || table.reallocate == NULL ||
            table.release == NULL)) {
        err = SLIMTA_EINVAL;
    }
    if (err == 0) {
        *out = table;
    }
    return err;
}

int sli_alloc_take(struct slimta_alloc *out, const struct slimta_alloc *from,
    struct slimta_error *error)
{
    int err = sli_alloc_init(out, from);

    return err == 0
        ? 0
        : sli_error_set(error, err,
              "alloc: of a wrong size, or only some functions are there");
}

void *sli_alloc(const struct slimta_alloc *alloc, size_t size)
{
    return alloc->allocate(size == 0 ? 1 : size, alloc->user);
}

void *sli_alloc_zero(const struct slimta_alloc *alloc, size_t size)
{
    void *block = sli_alloc(alloc, size);

    if (block != NULL) {
        memset(block, 0, size);
    }
    return block;
}

void *sli_alloc_array(
    const struct slimta_alloc *alloc, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return sli_alloc_zero(alloc, count * size);
}

void *sli_realloc(const struct slimta_alloc *alloc, void *block, size_t size)
{
    if (block == NULL) {
        return sli_alloc(alloc, size);
    }
    return alloc->reallocate(block, size == 0 ? 1 : size, alloc->user);
}

void sli_free(const struct slimta_alloc *alloc, void *block)
{
    if (block != NULL) {
        alloc->release(block, alloc->user);
    }
}

char *sli_alloc_text(const struct slimta_alloc *alloc, struct slimta_slice text)
{
    char *copy = NULL;

    if (text.size < SIZE_MAX) {
        copy = sli_alloc(alloc, text.size + 1);
    }
    if (copy != NULL) {
        if (text.size > 0) {
            memcpy(copy, text.data, text.size);
        }
        copy[text.size] = '\0';
    }
    return copy;
}
