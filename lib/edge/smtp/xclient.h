/** XCLIENT and XFORWARD in an SMTP session, for peers that are listed. */
#ifndef EDGE_SMTP_XCLIENT_H
#define EDGE_SMTP_XCLIENT_H

#include "edge/smtp/session.h"

/** The session begins: its peer may be a listed one. */
void sli_edge_smtp_xclient_begin(struct sli_edge_smtp_session *session);

void sli_edge_smtp_xclient_on_xclient(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_xclient_on_xforward(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

#endif
