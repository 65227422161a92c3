/** Network addresses: text to value and back. */
#include "base/address.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"

enum { GROUPS = 8 };

int sli_address_parse_ipv4(struct slimta_slice text, uint8_t ip[4])
{
    size_t at = 0;

    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t first = at;

        while (at < text.size && sli_ascii_is(text.data[at], SLI_ASCII_DIGIT) &&
            at - first < 3) {
            value = value * 10 + (unsigned)(text.data[at++] - '0');
        }
        if (at == first || value > 255 ||
            (at - first > 1 && text.data[first] == '0')) {
            return 0;
        }
        ip[part] = (uint8_t)value;
        if (part < 3 && (at == text.size || text.data[at++] != '.')) {
            return 0;
        }
    }
    return at == text.size;
}

static unsigned hex_value(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0')
                        : (unsigned)(sli_ascii_lower(digit) - 'a') + 10;
}

/* One to four hexadecimal digits at `*at`. */
static int parse_group(struct slimta_slice text, size_t *at, uint16_t *group)
{
    size_t first = *at;
    unsigned value = 0;

    while (*at < text.size && *at - first < 4 &&
        sli_ascii_is(text.data[*at], SLI_ASCII_HEX)) {
        value = value * 16 + hex_value(text.data[(*at)++]);
    }
    *group = (uint16_t)value;
    return *at > first;
}

static int has_double_colon(struct slimta_slice text, size_t at)
{
    return text.size - at >= 2 && text.data[at] == ':' &&
        text.data[at + 1] == ':';
}

/* An IPv4 tail stands for two groups. */
static int parse_ipv4_tail(
    struct slimta_slice text, uint16_t groups[GROUPS], int *count)
{
    uint8_t ip[4];

    if (*count > GROUPS - 2 || !sli_address_parse_ipv4(text, ip)) {
        return 0;
    }
    groups[(*count)++] = (uint16_t)(ip[0] << 8 | ip[1]);
    groups[(*count)++] = (uint16_t)(ip[2] << 8 | ip[3]);
    return 1;
}

/* The groups of the text in order; `gap` becomes the index of the first group
 * after the double colon, or -1. */
static int parse_groups(
    struct slimta_slice text, uint16_t groups[GROUPS], int *count, int *gap)
{
    size_t at = 0;

    if (has_double_colon(text, 0)) {
        *gap = 0;
        at = 2;
    }
    while (at < text.size) {
        size_t first = at;

        if (*count == GROUPS || !parse_group(text, &at, &groups[*count])) {
            return 0;
        }
        if (at < text.size && text.data[at] == '.') {
            return parse_ipv4_tail(sli_slice_skip(text, first), groups, count);
        }
        (*count)++;
        if (at == text.size) {
            return 1;
        }
        if (has_double_colon(text, at) && *gap < 0) {
            *gap = *count;
            at += 2;
        } else if (text.data[at] == ':' && at + 1 < text.size) {
            at++;
        } else {
            return 0;
        }
    }
    return *gap >= 0;
}

int sli_address_parse_ipv6(struct slimta_slice text, uint8_t ip[16])
{
    uint16_t groups[GROUPS] = {0};
    int count = 0;
    int gap = -1;
    int missing;

    if (!parse_groups(text, groups, &count, &gap)) {
        return 0;
    }
    missing = GROUPS - count;
    if ((gap < 0 && missing != 0) || (gap >= 0 && missing < 1)) {
        return 0;
    }
    memset(ip, 0, 16);
    for (int i = 0; i < count; i++) {
        int place = gap >= 0 && i >= gap ? i + missing : i;

        ip[place * 2] = (uint8_t)(groups[i] >> 8);
        ip[place * 2 + 1] = (uint8_t)(groups[i] & 0xFF);
    }
    return 1;
}

void sli_address_unmap(struct slimta_address *address)
{
    static const uint8_t prefix[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

    if (address->family == SLIMTA_FAMILY_IPV6 &&
        memcmp(address->ip, prefix, sizeof prefix) == 0) {
        address->family = SLIMTA_FAMILY_IPV4;
        address->scope_id = 0;
        memmove(address->ip, address->ip + 12, 4);
        memset(address->ip + 4, 0, 12);
    }
}

int sli_address_parse_port(struct slimta_slice text, uint16_t *port)
{
    uint64_t number;

    if (!sli_ascii_number(text, 5, &number) || number == 0 ||
        number > UINT16_MAX) {
        return 0;
    }
    *port = (uint16_t)number;
    return 1;
}

/* What stands behind the address: nothing, or a colon and a port. */
static int parse_rest(struct slimta_slice text, uint16_t *port)
{
    return text.size == 0 ||
        (text.data[0] == ':' &&
            sli_address_parse_port(sli_slice_skip(text, 1), port));
}

/* "[::1]" or "[::1]:53". */
static int parse_bracketed(
    struct slimta_slice text, struct slimta_address *address)
{
    const char *end = memchr(text.data, ']', text.size);
    size_t size;

    if (end == NULL) {
        return 0;
    }
    size = (size_t)(end - text.data);
    return sli_address_parse_ipv6(
               sli_slice(text.data + 1, size - 1), address->ip) &&
        parse_rest(sli_slice_skip(text, size + 1), &address->port);
}

static int parse_ipv4_endpoint(
    struct slimta_slice text, struct slimta_address *address)
{
    const char *colon = memchr(text.data, ':', text.size);
    size_t size = colon == NULL ? text.size : (size_t)(colon - text.data);

    return sli_address_parse_ipv4(sli_slice(text.data, size), address->ip) &&
        parse_rest(sli_slice_skip(text, size), &address->port);
}

int sli_address_parse_endpoint(
    struct slimta_slice text, uint16_t port, struct slimta_address *address)
{
    int is_read;

    *address =
        (struct slimta_address){.family = SLIMTA_FAMILY_IPV6, .port = port};
    if (text.size == 0) {
        return 0;
    }
    is_read = text.data[0] == '[' ? parse_bracketed(text, address)
                                  : sli_address_parse_ipv6(text, address->ip);
    if (!is_read && text.data[0] != '[') {
        address->family = SLIMTA_FAMILY_IPV4;
        is_read = parse_ipv4_endpoint(text, address);
    }
    sli_address_unmap(address);
    return is_read;
}

static void put_ipv4(struct sli_text *text, const uint8_t *ip)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0) {
            sli_text_put(text, '.');
        }
        sli_text_put_number(text, ip[i]);
    }
}

static void put_hex(struct sli_text *text, unsigned value)
{
    int started = 0;

    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 0xF;

        started = started || digit != 0 || shift == 0;
        if (started) {
            sli_text_put(text, "0123456789abcdef"[digit]);
        }
    }
}

static unsigned group_at(const uint8_t *ip, int index)
{
    return (unsigned)ip[index * 2] << 8 | ip[index * 2 + 1];
}

/* RFC 5952 section 4.2: the longest run of at least two zero groups, the first
 * one of equals, becomes "::". */
static int longest_zero_run(const uint8_t *ip, int *length)
{
    int best = -1;

    *length = 1;
    for (int i = 0; i < GROUPS; i++) {
        int end = i;

        while (end < GROUPS && group_at(ip, end) == 0) {
            end++;
        }
        if (end - i > *length) {
            best = i;
            *length = end - i;
        }
        i = end > i ? end - 1 : i;
    }
    return best;
}

static void put_ipv6(struct sli_text *text, const uint8_t *ip)
{
    int length;
    int gap = longest_zero_run(ip, &length);

    for (int i = 0; i < GROUPS; i++) {
        if (i == gap) {
            sli_text_put_string(text, "::");
            i += length - 1;
            continue;
        }
        if (i > 0 && i != gap + length) {
            sli_text_put(text, ':');
        }
        put_hex(text, group_at(ip, i));
    }
}

static void put_nibble(struct sli_text *text, unsigned value)
{
    sli_text_put(text, "0123456789abcdef"[value & 0xF]);
}

void sli_address_put_reversed(
    struct sli_text *text, const struct slimta_address *address)
{
    int octets = address->family == SLIMTA_FAMILY_IPV4 ? 4
        : address->family == SLIMTA_FAMILY_IPV6        ? 16
                                                       : 0;

    for (int i = octets - 1; i >= 0; i--) {
        if (i < octets - 1) {
            sli_text_put(text, '.');
        }
        if (octets == 4) {
            sli_text_put_number(text, address->ip[i]);
            continue;
        }
        put_nibble(text, address->ip[i]);
        sli_text_put(text, '.');
        put_nibble(text, (unsigned)address->ip[i] >> 4);
    }
}

static void put_ip(struct sli_text *text, const struct slimta_address *address)
{
    switch (address->family) {
    case SLIMTA_FAMILY_IPV4:
        put_ipv4(text, address->ip);
        break;
    case SLIMTA_FAMILY_IPV6:
        put_ipv6(text, address->ip);
        if (address->scope_id != 0) {
            sli_text_put(text, '%');
            sli_text_put_number(text, address->scope_id);
        }
        break;
    case SLIMTA_FAMILY_UNIX:
        sli_text_put_string(text, "unix");
        break;
    case SLIMTA_FAMILY_NONE:
    default:
        sli_text_put_string(text, "unknown");
        break;
    }
}

size_t slimta_address_format_ip(
    const struct slimta_address *address, char *out, size_t size)
{
    struct sli_text text = sli_text_in(out, size);

    put_ip(&text, address);
    return text.length;
}

size_t slimta_address_format(
    const struct slimta_address *address, char *out, size_t size)
{
    struct sli_text text = sli_text_in(out, size);
    int is_ipv6 = address->family == SLIMTA_FAMILY_IPV6;

    if (is_ipv6) {
        sli_text_put(&text, '[');
    }
    put_ip(&text, address);
    if (is_ipv6) {
        sli_text_put(&text, ']');
    }
    if (is_ipv6 || address->family == SLIMTA_FAMILY_IPV4) {
        sli_text_put(&text, ':');
        sli_text_put_number(&text, address->port);
    }
    return text.length;
}
