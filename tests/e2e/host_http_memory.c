/** A host of the HTTP edge whose memory ends: the n-th allocation fails, for
 * every n. */
#include "collector.h"
#include "fail_alloc.h"
#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** One way of delivering. */
struct way {
    const struct slimta_queue_methods *methods;
    size_t lines; /* of the message */
    int has_table;
    enum host_deed deed; /* of each validator */
    size_t reached;      /* the most allocations */
};

#define KEYED \
    WEB_HEAD WEB_RCPT_C \
        "Idempotency-Key: one\r\nAuthorization: Bearer token\r\n" \
        "X-Custom: yes\r\n"

static void judge(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_credentials *credentials, struct slimta_op *op, void *user)
{
    (void)session;
    (void)credentials;
    (void)op;
    (void)user;
    (void)slimta_reply_set(reply, 235, "2.7.0 Come in");
}

/* Delivers twice, with and without a key; how often a client heard 200. A
 * connection that ends instead is an answer too. */
static size_t deliver(const struct slimta_address *address, size_t lines)
{
    static struct web_response response;
    struct host_client client;
    size_t size = 0;
    char *message = host_message(lines, &size);
    size_t heard = 0;

    for (int i = 0; i < 2; ++i) {
        char head[1024];
        int status = -1;

        (void)snprintf(head, sizeof head, "%sContent-Length: %zu\r\n\r\n",
            i == 0 ? KEYED : WEB_HEAD, size);
        if (host_client_open(&client, address) != 0) {
            continue;
        }
        if (host_client_send(&client, head, strlen(head)) == 0 &&
            host_client_send(&client, message, size) == 0) {
            status = web_read(&client, &response, 0);
        }
        assert_true(
            status <= 0 || status == 200 || status == 503 || status == 500);
        heard += status == 200;
        /* Thousands of connections would keep their ports for a minute. */
        host_client_reset(&client);
    }
    free(message);
    return heard;
}

static int make(struct http_edge **edge, const struct way *way,
    const struct slimta_alloc *alloc, struct collector *collector,
    struct host_policy *policy)
{
    const struct http_edge_options options = {
        .size = sizeof options,
        .alloc = alloc,
        .hostname = "mx.example.net",
        .idempotency_keys = 4,
        .uri_pattern = "/mail",
        .custom_headers = "X-Custom",
        .retry_after_s = 1,
        .flags = SLIMTA_HTTP_NAMES_ID,
    };
    struct slimta_error error = {0};
    int err = http_edge_new(edge, &options, &collector->queue, &error);

    if (err == 0 && way->has_table) {
        err = http_edge_add_validators(*edge, &policy->table, &error);
    }
    if (err == 0) {
        err = http_edge_listen(*edge, "127.0.0.1", 0, &error);
    }
    if (err == 0) {
        err = http_edge_start(*edge, NULL, &error);
    }
    assert_int_equal(error.code, err);
    return err;
}

/* A whole life of an edge. */
static void live(struct fail_alloc *alloc, void *user)
{
    static struct host_policy policy;
    struct way *way = user;
    struct collector collector;
    struct http_edge *edge = NULL;
    struct slimta_address address;
    size_t heard = 0;
    int err = 0;

    collector_init(
        &collector, way->methods, way->has_table && way->deed == HOST_FINISH);
    host_policy_init(&policy);
    policy.table.auth = judge;
    for (int step = 0; step < HOST_STEPS; ++step) {
        host_policy_order(&policy, (enum host_step)step, way->deed, 0, NULL);
    }
    err = make(&edge, way, &alloc->table, &collector, &policy);
    if (err == 0) {
        assert_int_equal(http_edge_address(edge, 0, &address), 1);
        heard = deliver(&address, way->lines);
    } else {
        assert_int_equal(err, SLIMTA_ENOMEM);
    }
    http_edge_free(edge);
    assert_true(heard <= collector_taken(&collector));
    if (!fail_alloc_has_failed(alloc)) {
        assert_int_equal(heard, 2);
    }
    collector_fini(&collector);
    host_policy_fini(&policy);
    if (alloc->asked > way->reached) {
        way->reached = alloc->asked;
    }
}

static void for_every_n(struct way way)
{
    assert_int_equal(fail_alloc_sweep(live, &way), 0);
    print_message("# %zu allocations\n", way.reached);
    assert_true(way.reached > 20);
}

static void test_without_validators(void **state)
{
    (void)state;
    for_every_n((struct way){&collector_whole, 1, 0, HOST_PASS, 0});
    for_every_n((struct way){&collector_both, 2000, 0, HOST_PASS, 0});
}

static void test_with_validators(void **state)
{
    (void)state;
    for_every_n((struct way){&collector_whole, 1, 1, HOST_PASS, 0});
    for_every_n((struct way){&collector_recipient, 1, 1, HOST_FINISH, 0});
    for_every_n((struct way){&collector_streaming, 2000, 1, HOST_FINISH, 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_validators),
        cmocka_unit_test(test_with_validators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
