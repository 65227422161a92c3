/** What every fuzz target defines. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** Ends the program when it is not true: what was found has a bug. */
static inline void demand(int is_true)
{
    if (!is_true) {
        abort();
    }
}

/** Gives the target one input; returns 0. What must not happen crashes or
 * calls abort. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
