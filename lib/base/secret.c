/** Octets that nobody may learn: wiped for certain, compared in even time. */
#include "base/secret.h"

#include <string.h>

void sli_secret_wipe(void *octets, size_t size)
{
    /* A compiler leaves out stores that nobody reads. It cannot know which
     * function this is, and so calls it; and it is a fast one, because whole
     * heads are wiped. */
    void *(*volatile set)(void *, int, size_t) = memset;

    if (size > 0) {
        (void)set(octets, 0, size);
    }
}

int sli_secret_is(struct slimta_slice shown, struct slimta_slice secret)
{
    volatile unsigned char different = shown.size != secret.size;

    for (size_t i = 0; i < shown.size; i++) {
        /* Past the end of the secret, or without one, any octet will do. */
        const char *at =
            i < secret.size ? secret.data + i : (const char *)shown.data + i;

        different |= (unsigned char)(shown.data[i] ^ *at);
    }
    return different == 0;
}
