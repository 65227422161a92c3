/** The deferred answer: asked, taken, finished, cancelled. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "edge/op.h"
#include "fail_alloc.h"
#include "io/loop.h"

/* One asker on a loop of its own, and what it heard. */
struct fixture {
    struct fail_alloc memory;
    struct slimta_loop *loop;
    struct sli_io_loop_user user;
    struct sli_edge_ops ops;
    struct sli_edge_question question;
    unsigned answers;
    unsigned accepted;
    int code;
    char id[SLI_EDGE_ID_MAX + 1];
    int has_left;
};

static struct fixture *current;

static void answered(struct sli_edge_question *question, struct slimta_op *op)
{
    struct fixture *f = SLI_LIST_ITEM(question, struct fixture, question);

    f->answers++;
    f->accepted = op->results.accepted;
    f->code = slimta_reply_code(slimta_op_reply(op));
    memcpy(f->id, op->results.id, sizeof f->id);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    memset(f, 0, sizeof *f);
    fail_alloc_init(&f->memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(slimta_loop_new(&f->loop, &f->memory.table, NULL), 0);
    assert_int_equal(sli_io_loop_enter(f->loop), 0);
    sli_edge_ops_init(&f->ops, &f->memory.table, f->loop);
    f->question.answered = answered;
    current = f;
    *state = f;
    return 0;
}

static void left(struct sli_io_loop_user *user)
{
    SLI_LIST_ITEM(user, struct fixture, user)->has_left = 1;
}

/* Runs the loop to its end, so that all that was posted is delivered. */
static void end_loop(struct fixture *f)
{
    if (!f->has_left) {
        sli_io_loop_leave(f->loop, &f->user, left);
        assert_int_equal(slimta_loop_run(f->loop), 0);
    }
    assert_int_equal(f->has_left, 1);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    end_loop(f);
    sli_edge_ops_fini(&f->ops);
    assert_int_equal(slimta_loop_free(f->loop), 0);
    assert_int_equal(atomic_load(&f->memory.live), 0);
    return 0;
}

static struct slimta_op *ask(struct fixture *f)
{
    struct slimta_op *op = sli_edge_op_ask(
        &f->ops, &f->question, 451, "4.3.0 Error queuing message");

    assert_non_null(op);
    return op;
}

static void answers_at_once(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);

    assert_int_equal(slimta_op_queued(op, NULL, "id-1"), 0);
    assert_int_equal(sli_edge_op_asked(op), 1);
    assert_int_equal(op->results.accepted, 1);
    assert_string_equal(op->results.id, "id-1");
    sli_edge_op_release(&f->ops, op);
    /* The next question finds nothing of this answer, and needs no memory. */
    fail_alloc_arm(&f->memory, 1, FAIL_ALLOC_ONWARD);
    op = ask(f);
    assert_int_equal(op->results.accepted, 0);
    assert_string_equal(op->results.id, "");
    assert_int_equal(slimta_reply_code(slimta_op_reply(op)), 451);
    assert_string_equal(slimta_reply_enhanced(slimta_op_reply(op)), "4.3.0");
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
    sli_edge_op_release(&f->ops, op);
}

static void without_memory_there_is_no_op(void **state)
{
    struct fixture *f = *state;

    for (unsigned n = 1; n <= 2; n++) {
        fail_alloc_arm(&f->memory, n, FAIL_ALLOC_ONWARD);
        assert_null(sli_edge_op_ask(&f->ops, &f->question, 451, "no"));
    }
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
}

static void finishes_inside_the_callback(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);

    slimta_op_take(op);
    assert_int_equal(slimta_op_queued(op, NULL, "id-2"), 0);
    assert_int_equal(slimta_op_finish(op), 0);
    assert_int_equal(sli_edge_op_asked(op), 0);
    assert_int_equal(f->answers, 0); /* delivered after it has returned */
    end_loop(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->accepted, 1);
    assert_string_equal(f->id, "id-2");
    assert_null(f->question.op);
}

static void *finish_elsewhere(void *user)
{
    struct slimta_op *op = user;

    (void)slimta_op_refused(op, NULL, 554, "5.7.1 Not here");
    assert_int_equal(slimta_op_finish(op), 0);
    return NULL;
}

static void finishes_on_another_thread(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);
    pthread_t thread;

    slimta_op_take(op);
    assert_int_equal(sli_edge_op_asked(op), 0);
    assert_int_equal(pthread_create(&thread, NULL, finish_elsewhere, op), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    end_loop(f);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->accepted, 0);
    assert_int_equal(f->code, 554);
}

static void count_cancel(struct slimta_op *op, void *user)
{
    assert_int_equal(slimta_op_is_cancelled(op), 1);
    ++*(int *)user;
}

static void cancelled_ops_are_told_once(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);
    int told = 0;

    slimta_op_take(op);
    slimta_op_on_cancel(op, count_cancel, &told);
    assert_int_equal(sli_edge_op_asked(op), 0);
    assert_int_equal(slimta_op_is_cancelled(op), 0);
    sli_edge_op_cancel(&f->question);
    sli_edge_op_cancel(&f->question);
    assert_int_equal(told, 1);
    assert_int_equal(slimta_op_queued(op, NULL, "late"), 0);
    assert_int_equal(slimta_op_finish(op), 0);
    end_loop(f);
    assert_int_equal(f->answers, 0);
}

static void finish_when_cancelled(struct slimta_op *op, void *user)
{
    ++*(int *)user;
    assert_int_equal(slimta_op_finish(op), 0);
}

static void may_be_finished_while_cancelled(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);
    int told = 0;

    slimta_op_take(op);
    slimta_op_on_cancel(op, finish_when_cancelled, &told);
    assert_int_equal(sli_edge_op_asked(op), 0);
    sli_edge_op_cancel(&f->question);
    assert_int_equal(told, 1);
    end_loop(f);
    assert_int_equal(f->answers, 0);
}

static void finished_ops_are_not_told(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);
    int told = 0;

    slimta_op_take(op);
    slimta_op_on_cancel(op, count_cancel, &told);
    assert_int_equal(sli_edge_op_asked(op), 0);
    assert_int_equal(slimta_op_finish(op), 0);
    sli_edge_op_cancel(&f->question);
    assert_int_equal(told, 0);
    end_loop(f);
    assert_int_equal(f->answers, 0);
}

static void outlives_its_loop(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);

    slimta_op_take(op);
    assert_int_equal(sli_edge_op_asked(op), 0);
    sli_edge_op_cancel(&f->question);
    end_loop(f);
    assert_int_equal(slimta_op_is_cancelled(op), 1);
    assert_int_equal(slimta_op_finish(op), SLIMTA_ECANCELED);
}

static unsigned aborted;

static void count_abort(struct slimta_queue *queue, void *message)
{
    (void)queue;
    assert_ptr_equal(message, &aborted);
    aborted++;
}

static void a_begin_that_nobody_awaits_is_aborted(void **state)
{
    static const struct slimta_queue_methods methods = {
        .size = sizeof methods, .abort = count_abort};
    struct slimta_queue queue = {&methods};
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);

    aborted = 0;
    op->queue = &queue;
    slimta_op_take(op);
    assert_int_equal(sli_edge_op_asked(op), 0);
    sli_edge_op_cancel(&f->question);
    slimta_op_begun(op, &aborted);
    assert_int_equal(slimta_op_finish(op), 0);
    end_loop(f);
    assert_int_equal(aborted, 1);
}

static void keeps_ids_clean_and_short(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);
    char text[SLI_EDGE_ID_MAX + 2];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[0] = '\n';
    text[1] = '\xC3';
    assert_int_equal(slimta_op_queued(op, NULL, text), 0);
    assert_int_equal(slimta_op_queued(op, NULL, "second"), 0);
    assert_int_equal(op->results.accepted, 2);
    assert_int_equal(strlen(op->results.id), SLI_EDGE_ID_MAX);
    assert_memory_equal(op->results.id, "??xx", 4);
    sli_edge_op_release(&f->ops, op);
}

static void refusals_are_4xx_or_5xx(void **state)
{
    static const int codes[][2] = {
        {250, 451}, {399, 451}, {400, 400}, {599, 599}, {600, 451}, {-1, 451}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct slimta_op *op = ask(f);

        assert_int_equal(slimta_op_refused(op, NULL, codes[i][0], "no"), 0);
        assert_int_equal(slimta_reply_code(slimta_op_reply(op)), codes[i][1]);
        sli_edge_op_release(&f->ops, op);
    }
}

static void the_first_refusal_counts(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask(f);

    assert_int_equal(slimta_op_refused(op, NULL, 450, "4.2.1 first"), 0);
    assert_int_equal(slimta_op_refused(op, NULL, 550, "5.1.1 second"), 0);
    assert_int_equal(slimta_reply_code(slimta_op_reply(op)), 450);
    assert_string_equal(slimta_reply_text(slimta_op_reply(op)), "first");
    sli_edge_op_release(&f->ops, op);
}

#define OP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OP_TEST(answers_at_once),
        OP_TEST(without_memory_there_is_no_op),
        OP_TEST(finishes_inside_the_callback),
        OP_TEST(finishes_on_another_thread),
        OP_TEST(cancelled_ops_are_told_once),
        OP_TEST(may_be_finished_while_cancelled),
        OP_TEST(finished_ops_are_not_told),
        OP_TEST(outlives_its_loop),
        OP_TEST(a_begin_that_nobody_awaits_is_aborted),
        OP_TEST(keeps_ids_clean_and_short),
        OP_TEST(refusals_are_4xx_or_5xx),
        OP_TEST(the_first_refusal_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
