/** What a demo server has to say to its operator. */
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>

static const char *program = "";

void complain_as(const char *name)
{
    program = name;
}

void complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}
