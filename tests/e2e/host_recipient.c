/** A host whose queue is asked about each recipient. */
#include "host.h"

#include <string.h>
#include <time.h>

#include <slimta/error.h>

/* What it answers about a recipient goes by the address. */
#define GOOD "RCPT TO:<good@example.net>\r\n"
#define BAD "RCPT TO:<bad@example.net>\r\n"
#define MAIL "MAIL FROM:<a@example.com>\r\n"

/** A queue that is told to refuse or to answer later, and counts. */
struct hop {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    pthread_cond_t news;
    int refuses_mail;
    int is_later; /* takes the op of each recipient */
    struct slimta_op *op;
    struct slimta_envelope *envelope; /* of the message that is open */
    size_t begins;
    size_t asked; /* recipients */
    size_t writes;
    size_t commits;
    size_t aborts;
    size_t wrong;  /* calls that should not have been */
    size_t listed; /* recipients of the envelope at the commit */
};

static struct hop *lock(struct slimta_queue *queue)
{
    struct hop *hop = (struct hop *)queue;

    pthread_mutex_lock(&hop->lock);
    return hop;
}

static void unlock(struct hop *hop)
{
    pthread_cond_broadcast(&hop->news);
    pthread_mutex_unlock(&hop->lock);
}

static void hop_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct hop *hop = lock(queue);

    ++hop->begins;
    hop->wrong += hop->envelope != NULL;
    hop->wrong += slimta_envelope_recipient_count(envelope) != 0;
    hop->wrong += slimta_envelope_prepend(envelope, "X", "y") != SLIMTA_ESTATE;
    if (hop->refuses_mail) {
        (void)slimta_op_refused(op, NULL, 450, "4.4.1 No next hop");
        slimta_envelope_unref(envelope);
    } else {
        hop->envelope = envelope;
        slimta_op_begun(op, hop);
    }
    unlock(hop);
}

static void hop_recipient(struct slimta_queue *queue, void *message,
    const struct slimta_recipient *recipient, struct slimta_op *op)
{
    struct hop *hop = lock(queue);

    ++hop->asked;
    hop->wrong += message != hop;
    hop->wrong += hop->op != NULL;
    if (strncmp(recipient->address, "bad@", 4) == 0) {
        (void)slimta_op_refused(op, NULL, 550, "5.1.1 Not there");
    } else if (hop->is_later) {
        slimta_op_take(op);
        hop->op = op;
    }
    unlock(hop);
}

static void hop_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct hop *hop = lock(queue);

    (void)octets;
    (void)op;
    ++hop->writes;
    hop->wrong += message != hop;
    unlock(hop);
}

static void close_message(struct hop *hop)
{
    slimta_envelope_unref(hop->envelope);
    hop->envelope = NULL;
}

static void hop_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct hop *hop = lock(queue);

    hop->wrong += message != hop;
    ++hop->commits;
    hop->listed = slimta_envelope_recipient_count(hop->envelope);
    (void)slimta_op_queued(op, NULL, "hop");
    close_message(hop);
    unlock(hop);
}

static void hop_abort(struct slimta_queue *queue, void *message)
{
    struct hop *hop = lock(queue);

    hop->wrong += message != hop;
    ++hop->aborts;
    close_message(hop);
    unlock(hop);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .begin = hop_begin,
    .write = hop_write,
    .commit = hop_commit,
    .abort = hop_abort,
    .recipient = hop_recipient,
};

/** The queue, an edge, and a client that has said EHLO. */
struct scene {
    struct hop hop;
    struct host_edge host;
    struct host_client client;
};

static void open_scene(
    struct scene *scene, const struct smtp_edge_options *options)
{
    memset(scene, 0, sizeof *scene);
    scene->hop.queue.methods = &methods;
    pthread_mutex_init(&scene->hop.lock, NULL);
    pthread_cond_init(&scene->hop.news, NULL);
    host_edge_start(&scene->host, options, &scene->hop.queue);
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
    assert_int_equal(host_client_reply(&scene->client), 220);
    assert_int_equal(host_client_ask(&scene->client, "EHLO client\r\n"), 250);
}

/* Exactly one commit or abort follows each begin that was answered. */
static void close_scene(struct scene *scene, size_t commits, size_t aborts)
{
    host_client_close(&scene->client);
    host_edge_stop(&scene->host, 0);
    assert_int_equal(scene->hop.commits, commits);
    assert_int_equal(scene->hop.aborts, aborts);
    assert_int_equal(scene->hop.wrong, 0);
    assert_null(scene->hop.envelope);
    pthread_cond_destroy(&scene->hop.news);
    pthread_mutex_destroy(&scene->hop.lock);
}

/* Changes what the queue does, while the edge runs. */
static void set(struct scene *scene, int *what, int value)
{
    pthread_mutex_lock(&scene->hop.lock);
    *what = value;
    pthread_mutex_unlock(&scene->hop.lock);
}

static int ask(struct scene *scene, const char *text)
{
    return host_client_ask(&scene->client, text);
}

/* Waits for the op that the queue has taken. */
static struct slimta_op *take_op(struct hop *hop)
{
    struct slimta_op *op;
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&hop->lock);
    while (hop->op == NULL &&
        pthread_cond_timedwait(&hop->news, &hop->lock, &end) == 0) {
    }
    op = hop->op;
    hop->op = NULL;
    pthread_mutex_unlock(&hop->lock);
    assert_non_null(op);
    return op;
}

static void await_abort(struct hop *hop)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&hop->lock);
    while (hop->aborts == 0 &&
        pthread_cond_timedwait(&hop->news, &hop->lock, &end) == 0) {
    }
    assert_int_equal(hop->aborts, 1);
    pthread_mutex_unlock(&hop->lock);
}

static void test_refusal_is_the_reply_to_rcpt(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, NULL);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, GOOD), 250);
    assert_string_equal(scene.client.line, "250 2.1.5 <good@example.net> Ok");
    assert_int_equal(ask(&scene, BAD), 550);
    assert_string_equal(scene.client.line, "550 5.1.1 Not there");
    assert_int_equal(ask(&scene, GOOD), 250);
    assert_int_equal(ask(&scene, "DATA\r\n"), 354);
    assert_int_equal(ask(&scene, HOST_MESSAGE ".\r\n"), 250);
    assert_string_equal(scene.client.line, "250 2.6.0 Message queued as hop");
    close_scene(&scene, 1, 0);
    assert_int_equal(scene.hop.asked, 3);
    assert_int_equal(scene.hop.listed, 2);
}

static void test_refusal_is_the_reply_to_mail(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, NULL);
    set(&scene, &scene.hop.refuses_mail, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&scene, MAIL), 450);
        assert_string_equal(scene.client.line, "450 4.4.1 No next hop");
        assert_int_equal(ask(&scene, GOOD), 503);
    }
    assert_int_equal(ask(&scene, "NOOP\r\n"), 250);
    close_scene(&scene, 0, 0);
}

/* Several transactions in one session, each of which ends without DATA. */
static void test_ends_without_data(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, NULL);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, "RSET\r\n"), 250);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, GOOD), 250);
    assert_int_equal(ask(&scene, "EHLO again\r\n"), 250);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, BAD), 550);
    assert_true(ask(&scene, "DATA\r\n") >= 500);
    assert_int_equal(ask(&scene, GOOD), 250);
    assert_int_equal(ask(&scene, "QUIT\r\n"), 221);
    close_scene(&scene, 0, 3);
}

static void test_client_leaves(void **state)
{
    (void)state;
    for (int is_later = 0; is_later < 2; is_later++) {
        struct scene scene;

        open_scene(&scene, NULL);
        set(&scene, &scene.hop.is_later, is_later);
        assert_int_equal(ask(&scene, MAIL), 250);
        if (is_later) {
            struct slimta_op *op;

            assert_int_equal(
                host_client_send(&scene.client, GOOD, sizeof GOOD - 1), 0);
            op = take_op(&scene.hop);
            host_client_reset(&scene.client);
            /* It was cancelled before the abort, and is finished still. */
            await_abort(&scene.hop);
            assert_int_equal(slimta_op_is_cancelled(op), 1);
            assert_int_equal(slimta_op_finish(op), 0);
        } else {
            assert_int_equal(ask(&scene, GOOD), 250);
            host_client_reset(&scene.client);
            await_abort(&scene.hop);
        }
        close_scene(&scene, 0, 1);
    }
}

/* In a pipeline each recipient waits for the answer to the one before. */
static void test_recipients_answered_later(void **state)
{
    static const char pipeline[] = MAIL GOOD GOOD BAD GOOD "DATA\r\n";
    static const int replies[] = {250, 250, 250, 550, 250, 354};
    struct scene scene;

    (void)state;
    open_scene(&scene, NULL);
    set(&scene, &scene.hop.is_later, 1);
    assert_int_equal(
        host_client_send(&scene.client, pipeline, sizeof pipeline - 1), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(slimta_op_finish(take_op(&scene.hop)), 0);
    }
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        assert_int_equal(host_client_reply(&scene.client), replies[i]);
    }
    assert_int_equal(ask(&scene, HOST_MESSAGE ".\r\n"), 250);
    close_scene(&scene, 1, 0);
    assert_int_equal(scene.hop.listed, 3);
}

/* A recipient in doubt is none, and ends the message. */
static void test_recipient_too_late(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .queue_write_timeout_ms = 50};
    struct slimta_op *op;
    struct scene scene;

    (void)state;
    open_scene(&scene, &options);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, GOOD), 250);
    set(&scene, &scene.hop.is_later, 1);
    assert_int_equal(ask(&scene, GOOD), 451);
    assert_memory_equal(scene.client.line, "451 4.4.5 ", 10);
    op = take_op(&scene.hop);
    assert_int_equal(slimta_op_is_cancelled(op), 1);
    assert_int_equal(slimta_op_finish(op), 0);
    assert_int_equal(ask(&scene, GOOD), 451);
    assert_int_equal(ask(&scene, "DATA\r\n"), 451);
    assert_int_equal(ask(&scene, "DATA\r\n"), 503);
    set(&scene, &scene.hop.is_later, 0);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, GOOD), 250);
    assert_int_equal(ask(&scene, "DATA\r\n"), 354);
    assert_int_equal(ask(&scene, HOST_MESSAGE ".\r\n"), 250);
    close_scene(&scene, 1, 1);
    assert_int_equal(scene.hop.listed, 1);
}

static void test_stop(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, NULL);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, GOOD), 250);
    close_scene(&scene, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusal_is_the_reply_to_rcpt),
        cmocka_unit_test(test_refusal_is_the_reply_to_mail),
        cmocka_unit_test(test_ends_without_data),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_recipients_answered_later),
        cmocka_unit_test(test_recipient_too_late),
        cmocka_unit_test(test_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
