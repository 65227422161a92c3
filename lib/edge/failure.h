/** Why a message is refused, kept until its end has come. */
#ifndef EDGE_FAILURE_H
#define EDGE_FAILURE_H

#include <slimta/alloc.h>
#include <slimta/reply.h>

/** A reply of the edge's own. */
struct sli_edge_fixed {
    int code;
    const char *text; /* static, short enough for sli_edge_shard_reply */
};

/** Nothing has failed while all is zero. */
struct sli_edge_failure {
    struct sli_edge_fixed fixed;
    struct slimta_reply *words; /* someone else's words instead, or NULL */
    int is_the_queues;          /* it is the queue that refuses */
};

/** Keeps a reply of the edge's own; cannot fail. */
void sli_edge_failure_set(
    struct sli_edge_failure *failure, const struct sli_edge_fixed *why);

/** Keeps a copy of `why`, or without memory `instead`. */
void sli_edge_failure_set_words(struct sli_edge_failure *failure,
    const struct slimta_alloc *alloc, const struct slimta_reply *why,
    const struct sli_edge_fixed *instead);

/** Nothing has failed any more. */
void sli_edge_failure_clear(
    struct sli_edge_failure *failure, const struct slimta_alloc *alloc);

#endif
