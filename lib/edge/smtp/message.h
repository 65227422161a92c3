/** The message of an SMTP session, between its engine and edge/message. */
#ifndef EDGE_SMTP_MESSAGE_H
#define EDGE_SMTP_MESSAGE_H

#include "edge/smtp/session.h"

/** What is done about the engine's DATA and CHUNKS, CONTENT, CHUNK and END. */
void sli_edge_smtp_message_on_data(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_message_on_content(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_message_on_chunk(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);
void sli_edge_smtp_message_on_end(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event);

/** A validator or the queue has answered: the time of whoever is awaited now
 * begins, and the session goes on. */
void sli_edge_smtp_message_go_on(struct slimta_session *base);

/** What the session's kind does about the queue's answers. */
void sli_edge_smtp_message_early_answer(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused);
void sli_edge_smtp_message_begun(struct slimta_session *base,
    const struct slimta_reply *reply, int is_refused);
int sli_edge_smtp_message_is_receiving(const struct slimta_session *base);
int sli_edge_smtp_message_say_queued(const struct slimta_session *base,
    struct slimta_reply *reply, const char *id);

#endif
