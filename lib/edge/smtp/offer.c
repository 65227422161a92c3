/** What an SMTP session can offer beyond the plain message: what the queue
 * claims, and the edge's options. */
#include "edge/smtp/offer.h"

#include <slimta/queue.h>

#include "base/error.h"
#include "edge/form.h"
#include "io/clock.h"

#define CAPABILITIES_ALL \
    (SLIMTA_CAN_DSN | SLIMTA_CAN_REQUIRETLS | SLIMTA_CAN_BINARYMIME | \
        SLIMTA_CAN_DELIVERBY | SLIMTA_CAN_MT_PRIORITY | \
        SLIMTA_CAN_FUTURERELEASE)

/* RFC 2852 section 4 and RFC 4865 section 4: nine digits. */
#define SECONDS_MAX 999999999
#define DEFAULT_HOLD_SECONDS (7 * 24 * 60 * 60)

void sli_edge_smtp_offer_renew(struct sli_edge_smtp_session *session)
{
    const struct smtp_edge *edge = session->edge;

    sli_smtp_server_set_capabilities(&session->engine,
        edge->capabilities | sli_edge_form_capabilities(edge->edge.queue));
}

void sli_edge_smtp_offer_tell_time(struct sli_edge_smtp_session *session)
{
    if ((session->engine.capabilities & SLIMTA_CAN_FUTURERELEASE) != 0 &&
        !sli_smtp_server_is_waiting(&session->engine)) {
        sli_smtp_server_set_now(&session->engine, sli_io_clock_now_ms());
    }
}

int sli_edge_smtp_offer_take_options(struct smtp_edge *edge,
    const struct smtp_edge_options *options, struct slimta_error *error)
{
    if ((unsigned)options->dialect > SLIMTA_DIALECT_LMTP) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "dialect: %d is not one of its values", (int)options->dialect);
    }
    if ((options->capabilities & ~(uint64_t)CAPABILITIES_ALL) != 0) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "capabilities: there is one that is not known");
    }
    if (options->min_by_seconds > SECONDS_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "min_by_seconds: it is above %d", SECONDS_MAX);
    }
    if (options->max_hold_seconds > SECONDS_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "max_hold_seconds: it is above %d", SECONDS_MAX);
    }
    edge->capabilities = options->capabilities;
    edge->smtp.dialect = options->dialect;
    edge->smtp.min_by_seconds = options->min_by_seconds;
    edge->smtp.max_hold_seconds = options->max_hold_seconds == 0
        ? DEFAULT_HOLD_SECONDS
        : options->max_hold_seconds;
    return 0;
}
