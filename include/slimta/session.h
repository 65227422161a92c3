/** Who is at the door: one connection of SMTP, one request of HTTP. */
#ifndef SLIMTA_SESSION_H
#define SLIMTA_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/address.h>
#include <slimta/export.h>

struct slimta_envelope;
struct slimta_loop;
struct slimta_proxy;
struct slimta_resolver;
struct slimta_tls_info;

/**
 * One type for both doors: for SMTP and LMTP a session is a connection, for
 * HTTP it is one request, also when several come over one connection.
 *
 * It belongs to the loop that serves it and is always lent: it lives from its
 * first validator until its `closed` returns, which comes exactly once. Every
 * function below is for that loop's thread, between those two. A thread that
 * answers an op later must not touch the session: it takes with it, inside the
 * callback, what it needs, such as slimta_session_id.
 *
 * Everything that a function below returns lives until the session's next
 * callback begins, if nothing else is said: STARTTLS, EHLO and AUTH change
 * these facts. What is to stay is copied.
 */
struct slimta_session;

/** How a client has proved who it is. */
struct slimta_auth {
    size_t size;           /**< how much of the struct the library knows */
    const char *mechanism; /**< "PLAIN", …; HTTP: "BASIC", "BEARER" */
    const char *authcid;   /**< whose credentials they are; UTF-8 */
    const char *authzid;   /**< whom it acts as; the authcid when not said */
};

SLIMTA_BEGIN_DECLS

/** A number that no other session of the process has or had; never 0. It is in
 * every event of the session. */
SLIMTA_API uint64_t slimta_session_id(const struct slimta_session *session);

/** The client's address and port: those that a PROXY header or XCLIENT told,
 * else the real peer's. Never NULL; stays for the whole session, XCLIENT
 * apart. */
SLIMTA_API const struct slimta_address *slimta_session_client(
    const struct slimta_session *session);

/** The real peer of the connection, which may be a proxy. Never NULL; stays for
 * the whole session. */
SLIMTA_API const struct slimta_address *slimta_session_peer(
    const struct slimta_session *session);

/** Our own end of the connection, as the client sees it (after PROXY). Never
 * NULL; stays for the whole session. */
SLIMTA_API const struct slimta_address *slimta_session_local(
    const struct slimta_session *session);

/** The client's reverse name, looked up when the edge's option says so and
 * confirmed by a forward look-up. NULL while it is not known: the look-up
 * goes on beside the session and delays nothing. */
SLIMTA_API const char *slimta_session_reverse_name(
    const struct slimta_session *session);

/** The argument of EHLO, HELO or LHLO, or X-Ehlo; "" before it came. */
SLIMTA_API const char *slimta_session_ehlo_as(
    const struct slimta_session *session);

/** 1 after EHLO or LHLO and for HTTP; 0 before and after HELO. */
SLIMTA_API int slimta_session_is_extended(const struct slimta_session *session);

/** The word for Received: "SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA",
 * "UTF8SMTP…", "LMTP…" (RFC 3848, RFC 6531), "HTTP", "HTTPS". Static. */
SLIMTA_API const char *slimta_session_protocol(
    const struct slimta_session *session);

/** What TLS has agreed on; NULL in the clear. Once it is there it stays for the
 * whole session. <slimta/tls.h> */
SLIMTA_API const struct slimta_tls_info *slimta_session_tls(
    const struct slimta_session *session);

/** Who the client is; NULL before it has authenticated. Stays for the whole
 * session, STARTTLS apart. */
SLIMTA_API const struct slimta_auth *slimta_session_auth(
    const struct slimta_session *session);

/** What the PROXY header said beside the addresses; NULL only in an edge whose
 * options ask for none, and in a mounted HTTP edge. Stays for the whole
 * session. <slimta/proxy.h> */
SLIMTA_API const struct slimta_proxy *slimta_session_proxy(
    const struct slimta_session *session);

/** The envelope in progress: from the first `rcpt` on (it has the sender) to
 * the end of `queued`; NULL otherwise. To keep it, ref it: then it may still
 * change, and is for this loop only, until a queue has it. */
SLIMTA_API struct slimta_envelope *slimta_session_envelope(
    const struct slimta_session *session);

/** The loop that serves the session. Borrowed from the edge. */
SLIMTA_API struct slimta_loop *slimta_session_loop(
    const struct slimta_session *session);

/** The resolver of the edge in that loop. Never NULL; lives until the edge has
 * stopped. <slimta/resolver.h> */
SLIMTA_API struct slimta_resolver *slimta_session_resolver(
    const struct slimta_session *session);

/**
 * Puts a pointer of the host's into the session, in place of the one that was
 * there under the same `key`. `key` is any address that is the caller's own,
 * so that several tables of validators, and the checks of this library, do not
 * meet; NULL is a key too and is never used by the library. The library does
 * not look at `user` nor free it: `closed` is the place for that.
 *
 * 0, or SLIMTA_ENOMEM, and then the pointer there before stays. With a NULL key
 * it cannot fail.
 */
SLIMTA_API int slimta_session_set_user(
    struct slimta_session *session, const void *key, void *user);

/** The pointer under `key`; NULL when there is none. */
SLIMTA_API void *slimta_session_user(
    const struct slimta_session *session, const void *key);

SLIMTA_END_DECLS

#endif
