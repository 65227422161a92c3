/** Version 1 of the PROXY header: a line of text. */
#include "proxy/v1.h"

#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"

/* What a line may begin with (PROXY protocol 2.1). Four fields follow the space
 * of the first two. */
static const struct beginning {
    struct slimta_slice text;
    enum slimta_family family; /* NONE: what follows is not looked at */
} beginnings[] = {
    {{"PROXY TCP4 ", 11}, SLIMTA_FAMILY_IPV4},
    {{"PROXY TCP6 ", 11}, SLIMTA_FAMILY_IPV6},
    {{"PROXY UNKNOWN ", 14}, SLIMTA_FAMILY_NONE},
    {{"PROXY UNKNOWN\r", 14}, SLIMTA_FAMILY_NONE},
};

enum { BEGINNINGS = sizeof beginnings / sizeof *beginnings };

/* The beginning that the line has, or has the first octets of; NULL when there
 * is none. */
static const struct beginning *find_beginning(const struct sli_proxy_v1 *v1)
{
    for (size_t i = 0; i < BEGINNINGS; i++) {
        struct slimta_slice text = beginnings[i].text;

        if (memcmp(v1->line, text.data,
                v1->size < text.size ? v1->size : text.size) == 0) {
            return &beginnings[i];
        }
    }
    return NULL;
}

/* The text up to the next space, which is taken too, or to the end. */
static struct slimta_slice take_field(struct slimta_slice *rest)
{
    size_t size = 0;
    struct slimta_slice field;

    while (size < rest->size && rest->data[size] != ' ') {
        size++;
    }
    field = sli_slice(rest->data, size);
    *rest = sli_slice_skip(*rest, size < rest->size ? size + 1 : size);
    return field;
}

static int read_ip(struct slimta_slice *rest, struct slimta_address *address)
{
    struct slimta_slice field = take_field(rest);

    return address->family == SLIMTA_FAMILY_IPV4
        ? sli_address_parse_ipv4(field, address->ip)
        : sli_address_parse_ipv6(field, address->ip);
}

/* Decimal, 0 to 65535, without leading zeros. */
static int read_port(struct slimta_slice field, uint16_t *port)
{
    uint64_t value;

    if (!sli_ascii_number(field, 5, &value) || value > UINT16_MAX ||
        (field.size > 1 && field.data[0] == '0')) {
        return 0;
    }
    *port = (uint16_t)value;
    return 1;
}

/* Returns what is wrong, or NULL. The last field is all that is left, so that
 * nothing can follow it. */
static const char *read_fields(
    struct slimta_slice rest, struct sli_proxy_header *header)
{
    if (!read_ip(&rest, &header->client)) {
        return "source address is wrong";
    }
    if (!read_ip(&rest, &header->local)) {
        return "destination address is wrong";
    }
    if (!read_port(take_field(&rest), &header->client.port)) {
        return "source port is wrong";
    }
    if (!read_port(rest, &header->local.port)) {
        return "destination port is wrong";
    }
    return NULL;
}

/* Only a whole line is decoded (PROXY protocol 2.1). */
static void read_line(const struct sli_proxy_v1 *v1,
    const struct beginning *beginning, struct sli_proxy_header *header)
{
    struct slimta_slice line = sli_slice(v1->line, v1->size - 2);
    const char *reason;

    header->status = SLI_PROXY_DONE;
    if (beginning->family == SLIMTA_FAMILY_NONE) {
        return;
    }
    header->client.family = beginning->family;
    header->local.family = beginning->family;
    reason = read_fields(sli_slice_skip(line, beginning->text.size), header);
    if (reason != NULL) {
        sli_proxy_header_refuse(header, reason);
        return;
    }
    sli_address_unmap(&header->client);
    sli_address_unmap(&header->local);
    header->has_addresses = 1;
}

/* "PROXY " was right so far, or the line is none of ours. */
static const char *wrong_beginning(const struct sli_proxy_v1 *v1)
{
    static const char name[] = "PROXY ";
    size_t size = v1->size < sizeof name - 1 ? v1->size : sizeof name - 1;

    return memcmp(v1->line, name, size) == 0
        ? "protocol is not TCP4, TCP6 or UNKNOWN"
        : "no PROXY header";
}

/* Neither CR nor LF may stand alone. */
static int breaks_line_end(const struct sli_proxy_v1 *v1, char octet)
{
    int follows_cr = v1->size > 0 && v1->line[v1->size - 1] == '\r';

    return (octet == '\n') != follows_cr;
}

static int may_be_in_fields(char octet)
{
    return sli_ascii_is(octet, SLI_ASCII_HEX) || octet == '.' || octet == ':' ||
        octet == ' ' || octet == '\r' || octet == '\n';
}

void sli_proxy_v1_read(
    struct sli_proxy_v1 *v1, char octet, struct sli_proxy_header *header)
{
    int is_wrong_end = breaks_line_end(v1, octet);
    const struct beginning *beginning;

    v1->line[v1->size++] = octet;
    beginning = find_beginning(v1);
    if (beginning == NULL) {
        sli_proxy_header_refuse(header, wrong_beginning(v1));
    } else if (is_wrong_end) {
        sli_proxy_header_refuse(header, "line end is not CRLF");
    } else if (octet == '\n') {
        read_line(v1, beginning, header);
    } else if (v1->size > beginning->text.size &&
        beginning->family != SLIMTA_FAMILY_NONE && !may_be_in_fields(octet)) {
        sli_proxy_header_refuse(header, "octet is in no address or port");
    } else if (v1->size == SLI_PROXY_V1_MAX) {
        sli_proxy_header_refuse(header, "line is too long");
    }
}
