/** The message of an SMTP session: its content, its end, and the queue's
 * answer. */
#ifndef EDGE_SMTP_MESSAGE_H
#define EDGE_SMTP_MESSAGE_H

#include "edge/smtp_session.h"

/** For a queue that is asked for each recipient: MAIL and RCPT were accepted by
 * all validators with `reply`, and are answered when the queue has answered. */
void sli_edge_smtp_message_open(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply);
void sli_edge_smtp_message_recipient(struct sli_edge_smtp_session *session,
    const struct slimta_recipient *recipient, const struct slimta_reply *reply);

/** What is done about the engine's DATA and CHUNKS, CONTENT, CHUNK and END. */
void sli_edge_smtp_message_on_data(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_message_on_content(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_message_on_chunk(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_message_on_end(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

/** The transaction is gone: the queue is told, the envelope given back. */
void sli_edge_smtp_message_drop(struct sli_edge_smtp_session *session);

/** A validator or the queue has answered: the time of whoever is awaited now
 * begins, and the session goes on. */
void sli_edge_smtp_message_go_on(struct slimta_session *base);

extern const struct sli_edge_handoff_handler sli_edge_smtp_message_handoff;

#endif
