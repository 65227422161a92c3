/** A host whose HTTP clients are cut off at every octet, with a queue of each
 * form, answered at once and later. */
#include "collector.h"
#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/** A way to hand messages on. */
struct way {
    const struct slimta_queue_methods *methods;
    int is_late;
    uint64_t spill_bytes;
    size_t lines; /* of the message, 64 octets each */
};

static const struct way ways[] = {
    {&collector_whole, 0, 0, 1},
    {&collector_whole, 1, 0, 1},
    {&collector_whole, 0, 1, 1000},
    {&collector_streaming, 0, 0, 1},
    {&collector_streaming, 1, 0, 1000},
    {&collector_both, 1, 1024, 1000},
    {&collector_recipient, 0, 0, 1},
    {&collector_recipient, 1, 0, 1000},
};

#define WAYS (sizeof ways / sizeof ways[0])

/** The request with a length, and in two chunks, as they are sent. */
struct requests {
    char *message;
    size_t size;
    char *text[2];
    size_t sizes[2];
};

static void write_requests(struct requests *requests, size_t lines)
{
    size_t half = 0;
    char *chunked = NULL;

    requests->message = host_message(lines, &requests->size);
    half = requests->size / 2;
    for (int i = 0; i < 2; ++i) {
        requests->text[i] = malloc(requests->size + 1024);
        assert_non_null(requests->text[i]);
    }
    requests->sizes[0] = (size_t)sprintf(requests->text[0],
        WEB_HEAD WEB_RCPT_C "Content-Length: %zu\r\n\r\n%s", requests->size,
        requests->message);
    chunked = requests->text[1];
    requests->sizes[1] = (size_t)sprintf(chunked,
        WEB_HEAD WEB_RCPT_C
        "Transfer-Encoding: chunked\r\n\r\n%zx;x=\"y\"\r\n%.*s\r\n%zX\r\n%s"
        "\r\n000\r\nTrailer: dropped\r\n\r\n",
        half, (int)half, requests->message, requests->size - half,
        requests->message + half);
}

static void free_requests(struct requests *requests)
{
    free(requests->message);
    free(requests->text[0]);
    free(requests->text[1]);
}

/* Each octet of the head and of the end, and some of what is between. */
static size_t next_cut(size_t at, size_t size)
{
    size_t step = at < 500 || at + 100 > size ? 1 : 7919;

    return at + step > size && at < size ? size : at + step;
}

/* Asks again until the edge has closed what the clients have left. */
static int is_count(size_t wanted)
{
    const struct timespec pause = {0, 1000000};

    for (int turns = 0; turns < HOST_PATIENCE_S * 1000; ++turns) {
        if (host_count("/proc/self/fd") == wanted) {
            return 1;
        }
        nanosleep(&pause, NULL);
    }
    return 0;
}

static size_t cut_at_each(const struct requests *requests,
    const struct slimta_address *address, int which)
{
    static struct web_response response;
    size_t before = host_count("/proc/self/fd");
    size_t size = requests->sizes[which];
    size_t told = 0;
    size_t cuts = 0;

    for (size_t at = 0; at <= size; at = next_cut(at, size)) {
        struct host_client client;

        assert_int_equal(host_client_open(&client, address), 0);
        assert_int_equal(
            host_client_send(&client, requests->text[which], at), 0);
        if (at == size) {
            told += web_read(&client, &response, 0) == 200;
        }
        if (cuts % 2 == 0) {
            host_client_reset(&client);
        } else {
            host_client_close(&client);
        }
        if (++cuts % 16 == 0) {
            assert_true(is_count(before));
        }
    }
    assert_true(is_count(before));
    return told;
}

static void cut(const struct way *way)
{
    const struct http_edge_options options = {
        .size = sizeof options,
        .hostname = "mx.example.net",
        .spill_bytes = way->spill_bytes,
        /* Clients that left may still wait to be accepted. */
        .max_connections_per_ip = SLIMTA_UNLIMITED,
    };
    static struct host_policy policy;
    struct requests requests;
    struct collector collector;
    struct web_edge web;
    size_t told = 0;

    write_requests(&requests, way->lines);
    collector_init(&collector, way->methods, way->is_late);
    collector.wanted = requests.message;
    collector.wanted_size = requests.size;
    host_policy_init(&policy);
    for (int step = 0; step < HOST_STEPS && way->is_late; ++step) {
        host_policy_order(&policy, (enum host_step)step, HOST_FINISH, 0, NULL);
    }
    web_start(&web, &options, &collector.queue,
        (struct host_policy *const[]){&policy, NULL});
    told = cut_at_each(&requests, &web.address, 0);
    told += cut_at_each(&requests, &web.address, 1);
    web_stop(&web, 1000);
    print_message("# %zu begins, %zu enqueues, %zu commits, %zu aborts\n",
        collector.begins, collector.enqueues, collector.commits,
        collector.aborts);
    assert_int_equal(told, 2);
    assert_int_equal(collector_taken(&collector), 2);
    assert_int_equal(
        policy.closed_count, host_policy_asked(&policy, HOST_CONNECT));
    collector_fini(&collector);
    host_policy_fini(&policy);
    free_requests(&requests);
}

static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; ++i) {
        cut(&ways[i]);
    }
}

/* Cut in two at each octet of the head, and octet by octet. */
static void test_pieces(void **state)
{
    static struct web_response response;
    struct requests requests;
    struct collector collector;
    struct web_edge web;
    struct host_client client;
    size_t sent = 0;

    (void)state;
    write_requests(&requests, 1);
    collector_init(&collector, &collector_streaming, 0);
    collector.wanted = requests.message;
    collector.wanted_size = requests.size;
    web_start(&web, NULL, &collector.queue, NULL);
    assert_int_equal(host_client_open(&client, &web.address), 0);
    for (int which = 0; which < 2; ++which) {
        for (size_t at = 1; at < requests.sizes[which]; ++at) {
            assert_int_equal(
                host_client_send(&client, requests.text[which], at), 0);
            assert_int_equal(
                host_client_send(&client, requests.text[which] + at,
                    requests.sizes[which] - at),
                0);
            assert_int_equal(web_read(&client, &response, 0), 200);
            ++sent;
        }
        for (size_t at = 0; at < requests.sizes[which]; ++at) {
            assert_int_equal(
                host_client_send(&client, requests.text[which] + at, 1), 0);
        }
        assert_int_equal(web_read(&client, &response, 0), 200);
        ++sent;
    }
    host_client_close(&client);
    web_stop(&web, 1000);
    assert_int_equal(collector.commits, sent);
    collector_fini(&collector);
    free_requests(&requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
