/** What a demo server asks of the machine: descriptors and a name. */
#ifndef SERVER_MACHINE_H
#define SERVER_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/** Raises the limit of descriptors as far as it goes, and returns how many of
 * `wanted` connections fit; tells when that is fewer. */
uint64_t machine_connections(uint64_t wanted);

/** The machine's full name, without asking the network. Returns 1, or 0 when
 * only its short one is known. */
int machine_name(char *out, size_t size);

#endif
