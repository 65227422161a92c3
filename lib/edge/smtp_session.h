/** One SMTP session: conducts the connection, the engine and the handoff. */
#ifndef EDGE_SMTP_SESSION_H
#define EDGE_SMTP_SESSION_H

#include "edge/shard.h"

/** What the SMTP edge's shards do with connections. */
extern const struct sli_edge_door sli_edge_smtp_door;

#endif
