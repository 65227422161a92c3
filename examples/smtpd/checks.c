/** The checks that the command line asks for. */
#include "checks.h"

#include <string.h>

#include "server/values.h"

/* --- From the command line ------------------------------------------------ */

int checks_read_zone(const char *text, void *out)
{
    const struct slimta_dnsbl_zone zone = {.size = sizeof zone, .name = text};
    struct slimta_dnsbl *dnsbl = NULL;
    int is_good = slimta_dnsbl_new(&dnsbl, NULL, NULL) == 0 &&
        slimta_dnsbl_add_zone(dnsbl, &zone, NULL) == 0;

    slimta_dnsbl_free(dnsbl);
    return is_good && value_texts(text, out);
}

/* Whether a check takes the rule. */
static int is_spf_rule(const struct spf_rule *rule)
{
    struct slimta_spf *spf = NULL;
    int is_good = slimta_spf_new(&spf, NULL, NULL) == 0 &&
        slimta_spf_add_rule(spf, rule->result, rule->code, rule->text, NULL) ==
            0;

    slimta_spf_free(spf);
    return is_good;
}

static int read_spf_rule(const char *text, struct spf_rule *out)
{
    size_t name = strcspn(text, "=");
    size_t digits = text[name] == '\0' ? 0 : strcspn(text + name + 1, ":");
    char code[4] = "";
    uint64_t number;
    int result = SLIMTA_SPF_NONE;

    while (result <= SLIMTA_SPF_PERMERROR &&
        (strlen(slimta_spf_result_name(result)) != name ||
            memcmp(slimta_spf_result_name(result), text, name) != 0)) {
        result++;
    }
    if (digits != 3) {
        return 0;
    }
    memcpy(code, text + name + 1, digits);
    text += name + 1 + digits;
    if (!value_number(code, 200, 599, &number)) {
        return 0;
    }
    *out = (struct spf_rule){.result = (enum slimta_spf_result)result,
        .code = (int)number,
        .text = *text == ':' ? text + 1 : NULL};
    return is_spf_rule(out);
}

int checks_read_spf(const char *text, void *out)
{
    struct spf_rules *rules = out;

    return rules->count < MAX_SPF_RULES &&
        read_spf_rule(text, &rules->items[rules->count++]);
}

int checks_read_spf_engine(const char *text, void *out)
{
    int is_strict = strcmp(text, "strict") == 0;

    *(enum slimta_spf_engine *)out =
        is_strict ? SLIMTA_SPF_STRICT : SLIMTA_SPF_LIBSPF2;
    return is_strict || strcmp(text, "libspf2") == 0;
}

/* --- In the edge ---------------------------------------------------------- */

static int make_dnsbl(struct checks *checks, struct slimta_error *error)
{
    int err = slimta_dnsbl_new(&checks->dnsbl, NULL, error);

    for (size_t i = 0; err == 0 && i < checks->zones.count; i++) {
        const struct slimta_dnsbl_zone zone = {
            .size = sizeof zone, .name = checks->zones.items[i]};

        err = slimta_dnsbl_add_zone(checks->dnsbl, &zone, error);
    }
    return err;
}

static int make_spf(struct checks *checks, struct slimta_error *error)
{
    const struct slimta_spf_options options = {
        .size = sizeof options, .engine = checks->spf_engine};
    int err = slimta_spf_new(&checks->spf, &options, error);

    for (size_t i = 0; err == 0 && i < checks->spf_rules.count; i++) {
        const struct spf_rule *rule = &checks->spf_rules.items[i];

        err = slimta_spf_add_rule(
            checks->spf, rule->result, rule->code, rule->text, error);
    }
    return err;
}

int checks_make(struct checks *checks, struct slimta_error *error)
{
    int err = 0;

    if (checks->zones.count > 0) {
        err = make_dnsbl(checks, error);
    }
    if (err == 0 && checks->spf_rules.count > 0) {
        err = make_spf(checks, error);
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
