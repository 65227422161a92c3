/** Reads the PROXY header that a connection begins with, of either version. */
#ifndef PROXY_DECODER_H
#define PROXY_DECODER_H

#include <stddef.h>

#include <slimta/alloc.h>
#include <slimta/proxy.h>
#include <slimta/slice.h>

#include "proxy/header.h"

struct sli_proxy_decoder;

/** Which header is wanted, and how much of its TLVs is kept. */
struct sli_proxy_wanted {
    enum slimta_proxy_version version;
    size_t max_tlv_bytes; /* up to SLI_PROXY_V2_BLOCK_MAX */
};

/** Borrows `alloc` until the decoder is freed. SLIMTA_ENOMEM. */
int sli_proxy_decoder_new(struct sli_proxy_decoder **out,
    const struct slimta_alloc *alloc, const struct sli_proxy_wanted *wanted);

/** `decoder` may be NULL. */
void sli_proxy_decoder_free(struct sli_proxy_decoder *decoder);

/**
 * Reads the next octets, in pieces of any size. `used` becomes how many of them
 * were taken: never one behind the header's last. What is wrong is told with
 * the octet that makes it so; nothing more is taken after that, nor once the
 * header is done.
 */
enum sli_proxy_status sli_proxy_decoder_feed(struct sli_proxy_decoder *decoder,
    struct slimta_slice octets, size_t *used);

/** What is wrong, after SLI_PROXY_WRONG: a few words, static. Else NULL. */
const char *sli_proxy_decoder_reason(const struct sli_proxy_decoder *decoder);

/** What a header told. */
struct sli_proxy_result {
    int has_addresses; /**< else the real endpoints hold */
    struct slimta_address client;
    struct slimta_address local;
    struct slimta_proxy *proxy; /**< never NULL */
};

/** After SLI_PROXY_DONE. The caller has `proxy` then, which does not need the
 * decoder, and ends it with sli_proxy_proxy_free. SLIMTA_ENOMEM: nothing was
 * told. */
int sli_proxy_decoder_take(
    const struct sli_proxy_decoder *decoder, struct sli_proxy_result *result);

#endif
