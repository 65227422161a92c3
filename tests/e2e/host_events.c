/** Events and counters as a host sees them, while an edge runs. */
#include <stdio.h>
#include <string.h>

#include "host.h"

/* The names of all events, in order. */
struct story {
    pthread_mutex_t lock;
    char names[1024];
    int64_t accepted; /* the code of the last message */
    struct smtp_edge *edge;
    uint64_t connections; /* as counted inside an event */
};

static struct story story;

static void write_down(const struct slimta_event *event, void *user)
{
    struct story *s = user;
    const struct slimta_event_field *code = slimta_event_find(event, "code");

    pthread_mutex_lock(&s->lock);
    if (strlen(s->names) + strlen(event->name) + 2 < sizeof s->names) {
        strcat(strcat(s->names, event->name), " ");
    }
    if (event->type == SLIMTA_EVENT_MESSAGE && code != NULL) {
        s->accepted = code->number;
    }
    if (event->type == SLIMTA_EVENT_CONNECT && s->edge != NULL) {
        struct slimta_counters counters = {.size = sizeof counters};

        smtp_edge_count(s->edge, &counters);
        s->connections = counters.connections;
    }
    pthread_mutex_unlock(&s->lock);
}

static void open_edge(
    struct host_edge *host, struct host_queue *queue, unsigned threads)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .threads = threads,
        .event = write_down,
        .event_user = &story};

    memset(&story, 0, sizeof story);
    assert_int_equal(pthread_mutex_init(&story.lock, NULL), 0);
    host_queue_init(queue, HOST_QUEUED);
    host_edge_open(host, &options, &queue->queue);
    story.edge = host->edge;
    assert_int_equal(smtp_edge_start(host->edge, NULL, NULL), 0);
}

static void a_message_is_a_story(void **state)
{
    struct slimta_counters counters = {.size = sizeof counters};
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    open_edge(&host, &queue, 1);
    assert_int_equal(host_deliver(&host.address), 250);
    smtp_edge_count(host.edge, &counters);
    assert_int_equal(counters.connections, 1);
    assert_int_equal(counters.commands, 5);
    assert_int_equal(counters.messages_accepted, 1);
    assert_int_equal(counters.bytes_in,
        sizeof HOST_ENVELOPE HOST_MESSAGE ".\r\nQUIT\r\n" - 1);
    assert_true(counters.bytes_out > 100);
    assert_int_equal(counters.ops_open, 0);
    host_edge_stop(&host, 1000);
    assert_string_equal(story.names,
        "listening connect ehlo mail rcpt message closed stopping stopped ");
    assert_int_equal(story.accepted, 250);
    assert_int_equal(story.connections, 1);
    host_queue_fini(&queue);
}

static void a_lost_message_is_told(void **state)
{
    struct slimta_counters counters = {.size = sizeof counters};
    struct host_client client;
    struct host_pending pending;
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    open_edge(&host, &queue, 1);
    host_queue_answers(&queue, HOST_LATER);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_begin(&client), 0);
    assert_int_equal(host_client_send(&client, HOST_MESSAGE ".\r\n",
                         sizeof HOST_MESSAGE ".\r\n" - 1),
        0);
    pending = host_queue_next(&queue);
    smtp_edge_count(host.edge, &counters);
    assert_int_equal(counters.message_bytes_held, sizeof HOST_MESSAGE - 1);
    host_client_reset(&client);
    assert_int_equal(host_pending_is_cancelled(&pending), 1);
    (void)host_pending_accept(&pending);
    host_edge_stop(&host, 1000);
    assert_non_null(strstr(story.names, " aborted "));
    assert_non_null(strstr(story.names, " closed "));
    assert_non_null(strstr(story.names, " late_commit "));
    host_queue_fini(&queue);
}

static void two_threads_are_summed(void **state)
{
    struct slimta_counters counters = {.size = sizeof counters};
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    open_edge(&host, &queue, 2);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(host_deliver(&host.address), 250);
    }
    smtp_edge_count(host.edge, &counters);
    assert_int_equal(counters.connections, 16);
    assert_int_equal(counters.messages_accepted, 16);
    host_edge_stop(&host, 1000);
    assert_memory_equal(story.names, "listening ", 10);
    assert_null(strstr(story.names + 10, "listening"));
    assert_non_null(strstr(story.names, " stopping stopped"));
    host_queue_fini(&queue);
}

static void counts_before_it_runs(void **state)
{
    struct slimta_counters counters = {.size = sizeof counters};
    struct host_queue queue;
    struct host_edge host;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_open(&host, NULL, &queue.queue);
    counters.connections = 7;
    smtp_edge_count(host.edge, &counters);
    assert_int_equal(counters.connections, 0);
    smtp_edge_free(host.edge);
    host_queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_a_story),
        cmocka_unit_test(a_lost_message_is_told),
        cmocka_unit_test(two_threads_are_summed),
        cmocka_unit_test(counts_before_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
