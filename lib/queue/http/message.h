/** One message of a queue that hands mail on over HTTP. */
#ifndef QUEUE_HTTP_MESSAGE_H
#define QUEUE_HTTP_MESSAGE_H

#include "queue/http/link.h"

/** As `enqueue` of struct slimta_queue_methods. */
void sli_queue_http_message_enqueue(struct sli_queue_http *queue,
    struct slimta_envelope *envelope, struct slimta_op *op);

/* For http_link.c */

/** The hop has answered; the message is gone behind it. */
void sli_queue_http_message_answered(struct sli_queue_http_message *message,
    const struct sli_http_client_event *event);

/** The link is closed without an answer: `event` is CLOSE, `reason` says why.
 * The message is gone, or waits for another link. */
void sli_queue_http_message_lost(struct sli_queue_http_message *message,
    const struct sli_http_client_event *event, const char *reason);

/** All that was sent has left. */
void sli_queue_http_message_drained(struct sli_queue_http_message *message);

#endif
