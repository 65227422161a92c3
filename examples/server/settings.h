/** What each of the demo servers can be told on its command line. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/edge.h>

#include "log.h"
#include "queue.h"

enum { MAX_VALUES = 64 };

/** An option that may be given several times. */
struct texts {
    const char *items[MAX_VALUES]; /**< point into the command line */
    size_t count;
};

enum listen_kind { LISTEN_TCP, LISTEN_UNIX, LISTEN_FD, LISTEN_SYSTEMD };

/** One --listen. */
struct listen_at {
    enum listen_kind kind;
    char host[64];    /**< TCP: "" means all addresses */
    uint16_t port;    /**< TCP */
    const char *path; /**< UNIX: points into the command line */
    int fd;           /**< FD */
};

struct listeners {
    struct listen_at items[MAX_VALUES];
    size_t count;
};

/** A program's own settings begin with these. Zero and NULL: not given. Strings
 * point into the command line. */
struct settings {
    struct listeners listeners;
    struct listeners metrics;
    const char *hostname;
    struct queue_settings queue;
    uint64_t max_message_bytes;
    uint64_t max_recipients;
    uint64_t max_connections;
    uint64_t max_connections_per_ip;
    struct texts certs;
    struct texts keys; /**< one for each certificate */
    const char *users;
    const char *new_user; /**< --make-user */
    int requires_auth;
    struct slimta_proxy_options proxy; /**< without a size: no header */
    const char *dns_servers;
    uint64_t drain_ms;
    unsigned threads;
    struct log log;
};

/** Puts them into the options of an edge of either kind, whose members for them
 * have the same names. Lends them what it borrows. */
#define SETTINGS_APPLY(options, settings) \
    do { \
        (options)->size = sizeof *(options); \
        (options)->hostname = (settings)->hostname; \
        (options)->threads = (settings)->threads; \
        (options)->max_message_bytes = (settings)->max_message_bytes; \
        (options)->max_recipients = (settings)->max_recipients; \
        (options)->max_connections = (settings)->max_connections; \
        (options)->max_connections_per_ip = \
            (settings)->max_connections_per_ip; \
        (options)->proxy = \
            (settings)->proxy.size == 0 ? NULL : &(settings)->proxy; \
        (options)->dns_servers = (settings)->dns_servers; \
        (options)->reverse_names = (settings)->dns_servers == NULL \
            ? SLIMTA_REVERSE_NAMES_OFF \
            : SLIMTA_REVERSE_NAMES_ON; \
        (options)->event = log_event; \
        (options)->event_user = &(settings)->log; \
    } while (0)

#endif
