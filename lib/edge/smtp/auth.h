/** AUTH in an SMTP session: from the client's messages to its credentials. */
#ifndef EDGE_SMTP_AUTH_H
#define EDGE_SMTP_AUTH_H

#include "edge/smtp/session.h"

/** What AUTH offers on the connection as it is now. */
void sli_edge_smtp_auth_offer(struct sli_edge_smtp_session *session);

/** What is done about the engine's AUTH, AUTH_ANSWER and AUTH_GIVEN_UP. */
void sli_edge_smtp_auth_on_auth(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_auth_on_answer(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_auth_on_given_up(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

/** A mechanism asks the client for more. */
void sli_edge_smtp_auth_challenge(
    struct slimta_session *base, struct slimta_slice octets);

#endif
