/** The time that a client has for one message: in all, and for its pace. */
#include "edge/rate.h"

#include <slimta/export.h>

void sli_edge_rate_start(struct sli_edge_rate *rate,
    const struct sli_edge_rate_limits *limits, uint64_t now_ms)
{
    *rate = (struct sli_edge_rate){.limits = *limits, .since_ms = now_ms};
}

void sli_edge_rate_add(struct sli_edge_rate *rate, uint64_t octets)
{
    rate->octets += octets;
}

/* The client's time so far. */
static uint64_t ran_ms(const struct sli_edge_rate *rate, uint64_t now_ms)
{
    if (rate->is_paused || now_ms < rate->since_ms) {
        return rate->ran_ms;
    }
    return rate->ran_ms + (now_ms - rate->since_ms);
}

void sli_edge_rate_pause(struct sli_edge_rate *rate, uint64_t now_ms)
{
    rate->ran_ms = ran_ms(rate, now_ms);
    rate->is_paused = 1;
}

void sli_edge_rate_resume(struct sli_edge_rate *rate, uint64_t now_ms)
{
    if (rate->is_paused) {
        rate->is_paused = 0;
        rate->since_ms = now_ms;
    }
}

/* The first moment of the client's time at which the octets that came are too
 * few: a message may stand still until then. */
static uint64_t slow_at_ms(const struct sli_edge_rate *rate)
{
    uint64_t min_rate = rate->limits.min_rate;
    uint64_t whole_s;
    uint64_t at_ms;

    if (min_rate == SLIMTA_UNLIMITED || min_rate == 0) {
        return SLIMTA_UNLIMITED;
    }
    whole_s = rate->octets / min_rate;
    if (whole_s >= UINT64_MAX / 1000 - 1) {
        return SLIMTA_UNLIMITED;
    }
    at_ms = whole_s * 1000 + 1;
    /* The rest of less than a second. Far too large a rate makes it 0, which
     * errs by less than that. */
    if (min_rate <= UINT64_MAX / 1000) {
        at_ms += rate->octets % min_rate * 1000 / min_rate;
    }
    return at_ms > SLI_EDGE_RATE_GRACE_MS ? at_ms : SLI_EDGE_RATE_GRACE_MS;
}

enum sli_edge_rate_verdict sli_edge_rate_judge(
    const struct sli_edge_rate *rate, uint64_t now_ms)
{
    uint64_t ran = ran_ms(rate, now_ms);

    if (ran >= rate->limits.max_ms) {
        return SLI_EDGE_RATE_TOO_LONG;
    }
    return ran >= slow_at_ms(rate) ? SLI_EDGE_RATE_TOO_SLOW
                                   : SLI_EDGE_RATE_FINE;
}

uint64_t sli_edge_rate_check_ms(
    const struct sli_edge_rate *rate, uint64_t now_ms)
{
    uint64_t ran = ran_ms(rate, now_ms);
    uint64_t at = slow_at_ms(rate);

    if (at > rate->limits.max_ms) {
        at = rate->limits.max_ms;
    }
    if (rate->is_paused || at == SLIMTA_UNLIMITED) {
        return SLIMTA_UNLIMITED;
    }
    return at > ran ? at - ran : 0;
}
