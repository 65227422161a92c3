/** Filling a struct slimta_error. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int sli_error_set(struct slimta_error *error, int code, const char *format, ...)
{
    va_list arguments;

    if (error != NULL) {
        error->code = code;
        va_start(arguments, format);
        (void)vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return code;
}

int sli_error_from_errno(int number)
{
    static const struct {
        int number;
        int code;
    } table[] = {
        {EINVAL, SLIMTA_EINVAL},
        {ENOMEM, SLIMTA_ENOMEM},
        {EBUSY, SLIMTA_EBUSY},
        {EADDRINUSE, SLIMTA_EADDRINUSE},
        {EADDRNOTAVAIL, SLIMTA_EADDRNOTAVAIL},
        {EAFNOSUPPORT, SLIMTA_EADDRNOTAVAIL},
        {EACCES, SLIMTA_EACCES},
        {EPERM, SLIMTA_EACCES},
        {EROFS, SLIMTA_EACCES},
        {ENOENT, SLIMTA_ENOENT},
        {ENOTDIR, SLIMTA_ENOENT},
        {EIO, SLIMTA_EIO},
        {ENOSPC, SLIMTA_ENOSPC},
        {EDQUOT, SLIMTA_ENOSPC},
        {EFBIG, SLIMTA_ENOSPC},
        {EMFILE, SLIMTA_EMFILE},
        {ENFILE, SLIMTA_EMFILE},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].number == number) {
            return table[i].code;
        }
    }
    return SLIMTA_ESYSTEM;
}

const char *slimta_strerror(int code)
{
    switch (code) {
    case SLIMTA_OK:
        return "no error";
#define ERROR_TEXT(name, number, text) \
    case SLIMTA_##name: \
        return text;
        SLIMTA_ERROR_MAP(ERROR_TEXT)
#undef ERROR_TEXT
    default:
        return "unknown error";
    }
}

const char *slimta_error_name(int code)
{
    switch (code) {
    case SLIMTA_OK:
        return "SLIMTA_OK";
#define ERROR_NAME(name, number, text) \
    case SLIMTA_##name: \
        return "SLIMTA_" #name;
        SLIMTA_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
    default:
        return "SLIMTA_UNKNOWN";
    }
}
