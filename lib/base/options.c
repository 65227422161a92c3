/** Structs that begin with their size: what a host gives, taken over safely. */
#include "base/options.h"

#include <string.h>

#include "base/error.h"

static int is_zero(const unsigned char *octets, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (octets[i] != 0) {
            return 0;
        }
    }
    return 1;
}

int sli_options_copy(void *to, size_t known, const void *from)
{
    size_t size;

    memcpy(&size, from, sizeof size);
    if (size < sizeof size) {
        return SLIMTA_EINVAL;
    }
    if (size > known &&
        !is_zero((const unsigned char *)from + known, size - known)) {
        return SLIMTA_EINVAL;
    }
    memset(to, 0, known);
    memcpy(to, from, size < known ? size : known);
    memcpy(to, &known, sizeof known);
    return 0;
}

int sli_options_take(const char *name, void *to, size_t known, const void *from,
    struct slimta_error *error)
{
    int err = from == NULL ? 0 : sli_options_copy(to, known, from);

    return err == 0 ? 0
                    : sli_error_set(error, err,
                          "%s: of a wrong size, or with something that this "
                          "version does not know",
                          name);
}
