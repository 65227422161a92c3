/** One message that is handed on over SMTP or LMTP while its client waits. */
#ifndef QUEUE_SMTP_MESSAGE_H
#define QUEUE_SMTP_MESSAGE_H

#include "queue/smtp/link.h"

struct sli_queue_smtp_message;

/* What the queue is asked; see struct slimta_queue_methods. */

void sli_queue_smtp_message_begin(struct sli_queue_smtp *queue,
    struct slimta_envelope *envelope, struct slimta_op *op);
void sli_queue_smtp_message_recipient(struct sli_queue_smtp_message *message,
    const struct slimta_recipient *recipient, struct slimta_op *op);
void sli_queue_smtp_message_write(struct sli_queue_smtp_message *message,
    struct slimta_slice octets, struct slimta_op *op);
void sli_queue_smtp_message_commit(
    struct sli_queue_smtp_message *message, struct slimta_op *op);
void sli_queue_smtp_message_abort(struct sli_queue_smtp_message *message);

/* What its link tells it. */

/** MAIL, RCPT, DATA or END was answered. */
void sli_queue_smtp_message_heard(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *event);

/** The link is closed, for `end`; the message has it no more. `reason` in
 * words. */
void sli_queue_smtp_message_lost(struct sli_queue_smtp_message *message,
    const struct sli_smtp_client_event *end, const char *reason);

/** All that was sent has left. */
void sli_queue_smtp_message_drained(struct sli_queue_smtp_message *message);

#endif
