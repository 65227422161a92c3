/** A host whose queue answers late, wrongly, or never. */
#include "host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/** What most of these tests begin with: a client that has sent its message to
 * a queue that answers later. */
struct scene {
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;
};

static void open_scene(struct scene *scene, enum host_answer answer,
    const struct smtp_edge_options *options)
{
    host_queue_init(&scene->queue, answer);
    host_edge_start(&scene->host, options, &scene->queue.queue);
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
    assert_int_equal(host_client_begin(&scene->client), 0);
}

static void send_message(struct scene *scene)
{
    const char text[] = HOST_MESSAGE ".\r\n";

    assert_int_equal(
        host_client_send(&scene->client, text, sizeof text - 1), 0);
}

static void close_scene(struct scene *scene)
{
    host_client_close(&scene->client);
    host_edge_stop(&scene->host, 0);
    host_queue_fini(&scene->queue);
}

static void refuse_with(struct scene *scene, int code, const char *text)
{
    pthread_mutex_lock(&scene->queue.lock);
    scene->queue.answer = HOST_REFUSED;
    scene->queue.refusal = code;
    scene->queue.refusal_text = text;
    pthread_mutex_unlock(&scene->queue.lock);
}

static void expect_line(struct host_client *client, const char *line)
{
    (void)host_client_reply(client);
    assert_string_equal(client->line, line);
}

static void expect_in_step(struct scene *scene)
{
    assert_int_equal(host_client_ask(&scene->client, "NOOP\r\n"), 250);
}

static void test_content(void **state)
{
    struct host_pending pending;
    struct scene scene;
    char *content = NULL;
    size_t size = 0;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    content = host_content(pending.envelope, &size);
    assert_int_equal(size, sizeof HOST_MESSAGE - 1);
    assert_memory_equal(content, HOST_MESSAGE, size);
    free(content);
    assert_string_equal(
        slimta_envelope_sender(pending.envelope), "a@example.com");
    assert_int_equal(slimta_envelope_recipient_count(pending.envelope), 1);
    assert_string_equal(slimta_envelope_recipient(pending.envelope, 0)->address,
        "b@example.net");
    assert_string_equal(
        slimta_envelope_client(pending.envelope)->ehlo_as, "client.example");
    assert_string_equal(
        slimta_envelope_client(pending.envelope)->protocol, "ESMTP");
    assert_string_equal(
        slimta_envelope_receiver(pending.envelope), "mx.example.net");
    assert_int_equal(host_pending_accept(&pending), 0);
    assert_int_equal(host_client_reply(&scene.client), 250);
    close_scene(&scene);
}

static void test_later(void **state)
{
    struct host_pending pending;
    struct scene scene;
    char octet = 0;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    /* No reply before the queue's yes. */
    assert_int_equal(
        recv(scene.client.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    assert_int_equal(slimta_op_is_cancelled(pending.op), 0);
    assert_int_equal(host_pending_accept(&pending), 0);
    expect_line(&scene.client, "250 2.6.0 Message queued as later-id");
    expect_in_step(&scene);
    assert_int_equal(host_queue_count(&scene.queue, &scene.queue.cancelled), 0);
    close_scene(&scene);
}

static void test_client_has_left(void **state)
{
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    host_client_reset(&scene.client);
    assert_true(host_pending_is_cancelled(&pending));
    assert_true(host_queue_wait(&scene.queue, &scene.queue.cancelled, 1));
    assert_int_equal(host_pending_accept(&pending), 0);
    host_queue_answers(&scene.queue, HOST_QUEUED);
    assert_int_equal(host_deliver(&scene.host.address), 250);
    assert_int_equal(host_queue_count(&scene.queue, &scene.queue.cancelled), 1);
    close_scene(&scene);
}

static void test_client_has_shut_down(void **state)
{
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    shutdown(scene.client.fd, SHUT_WR);
    pending = host_queue_next(&scene.queue);
    /* Half-close is not a lost client. */
    assert_int_equal(slimta_op_is_cancelled(pending.op), 0);
    assert_int_equal(host_pending_accept(&pending), 0);
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_int_equal(host_client_reply(&scene.client), 0);
    close_scene(&scene);
}

static void test_deadline(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .queue_timeout_ms = 50};
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, &options);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    assert_int_equal(host_client_reply(&scene.client), 451);
    assert_memory_equal(scene.client.line, "451 4.4.5 ", 10);
    assert_int_equal(slimta_op_is_cancelled(pending.op), 1);
    expect_in_step(&scene);
    assert_int_equal(host_pending_accept(&pending), 0);
    expect_in_step(&scene);
    host_queue_answers(&scene.queue, HOST_QUEUED);
    assert_int_equal(host_deliver(&scene.host.address), 250);
    assert_int_equal(host_queue_count(&scene.queue, &scene.queue.cancelled), 1);
    close_scene(&scene);
}

static void test_silent(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_SILENT, NULL);
    send_message(&scene);
    expect_line(&scene.client, "451 4.3.0 Error queuing message");
    expect_in_step(&scene);
    close_scene(&scene);
}

static void test_finished_without_a_word(void **state)
{
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    /* A good reply is no yes: the queue has taken nothing. */
    assert_int_equal(
        slimta_reply_set(slimta_op_reply(pending.op), 250, "2.0.0 Fine"), 0);
    slimta_envelope_unref(pending.envelope);
    assert_int_equal(slimta_op_finish(pending.op), 0);
    assert_int_equal(host_client_reply(&scene.client), 451);
    expect_in_step(&scene);
    close_scene(&scene);
}

static void test_refused(void **state)
{
    static const struct {
        int code;
        const char *text;
        const char *line;
    } cases[] = {
        {552, "5.2.2 Mailbox full", "552 5.2.2 Mailbox full"},
        {452, "4.3.1 No space", "452 4.3.1 No space"},
        {550, "No", "550 5.0.0 No"},
    };
    struct scene scene;
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        open_scene(&scene, HOST_REFUSED, NULL);
        refuse_with(&scene, cases[i].code, cases[i].text);
        send_message(&scene);
        expect_line(&scene.client, cases[i].line);
        expect_in_step(&scene);
        close_scene(&scene);
    }
}

static void test_refused_with_a_wrong_code(void **state)
{
    static const int codes[] = {250, 0, -1, 354, 399, 600, 1000};
    struct scene scene;
    size_t i = 0;

    (void)state;
    for (i = 0; i < sizeof codes / sizeof codes[0]; ++i) {
        open_scene(&scene, HOST_REFUSED, NULL);
        refuse_with(&scene, codes[i], "Strange");
        send_message(&scene);
        assert_int_equal(host_client_reply(&scene.client), 451);
        expect_in_step(&scene);
        close_scene(&scene);
    }
}

static void test_refused_with_421(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_REFUSED, NULL);
    refuse_with(&scene, 421, "4.3.2 Going");
    send_message(&scene);
    expect_line(&scene.client, "421 4.3.2 Going");
    assert_int_equal(host_client_reply(&scene.client), 0);
    close_scene(&scene);
}

static void test_one_part_refused(void **state)
{
    struct slimta_envelope *part = NULL;
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    assert_int_equal(slimta_envelope_split(&part, pending.envelope, 0, 1), 0);
    (void)slimta_op_queued(pending.op, pending.envelope, "one");
    (void)slimta_op_refused(pending.op, part, 550, "5.1.1 Not that one");
    slimta_envelope_unref(part);
    slimta_envelope_unref(pending.envelope);
    assert_int_equal(slimta_op_finish(pending.op), 0);
    expect_line(&scene.client, "250 2.6.0 Message queued as one");
    close_scene(&scene);
}

static void test_hostile_id(void **state)
{
    struct host_pending pending;
    struct scene scene;
    char id[4096];

    (void)state;
    memset(id, 'x', sizeof id);
    memcpy(id, "a\r\n250 b\xc3\xa9\x01", 12);
    id[sizeof id - 1] = '\0';
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    (void)slimta_op_queued(pending.op, NULL, id);
    slimta_envelope_unref(pending.envelope);
    assert_int_equal(slimta_op_finish(pending.op), 0);
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_true(strlen(scene.client.line) < 250);
    assert_null(strchr(scene.client.line, '\xc3'));
    expect_in_step(&scene);
    assert_string_equal(scene.client.line, "250 2.0.0 Ok");
    close_scene(&scene);
}

static void test_stop_while_pending(void **state)
{
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    host_edge_stop(&scene.host, 0);
    assert_int_equal(slimta_op_is_cancelled(pending.op), 1);
    assert_int_equal(host_queue_count(&scene.queue, &scene.queue.cancelled), 1);
    /* Cut off at the deadline: never a 250. */
    assert_true(host_client_reply(&scene.client) != 250);
    host_client_close(&scene.client);
    /* The edge, its loop and its thread are gone. */
    assert_int_equal(host_pending_accept(&pending), SLIMTA_ECANCELED);
    host_queue_fini(&scene.queue);
}

static void test_drain_while_pending(void **state)
{
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    send_message(&scene);
    pending = host_queue_next(&scene.queue);
    assert_int_equal(smtp_edge_stop(scene.host.edge, SLIMTA_UNLIMITED,
                         host_edge_stopped, &scene.host),
        0);
    assert_int_equal(host_pending_accept(&pending), 0);
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_int_equal(host_client_reply(&scene.client), 421);
    host_client_close(&scene.client);
    assert_true(host_wait(&scene.host.stopped));
    smtp_edge_free(scene.host.edge);
    sem_destroy(&scene.host.stopped);
    host_queue_fini(&scene.queue);
}

static void test_commands_wait_for_the_answer(void **state)
{
    const char text[] = HOST_MESSAGE ".\r\nNOOP\r\nWHAT\r\nQUIT\r\n";
    struct host_pending pending;
    struct scene scene;

    (void)state;
    open_scene(&scene, HOST_LATER, NULL);
    assert_int_equal(host_client_send(&scene.client, text, sizeof text - 1), 0);
    pending = host_queue_next(&scene.queue);
    assert_int_equal(host_pending_accept(&pending), 0);
    expect_line(&scene.client, "250 2.6.0 Message queued as later-id");
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_int_equal(host_client_reply(&scene.client), 500);
    assert_int_equal(host_client_reply(&scene.client), 221);
    assert_int_equal(host_client_reply(&scene.client), 0);
    close_scene(&scene);
}

/* Every kind of answer in one session, again and again: what one leaves behind
 * does not reach the next. */
static void test_all_answers_in_one_session(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .queue_timeout_ms = 1};
    const char envelope[] =
        "MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"
        "x\r\n.\r\n";
    static const enum host_answer answers[] = {
        HOST_QUEUED, HOST_LATER, HOST_REFUSED, HOST_SILENT};
    static const int codes[] = {250, 451, 550, 451};
    struct host_pending pending;
    struct scene scene;
    size_t i = 0;

    (void)state;
    open_scene(&scene, HOST_QUEUED, &options);
    refuse_with(&scene, 550, "5.0.0 No");
    host_queue_answers(&scene.queue, HOST_QUEUED);
    send_message(&scene);
    assert_int_equal(host_client_reply(&scene.client), 250);
    for (i = 0; i < 80; ++i) {
        host_queue_answers(&scene.queue, answers[i * 7 / 3 % 4]);
        assert_int_equal(host_client_ask(&scene.client, envelope), 250);
        assert_int_equal(host_client_reply(&scene.client), 250);
        assert_int_equal(host_client_reply(&scene.client), 354);
        assert_int_equal(
            host_client_reply(&scene.client), codes[i * 7 / 3 % 4]);
        if (answers[i * 7 / 3 % 4] == HOST_LATER) {
            pending = host_queue_next(&scene.queue);
            assert_int_equal(host_pending_accept(&pending), 0);
        }
    }
    close_scene(&scene);
}

/* Finishes inside the callback, after taking. */
static void enqueue_take_finish(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    (void)queue;
    slimta_op_take(op);
    slimta_op_take(op);
    (void)slimta_op_queued(op, NULL, "inside");
    slimta_envelope_unref(envelope);
    (void)slimta_op_finish(op);
}

static void test_finish_inside(void **state)
{
    static const struct slimta_queue_methods methods = {
        .size = sizeof methods, .enqueue = enqueue_take_finish};
    struct slimta_queue queue = {&methods};
    struct host_edge host;
    int i = 0;

    (void)state;
    host_edge_start(&host, NULL, &queue);
    for (i = 0; i < 10; ++i) {
        assert_int_equal(host_deliver(&host.address), 250);
    }
    host_edge_stop(&host, 1000);
}

/** A queue that stops its edge with the first message. */
struct stopper {
    struct slimta_queue queue;
    struct host_edge *host;
};

static void enqueue_and_stop(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct stopper *stopper = (struct stopper *)queue;

    (void)slimta_op_queued(op, NULL, "last");
    slimta_envelope_unref(envelope);
    (void)smtp_edge_stop(
        stopper->host->edge, 10000, host_edge_stopped, stopper->host);
}

static void test_stop_inside_enqueue(void **state)
{
    static const struct slimta_queue_methods methods = {
        .size = sizeof methods, .enqueue = enqueue_and_stop};
    struct host_edge host;
    struct stopper stopper = {{&methods}, &host};
    struct host_client client;

    (void)state;
    host_edge_start(&host, NULL, &stopper.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    assert_int_equal(host_client_ask(&client, "x\r\n.\r\n"), 250);
    assert_int_equal(host_client_reply(&client), 421);
    assert_int_equal(host_client_reply(&client), 0);
    host_client_close(&client);
    assert_true(host_wait(&host.stopped));
    smtp_edge_free(host.edge);
    sem_destroy(&host.stopped);
}

static int refuse_to_attach(
    struct slimta_queue *queue, struct slimta_loop *loop)
{
    (void)queue;
    (void)loop;
    return SLIMTA_EIO;
}

static void test_attach_fails(void **state)
{
    static const struct slimta_queue_methods methods = {.size = sizeof methods,
        .attach = refuse_to_attach,
        .enqueue = enqueue_take_finish};
    struct slimta_queue queue = {&methods};
    struct slimta_error error = {0};
    struct host_edge host;

    (void)state;
    host_edge_open(&host, NULL, &queue);
    assert_int_equal(smtp_edge_start(host.edge, NULL, &error), SLIMTA_EIO);
    assert_int_equal(error.code, SLIMTA_EIO);
    smtp_edge_free(host.edge);
    sem_destroy(&host.stopped);
}

static void test_queue_without_a_form(void **state)
{
    static const struct slimta_queue_methods none = {.size = sizeof none};
    static const struct slimta_queue_methods no_size = {
        .enqueue = enqueue_take_finish};
    const struct smtp_edge_options options = {.size = sizeof options};
    struct slimta_queue queues[] = {{&none}, {&no_size}, {NULL}};
    struct smtp_edge *edge = NULL;
    size_t i = 0;

    (void)state;
    for (i = 0; i < 3; ++i) {
        assert_int_equal(
            smtp_edge_new(&edge, &options, &queues[i], NULL), SLIMTA_EINVAL);
        assert_null(edge);
    }
    assert_int_equal(smtp_edge_new(&edge, &options, NULL, NULL), SLIMTA_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_client_has_left),
        cmocka_unit_test(test_client_has_shut_down),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_finished_without_a_word),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_with_a_wrong_code),
        cmocka_unit_test(test_refused_with_421),
        cmocka_unit_test(test_one_part_refused),
        cmocka_unit_test(test_hostile_id),
        cmocka_unit_test(test_stop_while_pending),
        cmocka_unit_test(test_drain_while_pending),
        cmocka_unit_test(test_commands_wait_for_the_answer),
        cmocka_unit_test(test_all_answers_in_one_session),
        cmocka_unit_test(test_finish_inside),
        cmocka_unit_test(test_stop_inside_enqueue),
        cmocka_unit_test(test_attach_fails),
        cmocka_unit_test(test_queue_without_a_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
