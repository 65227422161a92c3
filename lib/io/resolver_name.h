/** Names of the DNS as text. */
#ifndef IO_RESOLVER_NAME_H
#define IO_RESOLVER_NAME_H

#include <stddef.h>

#include <slimta/address.h>

/** RFC 1035 section 2.3.4: 255 octets on the wire are 253 as text. */
#define SLI_IO_RESOLVER_NAME_MAX 253
#define SLI_IO_RESOLVER_LABEL_MAX 63

/** Room for a name with its NUL. */
#define SLI_IO_RESOLVER_NAME_SIZE (SLI_IO_RESOLVER_NAME_MAX + 1)

/** Copies a name in lower case and without a final dot. Returns its length, or
 * 0 when it is none: an empty or too long label, an octet that is not printable
 * ASCII. */
size_t sli_io_resolver_name_read(
    const char *name, char out[SLI_IO_RESOLVER_NAME_SIZE]);

/** The name under in-addr.arpa or ip6.arpa; 0 for an address that has none. */
size_t sli_io_resolver_name_reverse(
    const struct slimta_address *address, char out[SLI_IO_RESOLVER_NAME_SIZE]);

#endif
