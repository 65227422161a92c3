/** The strict engine behind the table of engines. */
#include "checks/spf_engine.h"

#include "base/alloc.h"

static int begin(void **state, const struct slimta_alloc *alloc,
    const struct sli_spf_question *question, struct sli_spf_table *table)
{
    struct sli_spf_check *check = sli_alloc(alloc, sizeof *check);

    if (check == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_spf_check_init(check, question, table);
    *state = check;
    return 0;
}

static void run(void *state, struct sli_checks_spf_run *out)
{
    struct sli_spf_check *check = state;

    *out = (struct sli_checks_spf_run){.run = sli_spf_check_run(check)};
    out->name = check->need_name.data;
    out->type = check->need_type;
    out->result = check->result;
    out->problem = check->problem;
    out->explanation =
        check->explanation[0] == '\0' ? NULL : check->explanation;
}

static void release(void *state, const struct slimta_alloc *alloc)
{
    sli_free(alloc, state);
}

const struct sli_checks_spf_engine sli_checks_spf_engine_strict = {
    .begin = begin,
    .run = run,
    .free = release,
};

const struct sli_checks_spf_engine *sli_checks_spf_engine_of(
    enum slimta_spf_engine engine)
{
    switch (engine) {
    case SLIMTA_SPF_STRICT:
        return &sli_checks_spf_engine_strict;
    case SLIMTA_SPF_LIBSPF2:
        return sli_checks_spf_engine_libspf2();
    default:
        return NULL;
    }
}
