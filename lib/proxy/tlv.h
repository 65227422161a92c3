/** The TLVs of a PROXY header of version 2: type, length, value. */
#ifndef PROXY_TLV_H
#define PROXY_TLV_H

#include <stdint.h>

#include <slimta/slice.h>

/** Types (PROXY protocol 2.2), and those inside the value of SSL. */
enum sli_proxy_tlv_type {
    SLI_PROXY_TLV_ALPN = 0x01,
    SLI_PROXY_TLV_AUTHORITY = 0x02,
    SLI_PROXY_TLV_CRC32C = 0x03,
    SLI_PROXY_TLV_NOOP = 0x04,
    SLI_PROXY_TLV_UNIQUE_ID = 0x05,
    SLI_PROXY_TLV_SSL = 0x20,
    SLI_PROXY_TLV_SSL_VERSION = 0x21,
    SLI_PROXY_TLV_SSL_CN = 0x22,
    SLI_PROXY_TLV_SSL_CIPHER = 0x23,
    SLI_PROXY_TLV_SSL_SIG_ALG = 0x24,
    SLI_PROXY_TLV_SSL_KEY_ALG = 0x25,
    SLI_PROXY_TLV_NETNS = 0x30
};

/** Type and length. */
#define SLI_PROXY_TLV_HEAD 3

/** The flags and the result of the verification, before SSL's own TLVs. */
#define SLI_PROXY_TLV_SSL_HEAD 5

struct sli_proxy_tlv {
    uint8_t type;
    struct slimta_slice value; /* a part of what it was read from */
};

/** Takes the first TLV off the front of `rest`: 1. 0 when no whole one is
 * there; then what is left in `rest`, if anything, is a cut one. */
int sli_proxy_tlv_next(struct slimta_slice *rest, struct sli_proxy_tlv *tlv);

/** The first value of a type. 1, or 0 when there is none. */
int sli_proxy_tlv_find(
    struct slimta_slice tlvs, uint8_t type, struct slimta_slice *value);

/** Whether it is TLVs to the last octet. */
int sli_proxy_tlv_is_whole(struct slimta_slice tlvs);

#endif
