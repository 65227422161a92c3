/** One zone of a block list: its name, and which answers count. */
#include "checks/dnsbl_zone.h"

#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/slice.h"

#define LABEL_MAX 63

/* RFC 5782 section 2.1: entries are in 127.0.0.0/8. What is in use for errors
 * of the zone: 127.0.0.1, and the last 256. */
#define FIRST_CODE UINT32_C(0x7F000000)
#define LAST_CODE UINT32_C(0x7FFFFFFF)
#define ERROR_CODE UINT32_C(0x7F000001)
#define FIRST_ERROR_CODE UINT32_C(0x7FFFFF00)

static int is_host_octet(char octet)
{
    return sli_ascii_is(octet, SLI_ASCII_ALNUM) || octet == '-' || octet == '_';
}

static int is_zone_name(struct slimta_slice name)
{
    size_t label = 0;

    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '.' ? label == 0 : !is_host_octet(name.data[i])) {
            return 0;
        }
        label = name.data[i] == '.' ? 0 : label + 1;
        if (label > LABEL_MAX) {
            return 0;
        }
    }
    return label > 0 && name.size <= SLI_CHECKS_DNSBL_ZONE_MAX;
}

static int copy_name(struct sli_checks_dnsbl_zone *zone, const char *given,
    struct slimta_error *error)
{
    struct slimta_slice name = sli_slice_text(given);

    if (name.size > 0 && name.data[name.size - 1] == '.') {
        name.size--;
    }
    if (!is_zone_name(name)) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "name: '%.*s' is no name of a zone",
            name.size > 100 ? 100 : (int)name.size,
            name.size == 0 ? "" : name.data);
    }
    memcpy(zone->name, name.data, name.size);
    return 0;
}

static uint32_t number_of(const uint8_t ip[4])
{
    return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 |
        (uint32_t)ip[2] << 8 | ip[3];
}

static int read_code(struct slimta_slice text, uint32_t *code)
{
    uint8_t ip[4];

    if (!sli_address_parse_ipv4(text, ip)) {
        return 0;
    }
    *code = number_of(ip);
    return *code >= FIRST_CODE && *code <= LAST_CODE;
}

/* "11" behind "127.0.0.2-", or a whole address. */
static int read_last(struct slimta_slice text, uint32_t first, uint32_t *last)
{
    uint64_t octet;

    if (sli_ascii_number(text, 3, &octet) && octet <= 255) {
        *last = (first & ~UINT32_C(255)) | (uint32_t)octet;
        return 1;
    }
    return read_code(text, last);
}

static int read_range(
    struct slimta_slice text, struct sli_checks_dnsbl_range *range)
{
    const char *dash =
        text.size == 0 ? NULL : memchr(text.data, '-', text.size);
    size_t size = dash == NULL ? text.size : (size_t)(dash - text.data);

    if (!read_code(sli_slice(text.data, size), &range->first)) {
        return 0;
    }
    range->last = range->first;
    return (dash == NULL ||
               read_last(sli_slice_skip(text, size + 1), range->first,
                   &range->last)) &&
        range->first <= range->last;
}

static int read_codes(struct sli_checks_dnsbl_codes *codes, const char *text,
    const char *member, struct slimta_error *error)
{
    struct slimta_slice left = sli_slice_text(text);

    while (left.size > 0) {
        const char *comma = memchr(left.data, ',', left.size);
        size_t size = comma == NULL ? left.size : (size_t)(comma - left.data);

        if (codes->count == SLI_CHECKS_DNSBL_RANGES_MAX) {
            return sli_error_set(error, SLIMTA_EINVAL,
                "%s: there are more than %d ranges", member,
                SLI_CHECKS_DNSBL_RANGES_MAX);
        }
        if (!read_range(
                sli_slice(left.data, size), &codes->ranges[codes->count]) ||
            (comma != NULL && size + 1 == left.size)) {
            return sli_error_set(error, SLIMTA_EINVAL,
                "%s: '%.100s' is no list of addresses in 127.0.0.0/8", member,
                text);
        }
        codes->count++;
        left = sli_slice_skip(left, comma == NULL ? size : size + 1);
    }
    return 0;
}

int sli_checks_dnsbl_zone_read(struct sli_checks_dnsbl_zone *zone,
    const struct slimta_dnsbl_zone *given, struct slimta_error *error)
{
    int err = copy_name(zone, given->name, error);

    if (err == 0) {
        err = read_codes(&zone->listed, given->listed, "listed", error);
    }
    if (err == 0) {
        err = read_codes(&zone->ignored, given->ignored, "ignored", error);
    }
    return err;
}

static int is_among(const struct sli_checks_dnsbl_codes *codes, uint32_t code)
{
    for (size_t i = 0; i < codes->count; i++) {
        if (code >= codes->ranges[i].first && code <= codes->ranges[i].last) {
            return 1;
        }
    }
    return 0;
}

static enum sli_checks_dnsbl_verdict judge_code(
    const struct sli_checks_dnsbl_zone *zone, uint32_t code)
{
    if (code == ERROR_CODE || (code >= FIRST_ERROR_CODE && code <= LAST_CODE)) {
        return SLI_CHECKS_DNSBL_ERROR;
    }
    if (code < FIRST_CODE || code > LAST_CODE ||
        is_among(&zone->ignored, code) ||
        (zone->listed.count > 0 && !is_among(&zone->listed, code))) {
        return SLI_CHECKS_DNSBL_NOT_LISTED;
    }
    return SLI_CHECKS_DNSBL_LISTED;
}

/* An error among the records is stronger than what stands beside it. */
static enum sli_checks_dnsbl_verdict judge_records(
    const struct sli_checks_dnsbl_zone *zone,
    const struct slimta_answer *answer)
{
    enum sli_checks_dnsbl_verdict verdict = SLI_CHECKS_DNSBL_NOT_LISTED;
    size_t count = slimta_answer_count(answer);
    struct slimta_address address;

    for (size_t i = 0; i < count; i++) {
        enum sli_checks_dnsbl_verdict one = SLI_CHECKS_DNSBL_NOT_LISTED;

        if (slimta_answer_address(answer, i, &address)) {
            one = judge_code(zone, number_of(address.ip));
        }
        verdict = one > verdict ? one : verdict;
    }
    return verdict;
}

enum sli_checks_dnsbl_verdict sli_checks_dnsbl_zone_judge(
    const struct sli_checks_dnsbl_zone *zone,
    const struct slimta_answer *answer)
{
    switch (slimta_answer_status(answer)) {
    case SLIMTA_DNS_FOUND:
        return judge_records(zone, answer);
    case SLIMTA_DNS_NO_DATA:
    case SLIMTA_DNS_NO_NAME:
        return SLI_CHECKS_DNSBL_NOT_LISTED;
    case SLIMTA_DNS_UNKNOWN:
    default:
        return SLI_CHECKS_DNSBL_ERROR;
    }
}

/* RFC 5782 sections 2.1 and 2.4. */
void sli_checks_dnsbl_zone_name(const struct sli_checks_dnsbl_zone *zone,
    const struct slimta_address *address, char out[SLI_CHECKS_DNSBL_NAME_SIZE])
{
    struct sli_text text = sli_text_in(out, SLI_CHECKS_DNSBL_NAME_SIZE);

    sli_address_put_reversed(&text, address);
    sli_text_put(&text, '.');
    sli_text_put_string(&text, zone->name);
}

struct slimta_address sli_checks_dnsbl_zone_never_listed(
    const struct slimta_address *address)
{
    if (address->family == SLIMTA_FAMILY_IPV4) {
        return (struct slimta_address){
            .family = SLIMTA_FAMILY_IPV4, .ip = {127, 0, 0, 1}};
    }
    return (struct slimta_address){
        .family = SLIMTA_FAMILY_IPV6, .ip = {[10] = 0xFF, 0xFF, 0x7F, 0, 0, 1}};
}

/* Networks that no list can know. */
struct network {
    enum slimta_family family;
    unsigned bits;
    uint8_t ip[16];
};

static const struct network networks[] = {
    {SLIMTA_FAMILY_IPV4, 8, {0}},
    {SLIMTA_FAMILY_IPV4, 8, {10}},
    {SLIMTA_FAMILY_IPV4, 10, {100, 64}},
    {SLIMTA_FAMILY_IPV4, 8, {127}},
    {SLIMTA_FAMILY_IPV4, 16, {169, 254}},
    {SLIMTA_FAMILY_IPV4, 12, {172, 16}},
    {SLIMTA_FAMILY_IPV4, 16, {192, 168}},
    {SLIMTA_FAMILY_IPV4, 3, {224}},
    {SLIMTA_FAMILY_IPV6, 128, {0}},
    {SLIMTA_FAMILY_IPV6, 128, {[15] = 1}},
    {SLIMTA_FAMILY_IPV6, 7, {0xFC}},
    {SLIMTA_FAMILY_IPV6, 10, {0xFE, 0x80}},
    {SLIMTA_FAMILY_IPV6, 8, {0xFF}},
};

static int is_in(
    const struct network *network, const struct slimta_address *address)
{
    unsigned octets = network->bits / 8;
    unsigned rest = network->bits % 8;

    return address->family == network->family &&
        memcmp(address->ip, network->ip, octets) == 0 &&
        (rest == 0 ||
            (address->ip[octets] ^ network->ip[octets]) >> (8 - rest) == 0);
}

int sli_checks_dnsbl_zone_is_public(const struct slimta_address *address)
{
    int is_public = address->family == SLIMTA_FAMILY_IPV4 ||
        address->family == SLIMTA_FAMILY_IPV6;

    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        is_public = is_public && !is_in(&networks[i], address);
    }
    return is_public;
}
