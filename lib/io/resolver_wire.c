/** The DNS on the wire: reading a message without trusting it. */
#include "io/resolver_wire.h"

#include "base/ascii.h"
#include "base/slice.h"

/* RFC 1035 section 2.3.4, with the lengths of the labels and the root's. */
#define WIRE_NAME_MAX 255

static uint8_t octet_at(const struct sli_io_resolver_wire *wire, size_t at)
{
    return (uint8_t)wire->message.data[at];
}

struct slimta_slice sli_io_resolver_wire_octets(
    struct sli_io_resolver_wire *wire, size_t size)
{
    struct slimta_slice octets = {NULL, 0};

    if (wire->is_bad || size > wire->message.size - wire->at) {
        wire->is_bad = 1;
        return octets;
    }
    octets = sli_slice(wire->message.data + wire->at, size);
    wire->at += size;
    return octets;
}

uint8_t sli_io_resolver_wire_u8(struct sli_io_resolver_wire *wire)
{
    struct slimta_slice octets = sli_io_resolver_wire_octets(wire, 1);

    return octets.size == 0 ? 0 : (uint8_t)octets.data[0];
}

uint16_t sli_io_resolver_wire_u16(struct sli_io_resolver_wire *wire)
{
    unsigned high = sli_io_resolver_wire_u8(wire);

    return (uint16_t)(high << 8 | sli_io_resolver_wire_u8(wire));
}

uint32_t sli_io_resolver_wire_u32(struct sli_io_resolver_wire *wire)
{
    uint32_t high = sli_io_resolver_wire_u16(wire);

    return high << 16 | sli_io_resolver_wire_u16(wire);
}

static void put_octet(struct sli_io_resolver_wire_name *name, char octet)
{
    /* A name of 255 octets on the wire is never longer than its room. */
    name->text[name->size++] = sli_ascii_lower(octet);
}

static void put_label(
    struct sli_io_resolver_wire_name *name, struct slimta_slice label)
{
    if (name->size > 0) {
        put_octet(name, '.');
    }
    for (size_t i = 0; i < label.size; i++) {
        char octet = label.data[i];

        name->is_host = name->is_host &&
            (sli_ascii_is(octet, SLI_ASCII_ALNUM) || octet == '-' ||
                octet == '_');
        put_octet(name, octet);
    }
}

/* RFC 1035 section 4.1.4: a pointer leads backwards only, behind everything
 * that was read of this name, so that every name ends. Returns the place, or
 * the size of the message. */
static size_t follow(
    const struct sli_io_resolver_wire *wire, size_t at, size_t *limit)
{
    size_t end = wire->message.size;
    size_t target;

    if (end - at < 2) {
        return end;
    }
    target = (octet_at(wire, at) & 0x3Fu) << 8 | octet_at(wire, at + 1);
    if (target >= *limit) {
        return end;
    }
    *limit = target;
    return target;
}

/* Returns where the message goes on behind the name, or 0 when it is none. */
static size_t read_labels(const struct sli_io_resolver_wire *wire,
    struct sli_io_resolver_wire_name *name)
{
    size_t end = wire->message.size;
    size_t at = wire->at;
    size_t limit = at;
    size_t after = 0;
    size_t total = 1;

    while (at < end && octet_at(wire, at) != 0) {
        size_t size = octet_at(wire, at);

        if (size >= 0xC0) {
            after = after == 0 ? at + 2 : after;
            at = follow(wire, at, &limit);
            continue;
        }
        total += size + 1;
        if (size > SLI_IO_RESOLVER_LABEL_MAX || total > WIRE_NAME_MAX ||
            size >= end - at) {
            return 0;
        }
        put_label(name, sli_slice(wire->message.data + at + 1, size));
        at += size + 1;
    }
    if (at >= end) {
        return 0;
    }
    return after == 0 ? at + 1 : after;
}

void sli_io_resolver_wire_read_name(
    struct sli_io_resolver_wire *wire, struct sli_io_resolver_wire_name *name)
{
    size_t after = 0;

    name->size = 0;
    name->is_host = 1;
    if (!wire->is_bad) {
        after = read_labels(wire, name);
    }
    name->text[name->size] = '\0';
    if (after == 0) {
        wire->is_bad = 1;
    } else {
        wire->at = after;
    }
}
