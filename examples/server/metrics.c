/** A page that tells what the edge has counted, for Prometheus. */
#include "metrics.h"

#include <slimta/counters.h>

/** Whoever asks for counters needs no more connections. */
enum { CONNECTIONS = 16 };

static size_t write_counters(char *out, size_t size, void *user)
{
    const struct door *door = user;
    struct slimta_counters counters = {.size = sizeof counters};

    door->methods->count(door->edge, &counters);
    return slimta_counters_format(&counters, NULL, out, size);
}

int metrics_make(struct door *out, struct door *counted, const char *hostname,
    struct slimta_error *error)
{
    const struct http_edge_options options = {
        .size = sizeof options,
        .hostname = hostname,
        .max_connections = CONNECTIONS,
        .metrics_path = "/metrics",
        .metrics = write_counters,
        .metrics_user = counted,
    };
    struct http_edge *edge = NULL;
    int err = http_edge_new(&edge, &options, NULL, error);

    *out = (struct door){.methods = &door_http, .edge = edge};
    return err;
}
