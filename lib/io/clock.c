/** The wall clock. */
#include "io/clock.h"

#include <time.h>

int64_t sli_io_clock_now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
