/** What an SPF check leaves in a message for the next program. */
#ifndef CHECKS_SPF_HEADER_H
#define CHECKS_SPF_HEADER_H

#include <slimta/envelope.h>
#include <slimta/spf.h>

/** Prepends the field that `kind` names; nothing for SLIMTA_SPF_HEADER_OFF, nor
 * to an envelope that is sealed. SLIMTA_ENOMEM. */
int sli_checks_spf_header_prepend(struct slimta_envelope *envelope,
    enum slimta_spf_header kind, const struct slimta_spf_report *report);

#endif
