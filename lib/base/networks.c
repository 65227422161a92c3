/** A list of networks, and whether an address is in it. */
#include "base/networks.h"

#include <string.h>

#include "base/address.h"
#include "base/alloc.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/slice.h"

enum { IPV4_BITS = 32, IPV6_BITS = 128, MAPPED_BITS = 96 };

struct sli_network {
    struct slimta_address address;
    unsigned prefix; /* in bits; 0 of "unix" */
};

/* The text up to `end`, which is taken too, or all of it. Returns whether the
 * end was there. */
static int take(struct slimta_slice *rest, char end, struct slimta_slice *taken)
{
    const char *found =
        rest->size == 0 ? NULL : memchr(rest->data, end, rest->size);

    *taken = *rest;
    if (found == NULL) {
        *rest = (struct slimta_slice){NULL, 0};
        return 0;
    }
    taken->size = (size_t)(found - rest->data);
    *rest = sli_slice_skip(*rest, taken->size + 1);
    return 1;
}

/* Decimal, without leading zeros, at most `max`. */
static int read_prefix(struct slimta_slice text, unsigned max, unsigned *prefix)
{
    uint64_t value;

    if (!sli_ascii_number(text, 3, &value) || value > max ||
        (text.size > 1 && text.data[0] == '0')) {
        return 0;
    }
    *prefix = (unsigned)value;
    return 1;
}

static int bit(const uint8_t *ip, unsigned index)
{
    return ip[index / 8] >> (7 - index % 8) & 1;
}

static int is_zero_behind(const struct sli_network *network, unsigned bits)
{
    for (unsigned i = network->prefix; i < bits; i++) {
        if (bit(network->address.ip, i)) {
            return 0;
        }
    }
    return 1;
}

/* RFC 4291 section 2.5.5.2. A shorter prefix would hold the mapped ones and
 * others, and cannot be had: a bit behind it is set. */
static void unmap(struct sli_network *network)
{
    if (network->address.family == SLIMTA_FAMILY_IPV6) {
        sli_address_unmap(&network->address);
        if (network->address.family == SLIMTA_FAMILY_IPV4) {
            network->prefix -= MAPPED_BITS;
        }
    }
}

static int read_member(struct slimta_slice text, struct sli_network *network)
{
    struct slimta_slice ip;
    unsigned bits = IPV4_BITS;

    if (sli_slice_is(text, SLI_LITERAL("unix"))) {
        network->address.family = SLIMTA_FAMILY_UNIX;
        return 1;
    }
    int has_prefix = take(&text, '/', &ip);

    if (sli_address_parse_ipv4(ip, network->address.ip)) {
        network->address.family = SLIMTA_FAMILY_IPV4;
    } else if (sli_address_parse_ipv6(ip, network->address.ip)) {
        network->address.family = SLIMTA_FAMILY_IPV6;
        bits = IPV6_BITS;
    } else {
        return 0;
    }
    network->prefix = bits;
    if (has_prefix &&
        (!read_prefix(text, bits, &network->prefix) ||
            !is_zero_behind(network, bits))) {
        return 0;
    }
    unmap(network);
    return 1;
}

static size_t count_members(struct slimta_slice text)
{
    size_t count = text.size > 0;

    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == ',';
    }
    return count;
}

static int read_members(struct sli_networks *networks, const char *option,
    struct slimta_slice rest, struct slimta_error *error)
{
    for (size_t i = 0; i < networks->count; i++) {
        struct slimta_slice member;

        (void)take(&rest, ',', &member);
        if (!read_member(member, &networks->items[i])) {
            return sli_error_set(error, SLIMTA_EINVAL,
                "%s: \"%.*s\" is not an address, a network or \"unix\"", option,
                (int)(member.size < 100 ? member.size : 100),
                member.data == NULL ? "" : member.data);
        }
    }
    return 0;
}

int sli_networks_init(struct sli_networks *networks,
    const struct slimta_alloc *alloc, const char *option, const char *text,
    struct slimta_error *error)
{
    struct slimta_slice members = sli_slice_text(text);
    int err;

    *networks = (struct sli_networks){.alloc = alloc};
    if (members.size == 0) {
        return 0;
    }
    networks->count = count_members(members);
    networks->items =
        sli_alloc_array(alloc, networks->count, sizeof *networks->items);
    if (networks->items == NULL) {
        networks->count = 0;
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    err = read_members(networks, option, members, error);
    if (err != 0) {
        sli_networks_fini(networks);
    }
    return err;
}

void sli_networks_fini(struct sli_networks *networks)
{
    sli_free(networks->alloc, networks->items);
    networks->items = NULL;
    networks->count = 0;
}

static int is_in(
    const struct sli_network *network, const struct slimta_address *address)
{
    size_t whole = network->prefix / 8;

    if (network->address.family != address->family ||
        memcmp(network->address.ip, address->ip, whole) != 0) {
        return 0;
    }
    for (unsigned i = (unsigned)whole * 8; i < network->prefix; i++) {
        if (bit(network->address.ip, i) != bit(address->ip, i)) {
            return 0;
        }
    }
    return 1;
}

int sli_networks_has(
    const struct sli_networks *networks, const struct slimta_address *address)
{
    struct slimta_address real = *address;

    sli_address_unmap(&real);
    for (size_t i = 0; i < networks->count; i++) {
        if (is_in(&networks->items[i], &real)) {
            return 1;
        }
    }
    return 0;
}
