/** A page that tells what the edge has counted, for Prometheus. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "door.h"

/** An edge of HTTP that serves nothing but GET /metrics, what `counted` counts.
 * Borrows `counted` until it is freed. */
int metrics_make(struct door *out, struct door *counted, const char *hostname,
    struct slimta_error *error);

#endif
