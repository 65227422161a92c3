/** The checks that the command line asks for. */
#include "checks.h"

int checks_make(struct checks *checks, const struct settings *settings,
    struct slimta_error *error)
{
    int err = 0;

    if (settings->zone_count > 0) {
        err = slimta_dnsbl_new(&checks->dnsbl, NULL, error);
    }
    for (size_t i = 0; err == 0 && i < settings->zone_count; i++) {
        const struct slimta_dnsbl_zone zone = {
            .size = sizeof zone, .name = settings->zones[i]};

        err = slimta_dnsbl_add_zone(checks->dnsbl, &zone, error);
    }
    return err;
}

int checks_add(const struct checks *checks, struct smtp_edge *edge,
    struct slimta_error *error)
{
    return checks->dnsbl == NULL
        ? 0
        : smtp_edge_add_validators(
              edge, slimta_dnsbl_validators(checks->dnsbl), error);
}

void checks_free(struct checks *checks)
{
    slimta_dnsbl_free(checks->dnsbl);
}
