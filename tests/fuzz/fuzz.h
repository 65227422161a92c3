/** What every fuzz target defines. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** Gives the target one input; returns 0. What must not happen crashes or
 * calls abort. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
