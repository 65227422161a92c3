/** Calls of the application by another HTTP server: http_edge_call. */
#ifndef EDGE_HTTP_MOUNT_H
#define EDGE_HTTP_MOUNT_H

#include "edge/shard.h"

/** The edge stops at once: a member that is such a call is answered with 503.
 */
void sli_edge_http_mount_kill(struct sli_edge_member *member);

#endif
