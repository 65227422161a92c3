/** Version 2 of the PROXY header: binary, with TLVs. */
#ifndef PROXY_V2_H
#define PROXY_V2_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proxy/header.h"

/** The octets before the block whose length they tell. */
#define SLI_PROXY_V2_HEAD 16

/** The most octets that the block may have. */
#define SLI_PROXY_V2_BLOCK_MAX 65535

/** The longest unique id (PROXY protocol 2.2.5). */
#define SLI_PROXY_V2_UNIQUE_ID_MAX 128

/** Two IPv6 addresses and two ports. */
#define SLI_PROXY_V2_IPV6 36

enum sli_proxy_v2_step {
    SLI_PROXY_V2_BEGINNING, /**< the first 16 octets */
    SLI_PROXY_V2_ADDRESSES,
    SLI_PROXY_V2_TLV,   /**< type and length of one */
    SLI_PROXY_V2_VALUE, /**< its value */
    SLI_PROXY_V2_SKIP   /**< what nobody looks at */
};

/** Its fields are its own. */
struct sli_proxy_v2 {
    enum sli_proxy_v2_step step;
    size_t at;   /* octets of the step that have come */
    size_t left; /* octets of the header after this one, once it is known */
    uint8_t octets[SLI_PROXY_V2_IPV6]; /* those of the step, but of a value */
    size_t address_size;
    enum slimta_family family; /* of the addresses; NONE: they are skipped */
    int is_kept;               /* the TLV that is read goes to `tlvs` */
    size_t value_size;
    int has_checksum;
    uint32_t checksum; /* as it was told */
    uint32_t crc;      /* over all that came */
    struct sli_buf tlvs;
};

/** Borrows `alloc` until the end. Keeps up to `max_tlv_bytes` of TLVs. */
void sli_proxy_v2_init(struct sli_proxy_v2 *v2,
    const struct slimta_alloc *alloc, size_t max_tlv_bytes);

void sli_proxy_v2_fini(struct sli_proxy_v2 *v2);

/** Reads the next octet, while the header needs more. */
void sli_proxy_v2_read(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header);

#endif
