/** The HTTP edge: receives mail over HTTP and hands it to a queue. */
#ifndef SLIMTA_HTTP_EDGE_H
#define SLIMTA_HTTP_EDGE_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/events.h>
#include <slimta/export.h>
#include <slimta/resolver.h>
#include <slimta/slice.h>
#include <slimta/validators.h>

struct slimta_counters;
struct slimta_loop;
struct slimta_proxy_options;
struct slimta_queue;
struct slimta_tls;

/** A mail application with, if it listens, an HTTP/1.1 server under it. */
struct http_edge;

/** One request that another HTTP server passes on, see http_edge_call. */
struct http_edge_call;

/** The status for a permanent refusal but 530 and 535, which are always 401,
 * and 552 5.3.4, which is always 413. */
enum slimta_http_permanent {
    SLIMTA_HTTP_PERMANENT_500 = 0, /**< as python-slimta does */
    SLIMTA_HTTP_PERMANENT_422      /**< so that balancers count no fault */
};

/* `flags`. */

/** Without a sender header: 400, not the null sender. */
#define SLIMTA_HTTP_NEEDS_SENDER 0x01u
/** A refused recipient is left out and told in X-Smtp-Rcpt-Reply; also one that
 * the queue refuses of a message that others have. */
#define SLIMTA_HTTP_PARTIAL 0x02u
/** Equal recipients count once. */
#define SLIMTA_HTTP_NO_REPEATS 0x04u
/** A message of length zero is taken. */
#define SLIMTA_HTTP_ALLOW_EMPTY 0x08u
/** The success names the queue's id. */
#define SLIMTA_HTTP_NAMES_ID 0x10u
/** OPTIONS gets 204, not 405. */
#define SLIMTA_HTTP_OPTIONS_204 0x20u
/** Closes after each reply, for clients that never read a body. */
#define SLIMTA_HTTP_CLOSES 0x40u

/*
 * Credentials of Basic and Bearer are judged when a validator for `auth` or
 * `secret` is there, in the clear too, since a proxy may have ended TLS; else
 * nobody looks at them. Bearer needs `auth`.
 *
 * Validators are asked in this order: tls (HTTPS of our own server), connect,
 * ehlo, secret, auth, mail, rcpt for each recipient, header, data, chunk,
 * have_data, queued; closed ends each request that got so far. A refusal of
 * class 4 is 503, 530 and 535 are 401, 552 5.3.4 is 413.
 */

/**
 * How an edge behaves. Zero and NULL mean the default in brackets. Strings are
 * copied. Times are milliseconds, sizes octets; SLIMTA_UNLIMITED switches a
 * limit off where it says so. What bears the name of a member of struct
 * smtp_edge_options means the same.
 */
struct http_edge_options {
    size_t size; /**< sizeof(struct http_edge_options) */

    const struct slimta_alloc *alloc; /**< [malloc]; copied */
    const char *hostname;             /**< [the machine's name] */
    unsigned threads;                 /**< [1], at most 256 */
    unsigned flags;                   /**< SLIMTA_HTTP_… [0] */

    /* The protocol's words. */
    const char *method; /**< ["POST"]; others: 405 */
    /** POSIX extended, against the decoded path without its query, from its
     * start; others: 404 [every path]. Matched on the loop, against at most
     * 8,192 octets: it is the host's not to use back-references, which may take
     * very long. */
    const char *uri_pattern;
    const char *sender_header;    /**< ["X-Envelope-Sender"] */
    const char *recipient_header; /**< ["X-Envelope-Recipient"] */
    const char *ehlo_header;      /**< ["X-Ehlo"] */
    const char *custom_headers;   /**< names for the `header` validator, parted
                                       by commas [none] */
    const char *realm;            /**< of the challenge in a 401 [hostname] */
    enum slimta_http_permanent permanent;
    unsigned retry_after_s; /**< Retry-After in each 503 [not sent] */

    uint64_t max_message_bytes;      /**< [50 MiB], or SLIMTA_UNLIMITED */
    uint64_t max_recipients;         /**< for each message [1000] */
    uint64_t max_head_bytes;         /**< [16 KiB + 400 for each of
                                          max_recipients] */
    uint64_t max_connections;        /**< [10000], or SLIMTA_UNLIMITED */
    uint64_t max_connections_per_ip; /**< [100], or SLIMTA_UNLIMITED */
    uint64_t max_received;           /**< [100], or SLIMTA_UNLIMITED */

    /* Our own server's times, or SLIMTA_UNLIMITED. */
    uint64_t head_timeout_ms; /**< first octet to the head's end [30 s] */
    uint64_t body_timeout_ms; /**< for the whole body [600 s] */
    uint64_t min_data_rate;   /**< of a body, after the first 60 s [1024] */
    uint64_t idle_timeout_ms; /**< between two requests [60 s] */
    uint64_t tls_timeout_ms;  /**< for a handshake [30 s] */

    /* The questions' deadlines. */
    uint64_t validator_timeout_ms;   /**< [30 s] */
    uint64_t queue_timeout_ms;       /**< [300 s]: 503 with 451 4.4.5 */
    uint64_t queue_write_timeout_ms; /**< [60 s] */

    uint64_t spill_bytes;        /**< [64 KiB] */
    const char *spill_directory; /**< ["/var/tmp"] */

    struct slimta_tls *tls; /**< HTTPS [none]; takes a reference of its own */
    const struct slimta_proxy_options *proxy; /**< [no header]; copied */
    enum slimta_reverse_names reverse_names;
    const char *dns_servers; /**< `servers` of slimta_resolver_options */

    /** How many answers to an Idempotency-Key are remembered [0: the field is
     * not looked at], in memory: when a queue has taken the message, the same
     * key with the same sender, recipients and body gets the answer again, with
     * others 422, and 409 while the first one runs. A key belongs to who the
     * client has proved to be. Refusals are not remembered. */
    uint64_t idempotency_keys;
    uint64_t idempotency_ms; /**< for how long [1 day] */

    /* GET, beside the mail; checked before uri_pattern. */
    const char *health_path;  /**< 200 while it serves, 503 while it drains */
    const char *metrics_path; /**< what `metrics` writes, as text */
    /** Writes up to `size` octets and a NUL at `out`, returns the length of the
     * whole, as slimta_counters_format does; called again with more room when
     * it was cut. On the loop, on several at once with several threads. */
    size_t (*metrics)(char *out, size_t size, void *user);
    void *metrics_user; /**< borrowed until the edge has stopped */

    slimta_event_fn event; /**< told everything that happens [nothing] */
    void *event_user;      /**< borrowed until the edge has stopped */
};

/** What a request's framing says of its body. */
enum slimta_http_body {
    SLIMTA_HTTP_BODY_NONE = 0, /**< no length and not chunked: 411 */
    SLIMTA_HTTP_BODY_SIZED,    /**< `body_bytes` follow */
    SLIMTA_HTTP_BODY_CHUNKED   /**< as many as come before the end */
};

/** A header field. This struct never grows. */
struct http_edge_field {
    struct slimta_slice name; /**< case does not matter */
    struct slimta_slice value;
};

/** The head of a request as another server has parsed it. */
struct http_edge_request {
    size_t size; /**< sizeof(struct http_edge_request) */
    struct slimta_slice method;
    struct slimta_slice target; /**< as in the request line */
    /** In their order, one for each line; Host and Connection do not matter. */
    const struct http_edge_field *fields;
    size_t field_count;
    enum slimta_http_body body;
    uint64_t body_bytes; /**< with SLIMTA_HTTP_BODY_SIZED */

    struct slimta_address client; /**< after whatever proxies there are */
    struct slimta_address peer;   /**< [client] */
    int is_tls;                   /**< it came over HTTPS */
};

/** What the server sends back. Lent until the callback returns. */
struct http_edge_response {
    size_t size; /**< how much of the struct the library knows */
    int status;
    const char *reason; /**< "OK" */
    /** All that the application has to say: X-Smtp-Reply, Date, Allow, …, and
     * Content-Length. */
    const struct http_edge_field *fields;
    size_t field_count;
    struct slimta_slice body; /**< mostly empty; not to be sent for HEAD */
    /** 1: the rest of the body is not wanted. Read it to its end, or send this,
     * shut down the sending side, and read for a while before closing, or the
     * client may lose the answer. */
    int ends_early;
};

/** What a server does for a call. Both run on the loop of the edge, never
 * inside a function of the call, and neither after http_edge_call_cancel. */
struct http_edge_call_methods {
    size_t size; /**< sizeof(struct http_edge_call_methods) */

    /** The answer, exactly once unless the call is cancelled. It may come
     * before the body has ended. The call is gone when it returns. */
    void (*respond)(struct http_edge_call *call,
        const struct http_edge_response *response, void *user);

    /** After SLIMTA_EAGAIN: octets are wanted again. Once for each. */
    void (*more)(struct http_edge_call *call, void *user);
};

SLIMTA_BEGIN_DECLS

/**
 * A new edge that hands its messages to `queue`, which it borrows until it has
 * stopped. NULL: an edge for health_path and metrics_path alone. `options` may
 * be NULL: all defaults. Nothing runs before http_edge_start.
 *
 * SLIMTA_EINVAL names the option at fault.
 */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_new(struct http_edge **out,
    const struct http_edge_options *options, struct slimta_queue *queue,
    struct slimta_error *error);

/** As smtp_edge_add_validators. The same table serves both doors. */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_add_validators(
    struct http_edge *edge, const struct slimta_validators *validators,
    struct slimta_error *error);

/** As smtp_edge_listen. */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_listen(struct http_edge *edge,
    const char *host, uint16_t port, struct slimta_error *error);

/** As smtp_edge_listen_unix. */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_listen_unix(
    struct http_edge *edge, const char *path, struct slimta_error *error);

/** As smtp_edge_listen_fd. */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_listen_fd(
    struct http_edge *edge, int fd, struct slimta_error *error);

/** As smtp_edge_address. */
SLIMTA_API int http_edge_address(
    const struct http_edge *edge, size_t index, struct slimta_address *address);

/** As smtp_edge_start. Without a listener it serves calls, and connections that
 * it is given with http_edge_adopt. */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_start(struct http_edge *edge,
    struct slimta_loop *loop, struct slimta_error *error);

/** As smtp_edge_adopt. Any thread. */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_adopt(
    struct http_edge *edge, int fd, struct slimta_error *error);

/** As smtp_edge_set_tls. Any thread. */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_set_tls(
    struct http_edge *edge, struct slimta_tls *tls, struct slimta_error *error);

/** As smtp_edge_count. Any thread. */
SLIMTA_API void http_edge_count(
    const struct http_edge *edge, struct slimta_counters *counters);

/** As smtp_edge_stop: idle connections close at once, requests in flight get
 * their real reply with `Connection: close`, new calls SLIMTA_ESTATE; open
 * calls at the deadline are answered with 503. Any thread. */
SLIMTA_API int http_edge_stop(struct http_edge *edge, uint64_t drain_ms,
    void (*stopped)(struct http_edge *edge, void *user), void *user);

/** As smtp_edge_free. Calls that are open then get their `respond`, with 503,
 * before the edge has stopped. */
SLIMTA_API void http_edge_free(struct http_edge *edge);

/**
 * Begins one request that another server has received. For an edge that was
 * started in a host's loop, on that loop's thread, like all functions of the
 * call; the server does what belongs to the connection: framing, keep-alive,
 * timeouts, 100-continue. `request` and `methods` are copied as far as they
 * are needed; `user` is borrowed as long as the call.
 *
 * The call lives until `respond` returns or http_edge_call_cancel, whichever is
 * first. SLIMTA_ESTATE when the edge does not run in a host's loop, or stops;
 * SLIMTA_EINVAL, SLIMTA_ENOMEM: there is no call then, answer 503.
 */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_call(struct http_edge_call **out,
    struct http_edge *edge, const struct http_edge_request *request,
    const struct http_edge_call_methods *methods, void *user);

/**
 * The next octets of the body, decoded. 0: they were taken (copied), go on.
 * SLIMTA_EAGAIN: none of them was taken; stop reading from the client, and
 * offer the same ones again when `more` has run. No other code is returned:
 * what is wrong with them is said by `respond`.
 *
 * With an empty slice it asks whether a body is wanted: a server that was
 * asked for 100-continue sends the 100 after 0, or after the `more` that
 * follows SLIMTA_EAGAIN, and nothing when `respond` comes first.
 */
SLIMTA_API SLIMTA_MUST_CHECK int http_edge_call_body(
    struct http_edge_call *call, struct slimta_slice octets);

/** The body is complete; also when there is none. Exactly once, unless
 * `respond` or http_edge_call_cancel came first. */
SLIMTA_API void http_edge_call_end(struct http_edge_call *call);

/** The client is gone: the call is gone too, and neither method runs again. Its
 * message is aborted, unless a queue has said yes already. NULL is accepted. */
SLIMTA_API void http_edge_call_cancel(struct http_edge_call *call);

SLIMTA_END_DECLS

#endif
