/** One SPF check on its way: an engine, its look-ups, and the time they take.
 */
#ifndef CHECKS_SPF_CHECK_H
#define CHECKS_SPF_CHECK_H

#include <slimta/alloc.h>
#include <slimta/resolver.h>
#include <slimta/spf.h>

#include "checks/spf_engine.h"

struct sli_checks_spf_check;

/** What is asked, and where the answer goes. */
struct sli_checks_spf_request {
    const struct slimta_alloc *alloc; /* outlives the check */
    const struct sli_checks_spf_engine *engine;
    struct slimta_resolver *resolver; /* the same */
    uint64_t timeout_ms;
    struct slimta_address client;
    const char *helo; /* the texts are copied */
    const char *sender;
    const char *receiver;
    /* Exactly once, on the resolver's loop, also inside the start; the check is
     * gone then. `report` is lent. Not after a cancel. */
    void (*done)(const struct slimta_spf_report *report, void *user);
    void *user;
};

/** Starts the check of both identities. `out` is set before `done` can come.
 * SLIMTA_ENOMEM: `done` does not come. */
int sli_checks_spf_check_start(struct sli_checks_spf_check **out,
    const struct sli_checks_spf_request *request);

/** Ends it without an answer. NULL is accepted. */
void sli_checks_spf_check_cancel(struct sli_checks_spf_check *check);

#endif
