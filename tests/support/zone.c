/** A little DNS in memory, for whoever needs look-ups answered. */
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/ascii.h"
#include "base/slice.h"
#include "spf/name.h"

void zone_add(struct zone *zone, const char *name, const char *type,
    struct slimta_slice value)
{
    struct zone_record *record = &zone->records[zone->count];

    if (zone->count == ZONE_MAX || value.size > sizeof record->value) {
        abort();
    }
    zone->count++;
    (void)snprintf(record->name, sizeof record->name, "%s", name);
    (void)snprintf(record->type, sizeof record->type, "%s", type);
    if (value.size > 0) {
        memcpy(record->value, value.data, value.size);
    }
    record->size = value.size;
}

static const char *type_name(enum sli_spf_type type)
{
    switch (type) {
    case SLI_SPF_TYPE_A:
        return "A";
    case SLI_SPF_TYPE_AAAA:
        return "AAAA";
    case SLI_SPF_TYPE_MX:
        return "MX";
    case SLI_SPF_TYPE_PTR:
        return "PTR";
    case SLI_SPF_TYPE_TXT:
    default:
        return "TXT";
    }
}

static int is_at(const struct zone_record *record, struct slimta_slice name)
{
    return sli_ascii_same(
        sli_spf_name_trim(sli_slice_text(record->name)), name);
}

static const struct zone_record *find(
    const struct zone *zone, struct slimta_slice name, const char *type)
{
    for (size_t i = 0; i < zone->count; i++) {
        if (is_at(&zone->records[i], name) &&
            strcmp(zone->records[i].type, type) == 0) {
            return &zone->records[i];
        }
    }
    return NULL;
}

static int add_value(struct sli_spf_table *table, struct sli_spf_answer *answer,
    const struct zone_record *record)
{
    struct slimta_slice text = sli_slice(record->value, record->size);
    int is_address =
        answer->type == SLI_SPF_TYPE_A || answer->type == SLI_SPF_TYPE_AAAA;
    struct sli_spf_value *value = sli_spf_table_add_value(
        table, answer, is_address ? SLI_LITERAL("") : text);

    if (value != NULL && is_address &&
        !sli_address_parse_ipv4(text, value->ip) &&
        !sli_address_parse_ipv6(text, value->ip)) {
        abort();
    }
    return value != NULL;
}

int zone_answer(const struct zone *zone, struct sli_spf_table *table,
    const char *name, enum sli_spf_type type)
{
    struct slimta_slice at = sli_spf_name_trim(sli_slice_text(name));
    struct sli_spf_answer *answer =
        sli_spf_table_add(table, at, type, SLI_SPF_VOID);
    const struct zone_record *alias = find(zone, at, "CNAME");

    if (answer == NULL) {
        return 0;
    }
    for (int i = 0; i < 8 && alias != NULL; i++) {
        at = sli_spf_name_trim(sli_slice(alias->value, alias->size));
        alias = find(zone, at, "CNAME");
    }
    for (size_t i = 0; i < zone->count; i++) {
        const struct zone_record *record = &zone->records[i];

        if (is_at(record, at) && strcmp(record->type, type_name(type)) == 0) {
            answer->status = SLI_SPF_FOUND;
            if (!add_value(table, answer, record)) {
                return 0;
            }
        }
    }
    if (answer->status == SLI_SPF_VOID && find(zone, at, "TIMEOUT") != NULL) {
        answer->status = SLI_SPF_UNKNOWN;
    }
    return 1;
}
