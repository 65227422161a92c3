/** A host that looks at each message while it comes: `chunk` and `have_data`
 * before every form of a queue. */
#include "policy.h"

#include <stdlib.h>
#include <string.h>

#define LINES 3000
#define OCTETS_MAX 400000

/** Octets as they came by. */
struct tape {
    char octets[OCTETS_MAX];
    size_t size;
};

/** A queue of any form that keeps the octets of its last message. */
struct recorder {
    struct slimta_queue queue;
    struct tape tape;
    size_t begins;
    size_t commits;
    size_t aborts;
    size_t enqueues;
};

static void record(struct tape *tape, struct slimta_slice octets)
{
    /* What is too much for it is counted. */
    if (tape->size + octets.size <= sizeof tape->octets) {
        memcpy(tape->octets + tape->size, octets.data, octets.size);
    }
    tape->size += octets.size;
}

static void record_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct recorder *recorder = (struct recorder *)queue;
    size_t size = 0;
    char *octets = host_content(envelope, &size);

    ++recorder->enqueues;
    recorder->tape.size = 0;
    record(&recorder->tape, (struct slimta_slice){octets, size});
    free(octets);
    (void)slimta_op_queued(op, NULL, "whole");
    slimta_envelope_unref(envelope);
}

static void record_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct recorder *recorder = (struct recorder *)queue;

    ++recorder->begins;
    recorder->tape.size = 0;
    slimta_op_begun(op, recorder);
    slimta_envelope_unref(envelope);
}

static void record_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct recorder *recorder = message;

    (void)queue;
    (void)op;
    record(&recorder->tape, octets);
}

/* Later, but by itself: the loop comes round once more. */
static void record_write_later(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    record_write(queue, message, octets, op);
    slimta_op_take(op);
    (void)slimta_op_finish(op);
}

static void record_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct recorder *recorder = message;

    (void)queue;
    ++recorder->commits;
    (void)slimta_op_queued(op, NULL, "streamed");
}

static void record_abort(struct slimta_queue *queue, void *message)
{
    struct recorder *recorder = message;

    (void)queue;
    ++recorder->aborts;
}

static const struct slimta_queue_methods forms[] = {
    {.size = sizeof forms[0], .enqueue = record_enqueue},
    {.size = sizeof forms[0],
        .begin = record_begin,
        .write = record_write,
        .commit = record_commit,
        .abort = record_abort},
    {.size = sizeof forms[0],
        .begin = record_begin,
        .write = record_write_later,
        .commit = record_commit,
        .abort = record_abort},
    {.size = sizeof forms[0],
        .enqueue = record_enqueue,
        .begin = record_begin,
        .write = record_write,
        .commit = record_commit,
        .abort = record_abort},
    {.size = sizeof forms[0],
        .enqueue = record_enqueue,
        .begin = record_begin,
        .write = record_write_later,
        .commit = record_commit,
        .abort = record_abort},
};

#define FORMS (sizeof forms / sizeof forms[0])

/** An edge with one table, and one client. */
struct scene {
    struct host_policy policy;
    struct recorder recorder;
    struct host_edge host;
    struct host_client client;
    struct tape seen; /* by `chunk` */
};

static void watch(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    (void)session;
    if (step == HOST_CHUNK) {
        record(policy->user, *(const struct slimta_slice *)argument);
    }
}

static struct scene *new_scene(size_t form)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    host_policy_init(&scene->policy);
    scene->recorder.queue.methods = &forms[form];
    scene->policy.look = watch;
    scene->policy.user = &scene->seen;
    return scene;
}

static void start_scene(
    struct scene *scene, const struct smtp_edge_options *options)
{
    host_policy_start(&scene->host, options, &scene->recorder.queue,
        (struct host_policy *const[]){&scene->policy, NULL});
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
    assert_int_equal(host_client_begin(&scene->client), 0);
}

/* Nobody asks after this, so that everything may be looked at. */
static void stop_scene(struct scene *scene)
{
    host_client_close(&scene->client);
    host_edge_stop(&scene->host, 0);
    assert_int_equal(scene->recorder.begins,
        scene->recorder.commits + scene->recorder.aborts);
}

static void free_scene(struct scene *scene)
{
    host_policy_fini(&scene->policy);
    free(scene);
}

static void send_message(struct scene *scene, size_t lines, int is_whole)
{
    size_t size = 0;
    char *text = host_message(lines, &size);

    assert_int_equal(host_client_send(&scene->client, text, size), 0);
    if (is_whole) {
        assert_int_equal(host_client_send(&scene->client, ".\r\n", 3), 0);
    }
    free(text);
}

static void expect_tape(const struct tape *tape)
{
    size_t size = 0;
    char *text = host_message(LINES, &size);

    assert_int_equal(tape->size, size);
    assert_memory_equal(tape->octets, text, size);
    free(text);
}

/* Answers what was taken, up to `have_data`. */
static void answer_chunks(struct scene *scene)
{
    struct host_taken taken;

    do {
        taken = host_policy_next(&scene->policy);
    } while (
        host_taken_answer(&taken, 0, NULL) == 0 && taken.step == HOST_CHUNK);
}

static void see_all(size_t form, enum host_deed deed)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .spill_bytes = 20000};
    struct scene *scene = new_scene(form);

    host_policy_order(&scene->policy, HOST_CHUNK, deed, 0, NULL);
    host_policy_order(&scene->policy, HOST_HAVE_DATA, deed, 0, NULL);
    start_scene(scene, &options);
    send_message(scene, LINES, 1);
    if (deed == HOST_TAKE) {
        answer_chunks(scene);
    }
    assert_int_equal(host_client_reply(&scene->client), 250);
    stop_scene(scene);
    expect_tape(&scene->seen);
    expect_tape(&scene->recorder.tape);
    assert_int_equal(scene->recorder.commits + scene->recorder.enqueues, 1);
    free_scene(scene);
}

/* Validator and queue see every octet in order, whoever takes his time. */
static void test_all_octets_in_order(void **state)
{
    static const enum host_deed deeds[] = {HOST_PASS, HOST_TAKE, HOST_FINISH};
    size_t i = 0;

    (void)state;
    for (i = 0; i < FORMS * 3; ++i) {
        see_all(i % FORMS, deeds[i / FORMS]);
    }
}

/* It is read to its end, and nobody is asked about the rest. */
static void refuse_chunk(size_t form)
{
    struct scene *scene = new_scene(form);

    host_policy_order(
        &scene->policy, HOST_CHUNK, HOST_SET, 554, "5.7.1 Not that");
    start_scene(scene, NULL);
    send_message(scene, LINES, 1);
    assert_int_equal(host_client_reply(&scene->client), 554);
    assert_string_equal(scene->client.line, "554 5.7.1 Not that");
    assert_int_equal(host_policy_asked(&scene->policy, HOST_CHUNK), 1);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_HAVE_DATA), 0);
    assert_int_equal(host_client_ask(&scene->client, "NOOP\r\n"), 250);
    stop_scene(scene);
    assert_int_equal(scene->recorder.commits + scene->recorder.enqueues, 0);
    free_scene(scene);
}

static void refuse_have_data(size_t form)
{
    struct scene *scene = new_scene(form);

    host_policy_order(
        &scene->policy, HOST_HAVE_DATA, HOST_SET, 554, "5.7.1 Not that");
    start_scene(scene, NULL);
    send_message(scene, LINES, 1);
    assert_int_equal(host_client_reply(&scene->client), 554);
    assert_string_equal(scene->client.line, "554 5.7.1 Not that");
    assert_int_equal(host_client_ask(&scene->client, "NOOP\r\n"), 250);
    stop_scene(scene);
    assert_int_equal(scene->recorder.commits + scene->recorder.enqueues, 0);
    free_scene(scene);
}

static void test_refusals(void **state)
{
    size_t form = 0;

    (void)state;
    for (form = 0; form < FORMS; ++form) {
        refuse_chunk(form);
        refuse_have_data(form);
    }
}

/* In the middle of a message, which never ends. */
static void close_in_chunk(size_t form, int is_later)
{
    struct scene *scene = new_scene(form);
    struct host_taken taken;

    host_policy_order(&scene->policy, HOST_CHUNK,
        is_later ? HOST_TAKE : HOST_SET, 421, "4.7.0 Enough");
    start_scene(scene, NULL);
    send_message(scene, 10, 0);
    if (is_later) {
        taken = host_policy_next(&scene->policy);
        assert_int_equal(host_taken_answer(&taken, 421, "4.7.0 Enough"), 0);
    }
    assert_int_equal(host_client_reply(&scene->client), 421);
    assert_string_equal(scene->client.line, "421 4.7.0 Enough");
    assert_int_equal(host_client_reply(&scene->client), 0);
    stop_scene(scene);
    assert_int_equal(scene->policy.reasons[SLIMTA_CLOSED_REPLY], 1);
    assert_int_equal(scene->recorder.commits + scene->recorder.enqueues, 0);
    free_scene(scene);
}

static void test_421_closes_at_once(void **state)
{
    size_t form = 0;

    (void)state;
    for (form = 0; form < FORMS; ++form) {
        close_in_chunk(form, 0);
        close_in_chunk(form, 1);
    }
}

/* While `chunk` waits nothing more is read. */
static void test_slow_chunk_stops_the_reading(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .max_message_bytes = SLIMTA_UNLIMITED};
    struct scene *scene = new_scene(1);
    struct host_taken taken;
    size_t sent = 0;

    (void)state;
    host_policy_order(&scene->policy, HOST_CHUNK, HOST_TAKE, 0, NULL);
    start_scene(scene, &options);
    sent = host_client_flood(&scene->client, "0123456789", 128u << 20);
    assert_true(sent < 32u << 20);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_CHUNK), 1);
    taken = host_policy_next(&scene->policy);
    host_policy_order(&scene->policy, HOST_CHUNK, HOST_PASS, 0, NULL);
    assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
    assert_int_equal(host_client_ask(&scene->client, "\r\n.\r\n"), 250);
    stop_scene(scene);
    assert_int_equal(scene->seen.size, sent + 2);
    assert_int_equal(scene->recorder.tape.size, sent + 2);
    free_scene(scene);
}

/* The client goes, or nobody answers, while `chunk` waits. */
static void leave_in_chunk(size_t form, int is_late)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .validator_timeout_ms = is_late ? 50 : 0};
    struct scene *scene = new_scene(form);
    struct host_taken taken;

    host_policy_order(&scene->policy, HOST_CHUNK, HOST_TAKE, 0, NULL);
    start_scene(scene, &options);
    send_message(scene, LINES, is_late);
    taken = host_policy_next(&scene->policy);
    if (is_late) {
        assert_int_equal(host_client_reply(&scene->client), 451);
    } else {
        host_client_reset(&scene->client);
    }
    assert_true(host_policy_wait(&scene->policy, &scene->policy.cancelled, 1));
    assert_int_equal(host_taken_answer(&taken, 250, "2.0.0 Fine"), 0);
    stop_scene(scene);
    assert_int_equal(scene->recorder.commits + scene->recorder.enqueues, 0);
    free_scene(scene);
}

static void test_nobody_waits_for_chunk(void **state)
{
    size_t form = 0;

    (void)state;
    for (form = 0; form < FORMS; ++form) {
        leave_in_chunk(form, 0);
        leave_in_chunk(form, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_octets_in_order),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_421_closes_at_once),
        cmocka_unit_test(test_slow_chunk_stops_the_reading),
        cmocka_unit_test(test_nobody_waits_for_chunk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
