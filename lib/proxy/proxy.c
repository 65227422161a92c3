/** What a PROXY header said beside the addresses, in memory of its own. */
#include "proxy/proxy.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "proxy/tlv.h"

/* `octets` are the TLVs, then the texts, terminated. A text with its end is
 * shorter than the TLV that it comes from. */
struct told {
    struct slimta_proxy proxy; /* what the host sees */
    size_t tlvs_size;
    char octets[];
};

/* PROXY protocol 2.2.2, 2.2.6, 2.2.7. */
static const struct text {
    uint8_t type;
    int is_utf8; /* else ASCII */
    size_t member;
} texts[] = {
    {SLI_PROXY_TLV_AUTHORITY, 1, offsetof(struct slimta_proxy, authority)},
    {SLI_PROXY_TLV_NETNS, 0, offsetof(struct slimta_proxy, netns)},
};

static const struct text ssl_texts[] = {
    {SLI_PROXY_TLV_SSL_VERSION, 0, offsetof(struct slimta_proxy, ssl_version)},
    {SLI_PROXY_TLV_SSL_CN, 1, offsetof(struct slimta_proxy, ssl_cn)},
    {SLI_PROXY_TLV_SSL_CIPHER, 0, offsetof(struct slimta_proxy, ssl_cipher)},
    {SLI_PROXY_TLV_SSL_SIG_ALG, 0,
        offsetof(struct slimta_proxy, ssl_signature_algorithm)},
    {SLI_PROXY_TLV_SSL_KEY_ALG, 0,
        offsetof(struct slimta_proxy, ssl_key_algorithm)},
};

/* Some of these come from the client's ClientHello or certificate. They end up
 * in logs and headers, and what is cut at a NUL can be taken for another. */
static int is_clean(struct slimta_slice value, int is_utf8)
{
    unsigned classes = SLI_ASCII_PRINT | (is_utf8 ? SLI_ASCII_HIGH : 0);

    return value.size > 0 && sli_ascii_all(value, classes) &&
        sli_ascii_is_utf8(value);
}

/* Writes to `at`, returns where the next text goes. */
static char *copy_texts(struct slimta_proxy *proxy, struct slimta_slice tlvs,
    const struct text *rows, size_t count, char *at)
{
    for (size_t i = 0; i < count; i++) {
        struct slimta_slice value;

        if (sli_proxy_tlv_find(tlvs, rows[i].type, &value) &&
            is_clean(value, rows[i].is_utf8)) {
            const char *text = sli_slice_put_text(&at, value);

            memcpy((char *)proxy + rows[i].member, &text, sizeof text);
        }
    }
    return at;
}

/* PROXY protocol 2.2.6: one octet of flags, four that are all zero when the
 * client's certificate was verified, and TLVs. */
static void read_ssl(
    struct slimta_proxy *proxy, struct slimta_slice ssl, char *at)
{
    static const char verified[4] = {0};
    unsigned flags = (unsigned char)ssl.data[0];

    proxy->has_ssl = 1;
    proxy->ssl_client = flags;
    proxy->ssl_is_verified =
        (flags & (SLIMTA_PROXY_CERT_CONN | SLIMTA_PROXY_CERT_SESS)) != 0 &&
        memcmp(ssl.data + 1, verified, sizeof verified) == 0;
    (void)copy_texts(proxy, sli_slice_skip(ssl, SLI_PROXY_TLV_SSL_HEAD),
        ssl_texts, sizeof ssl_texts / sizeof *ssl_texts, at);
}

static struct slimta_slice tlvs_of(const struct told *told)
{
    return sli_slice(told->octets, told->tlvs_size);
}

static void read_tlvs(struct told *told)
{
    struct slimta_proxy *proxy = &told->proxy;
    struct slimta_slice tlvs = tlvs_of(told);
    struct slimta_slice ssl;
    char *at = copy_texts(proxy, tlvs, texts, sizeof texts / sizeof *texts,
        told->octets + told->tlvs_size);

    (void)sli_proxy_tlv_find(tlvs, SLI_PROXY_TLV_ALPN, &proxy->alpn);
    (void)sli_proxy_tlv_find(tlvs, SLI_PROXY_TLV_UNIQUE_ID, &proxy->unique_id);
    if (sli_proxy_tlv_find(tlvs, SLI_PROXY_TLV_SSL, &ssl)) {
        read_ssl(proxy, ssl, at);
    }
}

int sli_proxy_proxy_new(struct slimta_proxy **out,
    const struct slimta_alloc *alloc, int version, int is_local,
    struct slimta_slice tlvs)
{
    struct told *told =
        sli_alloc_zero(alloc, sizeof *told + tlvs.size + tlvs.size);

    if (told == NULL) {
        return SLIMTA_ENOMEM;
    }
    told->proxy.size = sizeof told->proxy;
    told->proxy.version = version;
    told->proxy.is_local = is_local;
    told->tlvs_size = tlvs.size;
    if (tlvs.size > 0) {
        memcpy(told->octets, tlvs.data, tlvs.size);
    }
    read_tlvs(told);
    *out = &told->proxy;
    return 0;
}

void sli_proxy_proxy_free(
    struct slimta_proxy *proxy, const struct slimta_alloc *alloc)
{
    sli_free(alloc, proxy);
}

int slimta_proxy_tlv(const struct slimta_proxy *proxy, uint8_t type,
    size_t index, struct slimta_slice *value)
{
    struct slimta_slice rest = {NULL, 0};
    struct sli_proxy_tlv tlv;

    if (proxy != NULL) {
        rest = tlvs_of((const struct told *)(const void *)proxy);
    }
    while (sli_proxy_tlv_next(&rest, &tlv)) {
        if (tlv.type == type && index-- == 0) {
            *value = tlv.value;
            return 1;
        }
    }
    return 0;
}
