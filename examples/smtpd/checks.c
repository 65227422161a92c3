/** The checks that the command line asks for. */
#include "checks.h"

static int make_dnsbl(struct slimta_dnsbl **dnsbl,
    const struct settings *settings, struct slimta_error *error)
{
    int err = slimta_dnsbl_new(dnsbl, NULL, error);

    for (size_t i = 0; err == 0 && i < settings->zone_count; i++) {
        const struct slimta_dnsbl_zone zone = {
            .size = sizeof zone, .name = settings->zones[i]};

        err = slimta_dnsbl_add_zone(*dnsbl, &zone, error);
    }
    return err;
}

static int make_spf(struct slimta_spf **spf, const struct settings *settings,
    struct slimta_error *error)
{
    const struct slimta_spf_options options = {
        .size = sizeof options, .engine = settings->spf_engine};
    int err = slimta_spf_new(spf, &options, error);

    for (size_t i = 0; err == 0 && i < settings->spf_rule_count; i++) {
        const struct spf_rule *rule = &settings->spf_rules[i];

        err = slimta_spf_add_rule(
            *spf, rule->result, rule->code, rule->text, error);
    }
    return err;
}

int checks_make(struct checks *checks, const struct settings *settings,
    struct slimta_error *error)
{
    int err = 0;

    if (settings->zone_count > 0) {
        err = make_dnsbl(&checks->dnsbl, settings, error);
    }
    if (err == 0 && settings->spf_rule_count > 0) {
        err = make_spf(&checks->spf, settings, error);
    }
    return err;
}

int checks_add(const struct checks *checks, struct smtp_edge *edge,
    struct slimta_error *error)
{
    int err = 0;

    if (checks->dnsbl != NULL) {
        err = smtp_edge_add_validators(
            edge, slimta_dnsbl_validators(checks->dnsbl), error);
    }
    if (err == 0 && checks->spf != NULL) {
        err = smtp_edge_add_validators(
            edge, slimta_spf_validators(checks->spf), error);
    }
    return err;
}

void checks_free(struct checks *checks)
{
    slimta_dnsbl_free(checks->dnsbl);
    slimta_spf_free(checks->spf);
}
