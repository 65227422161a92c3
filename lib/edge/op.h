/** The asking side of an op: who asks, and how the answer finds back. */
#ifndef EDGE_OP_H
#define EDGE_OP_H

#include <pthread.h>
#include <stdatomic.h>

#include <slimta/op.h>
#include <slimta/queue.h>

#include "edge/counters.h"
#include "edge/results.h"
#include "edge/secret.h"
#include "io/inbox.h"
#include "mail/reply.h"

struct sli_edge_gate;
struct sli_edge_ops;
struct sli_edge_question;
struct slimta_extensions;

struct slimta_op {
    struct sli_io_message message; /* brings the finished op to its loop */
    struct slimta_alloc alloc;     /* a copy: the op may outlive its edge */
    struct slimta_loop *loop;      /* on the loop only */
    struct sli_edge_gate *gate;    /* the way back; one reference */
    struct sli_edge_question *question; /* NULL once cancelled; loop only */
    struct sli_edge_counters *counters; /* may be NULL; the loop's, and only
                                           while there is a question */
    struct slimta_queue *queue;         /* of a `begin`, else NULL */
    uint64_t session_id; /* of an `enqueue` or `commit`: who has asked */

    pthread_mutex_t lock; /* what finishing and cancelling both touch: */
    int is_finished;
    atomic_int is_cancelled;
    atomic_int is_cancelling; /* `cancelled` runs, on `canceller` */
    pthread_t canceller;
    void (*cancelled)(struct slimta_op *op, void *user);
    void *cancelled_user;

    int is_taken;
    const char *default_text; /* static; with `default_code` the reply when
                                 nothing is said */
    int default_code;
    int has_reply; /* `reply` was filled */
    struct slimta_reply reply;
    struct slimta_results *answers; /* what the queue says to an `enqueue` or
                                       `commit`; NULL for any other question */
    struct sli_edge_secret secret;  /* what is said to a `secret` */
    int takes_secret;               /* it is such a question */
    int has_begun;                  /* slimta_op_begun was called with: */
    void *begun;

    /* What the asker lends with a `queued` or an `extensions` question: set
     * before the callback. Once the op is taken they are the op's own, and go
     * with it unless `answered` takes them back and puts NULL here. */
    struct slimta_results *results;
    struct slimta_extensions *extensions;
    void (*free_extensions)(struct slimta_extensions *extensions);
};

/** One who asks; embedded in it. At most one question is open at a time. */
struct sli_edge_question {
    struct slimta_op *op; /* the taken op, while it is open */
    /** The answer to a taken op; borrows `op`. On the loop. */
    void (*answered)(struct sli_edge_question *question, struct slimta_op *op);
};

/** Where a loop's askers get their ops: keeps one ready, so that questions that
 * are answered at once allocate nothing. */
struct sli_edge_ops {
    struct slimta_alloc alloc;
    struct slimta_loop *loop;
    struct sli_edge_gate *gate; /* made with the first op */
    struct slimta_op *spare;
    struct slimta_results *spare_results;

    /** A queue has said yes to an `enqueue` or a `commit` when nobody waited
     * any more: the client has heard a refusal, or has gone. Borrows `results`.
     * On the loop, until sli_edge_ops_fini. NULL: nobody wants to know. */
    void (*late)(struct sli_edge_ops *ops, uint64_t session_id,
        const struct slimta_results *results);
    struct sli_edge_counters *counters; /* the shard's, or NULL */
};

void sli_edge_ops_init(struct sli_edge_ops *ops,
    const struct slimta_alloc *alloc, struct slimta_loop *loop);

/**
 * From here on slimta_op_finish says SLIMTA_ECANCELED. What was finished before
 * is still delivered, so the owner goes after that: it calls this on the loop
 * right before it leaves the loop, and ends with sli_edge_ops_fini when it has
 * left.
 */
void sli_edge_ops_close(struct sli_edge_ops *ops);

void sli_edge_ops_fini(struct sli_edge_ops *ops);

/** An op to ask `question` with; the given reply (static text) is the answer
 * when nothing is said. NULL when there is no memory. Follow with the callback,
 * then sli_edge_op_asked. */
struct slimta_op *sli_edge_op_ask(struct sli_edge_ops *ops,
    struct sli_edge_question *question, int code, const char *text);

/** The same; the op's reply begins as a copy of `reply`. */
struct slimta_op *sli_edge_op_ask_reply(struct sli_edge_ops *ops,
    struct sli_edge_question *question, const struct slimta_reply *reply);

/** The same, to hear what the queue says of `envelope`, which gets one more
 * reference: fills op->answers. */
struct slimta_op *sli_edge_op_ask_results(struct sli_edge_ops *ops,
    struct sli_edge_question *question, int code, const char *text,
    struct slimta_envelope *envelope);

/** The callback has returned. 1: the op holds the answer, read it and call
 * sli_edge_op_release. 0: it was taken; question->answered will be called. */
int sli_edge_op_asked(struct slimta_op *op);

/** An op that was answered at once is not needed any more. What was lent with
 * it stays the asker's. */
void sli_edge_op_release(struct sli_edge_ops *ops, struct slimta_op *op);

/** Takes the queue's answers out of an op of sli_edge_op_ask_results: at least
 * one part; what the op's reply says when the queue has named none. The
 * caller's, to be given back with sli_edge_op_give_back. */
struct slimta_results *sli_edge_op_take_answers(struct slimta_op *op);

/** The results are not needed any more: frees them, or keeps them for the next
 * question. NULL is accepted. */
void sli_edge_op_give_back(
    struct sli_edge_ops *ops, struct slimta_results *results);

/** Nobody waits any more for the open question, if there is one. */
void sli_edge_op_cancel(struct sli_edge_question *question);

#endif
