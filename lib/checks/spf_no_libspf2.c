/** Stands in for spf_libspf2.c where there is no libspf2. */
#include "checks/spf_engine.h"

const struct sli_checks_spf_engine *sli_checks_spf_engine_libspf2(void)
{
    return NULL;
}
