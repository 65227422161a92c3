/** What evaluates an SPF check: one of two engines behind one table. */
#ifndef CHECKS_SPF_ENGINE_H
#define CHECKS_SPF_ENGINE_H

#include <slimta/alloc.h>
#include <slimta/spf.h>

#include "spf/check.h"
#include "spf/table.h"

/** What a run of an engine has come to. */
struct sli_checks_spf_run {
    enum sli_spf_run run;
    /* SLI_SPF_RUN_NEEDS: the look-up that is wanted. */
    const char *name;
    enum sli_spf_type type;
    /* SLI_SPF_RUN_DONE. */
    enum slimta_spf_result result;
    const char *problem;     /* what an error was about; static, or NULL */
    const char *explanation; /* the domain's; NULL: none */
};

/**
 * An engine answers from the table. What that does not know ends a run; the
 * caller adds the answer and runs it again, at most SLI_SPF_LOOKUPS_MAX times.
 * No engine blocks, asks the DNS or keeps anything outside its state.
 */
struct sli_checks_spf_engine {
    /** A new evaluation; borrows the table until `free`. SLIMTA_ENOMEM. */
    int (*begin)(void **state, const struct slimta_alloc *alloc,
        const struct sli_spf_question *question, struct sli_spf_table *table);

    /** Fills `out`, whose texts live until the next call with this state. */
    void (*run)(void *state, struct sli_checks_spf_run *out);

    /** NULL is accepted. */
    void (*free)(void *state, const struct slimta_alloc *alloc);
};

/** Ours: RFC 7208 to the letter. */
extern const struct sli_checks_spf_engine sli_checks_spf_engine_strict;

/** libspf2; NULL in a library that was built without it. */
const struct sli_checks_spf_engine *sli_checks_spf_engine_libspf2(void);

/** The engine that options name; NULL when there is none. */
const struct sli_checks_spf_engine *sli_checks_spf_engine_of(
    enum slimta_spf_engine engine);

#endif
