/** A resolver as the edge has it. */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <slimta/resolver.h>

/** Frees as slimta_resolver_free does, and calls `closed` when nothing of it is
 * left in the loop: within this call, or on the loop later. */
void sli_io_resolver_close(
    struct slimta_resolver *resolver, void (*closed)(void *user), void *user);

#endif
