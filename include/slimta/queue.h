/** Where messages go: the queue that an edge hands its envelopes to, and the
 * queues that the library brings. */
#ifndef SLIMTA_QUEUE_H
#define SLIMTA_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/alloc.h>
#include <slimta/error.h>
#include <slimta/events.h>
#include <slimta/export.h>
#include <slimta/op.h>
#include <slimta/slice.h>

struct slimta_envelope;
struct slimta_loop;
struct slimta_queue;
struct slimta_recipient;
struct slimta_tls;

/** What a queue can honour beyond the plain message: flags. The edge offers an
 * extension only if the queue claims it, or the edge's options do. */
#define SLIMTA_CAN_DSN 0x01u           /**< RET, ENVID, NOTIFY, ORCPT */
#define SLIMTA_CAN_REQUIRETLS 0x02u    /**< offered under TLS only */
#define SLIMTA_CAN_BINARYMIME 0x04u    /**< any octets, also onwards */
#define SLIMTA_CAN_DELIVERBY 0x08u     /**< BY */
#define SLIMTA_CAN_MT_PRIORITY 0x10u   /**< MT-PRIORITY */
#define SLIMTA_CAN_FUTURERELEASE 0x20u /**< HOLDFOR, HOLDUNTIL */

/** The most octets that one `write` brings. */
#define SLIMTA_WRITE_MAX 65536

/**
 * What a queue can do. A queue fills `enqueue`, or the four of the streaming
 * form, or both. `enqueue` alone gets messages that are whole, spilled to a
 * file past the edge's `spill_bytes`. The streaming form alone gets each
 * message as it arrives. A queue with both gets messages up to `spill_bytes`
 * through `enqueue`, longer ones through the streaming form, and never causes
 * a spill.
 *
 * Everything runs on a loop of an edge. When an edge runs on several threads,
 * the functions of one queue run on several threads at once.
 */
struct slimta_queue_methods {
    size_t size; /**< sizeof(struct slimta_queue_methods) */

    /** Frees the queue; slimta_queue_free calls it. NULL: nothing to free. */
    void (*free)(struct slimta_queue *queue);

    /** A loop begins to use the queue: once per edge and loop, on the loop,
     * before anything else. A failure is the failure of the edge's start.
     * NULL: nothing to do. */
    int (*attach)(struct slimta_queue *queue, struct slimta_loop *loop);

    /** A loop uses the queue no more; every op of it was cancelled or
     * finished. The edge's stop waits until `op` is finished. On the loop.
     * NULL: nothing to wait for. */
    void (*detach)(struct slimta_queue *queue, struct slimta_loop *loop,
        struct slimta_op *op);

    /** Here is a whole message. The queue gets one reference of `envelope`
     * and gives it back with slimta_envelope_unref, whatever it answers. It
     * answers with slimta_op_queued or slimta_op_refused; with neither, the
     * client hears the op's reply. */
    void (*enqueue)(struct slimta_queue *queue,
        struct slimta_envelope *envelope, struct slimta_op *op);

    /** A message begins. The queue gets one reference of `envelope` (its
     * content is empty) and answers with slimta_op_begun, or refuses. Exactly
     * one commit or abort follows a begin that was answered with
     * slimta_op_begun, unless its slimta_op_finish returned an error. */
    void (*begin)(struct slimta_queue *queue, struct slimta_envelope *envelope,
        struct slimta_op *op);

    /** The next octets, at most SLIMTA_WRITE_MAX, borrowed until return: a
     * queue that takes the op copies them first. Without an answer they are
     * taken. Until the op is finished no more are read from the client. A
     * refusal ends the message: abort follows. */
    void (*write)(struct slimta_queue *queue, void *message,
        struct slimta_slice octets, struct slimta_op *op);

    /** All octets were written: answer as `enqueue` does. No abort follows, so
     * the queue forgets a message that it does not take. When the deadline has
     * passed the client has heard 451, and a yes comes too late: the message
     * may come again. */
    void (*commit)(
        struct slimta_queue *queue, void *message, struct slimta_op *op);

    /** The message will not be finished; forget it. May come while the op of
     * its `recipient` or `write` is still open: that one was cancelled before.
     */
    void (*abort)(struct slimta_queue *queue, void *message);

    /** One recipient, after the `rcpt` validators have accepted it; a refusal
     * is the reply to RCPT, and then it is not in the envelope. Without an
     * answer it is accepted. `recipient` is borrowed until return. NULL:
     * recipients come with the envelope.
     *
     * A queue with this member gets every message through the streaming form,
     * and `begin` after MAIL already: without recipients, so a refusal is the
     * reply to MAIL, and abort also follows when no DATA comes. The edge adds
     * to the envelope's recipients until the first write or commit: up to then
     * they are for the loop only, and slimta_envelope_split is SLIMTA_ESTATE;
     * all else is sealed, also against slimta_envelope_prepend. When the
     * deadline passes the whole message is given up: abort follows. */
    void (*recipient)(struct slimta_queue *queue, void *message,
        const struct slimta_recipient *recipient, struct slimta_op *op);

    /** What the queue can honour now: SLIMTA_CAN_… flags. On any loop, each
     * time that extensions are offered; must not block. NULL: a queue that
     * keeps octets and addresses as they are, and honours nothing more. */
    uint64_t (*capabilities)(struct slimta_queue *queue);
};

/**
 * A queue, to be put first into a struct of the host's own. It holds the one
 * pointer and never grows. A queue outlives every edge that uses it.
 */
struct slimta_queue {
    const struct slimta_queue_methods *methods;
};

/** How a queue uses TLS towards the next hop. */
enum slimta_hop_tls {
    /** When it offers STARTTLS, whatever its certificate; when the handshake
     * fails all the same the hop is given up, never spoken to in the clear. */
    SLIMTA_HOP_TLS_OFFERED = 0,
    SLIMTA_HOP_TLS_REQUIRED,  /**< STARTTLS, or nothing is sent */
    SLIMTA_HOP_TLS_IMMEDIATE, /**< before the banner */
    SLIMTA_HOP_TLS_OFF
};

/** For slimta_smtp_queue_new and slimta_lmtp_queue_new. Everything is
 * copied. */
struct slimta_smtp_queue_options {
    size_t size; /**< sizeof(struct slimta_smtp_queue_options) */
    const struct slimta_alloc *alloc; /**< [malloc] */
    /** Next hops, parted by commas: the first that answers has each message.
     * "mx.example.org", "192.0.2.1:2525", "[::1]:24", "unix:/run/lmtp". Must
     * be given. Port [25; LMTP: 24; with TLS at once: 465]. */
    const char *hosts;
    const char *servers;   /**< DNS, see slimta_resolver_options */
    const char *ehlo_name; /**< [the machine's name] */

    enum slimta_hop_tls tls_policy;
    /** Whom to trust, and our certificate. The queue takes a reference of its
     * own [the system's CAs; looked at, but not required, when merely OFFERED].
     * REQUIRED and IMMEDIATE check the name too, unless `tls` verifies nobody:
     * so `hosts` has names then, not addresses. */
    struct slimta_tls *tls;
    /** AUTH, under TLS only [none]. A password itself crosses (PLAIN, LOGIN)
     * only to a hop whose certificate holds for its name. A hop to which we
     * cannot prove who we are is given up, with 451 4.7.x. */
    const char *user;
    const char *password;  /**< wiped with the queue */
    const char *mechanism; /**< [the best that both have] */

    uint64_t connect_timeout_ms; /**< for each hop, TLS included [30 s] */
    uint64_t command_timeout_ms; /**< for each reply [60 s] */
    uint64_t data_timeout_ms;    /**< for the reply to the message [240 s] */
    uint64_t max_connections;    /**< in each loop [100] */
    uint64_t idle_ms;            /**< how long one is kept for more [10 s] */

    slimta_event_fn event; /**< told what happens with the next hop */
    void *event_user;      /**< borrowed until slimta_queue_free */
};

/** For slimta_http_queue_new. Everything is copied. */
struct slimta_http_queue_options {
    size_t size; /**< sizeof(struct slimta_http_queue_options) */
    const struct slimta_alloc *alloc; /**< [malloc] */
    /** Next hops, "http://HOST:PORT/PATH" or "https://…", parted by spaces: the
     * first that answers has each message. Must be given. */
    const char *urls;
    const char *servers;   /**< DNS, see slimta_resolver_options */
    const char *ehlo_name; /**< X-Ehlo [the client's own] */
    /** Whom to trust with https, and our certificate. The queue takes a
     * reference of its own [the system's CAs]. Unless it says otherwise a
     * certificate is verified, and its name checked: so the URL has one, not an
     * address. */
    struct slimta_tls *tls;
    /** Basic, with https only, and only for a hop whose certificate holds for
     * its name, whatever `tls` says [none]. */
    const char *user;
    const char *password;        /**< wiped with the queue */
    uint64_t connect_timeout_ms; /**< for each hop, TLS included [30 s] */
    /** For the reply, from the last octet on; and for each standstill before
     * it [240 s]. */
    uint64_t reply_timeout_ms;
    uint64_t max_connections; /**< in each loop [100] */
    uint64_t idle_ms;         /**< how long one is kept for more [10 s] */

    slimta_event_fn event; /**< told what happens with the next hop */
    void *event_user;      /**< borrowed until slimta_queue_free */
};

SLIMTA_BEGIN_DECLS

/** Frees a queue through its methods. NULL is accepted. Not while an edge that
 * uses it exists. */
SLIMTA_API void slimta_queue_free(struct slimta_queue *queue);

/** A streaming queue's yes to `begin`: `message` is what write, commit and
 * abort will get. */
SLIMTA_API void slimta_op_begun(struct slimta_op *op, void *message);

/**
 * A queue that accepts everything and keeps nothing, for tests and for
 * measuring. Names an id.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_discard_queue_new(
    struct slimta_queue **out, const struct slimta_alloc *alloc,
    struct slimta_error *error);

/** How a maildir queue ends the lines of what it stores. */
enum slimta_newlines {
    SLIMTA_NEWLINES_CRLF = 0, /**< octet for octet as received */
    SLIMTA_NEWLINES_LF        /**< each CRLF becomes LF, for mail readers */
};

struct slimta_maildir_options {
    size_t size; /**< sizeof(struct slimta_maildir_options) */
    /** The maildir; it and its `tmp`, `new` and `cur` are made when missing
     * (mode 0700). Must be given. */
    const char *directory;
    enum slimta_newlines newlines;
    const struct slimta_alloc *alloc;
};

/**
 * A queue that stores each message once in a maildir, with Return-Path, one
 * Delivered-To for each recipient, and Received on top.
 *
 * It says yes when the file and its directory entry are on the disk. Nothing
 * unfinished ever stands in `new`. A full disk is answered 452 4.3.1, another
 * failure 451 4.3.0, and the next message is tried again. It works in the
 * thread pool of libuv, at most two jobs at a time, and messages that come
 * together share their syncs.
 *
 * What the sender has asked for is kept below the Delivered-To lines, in the
 * words of SMTP (RFC 3461, 8689, 3030, 2852, 6710, 4865), for whoever takes the
 * message on from there:
 *
 *     X-Slimta-Mail: RET=HDRS ENVID=abc REQUIRETLS BY=600;R HOLDUNTIL=…
 *     X-Slimta-Rcpt: <user@example.org> NOTIFY=DELAY ORCPT=rfc822;x@example.org
 *
 * the first when there is anything to keep, the second for each recipient with
 * something of its own. HOLDFOR has become HOLDUNTIL; the seconds of BY count
 * from the date in Received. Fields of these names below the first Received
 * are the sender's own and mean nothing. So the queue claims all SLIMTA_CAN_…,
 * but not SLIMTA_CAN_BINARYMIME with SLIMTA_NEWLINES_LF.
 *
 * Fails when the directory cannot be made or used.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_maildir_queue_new(
    struct slimta_queue **out, const struct slimta_maildir_options *options,
    struct slimta_error *error);

/**
 * A queue that hands each message on while its client waits: the next hop's
 * refusal becomes the client's, no hop or a broken one is 451 4.4.x at once,
 * and a reply that was lost is 451, never a second try: said in the event
 * unknown_commit. It streams, keeps no message, and asks the next hop for each
 * recipient where the client's order allows. Nothing is connected before the
 * first message. Works in the edge's loops.
 *
 * What goes out is what was put before the message, the trace field, and the
 * content. MAIL and RCPT say every parameter that the hop offers; a message
 * that needs what it does not offer (SMTPUTF8, 8BITMIME, SIZE, REQUIRETLS, a BY
 * with R, HOLDFOR) is refused, other parameters are left out. Of SLIMTA_CAN_…
 * it claims what the hop that was greeted last has offered, and nothing before
 * the first connection; REQUIRETLS only where the hop's certificate was
 * verified. Never BINARYMIME.
 *
 * The id of a message is the hop's, where its reply tells one.
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_smtp_queue_new(
    struct slimta_queue **out, const struct slimta_smtp_queue_options *options,
    struct slimta_error *error);

/** The same over LMTP, with a reply for each recipient. A client of SMTP hears
 * 250 when any recipient has the message, else the first refusal; the results
 * of `queued` tell each. */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_lmtp_queue_new(
    struct slimta_queue **out, const struct slimta_smtp_queue_options *options,
    struct slimta_error *error);

/**
 * The same over HTTP, as it is spoken by an HTTP edge, ours or python-slimta's:
 * X-Envelope-Sender, X-Envelope-Recipient, X-Smtp-Reply. It needs the length
 * first, so it has the `enqueue` form only, and long messages spill. Any 2xx is
 * a yes; recipients that the hop names in X-Smtp-Rcpt-Reply are refused alone.
 * Parameters of MAIL and RCPT are not handed on: it claims no SLIMTA_CAN_….
 */
SLIMTA_API SLIMTA_MUST_CHECK int slimta_http_queue_new(
    struct slimta_queue **out, const struct slimta_http_queue_options *options,
    struct slimta_error *error);

SLIMTA_END_DECLS

#endif
