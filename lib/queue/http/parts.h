/** What an HTTP hop has said of single recipients, as parts of a message. */
#ifndef QUEUE_HTTP_PARTS_H
#define QUEUE_HTTP_PARTS_H

#include <slimta/envelope.h>
#include <slimta/op.h>

#include "http/client.h"

/** Answers `op` about `envelope`, which the hop has accepted but for the
 * recipients of its list (http/verdict.h): one part for each of these, and for
 * each row of the others. SLIMTA_ENOMEM: nothing was said. */
int sli_queue_http_parts_answer(struct slimta_op *op,
    struct slimta_envelope *envelope, const struct sli_http_client_event *event,
    const struct slimta_alloc *alloc);

#endif
