/** The DNS on the wire: reading a message without trusting it. */
#ifndef IO_RESOLVER_WIRE_H
#define IO_RESOLVER_WIRE_H

#include <stdint.h>

#include <slimta/slice.h>

#include "io/resolver_name.h"

/** Once `is_bad`, everything that is read is 0. */
struct sli_io_resolver_wire {
    struct slimta_slice message;
    size_t at;
    int is_bad;
};

/** A name as text, in lower case; of one that is no host name only that. */
struct sli_io_resolver_wire_name {
    char text[SLI_IO_RESOLVER_NAME_SIZE];
    size_t size;
    int is_host; /* letters, digits, hyphen and underscore only */
};

uint8_t sli_io_resolver_wire_u8(struct sli_io_resolver_wire *wire);
uint16_t sli_io_resolver_wire_u16(struct sli_io_resolver_wire *wire);
uint32_t sli_io_resolver_wire_u32(struct sli_io_resolver_wire *wire);

/** `size` octets as they stand in the message; empty when there are fewer. */
struct slimta_slice sli_io_resolver_wire_octets(
    struct sli_io_resolver_wire *wire, size_t size);

/** A name, compressed or not. */
void sli_io_resolver_wire_read_name(
    struct sli_io_resolver_wire *wire, struct sli_io_resolver_wire_name *name);

#endif
