/** A run of octets that somebody else owns. */
#ifndef SLIMTA_SLICE_H
#define SLIMTA_SLICE_H

#include <stddef.h>

/** `size` octets at `data`; not terminated, may hold NUL. `data` may be NULL
 * when `size` is zero. Where a slice comes from says how long it lives. */
struct slimta_slice {
    const char *data;
    size_t size;
};

#endif
