/** Feeds PROXY headers to the decoder, whole and in pieces: the outcome is the
 * same, nothing behind the header is taken, and what is told is clean. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "proxy/decoder.h"
#include "proxy/proxy.h"
#include "proxy/v1.h"
#include "proxy/v2.h"

/* What a decoder keeps here. */
enum { TLVS_MAX = 4096 };

struct outcome {
    enum sli_proxy_status status;
    size_t used;
    const char *reason;
    struct sli_proxy_result result;
};

/* The piece has a block of its own, which ends where it ends. */
static size_t feed(struct sli_proxy_decoder *decoder, struct slimta_slice piece,
    enum sli_proxy_status *status)
{
    char *copy = malloc(piece.size);
    size_t used;

    demand(copy != NULL);
    memcpy(copy, piece.data, piece.size);
    *status =
        sli_proxy_decoder_feed(decoder, sli_slice(copy, piece.size), &used);
    demand(*status == SLI_PROXY_MORE ? used == piece.size
                                     : used <= piece.size && used > 0);
    free(copy);
    return used;
}

static struct outcome decode(const struct slimta_alloc *alloc,
    enum slimta_proxy_version version, struct slimta_slice input, size_t piece)
{
    const struct sli_proxy_wanted wanted = {version, TLVS_MAX};
    struct outcome outcome = {.status = SLI_PROXY_MORE};
    struct sli_proxy_decoder *decoder = NULL;

    demand(sli_proxy_decoder_new(&decoder, alloc, &wanted) == 0);
    while (outcome.status == SLI_PROXY_MORE && outcome.used < input.size) {
        size_t left = input.size - outcome.used;

        outcome.used += feed(decoder,
            sli_slice(input.data + outcome.used, left < piece ? left : piece),
            &outcome.status);
    }
    outcome.reason = sli_proxy_decoder_reason(decoder);
    demand((outcome.reason != NULL) == (outcome.status == SLI_PROXY_WRONG));
    if (outcome.status == SLI_PROXY_DONE) {
        demand(sli_proxy_decoder_take(decoder, &outcome.result) == 0);
    }
    sli_proxy_decoder_free(decoder);
    return outcome;
}

static void check_text(const char *text)
{
    if (text != NULL) {
        struct slimta_slice octets = sli_slice_text(text);

        demand(octets.size > 0);
        demand(sli_ascii_all(octets, SLI_ASCII_PRINT | SLI_ASCII_HIGH));
        demand(sli_ascii_is_utf8(octets));
    }
}

static size_t size_of_tlvs(const struct slimta_proxy *proxy)
{
    size_t total = 0;

    for (int type = 0; type <= UINT8_MAX; type++) {
        struct slimta_slice value;

        for (size_t i = 0; slimta_proxy_tlv(proxy, (uint8_t)type, i, &value);
             i++) {
            total += 3 + value.size;
        }
    }
    return total;
}

static void check_proxy(const struct slimta_proxy *proxy)
{
    check_text(proxy->authority);
    check_text(proxy->netns);
    check_text(proxy->ssl_version);
    check_text(proxy->ssl_cn);
    check_text(proxy->ssl_cipher);
    check_text(proxy->ssl_signature_algorithm);
    check_text(proxy->ssl_key_algorithm);
    demand(proxy->unique_id.size <= SLI_PROXY_V2_UNIQUE_ID_MAX);
    demand(proxy->has_ssl || proxy->ssl_client == 0);
    demand(size_of_tlvs(proxy) <= TLVS_MAX);
}

static void check_end(const struct outcome *outcome, struct slimta_slice input)
{
    const struct slimta_proxy *proxy = outcome->result.proxy;

    if (proxy->version == 1) {
        demand(outcome->used <= SLI_PROXY_V1_MAX);
        demand(memcmp(input.data + outcome->used - 2, "\r\n", 2) == 0);
    } else {
        demand(outcome->used ==
            SLI_PROXY_V2_HEAD + ((size_t)(uint8_t)input.data[14] << 8) +
                (uint8_t)input.data[15]);
    }
    demand(proxy->is_local == !outcome->result.has_addresses);
    check_proxy(proxy);
}

static int is_same_address(
    const struct slimta_address *a, const struct slimta_address *b)
{
    return a->family == b->family && a->port == b->port &&
        memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_alloc alloc;
    struct slimta_slice input;
    enum slimta_proxy_version wanted;
    struct outcome whole;
    struct outcome cut;

    if (size < 3 || sli_alloc_init(&alloc, NULL) != 0) {
        return 0;
    }
    wanted = (enum slimta_proxy_version)(data[0] % 3);
    input = sli_slice(data + 2, size - 2);
    whole = decode(&alloc, wanted, input, SIZE_MAX);
    cut = decode(&alloc, wanted, input, 1 + (size_t)data[1]);
    demand(whole.status == cut.status && whole.used == cut.used);
    demand(whole.reason == cut.reason);
    if (whole.status == SLI_PROXY_DONE) {
        check_end(&whole, input);
        check_end(&cut, input);
        demand(is_same_address(&whole.result.client, &cut.result.client));
        demand(is_same_address(&whole.result.local, &cut.result.local));
    }
    sli_proxy_proxy_free(whole.result.proxy, &alloc);
    sli_proxy_proxy_free(cut.result.proxy, &alloc);
    return 0;
}
