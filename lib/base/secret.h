/** Octets that nobody may learn: wiped for certain, compared in even time. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

#include <slimta/slice.h>

/** Sets `size` octets to zero, also where nobody reads them again. `octets` may
 * be NULL when `size` is 0. */
void sli_secret_wipe(void *octets, size_t size);

/** Octet for octet the same: 1 or 0, in a time that depends on the size of
 * `shown` alone, which whoever shows it knows. */
int sli_secret_is(struct slimta_slice shown, struct slimta_slice secret);

#endif
