/** A PROXY header while it is read: how far it is, and what it told. */
#ifndef PROXY_HEADER_H
#define PROXY_HEADER_H

#include <slimta/address.h>

enum sli_proxy_status {
    SLI_PROXY_MORE,     /**< more octets are needed */
    SLI_PROXY_DONE,     /**< the header is whole and right */
    SLI_PROXY_WRONG,    /**< it is not, and `reason` says why */
    SLI_PROXY_NO_MEMORY /**< a TLV could not be kept */
};

struct sli_proxy_header {
    enum sli_proxy_status status;
    const char *reason; /* static; NULL but with SLI_PROXY_WRONG */
    int has_addresses;  /* else the real endpoints hold */
    struct slimta_address client;
    struct slimta_address local;
};

static inline void sli_proxy_header_refuse(
    struct sli_proxy_header *header, const char *reason)
{
    header->status = SLI_PROXY_WRONG;
    header->reason = reason;
}

#endif
