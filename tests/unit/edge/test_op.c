/** The deferred answer: asked, taken, finished, cancelled. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "edge/op.h"
#include "fail_alloc.h"
#include "io/loop.h"
#include "mail/envelope.h"

/* One asker on a loop of its own, and what it heard. */
struct fixture {
    struct fail_alloc memory;
    struct slimta_loop *loop;
    struct sli_io_loop_user user;
    struct sli_edge_ops ops;
    struct sli_edge_question question;
    struct slimta_envelope *envelope; /* that the queue is asked about */
    unsigned answers;
    unsigned accepted;
    int code;
    char id[SLI_EDGE_ID_MAX + 1];
    unsigned late;       /* yeses that came too late */
    uint64_t session_id; /* and for whom */
    int has_left;
};

/* Longer than what an op has room for from its beginning. */
#define LONG_TEXT \
    "a text of the host's that is so long that a copy of it has to get some " \
    "memory first, which the text of a default reply never has to do at all"

static void answered(struct sli_edge_question *question, struct slimta_op *op)
{
    struct fixture *f = SLI_LIST_ITEM(question, struct fixture, question);

    f->answers++;
    f->code = slimta_reply_code(slimta_op_reply(op));
    if (op->answers != NULL) {
        struct slimta_results *results = sli_edge_op_take_answers(op);
        const struct slimta_reply *refusal = sli_edge_results_verdict(results);

        f->accepted = results->accepted;
        f->code = refusal == NULL ? 250 : slimta_reply_code(refusal);
        (void)snprintf(
            f->id, sizeof f->id, "%s", sli_edge_results_name(results));
        sli_edge_op_give_back(&f->ops, results);
    }
}

static void came_late(struct sli_edge_ops *ops, uint64_t session_id,
    const struct slimta_results *results)
{
    struct fixture *f = SLI_LIST_ITEM(ops, struct fixture, ops);

    f->late++;
    f->session_id = session_id;
    (void)snprintf(f->id, sizeof f->id, "%s", sli_edge_results_name(results));
    assert_ptr_equal(slimta_results_envelope(results, 0), f->envelope);
}

static struct slimta_envelope *make_envelope(struct fixture *f)
{
    const struct sli_mail_facts facts = {
        .client = {.ehlo_as = "client", .protocol = "ESMTP"}, .receiver = "mx"};
    const struct slimta_mail_params params = {.size = sizeof params};
    struct slimta_envelope *envelope = NULL;

    assert_int_equal(sli_mail_envelope_new(&envelope, &f->memory.table, &facts,
                         SLI_LITERAL("a@b"), &params),
        0);
    return envelope;
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
    f->ops.late = came_late;
    f->envelope = make_envelope(f);
    f->question.answered = answered;
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
        sli_edge_ops_close(&f->ops);
        sli_io_loop_leave(f->loop, &f->user, left);
        assert_int_equal(slimta_loop_run(f->loop), 0);
    }
    assert_int_equal(f->has_left, 1);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    end_loop(f);
    slimta_envelope_unref(f->envelope);
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
    assert_null(op->answers);
    return op;
}

/* What `enqueue` and `commit` are asked with. */
static struct slimta_op *ask_results(struct fixture *f)
{
    struct slimta_op *op = sli_edge_op_ask_results(
        &f->ops, &f->question, 451, "4.3.0 Error queuing message", f->envelope);

    assert_non_null(op);
    op->session_id = 7;
    return op;
}

static void answers_at_once(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask_results(f);

    assert_int_equal(slimta_op_queued(op, NULL, "id-1"), 0);
    assert_int_equal(sli_edge_op_asked(op), 1);
    assert_int_equal(op->answers->accepted, 1);
    assert_string_equal(sli_edge_results_name(op->answers), "id-1");
    sli_edge_op_release(&f->ops, op);
    /* The next question finds nothing of this answer, and needs no memory. */
    fail_alloc_arm(&f->memory, 1, FAIL_ALLOC_ONWARD);
    op = ask_results(f);
    assert_int_equal(op->answers->accepted, 0);
    assert_int_equal(op->answers->count, 0);
    assert_string_equal(sli_edge_results_name(op->answers), "");
    assert_int_equal(slimta_reply_code(slimta_op_reply(op)), 451);
    assert_string_equal(slimta_reply_enhanced(slimta_op_reply(op)), "4.3.0");
    assert_int_equal(slimta_op_queued(op, NULL, "id-2"), 0);
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
    sli_edge_op_release(&f->ops, op);
}

static void without_memory_there_is_no_op(void **state)
{
    struct fixture *f = *state;
    const struct slimta_reply *reply;
    struct slimta_op *op;
    unsigned n = 0;

    do {
        fail_alloc_arm(&f->memory, ++n, FAIL_ALLOC_ONCE);
        op = sli_edge_op_ask_results(
            &f->ops, &f->question, 451, "no", f->envelope);
    } while (op == NULL);
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(n, 4); /* what came before the failing one is kept */
    sli_edge_op_release(&f->ops, op);

    op = ask(f);
    assert_int_equal(slimta_reply_set(slimta_op_reply(op), 554, LONG_TEXT), 0);
    reply = slimta_op_reply(op);
    fail_alloc_arm(&f->memory, 1, FAIL_ALLOC_ONWARD);
    assert_null(sli_edge_op_ask_reply(&f->ops, &f->question, reply));
    fail_alloc_arm(&f->memory, 0, FAIL_ALLOC_ONCE);
    sli_edge_op_release(&f->ops, op);
}

static void begins_with_a_copy_of_the_reply(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *first = ask(f);
    struct slimta_op *op;

    assert_int_equal(
        slimta_reply_set(slimta_op_reply(first), 251, "2.1.5 " LONG_TEXT), 0);
    op = sli_edge_op_ask_reply(&f->ops, &f->question, slimta_op_reply(first));
    assert_non_null(op);
    sli_edge_op_release(&f->ops, first);
    assert_int_equal(slimta_reply_code(slimta_op_reply(op)), 251);
    assert_string_equal(slimta_reply_enhanced(slimta_op_reply(op)), "2.1.5");
    assert_string_equal(slimta_reply_text(slimta_op_reply(op)), LONG_TEXT);
    assert_int_equal(slimta_op_queued(op, NULL, "id"), SLIMTA_ESTATE);
    assert_int_equal(slimta_reply_code(slimta_op_reply(op)), 251);
    sli_edge_op_release(&f->ops, op);
}

/* What an asker lends: here only a count of who frees it. */
struct slimta_extensions {
    unsigned freed;
};

static void free_extensions(struct slimta_extensions *extensions)
{
    extensions->freed++;
}

static struct slimta_op *ask_lending(
    struct fixture *f, struct slimta_extensions *extensions)
{
    struct slimta_op *op = ask(f);

    op->results = sli_edge_results_new(&f->memory.table);
    assert_non_null(op->results);
    op->extensions = extensions;
    op->free_extensions = free_extensions;
    assert_ptr_equal(slimta_op_results(op), op->results);
    assert_ptr_equal(slimta_op_extensions(op), extensions);
    return op;
}

static void what_is_lent_stays_the_askers(void **state)
{
    struct slimta_extensions extensions = {0};
    struct fixture *f = *state;
    struct slimta_op *op = ask_lending(f, &extensions);
    struct slimta_results *results = op->results;

    assert_int_equal(sli_edge_op_asked(op), 1);
    sli_edge_op_release(&f->ops, op);
    assert_int_equal(extensions.freed, 0);
    sli_edge_op_give_back(&f->ops, results);
    op = ask(f);
    assert_null(slimta_op_results(op));
    assert_null(slimta_op_extensions(op));
    sli_edge_op_release(&f->ops, op);
}

static void what_is_lent_goes_with_a_taken_op(void **state)
{
    struct slimta_extensions extensions = {0};
    struct fixture *f = *state;
    struct slimta_op *op = ask_lending(f, &extensions);

    slimta_op_take(op);
    assert_int_equal(sli_edge_op_asked(op), 0);
    sli_edge_op_cancel(&f->question);
    assert_int_equal(slimta_results_count(slimta_op_results(op)), 0);
    end_loop(f);
    assert_int_equal(extensions.freed, 0);
    assert_int_equal(slimta_op_finish(op), SLIMTA_ECANCELED);
    assert_int_equal(extensions.freed, 1);
}

static void finishes_inside_the_callback(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask_results(f);

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
    struct slimta_op *op = ask_results(f);
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
    struct slimta_op *op = ask_results(f);
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
    assert_int_equal(f->late, 0); /* delivered, as any answer is */
    end_loop(f);
    assert_int_equal(f->answers, 0);
    assert_int_equal(f->late, 1);
    assert_int_equal(f->session_id, 7);
    assert_string_equal(f->id, "late");
}

static void a_late_no_is_nothing(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *op = ask_results(f);

    slimta_op_take(op);
    assert_int_equal(sli_edge_op_asked(op), 0);
    sli_edge_op_cancel(&f->question);
    assert_int_equal(slimta_op_refused(op, NULL, 550, "5.1.1 no"), 0);
    assert_int_equal(slimta_op_finish(op), 0);
    end_loop(f);
    assert_int_equal(f->late, 0);
}

/* Another edge may keep the loop when this one has gone. */
static void nothing_comes_after_the_close(void **state)
{
    struct fixture *f = *state;
    struct slimta_op *before = ask_results(f);
    struct slimta_op *after;

    slimta_op_take(before);
    assert_int_equal(sli_edge_op_asked(before), 0);
    sli_edge_op_cancel(&f->question);
    after = ask_results(f);
    slimta_op_take(after);
    assert_int_equal(sli_edge_op_asked(after), 0);
    sli_edge_op_cancel(&f->question);
    assert_int_equal(slimta_op_queued(before, NULL, "before"), 0);
    assert_int_equal(slimta_op_queued(after, NULL, "after"), 0);
    assert_int_equal(slimta_op_finish(before), 0);
    sli_edge_ops_close(&f->ops);
    assert_int_equal(slimta_op_finish(after), SLIMTA_ECANCELED);
    end_loop(f);
    assert_int_equal(f->late, 1);
    assert_string_equal(f->id, "before");
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
    struct slimta_op *op = ask_results(f);
    char text[SLI_EDGE_ID_MAX + 2];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[0] = '\n';
    text[1] = '\xC3';
    assert_int_equal(slimta_op_queued(op, NULL, text), 0);
    assert_int_equal(slimta_op_queued(op, NULL, "second"), 0);
    assert_int_equal(op->answers->accepted, 2);
    assert_int_equal(
        strlen(sli_edge_results_name(op->answers)), SLI_EDGE_ID_MAX);
    assert_memory_equal(sli_edge_results_name(op->answers), "??xx", 4);
    assert_string_equal(slimta_results_id(op->answers, 1), "second");
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
    struct slimta_op *op = ask_results(f);
    struct slimta_results *results;

    assert_int_equal(slimta_op_refused(op, NULL, 450, "4.2.1 first"), 0);
    assert_int_equal(slimta_op_refused(op, NULL, 550, "5.1.1 second"), 0);
    results = sli_edge_op_take_answers(op);
    assert_null(op->answers);
    sli_edge_op_release(&f->ops, op);
    assert_int_equal(slimta_results_count(results), 2);
    assert_int_equal(sli_edge_results_verdict(results)->code, 450);
    assert_string_equal(
        slimta_reply_text(sli_edge_results_verdict(results)), "first");
    sli_edge_op_give_back(&f->ops, results);
}

/* Nothing said, a refusal in the reply, and a success there, which is no yes.
 */
static void the_reply_counts_when_nothing_is_said(void **state)
{
    static const struct {
        int code;
        const char *text;
        int answer;
        const char *enhanced;
    } cases[] = {{0, NULL, 451, "4.3.0"}, {552, "5.2.2 full", 552, "5.2.2"},
        {250, "2.0.0 fine", 451, "4.3.0"}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_op *op = ask_results(f);
        struct slimta_results *results;

        if (cases[i].code != 0) {
            assert_int_equal(slimta_reply_set(slimta_op_reply(op),
                                 cases[i].code, cases[i].text),
                0);
        }
        results = sli_edge_op_take_answers(op);
        sli_edge_op_release(&f->ops, op);
        assert_int_equal(slimta_results_count(results), 1);
        assert_ptr_equal(slimta_results_envelope(results, 0), f->envelope);
        assert_null(slimta_results_id(results, 0));
        assert_int_equal(
            slimta_results_refusal(results, 0)->code, cases[i].answer);
        assert_string_equal(
            slimta_reply_enhanced(slimta_results_refusal(results, 0)),
            cases[i].enhanced);
        sli_edge_op_give_back(&f->ops, results);
    }
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
        OP_TEST(the_reply_counts_when_nothing_is_said),
        OP_TEST(begins_with_a_copy_of_the_reply),
        OP_TEST(what_is_lent_stays_the_askers),
        OP_TEST(what_is_lent_goes_with_a_taken_op),
        OP_TEST(a_late_no_is_nothing),
        OP_TEST(nothing_comes_after_the_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
