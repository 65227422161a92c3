/** What the parts of an evaluation tell each other. */
#ifndef SPF_STEP_H
#define SPF_STEP_H

#include "spf/check.h"

enum sli_spf_step {
    SLI_SPF_STEP_NO,   /**< it does not match; there is nothing */
    SLI_SPF_STEP_YES,  /**< it matches; it is there */
    SLI_SPF_STEP_MISS, /**< a look-up is wanted first, see sli_spf_step_ask */
    SLI_SPF_STEP_TEMPERROR,
    SLI_SPF_STEP_PERMERROR
};

/** The answer to a question; NULL when the table has none, and then it is what
 * the check needs. */
const struct sli_spf_answer *sli_spf_step_ask(struct sli_spf_check *check,
    struct slimta_slice name, enum sli_spf_type type);

/** The type of the client's address: A or AAAA. */
enum sli_spf_type sli_spf_step_address_type(const struct sli_spf_check *check);

/** Counts a term that asks the DNS. SLI_SPF_STEP_YES, or
 * SLI_SPF_STEP_PERMERROR for the eleventh. */
enum sli_spf_step sli_spf_step_count(struct sli_spf_check *check);

/** Notes what an error is about; returns `step`. */
enum sli_spf_step sli_spf_step_fail(
    struct sli_spf_check *check, enum sli_spf_step step, const char *problem);

/** Copies octets, at most as many as it holds. */
void sli_spf_step_set(struct sli_spf_part *part, struct slimta_slice text);

static inline struct slimta_slice sli_spf_step_slice(
    const struct sli_spf_part *part)
{
    return (struct slimta_slice){part->data, part->size};
}

/** The domain of the record at hand. */
static inline struct slimta_slice sli_spf_step_domain(
    const struct sli_spf_check *check)
{
    return sli_spf_step_slice(&check->frames[check->depth - 1].domain);
}

#endif
