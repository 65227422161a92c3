/** The SMTP edge: receives mail over SMTP and hands it to a queue. */
#ifndef SLIMTA_SMTP_EDGE_H
#define SLIMTA_SMTP_EDGE_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/alloc.h>
#include <slimta/counters.h>
#include <slimta/error.h>
#include <slimta/events.h>
#include <slimta/export.h>
#include <slimta/resolver.h>
#include <slimta/validators.h>

struct slimta_loop;
struct slimta_proxy_options;
struct slimta_queue;
struct slimta_tls;

/** An SMTP server in the host's process. */
struct smtp_edge;

/** What is done with a message that holds a CR or LF which is not part of a
 * CRLF. Only CRLF.CRLF ends a message, whatever is chosen. */
enum slimta_bare_newlines {
    SLIMTA_BARE_REFUSE = 0, /**< read to its end, then 550 5.5.2 */
    SLIMTA_BARE_NORMALISE,  /**< each becomes CRLF */
    SLIMTA_BARE_PASS        /**< stored as sent */
};

/** What the first line of the answer to EHLO and HELO says (RFC 5321 section
 * 4.1.1.1 wants a domain in the first place). */
enum slimta_greeting {
    SLIMTA_GREETING_HELLO = 0, /**< "Hello CLIENT", as slimta does */
    SLIMTA_GREETING_HOSTNAME   /**< "HOSTNAME Hello CLIENT" */
};

/** Which language is spoken. */
enum slimta_dialect {
    SLIMTA_DIALECT_SMTP = 0,
    SLIMTA_DIALECT_LMTP /**< RFC 2033; not on port 25 */
};

/** When TLS begins; without `tls` in the options it never does. */
enum slimta_tls_mode {
    SLIMTA_TLS_OFFERED = 0, /**< STARTTLS is offered */
    SLIMTA_TLS_REQUIRED,    /**< before it: 530 5.7.0; not for a public MX */
    SLIMTA_TLS_IMMEDIATE    /**< before the banner */
};

/** The mechanisms for an edge that has no list of its own. */
#define SLIMTA_AUTH_DEFAULT \
    "SCRAM-SHA-256-PLUS,SCRAM-SHA-256,SCRAM-SHA-1,PLAIN,LOGIN"

/** `auth_flags`. */
#define SLIMTA_AUTH_CLEAR 0x01u /**< PLAIN and LOGIN also without TLS */
#define SLIMTA_AUTH_ANYONE \
    0x02u /**< without a validator any credentials pass */

/**
 * How an edge behaves. Zero and NULL mean the default in brackets. Strings are
 * copied. Times are milliseconds, sizes octets; SLIMTA_UNLIMITED switches a
 * limit off where it says so.
 */
struct smtp_edge_options {
    size_t size; /**< sizeof(struct smtp_edge_options) */

    const struct slimta_alloc *alloc; /**< [malloc]; copied */

    /** The name in the banner, in replies and in Received [the machine's
     * name]. Printable ASCII without spaces, at most 255 octets. */
    const char *hostname;

    /** Threads when smtp_edge_start gets no loop [1], at most 256. */
    unsigned threads;

    uint64_t max_message_bytes; /**< [50 MiB], or SLIMTA_UNLIMITED */
    uint64_t max_recipients;    /**< for each message [1000] */
    uint64_t max_command_bytes; /**< one command line with CRLF [4096], 512
                                     at least, 65536 at most */
    uint64_t max_connections;   /**< at once, over all threads [10000], or
                                     SLIMTA_UNLIMITED */
    uint64_t max_errors;        /**< 5xx replies to commands in a session; the
                                     one that reaches it gets 421 [20], or
                                     SLIMTA_UNLIMITED */

    /** Received fields in a message; more of them are a loop and get 554 5.4.6
     * [100], or SLIMTA_UNLIMITED. RFC 5321 section 6.3. */
    uint64_t max_received;

    /** From the last reply to the end of the next whole command line [300 s],
     * or SLIMTA_UNLIMITED. */
    uint64_t command_timeout_ms;
    /** From the 354 to the end of the message [600 s], or SLIMTA_UNLIMITED. */
    uint64_t data_timeout_ms;
    /** How long a queue may take for an `enqueue` or `commit`; then the client
     * hears 451 4.4.5 [300 s]. Below the 10 minutes of RFC 5321 section
     * 4.5.3.2.6, or the client gives up first. */
    uint64_t queue_timeout_ms;
    /** The same for a `begin` or a `write` [60 s]. */
    uint64_t queue_write_timeout_ms;

    enum slimta_bare_newlines bare_newlines;
    enum slimta_greeting greeting;

    /** How long a validator may take [30 s]; what follows then stands at
     * struct slimta_validators. */
    uint64_t validator_timeout_ms;

    uint64_t max_connections_per_ip; /**< of one client, after PROXY [100], or
                                          SLIMTA_UNLIMITED */
    uint64_t max_idle_commands; /**< commands of a session since a message was
                                     last accepted; then 421 [100000], or
                                     SLIMTA_UNLIMITED */
    uint64_t min_data_rate;     /**< octets a second on average while data
                                     flows, after the first 60 s [1024], or
                                     SLIMTA_UNLIMITED for none */

    /** How much of a message is kept in memory before it goes to an unlinked
     * file, or to the streaming form of the queue [64 KiB]. */
    uint64_t spill_bytes;
    const char *spill_directory; /**< ["/var/tmp"] */

    /** Told everything that happens [nothing]. `event_user` is borrowed until
     * the edge has stopped. */
    slimta_event_fn event;
    void *event_user;

    uint64_t max_ehlo_bytes; /**< the name in EHLO and HELO [255], the most
                                  there is */
    uint64_t max_line_bytes; /**< a line of a message with CRLF, 1000 at least;
                                  then 554 [SLIMTA_UNLIMITED] */

    /** Replies that a client does not read: beyond it no more commands are
     * answered or read before it has [64 KiB], at most 1 GiB. */
    uint64_t max_unread_bytes;

    /** Certificates: STARTTLS is offered, or TLS is spoken at once [none]. The
     * edge takes a reference of its own. <slimta/tls.h> */
    struct slimta_tls *tls;
    enum slimta_tls_mode tls_mode;
    uint64_t tls_timeout_ms; /**< for a handshake [30 s]; command_timeout_ms
                                  caps it */

    /** AUTH's mechanisms, parted by commas, such as SLIMTA_AUTH_DEFAULT [AUTH
     * is off]: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256, the last two
     * with -PLUS, EXTERNAL. Those that cannot be used are not offered: PLAIN
     * and LOGIN in the clear, -PLUS below TLS 1.3, EXTERNAL without a verified
     * certificate that names somebody (peer_name), CRAM-MD5 and SCRAM without a `secret` validator. Needs an
     * `auth` or `secret` validator, or SLIMTA_AUTH_ANYONE, at
     * smtp_edge_start. */
    const char *auth_mechanisms;
    unsigned auth_flags;
    /** What the salts are made from that SCRAM shows for users without stored
     * keys, those included who do not exist: a secret that stays the same over
     * restarts, so that they cannot be told from others by it [a random one
     * for each edge]. */
    const char *auth_salt_key;
    uint64_t max_auth_bytes; /**< a line of AUTH with CRLF [12290], 512 to
                                  65536 */

    /** Whether the names of clients are looked up [off]: beside the session, so
     * that no reply waits for it. */
    enum slimta_reverse_names reverse_names;
    /** Name servers, as `servers` of struct slimta_resolver_options [those of
     * the machine]. */
    const char *dns_servers;

    /** Every connection begins with a PROXY header [no header]; copied.
     * <slimta/proxy.h> */
    const struct slimta_proxy_options *proxy;

    /** LMTP: LHLO instead of EHLO and HELO, and after the message one reply for
     * each recipient, see slimta_results_recipient_reply [SMTP]. */
    enum slimta_dialect dialect;

    /** SLIMTA_CAN_… of <slimta/queue.h>, beside the queue's own: what else
     * stands behind this edge and honours it [none]. */
    uint64_t capabilities;
    /** Announced with DELIVERBY: a message that is to be returned sooner gets
     * 550 5.4.7 [0: none], at most 999999999. */
    uint64_t min_by_seconds;
    /** Announced with FUTURERELEASE: a message that is to be held for longer
     * gets 501 [7 days], at most 999999999. */
    uint64_t max_hold_seconds;

    /** Real peers that may use XCLIENT and XFORWARD: addresses, networks and
     * "unix", parted by commas without spaces, as "127.0.0.1,10.0.0.0/8,unix"
     * [nobody]. */
    const char *xclient_from;
};

SLIMTA_BEGIN_DECLS

/**
 * A new edge that hands its messages to `queue`, which it borrows until it is
 * freed and has stopped. Nothing runs before smtp_edge_start. `options` may be
 * NULL: all defaults.
 *
 * SLIMTA_EINVAL names the option at fault.
 */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_new(struct smtp_edge **out,
    const struct smtp_edge_options *options, struct slimta_queue *queue,
    struct slimta_error *error);

/**
 * Asks `validators` too, after all that were added before. The table is copied;
 * its functions and its `user` are borrowed until the edge has stopped. Before
 * smtp_edge_start, else SLIMTA_ESTATE; SLIMTA_EINVAL, SLIMTA_ENOMEM.
 */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_add_validators(
    struct smtp_edge *edge, const struct slimta_validators *validators,
    struct slimta_error *error);

/**
 * Binds and listens on a TCP address: a numeric address, or "localhost"; NULL
 * or "" means all addresses of the machine, IPv6 and IPv4. Port 0 takes a free
 * one; smtp_edge_address tells which. May be called several times, before
 * smtp_edge_start. SLIMTA_EADDRINUSE when somebody else listens there.
 */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_listen(struct smtp_edge *edge,
    const char *host, uint16_t port, struct slimta_error *error);

/** Listens on a UNIX socket. The file of a dead socket is replaced, a live one
 * is SLIMTA_EADDRINUSE; the file is removed by stop and free. */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_listen_unix(
    struct smtp_edge *edge, const char *path, struct slimta_error *error);

/** Takes a socket that already listens, such as one from systemd. The edge
 * owns `fd` on success only. */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_listen_fd(
    struct smtp_edge *edge, int fd, struct slimta_error *error);

/** The bound address of listener number `index`, 0 first. With a NULL host
 * there may be two for one call. Returns 1, or 0 when there is no such
 * listener. */
SLIMTA_API int smtp_edge_address(
    const struct smtp_edge *edge, size_t index, struct slimta_address *address);

/**
 * Begins to accept connections: in `loop`, called on its thread, or with NULL
 * on threads of the edge's own. Without listeners it serves what it adopts. An
 * edge is started once; after a failure it can only be freed. The threads block
 * all signals.
 */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_start(struct smtp_edge *edge,
    struct slimta_loop *loop, struct slimta_error *error);

/**
 * Serves a connection that was accepted elsewhere, of which nothing was read
 * yet. The edge owns `fd` on success only, makes it non-blocking, and closes
 * it; over a limit it does so after a 421. It begins with a PROXY header when
 * the options ask for one. With several threads these take
 * turns. SLIMTA_EINVAL when it is no stream socket, or for LMTP one of port 25;
 * another code when it is not connected (any more); SLIMTA_ESTATE unless the
 * edge runs; SLIMTA_ENOMEM. Any thread.
 */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_adopt(
    struct smtp_edge *edge, int fd, struct slimta_error *error);

/** New sessions use `tls`, of which the edge takes a reference of its own;
 * those that run keep theirs. SLIMTA_EINVAL when the edge was made without TLS,
 * or `tls` has no certificate, or requires those of clients without a CA. Any
 * thread. */
SLIMTA_API SLIMTA_MUST_CHECK int smtp_edge_set_tls(
    struct smtp_edge *edge, struct slimta_tls *tls, struct slimta_error *error);

/** Fills `counters`, whose `size` the caller has set. Any thread, from
 * smtp_edge_new to smtp_edge_free. */
SLIMTA_API void smtp_edge_count(
    const struct smtp_edge *edge, struct slimta_counters *counters);

/**
 * Stops: accepts no more; sessions without a transaction get `421 4.3.2` at
 * once, the others after the reply to their message or, when `drain_ms` have
 * passed, are closed without one. Returns at once, from any thread; calling it
 * again can only shorten the time. The first `stopped` that was given runs
 * once, on the loop or on a thread of the edge's, when every handle of the
 * edge is closed; smtp_edge_free is allowed inside it.
 *
 * SLIMTA_ESTATE when the edge was never started or has stopped: then `stopped`
 * does not run.
 */
SLIMTA_API int smtp_edge_stop(struct smtp_edge *edge, uint64_t drain_ms,
    void (*stopped)(struct smtp_edge *edge, void *user), void *user);

/** Stops at once when it runs, and frees when it has stopped. With threads of
 * its own it returns when these have ended (unless it is called inside
 * `stopped`); in a host's loop the rest happens in the loop, and the queue is
 * in use until smtp_edge_stop's `stopped` has run. NULL is accepted. */
SLIMTA_API void smtp_edge_free(struct smtp_edge *edge);

SLIMTA_END_DECLS

#endif
