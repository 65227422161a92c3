/** Runs whole evaluations of libspf2 against the DNS of spf_dns.h: none of them
 * may reach its error handlers, which end the process. */
#include "fuzz.h"

#include "base/alloc.h"
#include "checks/spf_engine.h"
#include "spf_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sli_checks_spf_engine *engine =
        sli_checks_spf_engine_libspf2();
    struct spf_dns dns;
    struct slimta_alloc alloc;
    struct sli_spf_table table;
    struct sli_checks_spf_run run;
    void *state = NULL;
    unsigned asked = 0;

    spf_dns_read(&dns, data, size);
    (void)sli_alloc_init(&alloc, NULL);
    sli_spf_table_init(&table, &alloc);
    demand(engine->begin(&state, &alloc, &dns.question, &table) == 0);
    engine->run(state, &run);
    while (run.run == SLI_SPF_RUN_NEEDS) {
        demand(++asked <= SLI_SPF_LOOKUPS_MAX);
        demand(sli_spf_name_can_be_asked(sli_slice_text(run.name)));
        spf_dns_answer(&dns, &table, run.name, run.type);
        engine->run(state, &run);
    }
    demand(run.result >= SLIMTA_SPF_NONE && run.result <= SLIMTA_SPF_PERMERROR);
    engine->free(state, &alloc);
    sli_spf_table_fini(&table);
    return 0;
}
