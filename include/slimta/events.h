/** What happens in an edge, or in a queue that hands mail on, told as it
 * happens. */
#ifndef SLIMTA_EVENTS_H
#define SLIMTA_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/export.h>
#include <slimta/slice.h>

/** Every event: its constant, its name, and the names of the fields it may
 * have. Secrets and octets of messages are never among them. */
#define SLIMTA_EVENT_MAP(X) \
    X(LISTENING, "listening", "address") \
    X(STOPPING, "stopping", "drain_ms") \
    X(STOPPED, "stopped", "") \
    X(CONNECT, "connect", "client peer local") \
    X(REVERSE_NAME, "reverse_name", "client reverse_name") \
    X(REFUSED, "refused", "client reason") \
    X(PROXY, "proxy", "peer reason") \
    X(EHLO, "ehlo", "verb ehlo_as") \
    X(TLS, "tls", "version cipher server_name is_resumed") \
    X(TLS_FAILED, "tls_failed", "reason") \
    X(TLS_DISCARDED, "tls_discarded", "bytes") \
    X(AUTH, "auth", "mechanism authcid authzid") \
    X(AUTH_FAILED, "auth_failed", "mechanism authcid code reason") \
    X(MAIL, "mail", "sender code text") \
    X(RCPT, "rcpt", "recipient code text") \
    X(REJECT, "reject", "verb code text") \
    X(REQUEST, "request", "connection method target status") \
    X(MESSAGE, "message", "sender recipients bytes id code text took_ms") \
    X(ABORTED, "aborted", "sender bytes reason") \
    X(LATE_COMMIT, "late_commit", "sender id") \
    X(UNKNOWN_COMMIT, "unknown_commit", "sender next_hop reason") \
    X(HOP_FAILED, "hop_failed", "next_hop address reason") \
    X(DEADLINE, "deadline", "question took_ms") \
    X(LIMIT, "limit", "limit value") \
    X(DESCRIPTORS, "descriptors", "connections") \
    X(MEMORY, "memory", "where") \
    X(CLOSED, "closed", "reason messages bytes_in bytes_out took_ms")

enum slimta_event_type {
#define SLIMTA_EVENT_ENUM(name, text, fields) SLIMTA_EVENT_##name,
    SLIMTA_EVENT_MAP(SLIMTA_EVENT_ENUM)
#undef SLIMTA_EVENT_ENUM
        SLIMTA_EVENT_TYPES
};

enum slimta_field_type {
    SLIMTA_FIELD_TEXT = 0, /**< `text` */
    SLIMTA_FIELD_NUMBER,   /**< `number` */
    SLIMTA_FIELD_FLAG      /**< `number`, 0 or 1 */
};

/** One field of an event. This struct never grows. */
struct slimta_event_field {
    const char *name; /**< static */
    enum slimta_field_type type;
    int64_t number;
    struct slimta_slice text; /**< what a client sent may be any octets */
};

enum slimta_log_format {
    SLIMTA_LOG_TEXT = 0, /**< name session=7 client=192.0.2.1:4711 … */
    SLIMTA_LOG_JSON
};

/** One event. Lent to the callback until it returns. */
struct slimta_event {
    size_t size; /**< how much of the struct the library knows */
    enum slimta_event_type type;
    const char *name;     /**< static */
    /** The edge's, to tell several apart; the name that a queue greets with, ""
     * when it has none. */
    const char *hostname;
    uint64_t session_id;  /**< slimta_session_id; 0: about the edge, or about
                               the queue */
    int64_t timestamp_ms; /**< since 1970-01-01T00:00Z */
    size_t field_count;
    const struct slimta_event_field *fields;
};

/**
 * What an edge or a queue calls for each event: on the loop where it happens, so on
 * several threads at once when the edge has several. It must not block, and may
 * call slimta_event_format, the stop and the counters of an edge, nothing else
 * of it.
 */
typedef void (*slimta_event_fn)(const struct slimta_event *event, void *user);

SLIMTA_BEGIN_DECLS

/** The field `name`; NULL when this event has none. Lives as long as the
 * event. Any thread that has the event. */
SLIMTA_API const struct slimta_event_field *slimta_event_find(
    const struct slimta_event *event, const char *name);

/**
 * Writes the event as one line without its end, printable ASCII whatever a
 * client has sent. As text a value that is not plain stands in quotes, and what
 * is not printable becomes \n, \r, \t or \xHH. As JSON (which has hostname and
 * timestamp_ms too) UTF-8 becomes \uHHHH, and octets that are none become the
 * four characters \xHH.
 *
 * Always terminates; returns the length of the whole text, which was cut if it
 * is not below `size`. Any thread.
 */
SLIMTA_API size_t slimta_event_format(const struct slimta_event *event,
    enum slimta_log_format format, char *out, size_t size);

SLIMTA_END_DECLS

#endif
