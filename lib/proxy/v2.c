/** Version 2 of the PROXY header: binary, with TLVs. */
#include "proxy/v2.h"

#include <string.h>

#include "base/address.h"
#include "base/slice.h"
#include "proxy/crc32c.h"
#include "proxy/tlv.h"

/* PROXY protocol 2.2. */
static const uint8_t signature[12] = {
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

enum { VERSION = 2, CHECKSUM_SIZE = 4 };

/* The low half of octet 13. */
enum { COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };

/* The low half of octet 14. */
enum { PROTOCOL_STREAM = 1, PROTOCOL_LAST = 2 };

/* By the high half of octet 14: unspecified, IPv4, IPv6, UNIX. */
static const struct {
    size_t address_size;
    enum slimta_family family;
} families[] = {
    {0, SLIMTA_FAMILY_NONE},
    {12, SLIMTA_FAMILY_IPV4},
    {SLI_PROXY_V2_IPV6, SLIMTA_FAMILY_IPV6},
    {216, SLIMTA_FAMILY_NONE},
};

enum { FAMILIES = sizeof families / sizeof *families };

void sli_proxy_v2_init(struct sli_proxy_v2 *v2,
    const struct slimta_alloc *alloc, size_t max_tlv_bytes)
{
    *v2 = (struct sli_proxy_v2){.crc = SLI_PROXY_CRC32C_START};
    sli_buf_init(&v2->tlvs, alloc, max_tlv_bytes);
}

void sli_proxy_v2_fini(struct sli_proxy_v2 *v2)
{
    sli_buf_fini(&v2->tlvs);
}

static void enter(struct sli_proxy_v2 *v2, enum sli_proxy_v2_step step)
{
    v2->step = step;
    v2->at = 0;
}

static void finish(struct sli_proxy_v2 *v2, struct sli_proxy_header *header)
{
    /* PROXY protocol 2.2.3. */
    if (v2->has_checksum && v2->checksum != sli_proxy_crc32c_end(v2->crc)) {
        sli_proxy_header_refuse(header, "checksum is wrong");
    } else {
        header->status = SLI_PROXY_DONE;
    }
}

/* At the end of the addresses or of a TLV. */
static void begin_tlv(struct sli_proxy_v2 *v2, struct sli_proxy_header *header)
{
    if (v2->left == 0) {
        finish(v2, header);
    } else if (v2->left < SLI_PROXY_TLV_HEAD) {
        sli_proxy_header_refuse(header, "TLV is cut");
    } else {
        enter(v2, SLI_PROXY_V2_TLV);
    }
}

static int is_local(const struct sli_proxy_v2 *v2)
{
    return (v2->octets[12] & 0xF) == COMMAND_LOCAL;
}

/* Of LOCAL the whole block is skipped, and its family not looked at. */
static void begin_block(
    struct sli_proxy_v2 *v2, struct sli_proxy_header *header)
{
    int is_skipped = is_local(v2);

    v2->left = (size_t)v2->octets[14] << 8 | v2->octets[15];
    if (is_skipped && v2->left == 0) {
        header->status = SLI_PROXY_DONE;
    } else if (is_skipped) {
        enter(v2, SLI_PROXY_V2_SKIP);
    } else if (v2->left < v2->address_size) {
        sli_proxy_header_refuse(header, "length is too small for addresses");
    } else if (v2->address_size > 0) {
        enter(v2, SLI_PROXY_V2_ADDRESSES);
    } else {
        begin_tlv(v2, header);
    }
}

static void read_command(uint8_t octet, struct sli_proxy_header *header)
{
    if (octet >> 4 != VERSION) {
        sli_proxy_header_refuse(header, "version is not 2");
    } else if ((octet & 0xF) > COMMAND_PROXY) {
        sli_proxy_header_refuse(header, "command is not LOCAL or PROXY");
    }
}

/* Datagrams are one of the combinations that a receiver need not know and then
 * serves as UNSPEC: SMTP has none, and the address of one proves nothing. */
static void read_family(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header)
{
    unsigned family = octet >> 4;
    unsigned protocol = octet & 0xF;

    if (is_local(v2)) {
        return;
    }
    if (family >= FAMILIES) {
        sli_proxy_header_refuse(header, "address family is unknown");
    } else if (protocol > PROTOCOL_LAST) {
        sli_proxy_header_refuse(header, "transport protocol is unknown");
    } else {
        v2->address_size = families[family].address_size;
        v2->family = protocol == PROTOCOL_STREAM ? families[family].family
                                                 : SLIMTA_FAMILY_NONE;
    }
}

static void read_beginning(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header)
{
    size_t at = v2->at++;

    v2->octets[at] = octet;
    if (at < sizeof signature) {
        if (octet != signature[at]) {
            sli_proxy_header_refuse(header, "no PROXY header");
        }
    } else if (at == 12) {
        read_command(octet, header);
    } else if (at == 13) {
        read_family(v2, octet, header);
    } else if (at == SLI_PROXY_V2_HEAD - 1) {
        begin_block(v2, header);
    }
}

static struct slimta_address read_address(
    enum slimta_family family, const uint8_t *ip, const uint8_t *port)
{
    struct slimta_address address = {
        .family = family,
        .port = (uint16_t)(port[0] << 8 | port[1]),
    };

    memcpy(address.ip, ip, family == SLIMTA_FAMILY_IPV4 ? 4 : 16);
    sli_address_unmap(&address);
    return address;
}

static void read_addresses(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header)
{
    if (v2->at < sizeof v2->octets) {
        v2->octets[v2->at] = octet;
    }
    if (++v2->at < v2->address_size) {
        return;
    }
    if (v2->family != SLIMTA_FAMILY_NONE) {
        const uint8_t *ports = v2->octets + v2->address_size - 4;
        size_t ip_size = (v2->address_size - 4) / 2;

        header->has_addresses = 1;
        header->client = read_address(v2->family, v2->octets, ports);
        header->local =
            read_address(v2->family, v2->octets + ip_size, ports + 2);
    }
    begin_tlv(v2, header);
}

/* What can be told of a TLV by its type and length; NULL when it may be. */
static const char *wrong_size(
    const struct sli_proxy_v2 *v2, unsigned type, size_t size)
{
    if (size > v2->left) {
        return "TLV is cut";
    }
    if (type == SLI_PROXY_TLV_CRC32C && size != CHECKSUM_SIZE) {
        return "checksum has not 4 octets";
    }
    if (type == SLI_PROXY_TLV_CRC32C && v2->has_checksum) {
        return "checksum is there twice";
    }
    if (type == SLI_PROXY_TLV_UNIQUE_ID && size > SLI_PROXY_V2_UNIQUE_ID_MAX) {
        return "unique id is too long";
    }
    if (type == SLI_PROXY_TLV_SSL && size < SLI_PROXY_TLV_SSL_HEAD) {
        return "SSL part is cut";
    }
    return NULL;
}

/* The value's room is made here, so that its octets only need to be put. */
static void keep_tlv(struct sli_proxy_v2 *v2, struct sli_proxy_header *header)
{
    size_t room = v2->tlvs.max - sli_buf_size(&v2->tlvs);
    size_t whole = SLI_PROXY_TLV_HEAD + v2->value_size;

    v2->is_kept = v2->octets[0] != SLI_PROXY_TLV_NOOP && whole <= room;
    if (!v2->is_kept) {
        return;
    }
    if (sli_buf_reserve(&v2->tlvs, whole) == NULL) {
        header->status = SLI_PROXY_NO_MEMORY;
        return;
    }
    (void)sli_buf_append(&v2->tlvs, sli_slice(v2->octets, SLI_PROXY_TLV_HEAD));
}

static void end_value(struct sli_proxy_v2 *v2, struct sli_proxy_header *header)
{
    if (v2->octets[0] == SLI_PROXY_TLV_SSL && v2->is_kept) {
        struct slimta_slice tlvs = sli_buf_slice(&v2->tlvs);
        size_t nested = v2->value_size - SLI_PROXY_TLV_SSL_HEAD;

        if (!sli_proxy_tlv_is_whole(sli_slice_skip(tlvs, tlvs.size - nested))) {
            sli_proxy_header_refuse(header, "SSL part is cut");
            return;
        }
    }
    begin_tlv(v2, header);
}

static void read_tlv(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header)
{
    const char *reason;

    v2->octets[v2->at++] = octet;
    if (v2->at < SLI_PROXY_TLV_HEAD) {
        return;
    }
    v2->value_size = (size_t)v2->octets[1] << 8 | v2->octets[2];
    reason = wrong_size(v2, v2->octets[0], v2->value_size);
    if (reason != NULL) {
        sli_proxy_header_refuse(header, reason);
        return;
    }
    keep_tlv(v2, header);
    if (header->status != SLI_PROXY_MORE) {
        return;
    }
    v2->has_checksum =
        v2->has_checksum || v2->octets[0] == SLI_PROXY_TLV_CRC32C;
    if (v2->value_size == 0) {
        end_value(v2, header);
    } else {
        enter(v2, SLI_PROXY_V2_VALUE);
    }
}

static int is_checksum(const struct sli_proxy_v2 *v2)
{
    return v2->step == SLI_PROXY_V2_VALUE &&
        v2->octets[0] == SLI_PROXY_TLV_CRC32C;
}

static void read_value(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header)
{
    if (v2->is_kept) {
        (void)sli_buf_append(&v2->tlvs, sli_slice(&octet, 1));
    }
    if (is_checksum(v2)) {
        v2->checksum = v2->checksum << 8 | octet;
    }
    if (++v2->at == v2->value_size) {
        end_value(v2, header);
    }
}

static void skip(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header)
{
    (void)octet;
    if (v2->left == 0) {
        header->status = SLI_PROXY_DONE;
    }
}

void sli_proxy_v2_read(
    struct sli_proxy_v2 *v2, uint8_t octet, struct sli_proxy_header *header)
{
    static void (*const steps[])(
        struct sli_proxy_v2 *, uint8_t, struct sli_proxy_header *) = {
        [SLI_PROXY_V2_BEGINNING] = read_beginning,
        [SLI_PROXY_V2_ADDRESSES] = read_addresses,
        [SLI_PROXY_V2_TLV] = read_tlv,
        [SLI_PROXY_V2_VALUE] = read_value,
        [SLI_PROXY_V2_SKIP] = skip,
    };

    /* PROXY protocol 2.2.3: the checksum's own octets count as zeros. */
    v2->crc = sli_proxy_crc32c_add(v2->crc, is_checksum(v2) ? 0 : octet);
    if (v2->step != SLI_PROXY_V2_BEGINNING) {
        v2->left--;
    }
    steps[v2->step](v2, octet, header);
}
