/** What the block lists say of one session's client. */
#ifndef CHECKS_DNSBL_CHECK_H
#define CHECKS_DNSBL_CHECK_H

#include <slimta/op.h>
#include <slimta/session.h>
#include <slimta/validators.h>

#include "checks/dnsbl_zone.h"

/** A group; constant once it is in use. */
struct slimta_dnsbl {
    struct slimta_alloc alloc;
    struct slimta_validators validators;
    enum slimta_dnsbl_strictness strictness;
    uint64_t timeout_ms;
    int code;
    int wants_reason;
    int is_in_use;
    char *text;
    size_t zone_count;
    struct sli_checks_dnsbl_zone *zones;
    struct sli_checks_dnsbl_zone **last; /* where the next one is hung */
};

/** A stage of the session: answers at once when it is known what the lists say,
 * else takes the op. */
void sli_checks_dnsbl_check_stage(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_op *op,
    const struct slimta_dnsbl *dnsbl);

/** The session is closed: nothing more is asked. */
void sli_checks_dnsbl_check_closed(
    struct slimta_session *session, const struct slimta_dnsbl *dnsbl);

#endif
