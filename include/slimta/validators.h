/** The questions that an edge asks its host at each step of a session. */
#ifndef SLIMTA_VALIDATORS_H
#define SLIMTA_VALIDATORS_H

#include <stddef.h>

#include <slimta/export.h>
#include <slimta/slice.h>

struct slimta_credentials;
struct slimta_envelope;
struct slimta_mail_params;
struct slimta_op;
struct slimta_recipient;
struct slimta_reply;
struct slimta_results;
struct slimta_session;

/** The extensions that one answer to EHLO or LHLO offers. Lent to the
 * `extensions` validator as its reply would be. */
struct slimta_extensions;

/** Why a session ended. */
enum slimta_closed {
    SLIMTA_CLOSED_QUIT = 1, /**< QUIT; HTTP: the request was answered */
    SLIMTA_CLOSED_CLIENT,   /**< the client has left */
    SLIMTA_CLOSED_REPLY,    /**< a validator answered 221 or 421 */
    SLIMTA_CLOSED_TIMEOUT,  /**< the client was too slow */
    SLIMTA_CLOSED_LIMIT,    /**< too many connections, errors, commands */
    SLIMTA_CLOSED_TLS,      /**< the handshake or a record failed */
    SLIMTA_CLOSED_STOP,     /**< the edge stopped */
    SLIMTA_CLOSED_FAILURE   /**< memory, or the operating system */
};

/**
 * One table for both doors; a door never calls a member that it does not have,
 * and NULL means the default. An edge holds a list of tables: at each step
 * syntax, order and limits come first, then the tables in the order in which
 * they were added.
 *
 * `reply` holds the default success, or what the table before has made of it.
 * A validator that leaves it accepts; one that sets another 2xx or 3xx edits
 * the success and the next table is asked; one that sets a 4xx or 5xx refuses,
 * and that is final. 221 and 421 close after the reply.
 *
 * Every pointer is borrowed until return. To answer later take `op`, see
 * <slimta/op.h>: from then on slimta_op_reply is the reply, and `reply` is dead
 * after return. The session waits meanwhile; others do not. When
 * `validator_timeout_ms` of the edge passes, the op is cancelled and this is
 * the answer:
 * - connect, banner, ehlo, helo: 421 (without an enhanced code, RFC 2034
 *   section 4)
 * - starttls, auth, secret: 454 4.7.0
 * - mail, rcpt, data, chunk, have_data, header, command: 451 4.3.0
 * - rset, noop, quit, queued, extensions: the default success
 * - tls: the connection is closed
 *
 * All of it runs on the session's loop. When an edge runs on several threads,
 * or edges in several loops share a table, the functions of one table run on
 * several threads at once, but never two for one session.
 *
 * The table is copied. What `user` points to, and the functions, are borrowed
 * until the edge has stopped (see smtp_edge_free).
 */
struct slimta_validators {
    size_t size; /**< sizeof(struct slimta_validators) */
    void *user;  /**< the last argument of every function below */

    /** A client is there: accepted, PROXY header read, nothing sent. A refusal
     * takes the place of the banner; only 421 closes, after another one each
     * command but QUIT gets 503 (RFC 5321 section 3.1). With TLS at once
     * it comes after the handshake and `tls`, since nothing can be said in the
     * clear. HTTP: the head of a request is there. */
    void (*connect)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /** The greeting is about to be sent: "220 HOST ESMTP Mail Gateway". SMTP
     * only. */
    void (*banner)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /** EHLO, LHLO or X-Ehlo with `name`. The reply's text is the first line;
     * slimta_session_ehlo_as is still the old one. */
    void (*ehlo)(struct slimta_session *session, struct slimta_reply *reply,
        const char *name, struct slimta_op *op, void *user);

    /** HELO with `name`. SMTP only. */
    void (*helo)(struct slimta_session *session, struct slimta_reply *reply,
        const char *name, struct slimta_op *op, void *user);

    /** STARTTLS: "220 2.7.0 Go ahead". SMTP only. */
    void (*starttls)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /** The handshake is done, see slimta_session_tls; after STARTTLS the
     * session begins anew (RFC 3207 section 4.2). There is no reply to send: a
     * 4xx or 5xx in `reply` is what every command but QUIT gets from now on
     * (RFC 3207 section 4.1), 421 closes at once. HTTPS: for each request,
     * before `connect`. */
    void (*tls)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /**
     * Are these credentials good, and may their owner act as the authzid?
     * `credentials` may be kept with slimta_credentials_ref.
     *
     * This one question is closed until somebody opens it. While
     * slimta_credentials_are_proved is 0, `reply` holds "535 5.7.8
     * Authentication credentials invalid" and must be set to 235 to accept;
     * a table that leaves it has no opinion, and the next is asked. When they
     * are proved, it holds 235 (535 if the authzid is not the authcid). Any
     * other 4xx or 5xx than 535 5.7.8 refuses, and that is final. To its
     * deadline the answer is 454 4.7.0.
     */
    void (*auth)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_credentials *credentials, struct slimta_op *op,
        void *user);

    /** The secret of `authcid`, please, for `mechanism`: answer with
     * slimta_op_secret or slimta_op_secret_stored (<slimta/auth.h>). With
     * neither, the user is unknown, and the client cannot tell that from a
     * wrong password. `reply` is for a temporary failure only: a 4xx ends the
     * exchange with it, anything else is not looked at. The first table that
     * gives a secret ends the round. */
    void (*secret)(struct slimta_session *session, struct slimta_reply *reply,
        const char *mechanism, const char *authcid, struct slimta_op *op,
        void *user);

    /** The sender, in the form of slimta_envelope_sender: "" for `<>`. */
    void (*mail)(struct slimta_session *session, struct slimta_reply *reply,
        const char *sender, const struct slimta_mail_params *params,
        struct slimta_op *op, void *user);

    /** One recipient. */
    void (*rcpt)(struct slimta_session *session, struct slimta_reply *reply,
        const struct slimta_recipient *recipient, struct slimta_op *op,
        void *user);

    /** The content may come: "354 …"; a streaming queue's `begin` follows.
     * With such a queue this is the last place for slimta_envelope_prepend;
     * with one that is asked for each recipient there is none.
     * HTTP: the body is about to be read, nothing is sent for a success. For
     * BDAT: before the first chunk. */
    void (*data)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /** Octets of the message as they arrive, dots removed, in order, without
     * their boundaries meaning anything. No reply is sent for a success. A
     * refusal is the reply to the message, which is read to its end first; 421
     * closes at once. Until a taken op is finished nothing more is read. */
    void (*chunk)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_slice octets, struct slimta_op *op, void *user);

    /** The message is whole and no queue has it yet: headers can be read and
     * prepended. A streaming queue has it already: then the content is empty
     * here, prepending is SLIMTA_ESTATE, and a refusal becomes its abort. */
    void (*have_data)(struct slimta_session *session,
        struct slimta_reply *reply, struct slimta_envelope *envelope,
        struct slimta_op *op, void *user);

    /** The queue has answered; `reply` holds what it comes to. A success may
     * be worded, as with the id; a 4xx or 5xx cannot become a success, and a
     * success that is refused here stays in the queue. In LMTP each recipient
     * gets its own, slimta_results_recipient_reply; of `reply` only a refusal
     * counts, for all of them. */
    void (*queued)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_results *results, struct slimta_op *op, void *user);

    /** RSET, before the transaction goes; a refusal keeps it. SMTP only. */
    void (*rset)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /** NOOP. SMTP only. */
    void (*noop)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /** QUIT. Whatever is answered, the connection closes. SMTP only. */
    void (*quit)(struct slimta_session *session, struct slimta_reply *reply,
        struct slimta_op *op, void *user);

    /** A verb that the edge does not know, as it came; `argument` is "" when
     * there is none. `reply` holds 500 5.5.2, which a table leaves that does
     * not know it either: then the next is asked. 354 and what follows it
     * cannot be had here: 3xx becomes 500. SMTP only. */
    void (*command)(struct slimta_session *session, struct slimta_reply *reply,
        const char *verb, const char *argument, struct slimta_op *op,
        void *user);

    /** The list is about to be offered, after `ehlo` has accepted. A later
     * answer edits slimta_op_extensions. What is taken off is refused when it
     * is used. SMTP only. */
    void (*extensions)(struct slimta_session *session,
        struct slimta_extensions *extensions, struct slimta_op *op, void *user);

    /** The session ends: exactly once for each session of which any other
     * validator of any table could have been asked, also if none was. Every
     * open op was cancelled before. Nothing can be answered; slimta_session_*
     * still work, and are dead after return. A client that has not closed its
     * side is given up to 2 s to read the last reply before. A connection that
     * ends before its PROXY header is whole has been no session: only the event
     * PROXY tells of it. */
    void (*closed)(
        struct slimta_session *session, enum slimta_closed reason, void *user);

    /** A header field that the edge's `custom_headers` name, once for each
     * line, in their order. HTTP only. */
    void (*header)(struct slimta_session *session, struct slimta_reply *reply,
        const char *name, const char *value, struct slimta_op *op, void *user);
};

SLIMTA_BEGIN_DECLS

/** Offers `keyword` with `params` (NULL or "": none), in place of what was
 * offered under it. Both are copied. What the edge does not know it only
 * announces: `command` does the rest. SLIMTA_EINVAL when it does not fit the
 * grammar of RFC 5321 section 4.1.1.1, SLIMTA_ENOMEM. */
SLIMTA_API int slimta_extensions_set(struct slimta_extensions *extensions,
    const char *keyword, const char *params);

/** Takes `keyword` off; case does not matter. 1 when it was there, else 0. */
SLIMTA_API int slimta_extensions_remove(
    struct slimta_extensions *extensions, const char *keyword);

/** The parameters of `keyword`, "" for none; NULL when it is not offered.
 * Lives until the list is changed. */
SLIMTA_API const char *slimta_extensions_params(
    const struct slimta_extensions *extensions, const char *keyword);

SLIMTA_END_DECLS

#endif
