/** Connections that were accepted elsewhere, handed to an edge. */
#ifndef EDGE_ADOPT_H
#define EDGE_ADOPT_H

#include <slimta/error.h>

struct sli_edge;

/** The public adopt: see smtp_edge_adopt. The shards take turns. Any thread. */
int sli_edge_adopt(struct sli_edge *edge, int fd, struct slimta_error *error);

#endif
