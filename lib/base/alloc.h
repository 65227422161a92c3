/** Memory from the host's allocator, with products checked. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/slice.h>

/** Fills `out` with the host's table, or with malloc's when `from` is NULL or
 * empty. SLIMTA_EINVAL when its size is wrong or only some functions are
 * there. */
int sli_alloc_init(struct slimta_alloc *out, const struct slimta_alloc *from);

/** The same with the member `alloc` of a host's options, and says what is
 * wrong. */
int sli_alloc_take(struct slimta_alloc *out, const struct slimta_alloc *from,
    struct slimta_error *error);

/** `size` octets, not cleared; NULL when there is no memory. `size` may be 0.
 */
void *sli_alloc(const struct slimta_alloc *alloc, size_t size);

/** `size` octets, all zero. */
void *sli_alloc_zero(const struct slimta_alloc *alloc, size_t size);

/** An array, all zero; NULL also when the product overflows. */
void *sli_alloc_array(
    const struct slimta_alloc *alloc, size_t count, size_t size);

/** realloc; `block` may be NULL. On failure `block` stays as it is. */
void *sli_realloc(const struct slimta_alloc *alloc, void *block, size_t size);

/** `block` may be NULL. */
void sli_free(const struct slimta_alloc *alloc, void *block);

/** A terminated copy of a slice. */
char *sli_alloc_text(
    const struct slimta_alloc *alloc, struct slimta_slice text);

#endif
