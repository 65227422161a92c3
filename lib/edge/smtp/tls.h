/** TLS in an SMTP session: STARTTLS, TLS at once, and what comes after. */
#ifndef EDGE_SMTP_TLS_H
#define EDGE_SMTP_TLS_H

#include "edge/smtp/session.h"

/** A handshake begins on the connection, of which `received` came already, with
 * a PROXY header; nothing else happens until it is over. */
void sli_edge_smtp_tls_begin(
    struct sli_edge_smtp_session *session, struct slimta_slice received);

/** What is done about the engine's STARTTLS and START_TLS. */
void sli_edge_smtp_tls_on_starttls(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_tls_on_start_tls(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

/** The handshake is done. */
void sli_edge_smtp_tls_secured(struct sli_edge_smtp_session *session);

/** The handshake, or a record after it, has failed: closes. */
void sli_edge_smtp_tls_failed(
    struct sli_edge_smtp_session *session, const char *reason);

/** The handshake takes too long: closes. */
void sli_edge_smtp_tls_time_out(struct sli_edge_smtp_session *session);

#endif
