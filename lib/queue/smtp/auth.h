/** How a link proves to its hop who we are. */
#ifndef QUEUE_SMTP_AUTH_H
#define QUEUE_SMTP_AUTH_H

#include "queue/smtp/link.h"

/** Says AUTH; its end is is_known, or the link has failed. */
void sli_queue_smtp_auth_start(struct sli_queue_smtp_link *link);

/** A CHALLENGE of the hop's; answered now, or after a pool job. */
void sli_queue_smtp_auth_challenged(
    struct sli_queue_smtp_link *link, struct slimta_slice challenge);

/** The hop has ended the exchange. */
void sli_queue_smtp_auth_ended(
    struct sli_queue_smtp_link *link, const struct sli_smtp_client_event *end);

/** Forgets the exchange, if there is one. */
void sli_queue_smtp_auth_drop(struct sli_queue_smtp_link *link);

#endif
