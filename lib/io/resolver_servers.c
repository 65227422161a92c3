/** The list of name servers in options. */
#include "io/resolver_servers.h"

#include <string.h>

#include "base/address.h"
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
        if (!sli_address_parse_endpoint(
                word, SLI_IO_RESOLVER_PORT, &out->addresses[out->count])) {
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
