/** A little DNS in memory, for whoever needs look-ups answered. */
#ifndef SUPPORT_ZONE_H
#define SUPPORT_ZONE_H

#include <stddef.h>

#include <slimta/slice.h>

#include "spf/table.h"

enum { ZONE_MAX = 256 };

/** One record. The types are "A", "AAAA", "MX", "PTR", "TXT", "CNAME", and
 * "TIMEOUT": what else is asked of the name is never answered. */
struct zone_record {
    char name[512];
    char type[8];
    char value[8300];
    size_t size;
};

struct zone {
    struct zone_record records[ZONE_MAX];
    size_t count;
};

/** Adds a record; addresses are given as text. */
void zone_add(struct zone *zone, const char *name, const char *type,
    struct slimta_slice value);

/** Adds the answer of the zone to a table; 0 when there is no memory. */
int zone_answer(const struct zone *zone, struct sli_spf_table *table,
    const char *name, enum sli_spf_type type);

#endif
