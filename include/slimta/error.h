/** What a failed call tells its host. */
#ifndef SLIMTA_ERROR_H
#define SLIMTA_ERROR_H

#include <slimta/export.h>

/** Every code of the library, its number, and its sentence. */
#define SLIMTA_ERROR_MAP(X) \
    X(EINVAL, -1, "an argument or option is not valid") \
    X(ENOMEM, -2, "out of memory") \
    X(EBUSY, -3, "the object is in use") \
    X(ESTATE, -4, "the object is not in the right state for this call") \
    X(EADDRINUSE, -5, "the address is in use") \
    X(EADDRNOTAVAIL, -6, "the address cannot be had on this machine") \
    X(EACCES, -7, "permission denied") \
    X(ENOENT, -8, "no such file, directory or name") \
    X(EIO, -9, "input or output failed") \
    X(ENOSPC, -10, "no space left on the device") \
    X(EMFILE, -11, "too many open descriptors") \
    X(ELIMIT, -12, "a limit was reached") \
    X(EAGAIN, -13, "not now: try again when told") \
    X(ECANCELED, -14, "nobody waits for this answer any more") \
    X(ENOTSUP, -15, "not supported here") \
    X(ESYSTEM, -16, "the operating system refused")

enum slimta_error_code {
#define SLIMTA_ERROR_ENUM(name, number, text) SLIMTA_##name = (number),
    SLIMTA_ERROR_MAP(SLIMTA_ERROR_ENUM)
#undef SLIMTA_ERROR_ENUM
        SLIMTA_OK = 0
};

/**
 * What went wrong in a constructor or another call with something to say. The
 * caller owns it; every call that takes one accepts NULL and writes it only
 * when it fails. `text` is one sentence for an operator, without a line end,
 * that names the value, file or address at fault.
 */
struct slimta_error {
    int code; /**< one of enum slimta_error_code */
    char text[252];
};

SLIMTA_BEGIN_DECLS

/** The general sentence of a code; "unknown error" for any other number.
 * Static; any thread. */
SLIMTA_API const char *slimta_strerror(int code);

/** The name of a code, "SLIMTA_EINVAL"; "SLIMTA_UNKNOWN" for any other
 * number. Static; any thread. */
SLIMTA_API const char *slimta_error_name(int code);

SLIMTA_END_DECLS

#endif
