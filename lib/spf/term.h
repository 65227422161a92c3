/** Does a mechanism match? RFC 7208 section 5. */
#ifndef SPF_TERM_H
#define SPF_TERM_H

#include "spf/step.h"

/** Expands the term's domain-spec, or takes the domain of the record, into the
 * check's target; empty for what cannot be asked for. SLI_SPF_STEP_YES when it
 * is there. */
enum sli_spf_step sli_spf_term_target(
    struct sli_spf_check *check, const struct sli_spf_term *term);

/** Whether the mechanism matches: any but include. */
enum sli_spf_step sli_spf_term_match(
    struct sli_spf_check *check, const struct sli_spf_term *term);

#endif
