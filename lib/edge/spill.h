/** Writing a content out of memory, off the loop. */
#ifndef EDGE_SPILL_H
#define EDGE_SPILL_H

#include "edge/shard.h"
#include "io/work.h"

struct sli_edge_handoff;

/** One job. It holds the content by a reference of its own, and may outlive
 * the session that started it. */
struct sli_edge_spill {
    struct sli_io_work work;
    struct sli_edge_shard *shard;
    struct sli_edge_handoff *handoff; /* NULL once nobody waits */
    struct slimta_content *content;
    const char *directory; /* the edge's: the shard waits for the job */
    int result;
    void (*done)(struct sli_edge_handoff *handoff, int result);
};

/** Starts a job for `handoff`; `done` is called on the loop, unless
 * sli_edge_spill_forget came before. SLIMTA_ENOMEM. */
int sli_edge_spill_start(struct sli_edge_spill **out,
    struct sli_edge_handoff *handoff, struct slimta_content *content,
    void (*done)(struct sli_edge_handoff *handoff, int result));

/** Nobody waits for the job any more. */
void sli_edge_spill_forget(struct sli_edge_spill *spill);

#endif
