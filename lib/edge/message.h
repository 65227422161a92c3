/** One message of a session of either door: its content, its end, and the
 * queue's answer. */
#ifndef EDGE_MESSAGE_H
#define EDGE_MESSAGE_H

#include "edge/session.h"

/** For a queue that is asked for each recipient: the sender, then each
 * recipient, was accepted by all validators with `reply`, which is kept. The
 * kind's `opened` and `listed` follow. */
void sli_edge_message_open(
    struct slimta_session *session, const struct slimta_reply *reply);
void sli_edge_message_list(struct slimta_session *session,
    const struct slimta_recipient *recipient, const struct slimta_reply *reply);

/** The content may come as far as the validators are concerned, with `reply`,
 * which is kept. The kind's `begun` follows. */
void sli_edge_message_begin(
    struct slimta_session *session, const struct slimta_reply *reply);

/** The client's time for the content begins. */
void sli_edge_message_await(struct slimta_session *session);

/** Octets of the content, at most SLIMTA_WRITE_MAX: for `chunk`, then for the
 * queue. Not while sli_edge_message_is_busy. */
void sli_edge_message_content(
    struct slimta_session *session, struct slimta_slice octets);

/** Whether no octets can be taken now. */
int sli_edge_message_is_busy(const struct slimta_session *session);

/** `have_data` has said yes: the queue is asked to take the message, then
 * `queued` is; the kind's `answer` follows. */
void sli_edge_message_finish(struct slimta_session *session);

/** The transaction is gone: the queue is told, the envelope given back. */
void sli_edge_message_drop(struct slimta_session *session);

/** A validator or the queue has answered: the time of whoever is awaited now
 * begins. */
void sli_edge_message_time(struct slimta_session *session);

extern const struct sli_edge_handoff_handler sli_edge_message_handoff;

#endif
