/** Filling a struct slimta_error. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <slimta/error.h>

/** Writes code and sentence (cut where it is too long) into `error`, which may
 * be NULL; returns the code. */
__attribute__((format(printf, 3, 4))) int sli_error_set(
    struct slimta_error *error, int code, const char *format, ...);

/** The code of an errno value. */
int sli_error_from_errno(int number);

#endif
