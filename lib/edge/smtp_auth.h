/** AUTH in an SMTP session: from the client's messages to its credentials. */
#ifndef EDGE_SMTP_AUTH_H
#define EDGE_SMTP_AUTH_H

#include "edge/smtp_session.h"

/** What AUTH offers on the connection as it is now. */
void sli_edge_smtp_auth_offer(struct sli_edge_smtp_session *session);

/** What is done about the engine's AUTH, AUTH_ANSWER and AUTH_GIVEN_UP. */
void sli_edge_smtp_auth_on_auth(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_auth_on_answer(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_auth_on_given_up(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

/** What the validators of `auth` and `secret` are told. */
void sli_edge_smtp_auth_fill(const struct sli_edge_smtp_session *session,
    enum sli_edge_step step, struct sli_edge_arguments *arguments);

/** Whether keys are being made from a password, off the loop. */
int sli_edge_smtp_auth_is_busy(const struct sli_edge_smtp_session *session);

/** The exchange is over, or nobody waits for it any more. */
void sli_edge_smtp_auth_drop(struct sli_edge_smtp_session *session);

#endif
