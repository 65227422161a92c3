/** The deferred answer: a question that is answered later, from any thread. */
#ifndef SLIMTA_OP_H
#define SLIMTA_OP_H

#include <slimta/export.h>
#include <slimta/reply.h>

struct slimta_envelope;
struct slimta_extensions;
struct slimta_loop;
struct slimta_results;

/**
 * Every question that the library asks of its host brings an op. A callback
 * that returns without slimta_op_take has answered: what it put into the reply
 * (or the op's results) is the answer. One that takes the op answers later: it
 * fills slimta_op_reply or the results, then calls slimta_op_finish, exactly
 * once, from any thread, inside the callback too.
 *
 * A taken op belongs to its taker until finished. It stays valid after the
 * session, the edge and the loop are gone. A deadline, a lost client or a stop
 * cancels it: then nobody waits for the answer any more, but it must be
 * finished all the same.
 */
struct slimta_op;

SLIMTA_BEGIN_DECLS

/** Takes the op: the answer comes with slimta_op_finish. Call it inside the
 * callback that brought the op, on its thread; calling it again changes
 * nothing. */
SLIMTA_API void slimta_op_take(struct slimta_op *op);

/**
 * The reply of this op. Before slimta_op_take it is the question's own, on the
 * loop; after it, the taker's copy, filled with the default, on any one thread
 * at a time. Lives until slimta_op_finish or, when the op is not taken, until
 * the callback returns. For a queue's question it holds the failing reply
 * "451 4.3.0 Error queuing message", which is used when there is no result.
 */
SLIMTA_API struct slimta_reply *slimta_op_reply(struct slimta_op *op);

/** The results of a `queued` question; NULL for any other. Lives as
 * slimta_op_reply does, and is the taker's own in the same way. */
SLIMTA_API struct slimta_results *slimta_op_results(struct slimta_op *op);

/** The list of an `extensions` question; NULL for any other. Lives as
 * slimta_op_reply does, and is the taker's own in the same way. */
SLIMTA_API struct slimta_extensions *slimta_op_extensions(struct slimta_op *op);

/**
 * Answers a taken op and gives it back: `op` is gone afterwards. The answer is
 * delivered by a later turn of the loop, never inside this call, on whatever
 * thread it is made. Returns 0 when the answer will be used or dropped by the
 * loop, SLIMTA_ECANCELED when the edge has left its loop already: only then has
 * nobody seen it. Any thread. Hold no lock over it that `cancelled` (see
 * slimta_op_on_cancel) takes.
 */
SLIMTA_API int slimta_op_finish(struct slimta_op *op);

/** 1 when nobody waits for the answer any more, else 0. Any thread, until
 * slimta_op_finish. */
SLIMTA_API int slimta_op_is_cancelled(const struct slimta_op *op);

/** The loop on which the question was asked. On that loop only. */
SLIMTA_API struct slimta_loop *slimta_op_loop(const struct slimta_op *op);

/**
 * Asks to be told when the op is cancelled: `cancelled` runs at most once, on
 * the loop, and not after slimta_op_finish was called; a slimta_op_finish on
 * another thread waits until it has returned, so that what `user` points to may
 * be freed after finishing. It may finish the op itself. Call this inside the
 * callback that brought the op, after slimta_op_take.
 */
SLIMTA_API void slimta_op_on_cancel(struct slimta_op *op,
    void (*cancelled)(struct slimta_op *op, void *user), void *user);

/**
 * A queue's yes: it has taken responsibility for `envelope` (NULL: the one it
 * was asked about) under the name `id`, which is copied, cut at 128 octets and
 * kept to printable ASCII. A queue that split the message says it once for each
 * part. Cannot fail for the first part; SLIMTA_ENOMEM later, then the part
 * counts as accepted, but is not in the results. SLIMTA_ESTATE for any other
 * question than `enqueue` and `commit`: nothing is done.
 */
SLIMTA_API int slimta_op_queued(
    struct slimta_op *op, struct slimta_envelope *envelope, const char *id);

/**
 * A queue's no for `envelope` (NULL: the one it was asked about), with the
 * reply that the client gets. `code` is 400..599; another becomes 451. One
 * SMTP reply answers for all parts: when any was accepted it is 250, else the
 * first refusal. SLIMTA_ENOMEM: the first part is refused without the text, a
 * later one is not in the results. It refuses `begin`, `recipient` and `write`
 * too.
 */
SLIMTA_API int slimta_op_refused(struct slimta_op *op,
    struct slimta_envelope *envelope, int code, const char *text);

SLIMTA_END_DECLS

#endif
