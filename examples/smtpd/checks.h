/** The checks that the command line asks for. */
#ifndef SMTPD_CHECKS_H
#define SMTPD_CHECKS_H

#include "options.h"

struct checks {
    struct slimta_dnsbl *dnsbl; /**< NULL without --dnsbl */
    struct slimta_spf *spf;     /**< NULL without --spf */
};

/** Makes them, or tells why not. */
int checks_make(struct checks *checks, const struct settings *settings,
    struct slimta_error *error);

/** Lets the edge ask them. */
int checks_add(const struct checks *checks, struct smtp_edge *edge,
    struct slimta_error *error);

/** After the edge was freed. */
void checks_free(struct checks *checks);

#endif
