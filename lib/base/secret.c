/** Octets that nobody may learn: wiped for certain, compared in even time. */
#include "base/secret.h"

#include <string.h>

/* A compiler leaves out stores that nobody reads. Which function this is it
 * cannot know, and so calls it; and whole heads are wiped, so it is a fast
 * one. */
static void *(*const volatile set)(void *, int, size_t) = memset;

void sli_secret_wipe(void *octets, size_t size)
{
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
