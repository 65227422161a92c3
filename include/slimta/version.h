/** The version of the headers and of the library that was linked. */
#ifndef SLIMTA_VERSION_H
#define SLIMTA_VERSION_H

#include <slimta/export.h>

#define SLIMTA_VERSION_MAJOR 0
#define SLIMTA_VERSION_MINOR 1
#define SLIMTA_VERSION_PATCH 0
#define SLIMTA_VERSION_STRING "0.1.0"

SLIMTA_BEGIN_DECLS

/** The linked library's version, "0.1.0". Static; any thread. */
SLIMTA_API const char *slimta_version(void);

SLIMTA_END_DECLS

#endif
