/** A loop that asks a queue, as an edge does. */
#ifndef QUEUE_STATION_H
#define QUEUE_STATION_H

#include <string.h>

#include <slimta/envelope.h>
#include <slimta/loop.h>
#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/list.h"
#include "edge/op.h"
#include "io/loop.h"

/* One question and what was answered. */
struct asked {
    struct sli_edge_question question; /* first */
    struct station *station;
    unsigned answers;
    int code; /* 250 when it was accepted */
    char text[128];
    char id[SLI_EDGE_ID_MAX + 1];
    void *begun;
};

/* All zero but `queue` before station_open. */
struct station {
    struct slimta_queue *queue;
    struct slimta_loop *loop;
    struct sli_edge_ops ops;
    struct sli_io_loop_user user;
    struct asked detach;
    unsigned open; /* questions without an answer */
    int leaves;    /* when all are answered */
    int has_left;
    void (*heard)(struct station *station, struct asked *asked); /* or NULL */
};

static inline void station_left(struct sli_io_loop_user *user)
{
    SLI_LIST_ITEM(user, struct station, user)->has_left = 1;
}

static inline void station_go(struct station *station)
{
    sli_edge_ops_fini(&station->ops);
    sli_io_loop_leave(station->loop, &station->user, station_left);
}

static inline void station_keep(struct asked *asked, struct slimta_op *op)
{
    const struct slimta_reply *refusal;

    asked->answers++;
    asked->begun = op->begun;
    (void)snprintf(
        asked->id, sizeof asked->id, "%s", sli_edge_results_name(op->answers));
    if (op->answers->accepted > 0) {
        asked->code = 250;
        return;
    }
    refusal = op->answers->count > 0 ? slimta_results_refusal(op->answers, 0)
                                     : slimta_op_reply(op);
    asked->code = slimta_reply_code(refusal);
    (void)snprintf(asked->text, sizeof asked->text, "%s %s",
        slimta_reply_enhanced(refusal), slimta_reply_text(refusal));
}

static inline void station_detach(struct station *station);

static inline void station_answered(
    struct sli_edge_question *question, struct slimta_op *op)
{
    struct asked *asked = (struct asked *)question;
    struct station *station = asked->station;

    station_keep(asked, op);
    if (asked == &station->detach) {
        station_go(station);
        return;
    }
    station->open--;
    if (station->heard != NULL) {
        station->heard(station, asked);
    }
    if (station->open == 0 && station->leaves) {
        station_detach(station);
    }
}

static inline struct slimta_op *station_op(
    struct station *station, struct asked *asked)
{
    struct slimta_op *op;

    asked->question.answered = station_answered;
    asked->station = station;
    op = sli_edge_op_ask(
        &station->ops, &asked->question, 451, "4.3.0 Error queuing message");
    assert_non_null(op);
    op->answers = sli_edge_results_new(&op->alloc);
    assert_non_null(op->answers);
    return op;
}

/* The callback returned. 1 when it has answered. */
static inline int station_asked(
    struct station *station, struct asked *asked, struct slimta_op *op)
{
    if (!sli_edge_op_asked(op)) {
        return 0;
    }
    station_keep(asked, op);
    sli_edge_op_release(&station->ops, op);
    return 1;
}

/* Detaches; the loop is left when that is answered. */
static inline void station_detach(struct station *station)
{
    struct slimta_op *op = station_op(station, &station->detach);

    if (station->queue->methods->detach != NULL) {
        station->queue->methods->detach(station->queue, station->loop, op);
    }
    if (station_asked(station, &station->detach, op)) {
        station_go(station);
    }
}

/* Returns what the queue's attach does. The loop may be one that another
 * station has. */
static inline int station_open(
    struct station *station, struct slimta_loop *loop)
{
    struct slimta_alloc alloc;

    assert_int_equal(0, sli_alloc_init(&alloc, NULL));
    station->loop = loop;
    if (loop == NULL) {
        assert_int_equal(0, slimta_loop_new(&station->loop, NULL, NULL));
    }
    assert_int_equal(0, sli_io_loop_enter(station->loop));
    sli_edge_ops_init(&station->ops, &alloc, station->loop);
    return station->queue->methods->attach == NULL
        ? 0
        : station->queue->methods->attach(station->queue, station->loop);
}

/* Takes the envelope. 1 when it was answered at once. */
static inline int station_enqueue(struct station *station, struct asked *asked,
    struct slimta_envelope *envelope)
{
    struct slimta_op *op = station_op(station, asked);

    station->queue->methods->enqueue(station->queue, envelope, op);
    if (station_asked(station, asked, op)) {
        return 1;
    }
    station->open++;
    return 0;
}

/* Runs the loop until nothing is left in it. */
static inline void station_run(struct station *station)
{
    assert_int_equal(0, slimta_loop_run(station->loop));
    assert_int_equal(1, station->has_left);
}

/* Has it leave when all is answered, and runs until then. */
static inline void station_finish(struct station *station)
{
    station->leaves = 1;
    if (station->open == 0) {
        station_detach(station);
    }
    station_run(station);
}

static inline void station_close(struct station *station)
{
    assert_int_equal(0, slimta_loop_free(station->loop));
    station->loop = NULL;
}

#endif
