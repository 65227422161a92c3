/** Network addresses: text to value and back. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <slimta/address.h>
#include <slimta/slice.h>

#include "base/text.h"

/** Reads "192.0.2.1": four numbers without leading zeros. Returns 1 or 0. */
int sli_address_parse_ipv4(struct slimta_slice text, uint8_t ip[4]);

/** Reads an IPv6 address in any form of RFC 4291 section 2.2, without brackets
 * and without a scope. Returns 1 or 0. */
int sli_address_parse_ipv6(struct slimta_slice text, uint8_t ip[16]);

/** Reads a port, "1" to "65535". Returns 1 or 0. */
int sli_address_parse_port(struct slimta_slice text, uint16_t *port);

/** Reads an address and its port: "192.0.2.1:53", "[::1]:53", or without one,
 * also "::1": then it is `port`. Returns 1, or 0 and `address` is of no use. */
int sli_address_parse_endpoint(
    struct slimta_slice text, uint16_t port, struct slimta_address *address);

/** Writes it as names of the DNS have it: "1.2.0.192", or 32 hexadecimal digits
 * with dots between (RFC 5782 sections 2.1 and 2.4). Nothing for the rest. */
void sli_address_put_reversed(
    struct sli_text *text, const struct slimta_address *address);

/** Turns an IPv4-mapped IPv6 address into the IPv4 one it is. */
void sli_address_unmap(struct slimta_address *address);

#endif
