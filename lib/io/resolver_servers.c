/** The list of name servers in options. */
#include "io/resolver_servers.h"

#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/slice.h"

static struct slimta_slice trim(struct slimta_slice text)
{
    while (text.size > 0 && text.data[0] == ' ') {
        text = sli_slice_skip(text, 1);
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

static int read_port(struct slimta_slice text, uint16_t *port)
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
static int read_rest(struct slimta_slice text, uint16_t *port)
{
    return text.size == 0 ||
        (text.data[0] == ':' && read_port(sli_slice_skip(text, 1), port));
}

/* "[::1]" or "[::1]:53". */
static int read_bracketed(
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
        read_rest(sli_slice_skip(text, size + 1), &address->port);
}

static int read_ipv4(struct slimta_slice text, struct slimta_address *address)
{
    const char *colon = memchr(text.data, ':', text.size);
    size_t size = colon == NULL ? text.size : (size_t)(colon - text.data);

    return sli_address_parse_ipv4(sli_slice(text.data, size), address->ip) &&
        read_rest(sli_slice_skip(text, size), &address->port);
}

static int read_server(struct slimta_slice text, struct slimta_address *address)
{
    *address = (struct slimta_address){
        .family = SLIMTA_FAMILY_IPV6, .port = SLI_IO_RESOLVER_PORT};
    if (text.size == 0) {
        return 0;
    }
    if (text.data[0] == '[') {
        return read_bracketed(text, address);
    }
    if (sli_address_parse_ipv6(text, address->ip)) {
        return 1;
    }
    address->family = SLIMTA_FAMILY_IPV4;
    return read_ipv4(text, address);
}

static int refuse(
    struct slimta_error *error, const char *option, struct slimta_slice word)
{
    return sli_error_set(error, SLIMTA_EINVAL,
        "%s: '%.*s' is no address of a name server", option,
        word.size > 60 ? 60 : (int)word.size, word.data);
}

static int read_all(struct sli_io_resolver_servers *out,
    struct slimta_slice text, const char *option, struct slimta_error *error)
{
    for (;;) {
        const char *comma = memchr(text.data, ',', text.size);
        size_t size = comma == NULL ? text.size : (size_t)(comma - text.data);
        struct slimta_slice word = trim(sli_slice(text.data, size));

        if (out->count == SLI_IO_RESOLVER_SERVERS_MAX) {
            return sli_error_set(error, SLIMTA_EINVAL,
                "%s: there are more than %d", option,
                SLI_IO_RESOLVER_SERVERS_MAX);
        }
        if (!read_server(word, &out->addresses[out->count])) {
            return refuse(error, option, word);
        }
        out->count++;
        if (comma == NULL) {
            return 0;
        }
        text = sli_slice_skip(text, size + 1);
    }
}

int sli_io_resolver_servers_read(struct sli_io_resolver_servers *out,
    const char *text, const char *option, struct slimta_error *error)
{
    struct slimta_slice list = sli_slice_text(text);

    out->count = 0;
    return list.size == 0 ? 0 : read_all(out, list, option, error);
}
