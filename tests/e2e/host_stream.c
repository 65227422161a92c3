/** A host whose queue takes messages as they arrive. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/** A queue of the streaming form that counts, and answers as it is told. */
struct stream {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    pthread_cond_t news;
    int begin_refusal; /* 0: none */
    int write_refusal;
    int commit_refusal;
    int takes_begin; /* answers later: the test finishes `op` */
    int takes_write;
    struct slimta_op *op;
    struct slimta_envelope *envelope; /* of the message that is open */
    size_t begins;
    size_t writes;
    size_t commits;
    size_t aborts;
    size_t enqueues;
    size_t wrong; /* calls that should not have been */
    char *octets;
    size_t size;
};

static struct stream *lock(struct slimta_queue *queue)
{
    struct stream *stream = (struct stream *)queue;

    pthread_mutex_lock(&stream->lock);
    return stream;
}

static void unlock(struct stream *stream)
{
    pthread_cond_broadcast(&stream->news);
    pthread_mutex_unlock(&stream->lock);
}

static void take(struct stream *stream, struct slimta_op *op)
{
    slimta_op_take(op);
    stream->op = op;
}

static void stream_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct stream *stream = lock(queue);

    ++stream->begins;
    stream->size = 0;
    if (stream->begin_refusal != 0) {
        (void)slimta_op_refused(op, NULL, stream->begin_refusal, "Not now");
        slimta_envelope_unref(envelope);
    } else {
        stream->envelope = envelope;
        if (stream->takes_begin) {
            take(stream, op);
        } else {
            slimta_op_begun(op, stream);
        }
    }
    unlock(stream);
}

static void stream_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct stream *stream = lock(queue);

    stream->wrong += message != stream;
    stream->wrong += stream->op != NULL;
    ++stream->writes;
    stream->octets = realloc(stream->octets, stream->size + octets.size + 1);
    assert_non_null(stream->octets);
    memcpy(stream->octets + stream->size, octets.data, octets.size);
    stream->size += octets.size;
    if (stream->write_refusal != 0) {
        (void)slimta_op_refused(op, NULL, stream->write_refusal, "No more");
    } else if (stream->takes_write) {
        take(stream, op);
    }
    unlock(stream);
}

static void close_message(struct stream *stream)
{
    slimta_envelope_unref(stream->envelope);
    stream->envelope = NULL;
}

static void stream_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct stream *stream = lock(queue);

    stream->wrong += message != stream;
    ++stream->commits;
    if (stream->commit_refusal != 0) {
        (void)slimta_op_refused(op, NULL, stream->commit_refusal, "Lost");
    } else {
        (void)slimta_op_queued(op, NULL, "streamed");
    }
    close_message(stream);
    unlock(stream);
}

static void stream_abort(struct slimta_queue *queue, void *message)
{
    struct stream *stream = lock(queue);

    stream->wrong += message != stream;
    ++stream->aborts;
    close_message(stream);
    unlock(stream);
}

static void stream_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct stream *stream = lock(queue);

    ++stream->enqueues;
    stream->wrong +=
        slimta_content_is_spilled(slimta_envelope_content(envelope)) != 0;
    (void)slimta_op_queued(op, NULL, "whole");
    slimta_envelope_unref(envelope);
    unlock(stream);
}

static const struct slimta_queue_methods streaming = {
    .size = sizeof streaming,
    .begin = stream_begin,
    .write = stream_write,
    .commit = stream_commit,
    .abort = stream_abort,
};

static const struct slimta_queue_methods both_forms = {
    .size = sizeof both_forms,
    .enqueue = stream_enqueue,
    .begin = stream_begin,
    .write = stream_write,
    .commit = stream_commit,
    .abort = stream_abort,
};

/** The queue, an edge, and a client that has not begun yet. */
struct scene {
    struct stream stream;
    struct host_edge host;
    struct host_client client;
};

static void open_scene(struct scene *scene,
    const struct slimta_queue_methods *methods,
    const struct smtp_edge_options *options)
{
    memset(scene, 0, sizeof *scene);
    scene->stream.queue.methods = methods;
    pthread_mutex_init(&scene->stream.lock, NULL);
    pthread_cond_init(&scene->stream.news, NULL);
    host_edge_start(&scene->host, options, &scene->stream.queue);
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
}

/* Exactly one commit or abort follows each begin that was answered. */
static void close_scene(struct scene *scene, size_t commits, size_t aborts)
{
    host_client_close(&scene->client);
    host_edge_stop(&scene->host, 0);
    assert_int_equal(scene->stream.commits, commits);
    assert_int_equal(scene->stream.aborts, aborts);
    assert_int_equal(scene->stream.wrong, 0);
    assert_null(scene->stream.envelope);
    free(scene->stream.octets);
    pthread_cond_destroy(&scene->stream.news);
    pthread_mutex_destroy(&scene->stream.lock);
}

/* Changes what the queue does, while the edge runs. */
static void set(struct scene *scene, int *what, int value)
{
    pthread_mutex_lock(&scene->stream.lock);
    *what = value;
    pthread_mutex_unlock(&scene->stream.lock);
}

static size_t get(struct scene *scene, const size_t *counter)
{
    size_t value = 0;

    pthread_mutex_lock(&scene->stream.lock);
    value = *counter;
    pthread_mutex_unlock(&scene->stream.lock);
    return value;
}

/* Waits until `*value` is at least `wanted`. */
static void await(struct stream *stream, const size_t *value, size_t wanted)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&stream->lock);
    while (*value < wanted &&
        pthread_cond_timedwait(&stream->news, &stream->lock, &end) == 0) {
    }
    assert_true(*value >= wanted);
    pthread_mutex_unlock(&stream->lock);
}

static struct slimta_op *take_op(struct stream *stream)
{
    struct slimta_op *op = NULL;

    pthread_mutex_lock(&stream->lock);
    op = stream->op;
    stream->op = NULL;
    pthread_mutex_unlock(&stream->lock);
    assert_non_null(op);
    return op;
}

static void send_lines(struct scene *scene, size_t lines, int is_whole)
{
    size_t size = 0;
    char *text = host_message(lines, &size);

    assert_int_equal(host_client_send(&scene->client, text, size), 0);
    if (is_whole) {
        assert_int_equal(host_client_send(&scene->client, ".\r\n", 3), 0);
    }
    free(text);
}

static void expect_octets(struct scene *scene, size_t lines)
{
    size_t size = 0;
    char *text = host_message(lines, &size);

    assert_int_equal(scene->stream.size, size);
    assert_memory_equal(scene->stream.octets, text, size);
    free(text);
}

static void test_stream(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 20000};
    struct scene scene;
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        open_scene(&scene, &streaming, NULL);
        assert_int_equal(host_client_begin(&scene.client), 0);
        send_lines(&scene, sizes[i], 1);
        assert_int_equal(host_client_reply(&scene.client), 250);
        assert_string_equal(
            scene.client.line, "250 2.6.0 Message queued as streamed");
        expect_octets(&scene, sizes[i]);
        close_scene(&scene, 1, 0);
    }
}

static void test_empty_message(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    assert_int_equal(host_client_begin(&scene.client), 0);
    assert_int_equal(host_client_ask(&scene.client, ".\r\n"), 250);
    assert_int_equal(get(&scene, &scene.stream.size), 0);
    close_scene(&scene, 1, 0);
}

/* The write that is open, or NULL when the message has ended. */
static struct slimta_op *next_write(struct stream *stream)
{
    struct slimta_op *op = NULL;
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&stream->lock);
    while (stream->op == NULL && stream->commits + stream->aborts == 0 &&
        pthread_cond_timedwait(&stream->news, &stream->lock, &end) == 0) {
    }
    op = stream->op;
    stream->op = NULL;
    pthread_mutex_unlock(&stream->lock);
    return op;
}

static void test_writes_answered_later(void **state)
{
    struct slimta_op *op = NULL;
    struct scene scene;
    size_t writes = 0;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.takes_write, 1);
    assert_int_equal(host_client_begin(&scene.client), 0);
    /* Its sockets take it, whether or not the edge reads. */
    send_lines(&scene, 2000, 1);
    while ((op = next_write(&scene.stream)) != NULL) {
        ++writes;
        assert_int_equal(slimta_op_finish(op), 0);
    }
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_true(writes >= 2);
    expect_octets(&scene, 2000);
    close_scene(&scene, 1, 0);
}

static void test_begin_refused(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.begin_refusal, 452);
    assert_int_equal(host_client_begin(&scene.client), -1);
    assert_string_equal(scene.client.line, "452 4.0.0 Not now");
    assert_int_equal(host_client_ask(&scene.client, "NOOP\r\n"), 250);
    close_scene(&scene, 0, 0);
}

/* Asks for a `begin` that is answered with anything but slimta_op_begun. */
static void begin_without_begun(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct stream *stream = lock(queue);

    if (stream->begins++ == 0) {
        /* A good reply is no beginning. */
        (void)!slimta_reply_set(slimta_op_reply(op), 250, "2.0.0 Fine");
    }
    slimta_envelope_unref(envelope);
    unlock(stream);
}

static void test_begin_says_nothing(void **state)
{
    static const struct slimta_queue_methods silent = {
        .size = sizeof silent,
        .begin = begin_without_begun,
        .write = stream_write,
        .commit = stream_commit,
        .abort = stream_abort,
    };
    struct scene scene;
    int round = 0;

    (void)state;
    open_scene(&scene, &silent, NULL);
    for (round = 0; round < 2; ++round) {
        assert_int_equal(host_client_begin(&scene.client), -1);
        assert_memory_equal(scene.client.line, "451 ", 4);
        host_client_close(&scene.client);
        assert_int_equal(
            host_client_open(&scene.client, &scene.host.address), 0);
    }
    close_scene(&scene, 0, 0);
}

static const struct smtp_edge_options impatient = {
    .size = sizeof impatient, .queue_write_timeout_ms = 50};

static void test_begin_too_late(void **state)
{
    struct slimta_op *op = NULL;
    struct scene scene;

    (void)state;
    open_scene(&scene, &streaming, &impatient);
    set(&scene, &scene.stream.takes_begin, 1);
    assert_int_equal(host_client_begin(&scene.client), -1);
    assert_memory_equal(scene.client.line, "451 4.4.5 ", 10);
    op = take_op(&scene.stream);
    assert_int_equal(slimta_op_is_cancelled(op), 1);
    slimta_op_begun(op, &scene.stream);
    assert_int_equal(slimta_op_finish(op), 0);
    await(&scene.stream, &scene.stream.aborts, 1);
    assert_int_equal(host_client_ask(&scene.client, "NOOP\r\n"), 250);
    close_scene(&scene, 0, 1);
}

static void test_write_too_late(void **state)
{
    struct slimta_op *op = NULL;
    struct scene scene;

    (void)state;
    open_scene(&scene, &streaming, &impatient);
    set(&scene, &scene.stream.takes_write, 1);
    assert_int_equal(host_client_begin(&scene.client), 0);
    send_lines(&scene, 20000, 1);
    assert_int_equal(host_client_reply(&scene.client), 451);
    assert_memory_equal(scene.client.line, "451 4.4.5 ", 10);
    op = take_op(&scene.stream);
    assert_int_equal(slimta_op_is_cancelled(op), 1);
    assert_int_equal(slimta_op_finish(op), 0);
    assert_int_equal(host_client_ask(&scene.client, "NOOP\r\n"), 250);
    assert_int_equal(get(&scene, &scene.stream.writes), 1);
    close_scene(&scene, 0, 1);
}

static void test_write_refused(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.write_refusal, 452);
    assert_int_equal(host_client_begin(&scene.client), 0);
    send_lines(&scene, 20000, 1);
    /* It is read to its end, then refused. */
    assert_int_equal(host_client_reply(&scene.client), 452);
    assert_string_equal(scene.client.line, "452 4.0.0 No more");
    assert_int_equal(host_client_ask(&scene.client, "NOOP\r\n"), 250);
    assert_int_equal(get(&scene, &scene.stream.writes), 1);
    close_scene(&scene, 0, 1);
}

static void test_commit_refused(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.commit_refusal, 554);
    assert_int_equal(host_client_begin(&scene.client), 0);
    send_lines(&scene, 3, 1);
    assert_int_equal(host_client_reply(&scene.client), 554);
    assert_int_equal(host_client_ask(&scene.client, "NOOP\r\n"), 250);
    close_scene(&scene, 1, 0);
}

static void test_refused_by_the_edge(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .max_message_bytes = 10000};
    struct scene scene;

    (void)state;
    open_scene(&scene, &streaming, &options);
    assert_int_equal(host_client_begin(&scene.client), 0);
    send_lines(&scene, 2000, 1);
    assert_int_equal(host_client_reply(&scene.client), 552);
    host_client_close(&scene.client);
    assert_int_equal(host_client_open(&scene.client, &scene.host.address), 0);
    assert_int_equal(host_client_begin(&scene.client), 0);
    assert_int_equal(host_client_ask(&scene.client, "a\nb\r\n.\r\n"), 550);
    assert_int_equal(host_client_ask(&scene.client, "NOOP\r\n"), 250);
    close_scene(&scene, 0, 2);
}

static void test_client_leaves(void **state)
{
    struct slimta_op *op = NULL;
    struct scene scene;
    int round = 0;

    (void)state;
    /* In a write that is answered; in one that is open; with a half-close. */
    for (round = 0; round < 3; ++round) {
        open_scene(&scene, &streaming, NULL);
        set(&scene, &scene.stream.takes_write, round == 1);
        assert_int_equal(host_client_begin(&scene.client), 0);
        send_lines(&scene, 10, 0);
        await(&scene.stream, &scene.stream.writes, 1);
        if (round == 2) {
            shutdown(scene.client.fd, SHUT_WR);
        } else {
            host_client_reset(&scene.client);
        }
        await(&scene.stream, &scene.stream.aborts, 1);
        if (round == 1) {
            /* It was cancelled before the abort, and is finished still. */
            op = take_op(&scene.stream);
            assert_int_equal(slimta_op_is_cancelled(op), 1);
            assert_int_equal(slimta_op_finish(op), 0);
        }
        close_scene(&scene, 0, 1);
    }
}

static void test_stop_in_a_write(void **state)
{
    struct scene scene;
    struct slimta_op *op = NULL;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.takes_write, 1);
    assert_int_equal(host_client_begin(&scene.client), 0);
    send_lines(&scene, 10, 0);
    await(&scene.stream, &scene.stream.writes, 1);
    op = take_op(&scene.stream);
    close_scene(&scene, 0, 1);
    assert_int_equal(slimta_op_finish(op), SLIMTA_ECANCELED);
}

/* A begin that is answered when nobody waits any more is aborted, or told by
 * the failure of its finish. */
static void test_late_begin(void **state)
{
    struct scene scene;
    struct slimta_op *op = NULL;
    int err = 0;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.takes_begin, 1);
    assert_int_equal(host_client_send(&scene.client, HOST_ENVELOPE,
                         sizeof HOST_ENVELOPE - 1),
        0);
    await(&scene.stream, &scene.stream.begins, 1);
    op = take_op(&scene.stream);
    host_client_reset(&scene.client);
    while (!slimta_op_is_cancelled(op)) {
        struct timespec pause = {0, 1000000};

        nanosleep(&pause, NULL);
    }
    slimta_op_begun(op, &scene.stream);
    err = slimta_op_finish(op);
    if (err == 0) {
        await(&scene.stream, &scene.stream.aborts, 1);
    } else {
        assert_int_equal(err, SLIMTA_ECANCELED);
        close_message(&scene.stream);
    }
    close_scene(&scene, 0, err == 0);
}

static void test_begin_after_the_end(void **state)
{
    struct scene scene;
    struct slimta_op *op = NULL;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.takes_begin, 1);
    assert_int_equal(host_client_send(&scene.client, HOST_ENVELOPE,
                         sizeof HOST_ENVELOPE - 1),
        0);
    await(&scene.stream, &scene.stream.begins, 1);
    op = take_op(&scene.stream);
    host_edge_stop(&scene.host, 0);
    slimta_op_begun(op, &scene.stream);
    assert_int_equal(slimta_op_finish(op), SLIMTA_ECANCELED);
    assert_int_equal(scene.stream.aborts + scene.stream.commits, 0);
    close_message(&scene.stream);
    host_client_close(&scene.client);
    pthread_cond_destroy(&scene.stream.news);
    pthread_mutex_destroy(&scene.stream.lock);
}

static void test_begin_answered_later(void **state)
{
    struct scene scene;
    struct slimta_op *op = NULL;
    int i = 0;

    (void)state;
    open_scene(&scene, &streaming, NULL);
    set(&scene, &scene.stream.takes_begin, 1);
    assert_int_equal(host_client_send(&scene.client, HOST_ENVELOPE,
                         sizeof HOST_ENVELOPE - 1),
        0);
    await(&scene.stream, &scene.stream.begins, 1);
    op = take_op(&scene.stream);
    slimta_op_begun(op, &scene.stream);
    assert_int_equal(slimta_op_finish(op), 0);
    for (i = 0; i < 5; ++i) {
        assert_true(host_client_reply(&scene.client) > 0);
    }
    assert_memory_equal(scene.client.line, "354 ", 4);
    send_lines(&scene, 3, 1);
    assert_int_equal(host_client_reply(&scene.client), 250);
    close_scene(&scene, 1, 0);
}

static void test_slow_write_stops_the_reading(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .max_message_bytes = SLIMTA_UNLIMITED};
    struct scene scene;
    size_t sent = 0;

    (void)state;
    open_scene(&scene, &streaming, &options);
    set(&scene, &scene.stream.takes_write, 1);
    assert_int_equal(host_client_begin(&scene.client), 0);
    sent = host_client_flood(&scene.client, "0123456789", 128u << 20);
    assert_true(sent < 32u << 20);
    await(&scene.stream, &scene.stream.writes, 1);
    assert_int_equal(get(&scene, &scene.stream.writes), 1);
    /* Goes on, and all arrives. */
    set(&scene, &scene.stream.takes_write, 0);
    assert_int_equal(slimta_op_finish(take_op(&scene.stream)), 0);
    assert_int_equal(host_client_ask(&scene.client, "\r\n.\r\n"), 250);
    assert_int_equal(get(&scene, &scene.stream.size), sent + 2);
    close_scene(&scene, 1, 0);
}

static void test_both_forms(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .spill_bytes = 65536};
    struct scene scene;

    (void)state;
    open_scene(&scene, &both_forms, &options);
    assert_int_equal(host_client_begin(&scene.client), 0);
    send_lines(&scene, 100, 1);
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_string_equal(scene.client.line, "250 2.6.0 Message queued as whole");
    assert_int_equal(get(&scene, &scene.stream.enqueues), 1);
    assert_int_equal(get(&scene, &scene.stream.begins), 0);
    host_client_close(&scene.client);
    assert_int_equal(host_client_open(&scene.client, &scene.host.address), 0);
    assert_int_equal(host_client_begin(&scene.client), 0);
    send_lines(&scene, 20000, 1);
    assert_int_equal(host_client_reply(&scene.client), 250);
    expect_octets(&scene, 20000);
    assert_int_equal(get(&scene, &scene.stream.enqueues), 1);
    close_scene(&scene, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_empty_message),
        cmocka_unit_test(test_writes_answered_later),
        cmocka_unit_test(test_begin_refused),
        cmocka_unit_test(test_begin_says_nothing),
        cmocka_unit_test(test_begin_too_late),
        cmocka_unit_test(test_write_too_late),
        cmocka_unit_test(test_write_refused),
        cmocka_unit_test(test_commit_refused),
        cmocka_unit_test(test_refused_by_the_edge),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_stop_in_a_write),
        cmocka_unit_test(test_late_begin),
        cmocka_unit_test(test_begin_after_the_end),
        cmocka_unit_test(test_begin_answered_later),
        cmocka_unit_test(test_slow_write_stops_the_reading),
        cmocka_unit_test(test_both_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
