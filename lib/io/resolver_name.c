/** Names of the DNS as text. */
#include "io/resolver_name.h"

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"

size_t sli_io_resolver_name_read(
    const char *name, char out[SLI_IO_RESOLVER_NAME_SIZE])
{
    size_t size = 0;
    size_t label = 0;

    for (; name[size] != '\0'; size++) {
        char octet = name[size];

        if (octet == '.' && name[size + 1] == '\0' && label > 0) {
            break; /* the dot of the root */
        }
        if (size == SLI_IO_RESOLVER_NAME_MAX || octet == ' ' ||
            !sli_ascii_is(octet, SLI_ASCII_PRINT) ||
            (octet == '.' && label == 0) ||
            (octet != '.' && label == SLI_IO_RESOLVER_LABEL_MAX)) {
            return 0;
        }
        label = octet == '.' ? 0 : label + 1;
        out[size] = sli_ascii_lower(octet);
    }
    out[size] = '\0';
    return size;
}

size_t sli_io_resolver_name_reverse(
    const struct slimta_address *address, char out[SLI_IO_RESOLVER_NAME_SIZE])
{
    struct sli_text text = sli_text_in(out, SLI_IO_RESOLVER_NAME_SIZE);

    sli_address_put_reversed(&text, address);
    if (text.length > 0) {
        sli_text_put_string(&text,
            address->family == SLIMTA_FAMILY_IPV4 ? ".in-addr.arpa"
                                                  : ".ip6.arpa");
    }
    return text.length;
}
