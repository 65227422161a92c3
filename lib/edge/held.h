/** How much of a message the edge holds in memory, as it is counted. */
#ifndef EDGE_HELD_H
#define EDGE_HELD_H

#include "edge/handoff.h"

/** So many octets more. */
static inline void sli_edge_held_more(
    struct sli_edge_handoff *handoff, uint64_t octets)
{
    handoff->held += octets;
    sli_edge_count(
        &handoff->shard->counters, SLI_EDGE_COUNT_MESSAGE_BYTES_HELD, octets);
}

/** No more than `rest` now. */
static inline void sli_edge_held_at_most(
    struct sli_edge_handoff *handoff, uint64_t rest)
{
    if (handoff->held > rest) {
        sli_edge_uncount(&handoff->shard->counters,
            SLI_EDGE_COUNT_MESSAGE_BYTES_HELD, handoff->held - rest);
        handoff->held = rest;
    }
}

#endif
