/** The names of the results. */
#include <slimta/spf.h>

static const char *const names[] = {
    [SLIMTA_SPF_UNCHECKED] = "unchecked",
    [SLIMTA_SPF_NONE] = "none",
    [SLIMTA_SPF_NEUTRAL] = "neutral",
    [SLIMTA_SPF_PASS] = "pass",
    [SLIMTA_SPF_FAIL] = "fail",
    [SLIMTA_SPF_SOFTFAIL] = "softfail",
    [SLIMTA_SPF_TEMPERROR] = "temperror",
    [SLIMTA_SPF_PERMERROR] = "permerror",
};

const char *slimta_spf_result_name(enum slimta_spf_result result)
{
    unsigned index = (unsigned)result;

    return names[index < sizeof names / sizeof *names ? index : 0];
}
