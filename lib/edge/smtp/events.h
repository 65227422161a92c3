/** What an SMTP session does about each event of its engine. */
#ifndef EDGE_SMTP_EVENTS_H
#define EDGE_SMTP_EVENTS_H

#include "edge/smtp/session.h"

/** Acts on an event; a question is answered now or later. */
void sli_edge_smtp_events_act(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

extern const struct sli_edge_session_kind sli_edge_smtp_events_kind;

#endif
