/** What an SPF check has come to, in a report with its texts. */
#ifndef CHECKS_SPF_REPORT_H
#define CHECKS_SPF_REPORT_H

#include <slimta/address.h>
#include <slimta/spf.h>

#include "checks/reason.h"
#include "checks/spf_engine.h"

/** A report and what its texts point to: never copied by assignment. */
struct sli_checks_spf_outcome {
    struct slimta_spf_report report;
    char domain[SLI_SPF_PART_MAX + 1];
    char reason[SLI_CHECKS_REASON_MAX + 1];
};

/** Fills the report but for its HELO result. `domain` is what the check is
 * about, copied when it is a domain; everything is kept to printable ASCII. */
void sli_checks_spf_report_fill(struct sli_checks_spf_outcome *outcome,
    const struct sli_checks_spf_run *run, struct slimta_slice domain,
    const struct slimta_address *client);

/** Copies a report with its texts. */
void sli_checks_spf_report_copy(struct sli_checks_spf_outcome *outcome,
    const struct slimta_spf_report *report);

#endif
