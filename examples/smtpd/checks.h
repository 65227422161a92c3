/** The checks that the command line asks for. */
#ifndef SMTPD_CHECKS_H
#define SMTPD_CHECKS_H

#include "server/settings.h"

enum { MAX_SPF_RULES = 16 };

/** One --spf. */
struct spf_rule {
    enum slimta_spf_result result;
    int code;
    const char *text; /**< NULL: the usual one; points into the command line */
};

struct spf_rules {
    struct spf_rule items[MAX_SPF_RULES];
    size_t count;
};

struct checks {
    struct texts zones;         /**< --dnsbl */
    struct spf_rules spf_rules; /**< --spf */
    enum slimta_spf_engine spf_engine;
    struct slimta_dnsbl *dnsbl; /**< NULL without --dnsbl */
    struct slimta_spf *spf;     /**< NULL without --spf */
};

/** A flag's value: struct texts, one more name of a DNS block list. 1 or 0. */
int checks_read_zone(const char *text, void *out);

/** struct spf_rules, one more: RESULT=CODE[:MESSAGE]. */
int checks_read_spf(const char *text, void *out);

/** enum slimta_spf_engine: strict or libspf2. */
int checks_read_spf_engine(const char *text, void *out);

/** Makes them, or tells why not. */
int checks_make(struct checks *checks, struct slimta_error *error);

/** Lets the edge ask them. */
int checks_add(const struct checks *checks, struct smtp_edge *edge,
    struct slimta_error *error);

/** After the edge was freed. */
void checks_free(struct checks *checks);

#endif
