/** The version of the linked library. */
#include <slimta/version.h>

const char *slimta_version(void)
{
    return SLIMTA_VERSION_STRING;
}
