/** The wall clock. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stdint.h>

/** Milliseconds since 1970-01-01T00:00Z. */
int64_t sli_io_clock_now_ms(void);

#endif
