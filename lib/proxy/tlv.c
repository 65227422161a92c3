/** The TLVs of a PROXY header of version 2: type, length, value. */
#include "proxy/tlv.h"

#include "base/slice.h"

int sli_proxy_tlv_next(struct slimta_slice *rest, struct sli_proxy_tlv *tlv)
{
    size_t size;

    if (rest->size < SLI_PROXY_TLV_HEAD) {
        return 0;
    }
    size = (size_t)(uint8_t)rest->data[1] << 8 | (uint8_t)rest->data[2];
    if (size > rest->size - SLI_PROXY_TLV_HEAD) {
        return 0;
    }
    tlv->type = (uint8_t)rest->data[0];
    tlv->value = sli_slice(rest->data + SLI_PROXY_TLV_HEAD, size);
    *rest = sli_slice_skip(*rest, SLI_PROXY_TLV_HEAD + size);
    return 1;
}

int sli_proxy_tlv_find(
    struct slimta_slice tlvs, uint8_t type, struct slimta_slice *value)
{
    struct sli_proxy_tlv tlv;

    while (sli_proxy_tlv_next(&tlvs, &tlv)) {
        if (tlv.type == type) {
            *value = tlv.value;
            return 1;
        }
    }
    return 0;
}

int sli_proxy_tlv_is_whole(struct slimta_slice tlvs)
{
    struct sli_proxy_tlv tlv;

    while (sli_proxy_tlv_next(&tlvs, &tlv)) {
    }
    return tlvs.size == 0;
}
