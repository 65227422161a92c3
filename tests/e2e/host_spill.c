/** A host whose queue takes whole messages, and messages too large for memory.
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

/* More jobs than the pool has threads, unless it was made larger. */
#define HOST_POOL_MAX 32

static void send_lines(struct host_client *client, size_t lines)
{
    size_t size = 0;
    char *text = host_message(lines, &size);

    assert_int_equal(host_client_send(client, text, size), 0);
    free(text);
}

static void check_spilled(struct slimta_envelope *envelope, const char *text,
    size_t size, int is_spilled)
{
    struct slimta_content *content = slimta_envelope_content(envelope);
    struct slimta_slice lent;
    size_t got = 0;
    char *copy = host_content(envelope, &got);

    assert_int_equal(slimta_content_is_spilled(content), is_spilled);
    assert_int_equal(slimta_content_block(content, 0, &lent), !is_spilled);
    assert_int_equal(got, size);
    assert_memory_equal(copy, text, size);
    assert_int_equal(slimta_envelope_header(envelope, "subject", 0, &lent), 1);
    assert_int_equal(lent.size, 5);
    assert_memory_equal(lent.data, "large", 5);
    free(copy);
}

static void spill(
    const struct smtp_edge_options *options, size_t lines, int is_spilled)
{
    struct host_pending pending;
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    size_t size = 0;
    char *text = host_message(lines, &size);

    host_queue_init(&queue, HOST_LATER);
    host_edge_start(&host, options, &queue.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    assert_int_equal(host_client_send(&client, text, size), 0);
    assert_int_equal(host_client_send(&client, ".\r\n", 3), 0);
    pending = host_queue_next(&queue);
    check_spilled(pending.envelope, text, size, is_spilled);
    assert_int_equal(host_pending_accept(&pending), 0);
    assert_int_equal(host_client_reply(&client), 250);
    host_client_close(&client);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
    free(text);
}

static void test_spilled(void **state)
{
    const struct smtp_edge_options small = {
        .size = sizeof small, .spill_bytes = 65536};
    const struct smtp_edge_options whole = {.size = sizeof whole};

    (void)state;
    spill(&small, 100, 0);
    spill(&small, 5000, 1);
    spill(&whole, 1000, 0);
    spill(&whole, 100000, 1);
}

static void test_no_place_to_spill(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .spill_bytes = 65536,
        .spill_directory = "/nonexistent/directory"};
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    send_lines(&client, 20000);
    assert_int_equal(host_client_send(&client, ".\r\n", 3), 0);
    assert_int_equal(host_client_reply(&client), 451);
    assert_int_equal(host_client_ask(&client, "NOOP\r\n"), 250);
    assert_int_equal(host_queue_count(&queue, &queue.messages), 0);
    assert_int_equal(host_deliver(&host.address), 250);
    host_client_close(&client);
    host_edge_stop(&host, 0);
    host_queue_fini(&queue);
}

/* The client goes, or the edge stops, while the disk is at work. */
static void leave(int is_stop)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .spill_bytes = 65536};
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    int round = 0;

    host_queue_init(&queue, HOST_QUEUED);
    for (round = 0; round < 20; ++round) {
        host_edge_start(&host, &options, &queue.queue);
        assert_int_equal(host_client_open(&client, &host.address), 0);
        assert_int_equal(host_client_begin(&client), 0);
        send_lines(&client, 1100 + (size_t)round * 500);
        if (is_stop) {
            host_edge_stop(&host, 0);
            host_client_close(&client);
        } else {
            host_client_reset(&client);
            assert_int_equal(host_deliver(&host.address), 250);
            host_edge_stop(&host, 0);
        }
    }
    assert_int_equal(queue.messages, is_stop ? 0 : 20);
    host_queue_fini(&queue);
}

static void test_client_leaves_a_spill(void **state)
{
    (void)state;
    leave(0);
}

static void test_stop_in_a_spill(void **state)
{
    (void)state;
    leave(1);
}

/* A spilled content outlives its session, its edge and its loop. */
static void test_spilled_content_stays(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .spill_bytes = 65536};
    struct host_pending pending;
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;
    size_t size = 0;
    char *text = host_message(5000, &size);

    (void)state;
    host_queue_init(&queue, HOST_LATER);
    host_edge_start(&host, &options, &queue.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    send_lines(&client, 5000);
    assert_int_equal(host_client_send(&client, ".\r\n", 3), 0);
    pending = host_queue_next(&queue);
    host_client_reset(&client);
    host_edge_stop(&host, 0);
    check_spilled(pending.envelope, text, size, 1);
    assert_int_equal(host_pending_accept(&pending), SLIMTA_ECANCELED);
    host_queue_fini(&queue);
    free(text);
}

/* Jobs of the host's that hold every thread of the pool. */
struct blockade {
    uv_loop_t loop;
    uv_work_t jobs[HOST_POOL_MAX];
    sem_t held;
    sem_t end;
};

static void hold(uv_work_t *job)
{
    struct blockade *blockade = job->data;

    (void)sem_post(&blockade->held);
    (void)sem_wait(&blockade->end);
}

static void no_more(uv_work_t *job, int status)
{
    (void)job;
    (void)status;
}

/* Returns when the pool's first thread is held; the jobs behind it come before
 * any that is started later. */
static void block_pool(struct blockade *blockade)
{
    assert_int_equal(uv_loop_init(&blockade->loop), 0);
    assert_int_equal(sem_init(&blockade->held, 0, 0), 0);
    assert_int_equal(sem_init(&blockade->end, 0, 0), 0);
    for (size_t i = 0; i < HOST_POOL_MAX; i++) {
        blockade->jobs[i].data = blockade;
        assert_int_equal(
            uv_queue_work(&blockade->loop, &blockade->jobs[i], hold, no_more),
            0);
    }
    assert_int_equal(host_wait(&blockade->held), 1);
}

static void free_pool(struct blockade *blockade)
{
    for (size_t i = 0; i < HOST_POOL_MAX; i++) {
        (void)sem_post(&blockade->end);
    }
    assert_int_equal(uv_run(&blockade->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&blockade->loop), 0);
    (void)sem_destroy(&blockade->held);
    (void)sem_destroy(&blockade->end);
}

/* The message is refused, the session and the next message are well. */
static void test_slow_disk(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .spill_bytes = 65536,
        .queue_write_timeout_ms = 200};
    static struct blockade blockade;
    struct host_client client;
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_start(&host, &options, &queue.queue);
    block_pool(&blockade);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    send_lines(&client, 5000);
    assert_int_equal(host_client_send(&client, ".\r\n", 3), 0);
    assert_int_equal(host_client_reply(&client), 451);
    assert_memory_equal(client.line, "451 4.4.5 ", 10);
    assert_int_equal(host_client_ask(&client, "NOOP\r\n"), 250);
    assert_int_equal(host_deliver(&host.address), 250);
    free_pool(&blockade);
    host_client_close(&client);
    host_edge_stop(&host, 0);
    assert_int_equal(queue.messages, 1);
    host_queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spilled),
        cmocka_unit_test(test_no_place_to_spill),
        cmocka_unit_test(test_client_leaves_a_spill),
        cmocka_unit_test(test_stop_in_a_spill),
        cmocka_unit_test(test_spilled_content_stays),
        cmocka_unit_test(test_slow_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
