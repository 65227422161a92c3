/** An edge of either kind, for what is done with both in the same way. */
#ifndef SERVER_DOOR_H
#define SERVER_DOOR_H

#include <slimta/edge.h>

/** The functions of smtp_edge_… or http_edge_…; what they promise stands at
 * those. */
struct door_methods {
    int (*add_validators)(void *edge,
        const struct slimta_validators *validators, struct slimta_error *error);
    int (*listen)(void *edge, const char *host, uint16_t port,
        struct slimta_error *error);
    int (*listen_unix)(
        void *edge, const char *path, struct slimta_error *error);
    int (*listen_fd)(void *edge, int fd, struct slimta_error *error);
    int (*address)(
        const void *edge, size_t index, struct slimta_address *address);
    int (*start)(void *edge, struct slimta_error *error);
    int (*set_tls)(
        void *edge, struct slimta_tls *tls, struct slimta_error *error);
    void (*count)(const void *edge, struct slimta_counters *counters);
    int (*stop)(void *edge, uint64_t drain_ms, int stopped);
    void (*free)(void *edge);
};

struct door {
    const struct door_methods *methods;
    void *edge; /**< NULL: there is none */
};

/** They start edges on threads of their own, and `stop` writes to the eventfd
 * `stopped` when the edge has stopped. */
extern const struct door_methods door_smtp;
extern const struct door_methods door_http;

/** Stops it at once and frees it, if it is there. */
void door_free(struct door *door);

#endif
