/** What a next hop has said, as the answer to a question of an edge. */
#ifndef QUEUE_ANSWER_H
#define QUEUE_ANSWER_H

#include <slimta/op.h>
#include <slimta/reply.h>
#include <slimta/slice.h>

/** The longest name of a message that is looked for in a hop's words. */
#define SLI_QUEUE_ANSWER_ID_MAX 128

/** Refuses `envelope` (NULL: the one that was asked about) in the words of
 * `reply`, which is of class 4 or 5. Never fails towards acceptance. */
void sli_queue_answer_refuse(struct slimta_op *op,
    struct slimta_envelope *envelope, const struct slimta_reply *reply);

/** The same for several envelopes: NULL, or `count` of them. */
void sli_queue_answer_refuse_each(struct slimta_op *op,
    struct slimta_envelope *const *envelopes, size_t count,
    const struct slimta_reply *reply);

/** Writes to `out` how the hop has named the message, "" when that cannot be
 * told: the word behind "queued as" or "id=", as most systems say it. */
void sli_queue_answer_id(
    const struct slimta_reply *reply, char out[SLI_QUEUE_ANSWER_ID_MAX + 1]);

#endif
