/** The asking side of an op: who asks, and how the answer finds back. */
#ifndef EDGE_OP_H
#define EDGE_OP_H

#include <pthread.h>
#include <stdatomic.h>

#include <slimta/op.h>
#include <slimta/queue.h>

#include "edge/counters.h"
#include "io/inbox.h"
#include "mail/reply.h"

/** The most of a queue's id that is kept. */
#define SLI_EDGE_ID_MAX 128

struct sli_edge_question;

/** What the queue said, in the order in which it said it. */
struct sli_edge_results {
    unsigned accepted;
    unsigned refused;
    char id[SLI_EDGE_ID_MAX + 1]; /* the first accepted part's, or "" */
};

struct slimta_op {
    struct sli_io_message message; /* brings the finished op to its loop */
    struct slimta_alloc alloc;     /* a copy: the op may outlive its edge */
    struct slimta_loop *loop;      /* on the loop only */
    struct sli_io_inbox *inbox;    /* one reference */
    struct sli_edge_question *question; /* NULL once cancelled; loop only */
    struct sli_edge_counters *counters; /* may be NULL; the loop's, and only
                                           while there is a question */
    struct slimta_queue *queue;         /* of a `begin`, else NULL */

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
    struct sli_edge_results results;
    int has_begun; /* slimta_op_begun was called with: */
    void *begun;
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
    struct slimta_op *spare;
    struct sli_edge_counters *counters; /* the shard's, or NULL */
};

void sli_edge_ops_init(struct sli_edge_ops *ops,
    const struct slimta_alloc *alloc, struct slimta_loop *loop);

void sli_edge_ops_fini(struct sli_edge_ops *ops);

/** An op to ask `question` with; the given reply (static text) is the answer
 * when nothing is said. NULL when there is no memory. Follow with the callback,
 * then sli_edge_op_asked. */
struct slimta_op *sli_edge_op_ask(struct sli_edge_ops *ops,
    struct sli_edge_question *question, int code, const char *text);

/** The callback has returned. 1: the op holds the answer, read it and call
 * sli_edge_op_release. 0: it was taken; question->answered will be called. */
int sli_edge_op_asked(struct slimta_op *op);

/** An op that was answered at once is not needed any more. */
void sli_edge_op_release(struct sli_edge_ops *ops, struct slimta_op *op);

/** Nobody waits any more for the open question, if there is one. */
void sli_edge_op_cancel(struct sli_edge_question *question);

#endif
