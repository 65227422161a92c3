/** A network address as a value. */
#ifndef SLIMTA_ADDRESS_H
#define SLIMTA_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/export.h>

enum slimta_family {
    SLIMTA_FAMILY_NONE = 0, /**< unknown */
    SLIMTA_FAMILY_IPV4,
    SLIMTA_FAMILY_IPV6,
    SLIMTA_FAMILY_UNIX /**< a UNIX socket: no ip, no port */
};

/** Copied by value; holds no pointer. An IPv4-mapped IPv6 address is kept as
 * IPv4 (RFC 7208 section 5 needs it so, and so does every reader). */
struct slimta_address {
    enum slimta_family family;
    uint16_t port;     /**< host order; 0 when there is none */
    uint32_t scope_id; /**< IPv6 link-local scope, else 0 */
    uint8_t ip[16];    /**< network order; IPv4 in the first four octets */
};

/** Room for every text that the two functions below write, NUL included. */
#define SLIMTA_ADDRESS_TEXT_MAX 72

SLIMTA_BEGIN_DECLS

/**
 * Writes the address alone: "192.0.2.1", "2001:db8::1" in the form of RFC 5952,
 * "unix", or "unknown". Always terminates; returns the length of the whole
 * text, which was cut if it is not below `size`. Any thread.
 */
SLIMTA_API size_t slimta_address_format_ip(
    const struct slimta_address *address, char *out, size_t size);

/** The same with the port: "192.0.2.1:25", "[2001:db8::1]:25". */
SLIMTA_API size_t slimta_address_format(
    const struct slimta_address *address, char *out, size_t size);

SLIMTA_END_DECLS

#endif
