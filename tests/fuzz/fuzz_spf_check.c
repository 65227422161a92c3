/** Runs whole evaluations of the strict engine against the DNS of
 * spf_dns.h. */
#include "fuzz.h"

#include "base/alloc.h"
#include "base/ascii.h"
#include "spf_dns.h"

static void check_outcome(const struct sli_spf_check *check)
{
    struct slimta_slice text = sli_slice_text(check->explanation);

    demand(check->result >= SLIMTA_SPF_NONE &&
        check->result <= SLIMTA_SPF_PERMERROR);
    demand(text.size <= SLI_SPF_EXPLANATION_MAX &&
        sli_ascii_all(text, SLI_ASCII_PRINT));
    demand(text.size == 0 || check->result == SLIMTA_SPF_FAIL);
    demand((check->problem != NULL) ==
        (check->result == SLIMTA_SPF_TEMPERROR ||
            check->result == SLIMTA_SPF_PERMERROR));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sli_spf_check check;
    struct spf_dns dns;
    struct slimta_alloc alloc;
    struct sli_spf_table table;
    unsigned asked = 0;

    spf_dns_read(&dns, data, size);
    (void)sli_alloc_init(&alloc, NULL);
    sli_spf_table_init(&table, &alloc);
    sli_spf_check_init(&check, &dns.question, &table);
    while (sli_spf_check_run(&check) == SLI_SPF_RUN_NEEDS) {
        demand(++asked <= SLI_SPF_LOOKUPS_MAX);
        demand(sli_spf_name_can_be_asked(sli_slice_text(check.need_name.data)));
        spf_dns_answer(&dns, &table, check.need_name.data, check.need_type);
    }
    check_outcome(&check);
    sli_spf_table_fini(&table);
    return 0;
}
