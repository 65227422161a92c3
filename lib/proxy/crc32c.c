/** The checksum of a PROXY header (RFC 4960 appendix B). */
#include "proxy/crc32c.h"

uint32_t sli_proxy_crc32c_add(uint32_t crc, uint8_t octet)
{
    /* What half an octet does to the reflected polynomial 0x82F63B78. */
    static const uint32_t halves[16] = {0x00000000, 0x105EC76F, 0x20BD8EDE,
        0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D, 0x82F63B78,
        0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A,
        0xF36E6F75};

    crc ^= octet;
    crc = halves[crc & 0xF] ^ crc >> 4;
    return halves[crc & 0xF] ^ crc >> 4;
}
