/** An edge of either kind, for what is done with both in the same way. */
#include "door.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* `user` is a descriptor: an eventfd. On a thread of the edge's. */
static void tell_stopped(void *user)
{
    uint64_t one = 1;

    while (write((int)(intptr_t)user, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* The two objects have the same functions, but for their names. */
#define DOOR(door, object) \
    static int object##_on_add(void *edge, \
        const struct slimta_validators *validators, \
        struct slimta_error *error) \
    { \
        return object##_add_validators(edge, validators, error); \
    } \
    static int object##_on_listen(void *edge, const char *host, uint16_t port, \
        struct slimta_error *error) \
    { \
        return object##_listen(edge, host, port, error); \
    } \
    static int object##_on_listen_unix( \
        void *edge, const char *path, struct slimta_error *error) \
    { \
        return object##_listen_unix(edge, path, error); \
    } \
    static int object##_on_listen_fd( \
        void *edge, int fd, struct slimta_error *error) \
    { \
        return object##_listen_fd(edge, fd, error); \
    } \
    static int object##_on_address( \
        const void *edge, size_t index, struct slimta_address *address) \
    { \
        return object##_address(edge, index, address); \
    } \
    static int object##_on_start(void *edge, struct slimta_error *error) \
    { \
        return object##_start(edge, NULL, error); \
    } \
    static int object##_on_set_tls( \
        void *edge, struct slimta_tls *tls, struct slimta_error *error) \
    { \
        return object##_set_tls(edge, tls, error); \
    } \
    static void object##_on_count( \
        const void *edge, struct slimta_counters *counters) \
    { \
        object##_count(edge, counters); \
    } \
    static void object##_stopped(struct object *edge, void *user) \
    { \
        (void)edge; \
        tell_stopped(user); \
    } \
    static int object##_on_stop(void *edge, uint64_t drain_ms, int stopped) \
    { \
        return object##_stop( \
            edge, drain_ms, object##_stopped, (void *)(intptr_t)stopped); \
    } \
    static void object##_on_free(void *edge) \
    { \
        object##_free(edge); \
    } \
    const struct door_methods door = { \
        .add_validators = object##_on_add, \
        .listen = object##_on_listen, \
        .listen_unix = object##_on_listen_unix, \
        .listen_fd = object##_on_listen_fd, \
        .address = object##_on_address, \
        .start = object##_on_start, \
        .set_tls = object##_on_set_tls, \
        .count = object##_on_count, \
        .stop = object##_on_stop, \
        .free = object##_on_free, \
    }

DOOR(door_smtp, smtp_edge);
DOOR(door_http, http_edge);

void door_free(struct door *door)
{
    if (door->edge != NULL) {
        door->methods->free(door->edge);
    }
    door->edge = NULL;
}
