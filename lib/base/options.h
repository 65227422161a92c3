/** Structs that begin with their size: what a host gives, taken over safely. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stddef.h>

#include <slimta/error.h>

/**
 * Copies the struct at `from`, which begins with its size, over the `known`
 * octets at `to`; what `from` does not reach is zero in `to`, and `to`'s own
 * size becomes `known`. SLIMTA_EINVAL when the size is 0 (or does not even
 * cover itself), or when `from` is longer than `known` and not zero there: it
 * asks for something that this library does not know.
 */
int sli_options_copy(void *to, size_t known, const void *from);

#define SLI_OPTIONS_COPY(to, from) sli_options_copy((to), sizeof *(to), (from))

/** The same for what a host may leave out, and says of `name` what is wrong;
 * when `from` is NULL, `to` stays as it is. */
int sli_options_take(const char *name, void *to, size_t known, const void *from,
    struct slimta_error *error);

#define SLI_OPTIONS_TAKE(name, to, from, error) \
    sli_options_take((name), (to), sizeof *(to), (from), (error))

#endif
