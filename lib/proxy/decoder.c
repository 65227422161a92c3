/** Reads the PROXY header that a connection begins with, of either version. */
#include "proxy/decoder.h"

#include <assert.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "proxy/proxy.h"
#include "proxy/v1.h"
#include "proxy/v2.h"

struct sli_proxy_decoder {
    struct slimta_alloc alloc;
    enum slimta_proxy_version version; /* AUTO until the first octet */
    enum slimta_proxy_version wanted;
    struct sli_proxy_header header;
    struct sli_proxy_v1 v1;
    struct sli_proxy_v2 v2;
};

int sli_proxy_decoder_new(struct sli_proxy_decoder **out,
    const struct slimta_alloc *alloc, const struct sli_proxy_wanted *wanted)
{
    struct sli_proxy_decoder *decoder = sli_alloc_zero(alloc, sizeof *decoder);

    if (decoder == NULL) {
        return SLIMTA_ENOMEM;
    }
    decoder->alloc = *alloc;
    decoder->wanted = wanted->version;
    sli_proxy_v2_init(&decoder->v2, &decoder->alloc, wanted->max_tlv_bytes);
    *out = decoder;
    return 0;
}

void sli_proxy_decoder_free(struct sli_proxy_decoder *decoder)
{
    if (decoder != NULL) {
        struct slimta_alloc alloc = decoder->alloc;

        sli_proxy_v2_fini(&decoder->v2);
        sli_free(&alloc, decoder);
    }
}

/* The first octet parts the versions (PROXY protocol 2.2). */
static void detect(struct sli_proxy_decoder *decoder, char octet)
{
    static const char *const reasons[] = {
        [SLIMTA_PROXY_AUTO] = "no PROXY header",
        [SLIMTA_PROXY_V1] = "no PROXY header of version 1",
        [SLIMTA_PROXY_V2] = "no PROXY header of version 2",
    };
    enum slimta_proxy_version found = octet == 'P' ? SLIMTA_PROXY_V1
        : octet == '\r'                            ? SLIMTA_PROXY_V2
                                                   : SLIMTA_PROXY_AUTO;

    if (found == SLIMTA_PROXY_AUTO ||
        (decoder->wanted != SLIMTA_PROXY_AUTO && decoder->wanted != found)) {
        sli_proxy_header_refuse(&decoder->header, reasons[decoder->wanted]);
    }
    decoder->version = found;
}

static void read_octet(struct sli_proxy_decoder *decoder, char octet)
{
    if (decoder->version == SLIMTA_PROXY_AUTO) {
        detect(decoder, octet);
    }
    if (decoder->header.status != SLI_PROXY_MORE) {
        return;
    }
    if (decoder->version == SLIMTA_PROXY_V1) {
        sli_proxy_v1_read(&decoder->v1, octet, &decoder->header);
    } else {
        sli_proxy_v2_read(&decoder->v2, (uint8_t)octet, &decoder->header);
    }
}

enum sli_proxy_status sli_proxy_decoder_feed(
    struct sli_proxy_decoder *decoder, struct slimta_slice octets, size_t *used)
{
    *used = 0;
    while (*used < octets.size && decoder->header.status == SLI_PROXY_MORE) {
        read_octet(decoder, octets.data[(*used)++]);
    }
    return decoder->header.status;
}

const char *sli_proxy_decoder_reason(const struct sli_proxy_decoder *decoder)
{
    return decoder->header.reason;
}

int sli_proxy_decoder_take(
    const struct sli_proxy_decoder *decoder, struct sli_proxy_result *result)
{
    const struct sli_proxy_header *header = &decoder->header;
    struct slimta_proxy *proxy = NULL;
    int err;

    assert(header->status == SLI_PROXY_DONE);
    err = sli_proxy_proxy_new(&proxy, &decoder->alloc,
        decoder->version == SLIMTA_PROXY_V1 ? 1 : 2, !header->has_addresses,
        sli_buf_slice(&decoder->v2.tlvs));
    if (err == 0) {
        *result = (struct sli_proxy_result){
            .has_addresses = header->has_addresses,
            .client = header->client,
            .local = header->local,
            .proxy = proxy,
        };
    }
    return err;
}
