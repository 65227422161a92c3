/** Macro strings to text (RFC 7208 sections 7.2 to 7.4). */
#ifndef SPF_EXPAND_H
#define SPF_EXPAND_H

#include "spf/step.h"

/** Expands a domain-spec into `name`, without a final dot; labels are taken off
 * the left of what is longer than SLI_SPF_NAME_MAX. Empty when nothing of it
 * fits. SLI_SPF_STEP_YES when it is done. */
enum sli_spf_step sli_spf_expand_domain(struct sli_spf_check *check,
    struct slimta_slice spec, struct sli_spf_part *name);

/** Expands an explanation into `out`, which has room for
 * SLI_SPF_EXPLANATION_MAX octets and a NUL: cut there, printable ASCII only. */
enum sli_spf_step sli_spf_expand_text(
    struct sli_spf_check *check, struct slimta_slice text, char *out);

#endif
