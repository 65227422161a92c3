/** What the sender has asked for, as fields of a stored message. */
#ifndef QUEUE_MAILDIR_PARAMS_H
#define QUEUE_MAILDIR_PARAMS_H

#include <slimta/envelope.h>

#include "base/buf.h"

/** Appends the fields that are told of at slimta_maildir_queue_new: none for a
 * message of which nothing was asked. SLIMTA_ENOMEM. */
int sli_queue_maildir_params_append(
    struct sli_buf *head, const struct slimta_envelope *envelope);

#endif
