/** What a PROXY header said beside the addresses, in memory of its own. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <slimta/alloc.h>
#include <slimta/proxy.h>
#include <slimta/slice.h>

/**
 * One block that holds all it points to. Copies `tlvs`, whole ones, those in
 * SSL too. SLIMTA_ENOMEM. slimta_proxy_tlv takes no other struct than these.
 */
int sli_proxy_proxy_new(struct slimta_proxy **out,
    const struct slimta_alloc *alloc, int version, int is_local,
    struct slimta_slice tlvs);

/** `proxy` may be NULL; `alloc` as it was made with. */
void sli_proxy_proxy_free(
    struct slimta_proxy *proxy, const struct slimta_alloc *alloc);

#endif
