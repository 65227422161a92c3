/** Feeds sli_spf_record_read and, with the same octets, the macro strings. */
#include "fuzz.h"

#include "base/slice.h"
#include "spf/macro.h"
#include "spf/record.h"

/* A record that was taken is read to its end term by term. */
static void check_terms(const struct sli_spf_record *record)
{
    struct slimta_slice terms = record->terms;
    struct sli_spf_term term;
    int more;

    while ((more = sli_spf_record_next(&terms, &term)) == 1) {
        demand(term.domain.size == 0 || sli_spf_macro_is_domain(term.domain));
        demand(term.prefix4 <= 32 && term.prefix6 <= 128);
    }
    demand(more == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slimta_slice text = sli_slice(data, size);
    struct sli_spf_record record;

    if (sli_spf_macro_is_domain(text)) {
        demand(sli_spf_macro_is_string(text, SLI_SPF_MACRO_TERM));
        demand(sli_spf_macro_is_string(text, SLI_SPF_MACRO_EXPLANATION));
    }
    if (sli_spf_record_is_one(text) &&
        sli_spf_record_read(text, &record) == 0) {
        check_terms(&record);
    }
    return 0;
}
