/** The way of one message to a queue of each form, and each end it can have. */
#include "test.h"

#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "edge/edge.h"
#include "edge/handoff.h"
#include "fail_alloc.h"
#include "mail/content.h"
#include "mail/envelope.h"

/* What a queue is asked. */
enum ask { ASK_BEGIN, ASK_RECIPIENT, ASK_WRITE, ASK_FINISH, ASKS };

/** A queue of any form that answers as it is told, and counts. */
struct fake {
    struct slimta_queue queue;
    int refuses[ASKS]; /* the code, or 0 */
    int is_later;      /* takes each op and keeps it for fake_answer */
    struct slimta_op *op;
    enum ask asked;                   /* with `op` */
    struct slimta_envelope *envelope; /* of the message that it has */
    unsigned begun, commits, aborts, enqueues, recipients, writes;
    unsigned wrong; /* calls that should not have been */
    size_t octets;  /* that were written or enqueued */
    size_t listed;  /* recipients in the envelope at the end */
    size_t listed_before /* at the last `recipient` */;
};

static void let_go(struct fake *fake)
{
    slimta_envelope_unref(fake->envelope);
    fake->envelope = NULL;
}

/* Gives the answer that it was told to give. */
static void say(struct fake *fake, enum ask asked, struct slimta_op *op)
{
    int refusal = fake->refuses[asked];

    if (refusal != 0) {
        (void)slimta_op_refused(op, NULL, refusal, "No");
    } else if (asked == ASK_BEGIN) {
        slimta_op_begun(op, fake);
        fake->begun++;
    } else if (asked == ASK_FINISH) {
        assert_int_equal(slimta_op_queued(op, NULL, "id"), 0);
    }
    if (asked == ASK_FINISH || (asked == ASK_BEGIN && refusal != 0)) {
        let_go(fake);
    }
}

static void hear(struct fake *fake, enum ask asked, struct slimta_op *op)
{
    fake->wrong += fake->op != NULL;
    if (!fake->is_later) {
        say(fake, asked, op);
        return;
    }
    slimta_op_take(op);
    fake->op = op;
    fake->asked = asked;
}

/* Finishes the op that it has taken, whatever has become of it. */
static void fake_answer(struct fake *fake)
{
    struct slimta_op *op = fake->op;

    fake->op = NULL;
    say(fake, fake->asked, op);
    assert_int_equal(slimta_op_finish(op), 0);
}

static struct fake *fake_of(struct slimta_queue *queue)
{
    return (struct fake *)queue;
}

static void fake_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct fake *fake = fake_of(queue);

    fake->wrong += fake->envelope != NULL;
    fake->envelope = envelope;
    hear(fake, ASK_BEGIN, op);
}

static void fake_recipient(struct slimta_queue *queue, void *message,
    const struct slimta_recipient *recipient, struct slimta_op *op)
{
    struct fake *fake = fake_of(queue);

    fake->wrong += message != fake;
    fake->wrong += strchr(recipient->address, '@') == NULL;
    fake->recipients++;
    fake->listed_before = slimta_envelope_recipient_count(fake->envelope);
    hear(fake, ASK_RECIPIENT, op);
}

static void fake_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct fake *fake = fake_of(queue);

    fake->wrong += message != fake;
    fake->wrong += octets.size > SLIMTA_WRITE_MAX;
    fake->writes++;
    fake->octets += octets.size;
    hear(fake, ASK_WRITE, op);
}

static void fake_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct fake *fake = fake_of(queue);

    fake->wrong += message != fake;
    fake->commits++;
    fake->listed = slimta_envelope_recipient_count(fake->envelope);
    hear(fake, ASK_FINISH, op);
}

static void fake_abort(struct slimta_queue *queue, void *message)
{
    struct fake *fake = fake_of(queue);

    fake->wrong += message != fake;
    fake->wrong += fake->op != NULL && !slimta_op_is_cancelled(fake->op);
    fake->aborts++;
    let_go(fake);
}

static void fake_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct fake *fake = fake_of(queue);

    fake->wrong += fake->envelope != NULL;
    fake->envelope = envelope;
    fake->enqueues++;
    fake->octets +=
        (size_t)slimta_content_size(slimta_envelope_content(envelope));
    fake->listed = slimta_envelope_recipient_count(envelope);
    hear(fake, ASK_FINISH, op);
}

enum { WHOLE, STREAMING, BOTH, PER_RECIPIENT, FORMS };

static const struct slimta_queue_methods forms[FORMS] = {
    [WHOLE] = {.size = sizeof *forms, .enqueue = fake_enqueue},
    [STREAMING] = {.size = sizeof *forms,
        .begin = fake_begin,
        .write = fake_write,
        .commit = fake_commit,
        .abort = fake_abort},
    [BOTH] = {.size = sizeof *forms,
        .enqueue = fake_enqueue,
        .begin = fake_begin,
        .write = fake_write,
        .commit = fake_commit,
        .abort = fake_abort},
    [PER_RECIPIENT] = {.size = sizeof *forms,
        .enqueue = fake_enqueue,
        .begin = fake_begin,
        .write = fake_write,
        .commit = fake_commit,
        .abort = fake_abort,
        .recipient = fake_recipient},
};

/* What a session does, one after the other. */
enum step { MAIL, RCPT_1, RCPT_2, DATA, WRITE_1, WRITE_2, WRITE_3, END, STEPS };

enum {
    WRITE_BYTES = 40000,
    SPILL_BYTES = 30000,
    MESSAGE_BYTES = 3 * WRITE_BYTES,
    SESSION_ID = 11
};

static const char octets[WRITE_BYTES];

/** A session's part of an edge around one handoff, and what it heard. */
struct scene {
    struct fail_alloc *memory;
    struct fail_alloc own_memory;
    struct slimta_loop *loop;
    struct sli_io_loop_user user;
    int has_entered;
    int has_left;
    struct sli_edge edge;
    struct sli_edge_shard shard;
    struct sli_edge_handoff_limits limits;
    struct sli_edge_handoff handoff;
    struct slimta_envelope *envelope;
    struct fake fake;
    int is_waiting; /* for a handler */
    int code;       /* of the last refusal, or 0 */
    int is_over;    /* nothing more is done */
    int is_accepted;
    size_t parts; /* of the results; 0 when there were none */
    unsigned late;
};

static struct scene *scene_of(struct sli_edge_handoff *handoff)
{
    return SLI_LIST_ITEM(handoff, struct scene, handoff);
}

static void told(struct scene *scene, const struct slimta_reply *refusal)
{
    assert_int_equal(scene->is_waiting, 1);
    scene->is_waiting = 0;
    scene->code = refusal == NULL ? 0 : slimta_reply_code(refusal);
}

static void drop_envelope(struct scene *scene)
{
    slimta_envelope_unref(scene->envelope);
    scene->envelope = NULL;
    scene->is_over = 1;
}

/* A refused begin ends the transaction. */
static void begun(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    struct scene *scene = scene_of(handoff);

    told(scene, refusal);
    if (refusal != NULL) {
        sli_edge_handoff_abort(handoff);
        drop_envelope(scene);
    }
}

static void recipient_answered(
    struct sli_edge_handoff *handoff, const struct slimta_reply *refusal)
{
    told(scene_of(handoff), refusal);
}

static void ready(struct sli_edge_handoff *handoff)
{
    assert_int_equal(sli_edge_handoff_is_busy(handoff), 0);
    told(scene_of(handoff), NULL);
}

static void finished(struct sli_edge_handoff *handoff, const char *id,
    const struct slimta_reply *refusal, struct slimta_results *results)
{
    struct scene *scene = scene_of(handoff);

    told(scene, refusal);
    scene->is_accepted = refusal == NULL;
    scene->parts = results == NULL ? 0 : slimta_results_count(results);
    assert_string_equal(id, refusal == NULL ? "id" : "");
    if (results != NULL) {
        assert_ptr_equal(slimta_results_envelope(results, 0), scene->envelope);
        assert_int_equal(
            slimta_results_refusal(results, 0) == NULL, refusal == NULL);
    }
    sli_edge_op_give_back(&scene->shard.ops, results);
    drop_envelope(scene);
}

static const struct sli_edge_handoff_handler handler = {
    .begun_early = begun,
    .recipient_answered = recipient_answered,
    .begun = begun,
    .ready = ready,
    .finished = finished,
};

static void late(struct sli_edge_ops *ops, uint64_t session_id,
    const struct slimta_results *results)
{
    struct scene *scene = SLI_LIST_ITEM(ops, struct scene, shard.ops);

    assert_int_equal(session_id, SESSION_ID);
    assert_string_equal(sli_edge_results_name(results), "id");
    scene->late++;
}

static int make_envelope(struct scene *scene)
{
    const struct sli_mail_facts facts = {
        .client = {.ehlo_as = "client", .protocol = "ESMTP"}, .receiver = "mx"};
    const struct slimta_mail_params params = {.size = sizeof params};

    return sli_mail_envelope_new(&scene->envelope, &scene->memory->table,
        &facts, SLI_LITERAL("a@b"), &params);
}

/* SLIMTA_ENOMEM when memory fails that is not the handoff's. */
static int open_scene(
    struct scene *scene, int form, int is_later, struct fail_alloc *memory)
{
    int err;

    memset(scene, 0, sizeof *scene);
    scene->memory = memory != NULL ? memory : &scene->own_memory;
    if (memory == NULL) {
        fail_alloc_init(&scene->own_memory, 0, FAIL_ALLOC_ONCE);
    }
    scene->fake.queue.methods = &forms[form];
    scene->fake.is_later = is_later;
    scene->limits.spill_bytes = SPILL_BYTES;
    scene->limits.spill_directory = "/tmp";
    scene->edge.alloc = scene->memory->table;
    scene->edge.queue = &scene->fake.queue;
    err = slimta_loop_new(&scene->loop, &scene->memory->table, NULL);
    if (err == 0) {
        err = sli_io_loop_enter(scene->loop);
        scene->has_entered = err == 0;
    }
    if (err == 0) {
        err = sli_edge_shard_init(&scene->shard, &scene->edge, 0, NULL);
        scene->shard.loop = scene->loop;
        sli_edge_ops_init(&scene->shard.ops, &scene->edge.alloc, scene->loop);
        scene->shard.ops.late = late;
        sli_edge_handoff_init(
            &scene->handoff, &scene->shard, &scene->limits, &handler);
        scene->handoff.session_id = SESSION_ID;
    }
    return err == 0 ? make_envelope(scene) : err;
}

static void left(struct sli_io_loop_user *user)
{
    SLI_LIST_ITEM(user, struct scene, user)->has_left = 1;
}

/* Whatever was, each begin has had one commit or abort, and nothing is left. */
static void close_scene(struct scene *scene)
{
    struct fake *fake = &scene->fake;

    if (scene->envelope != NULL && scene->handoff.shard != NULL) {
        sli_edge_handoff_abort(&scene->handoff);
    }
    slimta_envelope_unref(scene->envelope);
    if (fake->op != NULL) {
        fake_answer(fake);
    }
    if (scene->has_entered) {
        sli_edge_ops_close(&scene->shard.ops);
        sli_io_loop_leave(scene->loop, &scene->user, left);
        assert_int_equal(slimta_loop_run(scene->loop), 0);
        assert_int_equal(scene->has_left, 1);
    }
    if (scene->shard.edge != NULL) {
        sli_edge_shard_fini(&scene->shard);
    }
    assert_int_equal(slimta_loop_free(scene->loop), 0);
    assert_int_equal(fake->begun, fake->commits + fake->aborts);
    assert_null(fake->envelope);
    assert_int_equal(fake->wrong, 0);
    if (scene->memory == &scene->own_memory) {
        assert_int_equal(atomic_load(&scene->memory->live), 0);
    }
}

static void rcpt(struct scene *scene, const char *address)
{
    const struct slimta_recipient recipient = {
        .size = sizeof recipient, .address = address};

    if (sli_edge_handoff_wants_early(&scene->handoff)) {
        scene->is_waiting = 1;
        sli_edge_handoff_recipient(&scene->handoff, &recipient);
    } else if (sli_mail_envelope_add_recipient(
                   scene->envelope, sli_slice_text(address), &recipient) != 0) {
        scene->is_over = 1;
    }
}

static void write_octets(struct scene *scene)
{
    scene->is_waiting = 1; /* `ready` may come at once */
    sli_edge_handoff_write(&scene->handoff, sli_slice(octets, sizeof octets));
    scene->is_waiting = sli_edge_handoff_is_busy(&scene->handoff);
}

static void ask_step(struct scene *scene, enum step step)
{
    struct sli_edge_handoff *handoff = &scene->handoff;

    if (step == MAIL && sli_edge_handoff_wants_early(handoff)) {
        scene->is_waiting = 1;
        sli_edge_handoff_begin_early(handoff, scene->envelope);
    } else if (step == RCPT_1 || step == RCPT_2) {
        rcpt(scene, step == RCPT_1 ? "one@c" : "two@c");
    } else if (step == DATA) {
        scene->is_waiting = 1;
        sli_edge_handoff_begin(handoff, scene->envelope);
    } else if (step == END) {
        scene->is_waiting = 1;
        sli_edge_handoff_finish(handoff);
    } else if (step != MAIL) {
        write_octets(scene);
    }
}

/* Answers what the queue has taken, until the session may go on. */
static void settle(struct scene *scene)
{
    while (scene->is_waiting) {
        if (scene->fake.op != NULL) {
            fake_answer(&scene->fake);
        }
        (void)uv_run(scene->loop->uv, UV_RUN_ONCE);
    }
}

/* Up to `last`, without its answer when that comes later. */
static void run_to(struct scene *scene, enum step last)
{
    for (enum step step = MAIL; step <= last && !scene->is_over; step++) {
        settle(scene);
        if (!scene->is_over) {
            ask_step(scene, step);
        }
    }
}

static void run_all(struct scene *scene)
{
    run_to(scene, END);
    settle(scene);
}

static void each_form_gets_the_message(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS * 2; i++) {
        struct scene scene;

        assert_int_equal(open_scene(&scene, i / 2, i % 2, NULL), 0);
        run_all(&scene);
        assert_int_equal(scene.is_accepted, 1);
        assert_int_equal(scene.parts, 1);
        assert_int_equal(scene.fake.octets, MESSAGE_BYTES);
        assert_int_equal(scene.fake.listed, 2);
        assert_int_equal(scene.fake.enqueues, i / 2 == WHOLE);
        assert_int_equal(scene.fake.commits, i / 2 != WHOLE);
        assert_int_equal(scene.fake.recipients, i / 2 == PER_RECIPIENT ? 2 : 0);
        close_scene(&scene);
        assert_int_equal(scene.late, 0);
    }
}

/* Both forms: a short message is enqueued, and the other one never is asked. */
static void a_short_message_is_enqueued(void **state)
{
    struct scene scene;

    (void)state;
    assert_int_equal(open_scene(&scene, BOTH, 0, NULL), 0);
    run_to(&scene, DATA);
    scene.is_waiting = 1;
    sli_edge_handoff_finish(&scene.handoff);
    assert_int_equal(scene.is_accepted, 1);
    assert_int_equal(scene.fake.enqueues, 1);
    assert_int_equal(scene.fake.begun, 0);
    close_scene(&scene);
}

static int is_asked(int form, enum ask ask)
{
    return ask == ASK_FINISH ||
        (ask == ASK_RECIPIENT ? form == PER_RECIPIENT : form != WHOLE);
}

static void each_refusal_is_the_answer(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS * ASKS * 2; i++) {
        int form = i / 2 / ASKS;
        enum ask ask = (enum ask)(i / 2 % ASKS);
        struct scene scene;

        if (!is_asked(form, ask)) {
            continue;
        }
        assert_int_equal(open_scene(&scene, form, i % 2, NULL), 0);
        scene.fake.refuses[ask] = 554;
        run_all(&scene);
        if (ask == ASK_RECIPIENT) { /* which this queue takes all the same */
            assert_int_equal(scene.is_accepted, 1);
            assert_int_equal(scene.fake.listed, 0);
        } else {
            assert_int_equal(scene.code, 554);
            assert_int_equal(scene.is_accepted, 0);
            /* At DATA the message was refused before it came. */
            assert_int_equal(
                scene.parts, ask != ASK_BEGIN || form == BOTH ? 1 : 0);
        }
        close_scene(&scene);
        assert_int_equal(scene.late, 0);
    }
}

static void refused_recipients_are_not_listed(void **state)
{
    (void)state;
    for (int is_later = 0; is_later < 2; is_later++) {
        struct scene scene;

        assert_int_equal(open_scene(&scene, PER_RECIPIENT, is_later, NULL), 0);
        scene.fake.refuses[ASK_RECIPIENT] = 550;
        run_to(&scene, RCPT_1);
        settle(&scene);
        assert_int_equal(scene.code, 550);
        scene.fake.refuses[ASK_RECIPIENT] = 0;
        ask_step(&scene, RCPT_2);
        settle(&scene);
        assert_int_equal(scene.code, 0);
        assert_int_equal(scene.fake.listed_before, 0);
        assert_int_equal(slimta_envelope_recipient_count(scene.envelope), 1);
        assert_string_equal(
            slimta_envelope_recipient(scene.envelope, 0)->address, "two@c");
        close_scene(&scene);
        assert_int_equal(scene.fake.aborts, 1);
    }
}

/* Sealed but for its recipients at MAIL, whole at DATA. */
static void early_begin_seals_the_envelope(void **state)
{
    struct slimta_envelope *part = NULL;
    struct scene scene;
    int64_t timestamp;

    (void)state;
    assert_int_equal(open_scene(&scene, PER_RECIPIENT, 0, NULL), 0);
    run_to(&scene, RCPT_1);
    timestamp = slimta_envelope_timestamp_ms(scene.envelope);
    assert_true(timestamp > 0);
    assert_int_equal(
        slimta_envelope_prepend(scene.envelope, "X", "y"), SLIMTA_ESTATE);
    assert_int_equal(
        slimta_envelope_split(&part, scene.envelope, 0, 1), SLIMTA_ESTATE);
    ask_step(&scene, DATA);
    assert_int_equal(slimta_envelope_split(&part, scene.envelope, 0, 1), 0);
    assert_int_equal(slimta_envelope_timestamp_ms(scene.envelope), timestamp);
    slimta_envelope_unref(part);
    close_scene(&scene);
}

static void can_be_aborted_at_every_step(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS * STEPS * 4; i++) {
        int settles = i % 2;
        int is_later = i / 2 % 2;
        enum step last = (enum step)(i / 4 % STEPS);
        struct scene scene;

        assert_int_equal(open_scene(&scene, i / 4 / STEPS, is_later, NULL), 0);
        run_to(&scene, last);
        if (settles) {
            settle(&scene);
        }
        if (!scene.is_over) {
            sli_edge_handoff_abort(&scene.handoff);
            assert_int_equal(sli_edge_handoff_is_waiting(&scene.handoff), 0);
            scene.is_waiting = 0;
        }
        /* What was asked is answered late, with a yes. */
        close_scene(&scene);
        assert_int_equal(scene.late, last == END && is_later && !settles);
        assert_int_equal(
            scene.is_accepted, last == END && (settles || !is_later));
    }
}

static void a_slow_queue_is_answered_for(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS * STEPS; i++) {
        int form = i / STEPS;
        enum step last = (enum step)(i % STEPS);
        struct scene scene;

        assert_int_equal(open_scene(&scene, form, 1, NULL), 0);
        run_to(&scene, last);
        if (scene.fake.op == NULL) { /* nothing was asked */
            settle(&scene);
            close_scene(&scene);
            continue;
        }
        assert_int_equal(sli_edge_handoff_is_waiting(&scene.handoff), 1);
        sli_edge_handoff_time_out(&scene.handoff);
        assert_int_equal(scene.is_waiting, 0);
        assert_int_equal(slimta_op_is_cancelled(scene.fake.op), 1);
        fake_answer(&scene.fake);
        /* In an open message it is heard at the end. */
        for (enum step step = last + 1; step < STEPS && !scene.is_over;
             step++) {
            ask_step(&scene, step);
            assert_int_equal(scene.is_waiting, 0);
        }
        assert_int_equal(scene.code, 451);
        assert_int_equal(scene.is_accepted, 0);
        assert_int_equal(scene.parts, 0);
        close_scene(&scene);
        assert_int_equal(scene.late, last == END);
    }
}

/* What a validator says to octets is the answer to the message. */
static void a_session_can_refuse(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS * 4 * 4; i++) {
        enum step last = (enum step)(DATA + i / 4 % 4);
        struct slimta_reply why;
        struct scene scene;

        assert_int_equal(open_scene(&scene, i / 16, i % 2, NULL), 0);
        sli_mail_reply_init(&why, &scene.memory->table);
        assert_int_equal(slimta_reply_set(&why, 550, "5.7.1 Spam"), 0);
        run_to(&scene, last);
        if (i / 2 % 2) {
            settle(&scene);
        }
        if (scene.handoff.state == SLI_EDGE_HANDOFF_BEGINNING) {
            settle(&scene);
        }
        sli_edge_handoff_refuse(&scene.handoff, &why);
        scene.is_waiting = 0;
        assert_int_equal(sli_edge_handoff_has_failed(&scene.handoff), 1);
        assert_int_equal(sli_edge_handoff_is_waiting(&scene.handoff), 0);
        assert_int_equal(slimta_reply_set(&why, 451, "4.7.1 Later"), 0);
        sli_edge_handoff_refuse(&scene.handoff, &why);
        sli_mail_reply_fini(&why);
        write_octets(&scene);
        assert_int_equal(scene.is_waiting, 0);
        ask_step(&scene, END);
        assert_int_equal(scene.is_over, 1);
        assert_int_equal(scene.code, 550);
        assert_int_equal(scene.parts, 0); /* the queue has not answered */
        close_scene(&scene);
        assert_int_equal(scene.fake.commits + scene.fake.enqueues, 0);
        assert_int_equal(scene.late, 0);
    }
}

/* Two messages over one handoff: nothing of the first is left in it. */
static void goes_on_with_the_next_message(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS * ASKS * 2; i++) {
        struct scene scene;

        assert_int_equal(open_scene(&scene, i / 2 / ASKS, i % 2, NULL), 0);
        scene.fake.refuses[i / 2 % ASKS] = 554;
        run_all(&scene);
        memset(scene.fake.refuses, 0, sizeof scene.fake.refuses);
        scene.fake.octets = 0;
        scene.is_over = 0;
        assert_int_equal(make_envelope(&scene), 0);
        run_all(&scene);
        assert_int_equal(scene.is_accepted, 1);
        assert_int_equal(scene.fake.octets, MESSAGE_BYTES);
        assert_int_equal(scene.fake.listed, 2);
        close_scene(&scene);
    }
}

/* A queue that splits a message in two, of which it takes one. */
static void enqueue_parts(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct slimta_envelope *part = NULL;

    (void)queue;
    assert_int_equal(slimta_envelope_split(&part, envelope, 0, 1), 0);
    assert_int_equal(slimta_op_refused(op, envelope, 550, "5.1.1 No"), 0);
    assert_int_equal(slimta_op_queued(op, part, "part"), 0);
    slimta_envelope_unref(part);
    slimta_envelope_unref(envelope);
}

static void finished_in_parts(struct sli_edge_handoff *handoff, const char *id,
    const struct slimta_reply *refusal, struct slimta_results *results)
{
    struct scene *scene = scene_of(handoff);

    told(scene, refusal);
    assert_string_equal(id, "part");
    assert_int_equal(slimta_results_count(results), 2);
    assert_ptr_equal(slimta_results_envelope(results, 0), scene->envelope);
    assert_int_equal(
        slimta_envelope_recipient_count(slimta_results_envelope(results, 1)),
        1);
    drop_envelope(scene);
    /* The results are the session's, and hold both envelopes. */
    assert_string_equal(
        slimta_envelope_sender(slimta_results_envelope(results, 0)), "a@b");
    sli_edge_results_free(results);
}

static void a_message_in_parts_has_one_answer(void **state)
{
    static const struct slimta_queue_methods methods = {
        .size = sizeof methods, .enqueue = enqueue_parts};
    struct sli_edge_handoff_handler parts_handler = handler;
    struct scene scene;

    (void)state;
    parts_handler.finished = finished_in_parts;
    assert_int_equal(open_scene(&scene, WHOLE, 0, NULL), 0);
    scene.fake.queue.methods = &methods;
    scene.handoff.handler = &parts_handler;
    run_all(&scene);
    assert_int_equal(scene.code, 0);
    close_scene(&scene);
}

/* With memory failing a message is refused, or it has arrived whole. */
static void try_once(struct fail_alloc *memory, void *user)
{
    int i = *(int *)user;
    struct scene scene;

    if (open_scene(&scene, i / 2, i % 2, memory) == 0) {
        run_all(&scene);
        if (scene.is_accepted) {
            assert_int_equal(scene.fake.octets, MESSAGE_BYTES);
        } else {
            assert_true(scene.code == 451 || scene.code == 452 ||
                scene.envelope != NULL);
        }
    }
    close_scene(&scene);
}

static void survives_each_failing_allocation(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS * 2; i++) {
        assert_int_equal(fail_alloc_sweep(try_once, &i), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_gets_the_message),
        cmocka_unit_test(a_short_message_is_enqueued),
        cmocka_unit_test(each_refusal_is_the_answer),
        cmocka_unit_test(refused_recipients_are_not_listed),
        cmocka_unit_test(early_begin_seals_the_envelope),
        cmocka_unit_test(can_be_aborted_at_every_step),
        cmocka_unit_test(a_slow_queue_is_answered_for),
        cmocka_unit_test(a_session_can_refuse),
        cmocka_unit_test(goes_on_with_the_next_message),
        cmocka_unit_test(a_message_in_parts_has_one_answer),
        cmocka_unit_test(survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
