/** An edge on threads of its own: one shard and one loop for each. */
#ifndef EDGE_THREADS_H
#define EDGE_THREADS_H

#include <slimta/error.h>

struct sli_edge;

/** Starts them, and waits until each has started its shard. On failure none
 * runs any more. */
int sli_edge_threads_start(struct sli_edge *edge, struct slimta_error *error);

/** Waits for the end of those that there are. Not on one of them. */
void sli_edge_threads_join(struct sli_edge *edge);

#endif
