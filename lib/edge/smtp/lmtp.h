/** LMTP: a reply for each recipient, and the port where it is not spoken. */
#ifndef EDGE_SMTP_LMTP_H
#define EDGE_SMTP_LMTP_H

#include "edge/smtp/session.h"

/** LMTP: each recipient gets its reply from here on, see
 * slimta_results_recipient_reply. Without memory for words they get plain ones.
 */
void sli_edge_smtp_lmtp_part(struct sli_edge_smtp_session *session);

/** Answers END (or a CHUNK, with a refusal): with `reply`, or in LMTP with what
 * the queue has said of each recipient. */
void sli_edge_smtp_lmtp_answer(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply);

/** RFC 2033 section 5: LMTP is not spoken on port 25. SLIMTA_EINVAL. */
int sli_edge_smtp_lmtp_check_port(
    const struct smtp_edge *edge, uint16_t port, struct slimta_error *error);

/** How much of replies one step may say. */
size_t sli_edge_smtp_lmtp_replies_max(const struct smtp_edge *edge);

#endif
