/** The checksum of a PROXY header (RFC 4960 appendix B). */
#ifndef PROXY_CRC32C_H
#define PROXY_CRC32C_H

#include <stdint.h>

/** What a checksum begins with. */
#define SLI_PROXY_CRC32C_START 0xFFFFFFFFu

/** With one octet more. */
uint32_t sli_proxy_crc32c_add(uint32_t crc, uint8_t octet);

/** Of all octets that were added. */
static inline uint32_t sli_proxy_crc32c_end(uint32_t crc)
{
    return ~crc;
}

#endif
