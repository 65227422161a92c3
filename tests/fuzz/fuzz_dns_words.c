/** Fuzzes what hosts write about the DNS: servers, zones, codes, names. */
#include "fuzz.h"

#include <string.h>

#include "base/slice.h"
#include "checks/dnsbl_zone.h"
#include "io/resolver_name.h"
#include "io/resolver_servers.h"

static void check_servers(const char *text)
{
    struct sli_io_resolver_servers servers;
    char written[SLIMTA_ADDRESS_TEXT_MAX];

    if (sli_io_resolver_servers_read(&servers, text, "servers", NULL) != 0) {
        return;
    }
    for (size_t i = 0; i < servers.count; i++) {
        struct sli_io_resolver_servers again;
        const struct slimta_address *one = &servers.addresses[i];

        /* What is written is read as the same. */
        demand(slimta_address_format(one, written, sizeof written) <
            sizeof written);
        demand(sli_io_resolver_servers_read(&again, written, "servers", NULL) ==
            0);
        demand(again.count == 1);
        demand(memcmp(again.addresses[0].ip, one->ip, sizeof one->ip) == 0);
        demand(again.addresses[0].port == one->port && one->port != 0);
    }
}

static void check_codes(const struct sli_checks_dnsbl_codes *codes)
{
    demand(codes->count <= SLI_CHECKS_DNSBL_RANGES_MAX);
    for (size_t i = 0; i < codes->count; i++) {
        demand(codes->ranges[i].first <= codes->ranges[i].last);
        demand(codes->ranges[i].first >> 24 == 127);
        demand(codes->ranges[i].last >> 24 == 127);
    }
}

static void check_zone(const char *name, const char *codes)
{
    const struct slimta_dnsbl_zone given = {
        .size = sizeof given, .name = name, .listed = codes, .ignored = codes};
    struct sli_checks_dnsbl_zone zone = {0};
    struct slimta_address address = {.family = SLIMTA_FAMILY_IPV6};
    char asked[SLI_CHECKS_DNSBL_NAME_SIZE];
    char read[SLI_IO_RESOLVER_NAME_SIZE];

    if (sli_checks_dnsbl_zone_read(&zone, &given, NULL) != 0) {
        return;
    }
    check_codes(&zone.listed);
    check_codes(&zone.ignored);
    /* Every zone that is taken can be asked. */
    sli_checks_dnsbl_zone_name(&zone, &address, asked);
    demand(sli_io_resolver_name_read(asked, read) == strlen(asked));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512];

    size = size < sizeof text ? size : sizeof text - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    check_servers(text);
    check_zone(text, NULL);
    check_zone("a.example", text);
    return 0;
}
