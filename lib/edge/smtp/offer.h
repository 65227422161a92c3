/** What an SMTP session can offer beyond the plain message: what the queue
 * claims, and the edge's options. */
#ifndef EDGE_SMTP_OFFER_H
#define EDGE_SMTP_OFFER_H

#include "edge/smtp/session.h"

/** Tells the engine what the queue can honour now. */
void sli_edge_smtp_offer_renew(struct sli_edge_smtp_session *session);

/** Tells the engine what time it is, where it may be asked for that. */
void sli_edge_smtp_offer_tell_time(struct sli_edge_smtp_session *session);

/** Checks the options and keeps them. SLIMTA_EINVAL. */
int sli_edge_smtp_offer_take_options(struct smtp_edge *edge,
    const struct smtp_edge_options *options, struct slimta_error *error);

#endif
