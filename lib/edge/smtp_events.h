/** What an SMTP session does about each event of its engine. */
#ifndef EDGE_SMTP_EVENTS_H
#define EDGE_SMTP_EVENTS_H

#include "edge/smtp_session.h"

/** Acts on an event; a question is answered now or later. */
void sli_edge_smtp_events_act(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

/** Frees what an event has left waiting. */
void sli_edge_smtp_events_forget(struct sli_edge_smtp_session *session);

extern const struct sli_edge_session_kind sli_edge_smtp_events_kind;
extern const struct sli_edge_handoff_handler sli_edge_smtp_events_handoff;

#endif
