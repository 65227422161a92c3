/** Fuzzes the reading of addresses: what is read is written and read again. */
#include "fuzz.h"

#include <string.h>

#include "base/address.h"
#include "base/slice.h"

static void check_ipv4(struct slimta_slice text)
{
    struct slimta_address address = {.family = SLIMTA_FAMILY_IPV4};
    char written[SLIMTA_ADDRESS_TEXT_MAX];
    uint8_t again[4];

    if (!sli_address_parse_ipv4(text, address.ip)) {
        return;
    }
    /* There is one way only to write it. */
    demand(slimta_address_format_ip(&address, written, sizeof written) ==
        text.size);
    demand(memcmp(written, text.data, text.size) == 0);
    demand(sli_address_parse_ipv4(sli_slice_text(written), again));
    demand(memcmp(address.ip, again, sizeof again) == 0);
}

static void check_ipv6(struct slimta_slice text)
{
    struct slimta_address address = {.family = SLIMTA_FAMILY_IPV6};
    char written[SLIMTA_ADDRESS_TEXT_MAX];
    uint8_t again[16];

    if (!sli_address_parse_ipv6(text, address.ip)) {
        return;
    }
    demand(slimta_address_format_ip(&address, written, sizeof written) <
        sizeof written);
    demand(sli_address_parse_ipv6(sli_slice_text(written), again));
    demand(memcmp(address.ip, again, sizeof again) == 0);
    sli_address_unmap(&address);
    demand(slimta_address_format(&address, written, sizeof written) <
        sizeof written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_ipv4(sli_slice(data, size));
    check_ipv6(sli_slice(data, size));
    return 0;
}
