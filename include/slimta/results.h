/** What a queue has said to one message. */
#ifndef SLIMTA_RESULTS_H
#define SLIMTA_RESULTS_H

#include <stddef.h>

#include <slimta/export.h>

struct slimta_envelope;
struct slimta_reply;

/**
 * A list of parts, one for each slimta_op_queued or slimta_op_refused of the
 * queue, in that order: usually one, several when the queue split the message.
 * The list holds a reference to each envelope and is lent to the `queued`
 * validator: until it returns, and when it takes its op, slimta_op_results is
 * the taker's own until slimta_op_finish.
 */
struct slimta_results;

SLIMTA_BEGIN_DECLS

/** How many parts; at least 1: a queue that named none has refused with its
 * op's reply. */
SLIMTA_API size_t slimta_results_count(const struct slimta_results *results);

/** The envelope of part `index`, which holds its recipients; NULL past the
 * last. Lives as long as the list. */
SLIMTA_API struct slimta_envelope *slimta_results_envelope(
    const struct slimta_results *results, size_t index);

/** The name that the queue gave to part `index`, "" when it gave none; NULL
 * when the part was refused, and past the last. Lives as long as the list. */
SLIMTA_API const char *slimta_results_id(
    const struct slimta_results *results, size_t index);

/** The queue's refusal of part `index`; NULL when it was accepted, and past
 * the last. Lives as long as the list. */
SLIMTA_API const struct slimta_reply *slimta_results_refusal(
    const struct slimta_results *results, size_t index);

/**
 * LMTP: the reply that is sent for accepted recipient number `index` of the
 * whole message (RFC 2033 section 4.2), to be edited; a change from 4xx or 5xx
 * to 2xx is not taken. NULL past the last, and always for SMTP and HTTP, whose
 * one reply is the `reply` of `queued`. Lives as long as the list.
 */
SLIMTA_API struct slimta_reply *slimta_results_recipient_reply(
    struct slimta_results *results, size_t index);

SLIMTA_END_DECLS

#endif
