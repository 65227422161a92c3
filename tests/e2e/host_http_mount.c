/** A host that mounts the HTTP application in a server of its own: here the
 * tests are that server, on the thread of the loop. */
#include "collector.h"
#include "fail_alloc.h"
#include "web.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** One exchange of the server's. */
struct exchange {
    struct http_edge_call *call;
    int inside;    /* a function of the call runs */
    int responses; /* that came */
    int status;
    int ends_early;
    int more; /* how often it came */
    char smtp_reply[512];
    char body[512];
};

/** An edge in a loop that the test turns. */
struct mounted {
    struct slimta_loop *loop;
    struct http_edge *edge;
    int is_stopped;
};

static void respond(struct http_edge_call *call,
    const struct http_edge_response *response, void *user)
{
    struct exchange *exchange = user;

    assert_ptr_equal(call, exchange->call);
    assert_false(exchange->inside);
    assert_non_null(response->reason);
    ++exchange->responses;
    exchange->status = response->status;
    exchange->ends_early = response->ends_early;
    for (size_t i = 0; i < response->field_count; ++i) {
        if (response->fields[i].name.size == 12 &&
            memcmp(response->fields[i].name.data, "X-Smtp-Reply", 12) == 0) {
            (void)snprintf(exchange->smtp_reply, sizeof exchange->smtp_reply,
                "%.*s", (int)response->fields[i].value.size,
                response->fields[i].value.data);
        }
    }
    (void)snprintf(exchange->body, sizeof exchange->body, "%.*s",
        (int)response->body.size, response->body.data);
    exchange->call = NULL;
}

static void more(struct http_edge_call *call, void *user)
{
    struct exchange *exchange = user;

    assert_ptr_equal(call, exchange->call);
    assert_false(exchange->inside);
    ++exchange->more;
}

static const struct http_edge_call_methods methods = {
    .size = sizeof methods, .respond = respond, .more = more};

static const struct http_edge_field fields[] = {
    {{"Content-Type", 12}, {"message/rfc822", 14}},
    {{"x-envelope-sender", 17}, {"YUBleGFtcGxlLmNvbQ==", 20}},
    {{"X-Envelope-Recipient", 20}, {"YkBleGFtcGxlLm5ldA==", 20}},
};

static struct http_edge_request request_of(size_t body_bytes)
{
    struct http_edge_request request = {
        .size = sizeof request,
        .method = {"POST", 4},
        .target = {"/mail", 5},
        .fields = fields,
        .field_count = 3,
        .body = SLIMTA_HTTP_BODY_SIZED,
        .body_bytes = body_bytes,
        .is_tls = 1,
    };

    request.client.family = SLIMTA_FAMILY_IPV4;
    memcpy(request.client.ip, "\300\0\2\1", 4);
    return request;
}

static void mount_with(struct mounted *mounted,
    const struct http_edge_options *options, struct slimta_queue *queue,
    struct host_policy *policy)
{
    struct slimta_error error = {0};

    memset(mounted, 0, sizeof *mounted);
    assert_int_equal(slimta_loop_new(&mounted->loop, NULL, &error), 0);
    assert_int_equal(http_edge_new(&mounted->edge, options, queue, &error), 0);
    if (policy != NULL) {
        assert_int_equal(
            http_edge_add_validators(mounted->edge, &policy->table, &error), 0);
    }
    assert_int_equal(http_edge_start(mounted->edge, mounted->loop, &error), 0);
}

static void has_stopped(struct http_edge *edge, void *user)
{
    struct mounted *mounted = user;

    assert_ptr_equal(edge, mounted->edge);
    mounted->is_stopped = 1;
}

/* Turns the loop until `*value` is at least `wanted`. */
static void turn_until(struct mounted *mounted, const int *value, int wanted)
{
    for (int turns = 0; *value < wanted; ++turns) {
        struct pollfd wait = {slimta_loop_fd(mounted->loop), POLLIN, 0};

        assert_true(turns < 100000);
        (void)poll(&wait, 1, 10);
        (void)slimta_loop_turn(mounted->loop);
    }
}

static void turn(struct mounted *mounted)
{
    for (int i = 0; i < 5; ++i) {
        (void)slimta_loop_turn(mounted->loop);
    }
}

static void unmount(struct mounted *mounted)
{
    assert_int_equal(
        http_edge_stop(mounted->edge, 1000, has_stopped, mounted), 0);
    turn_until(mounted, &mounted->is_stopped, 1);
    http_edge_free(mounted->edge);
    assert_int_equal(slimta_loop_free(mounted->loop), 0);
}

static int begin(struct exchange *exchange, struct mounted *mounted,
    const struct http_edge_request *request)
{
    int err = 0;

    memset(exchange, 0, sizeof *exchange);
    exchange->inside = 1;
    err = http_edge_call(
        &exchange->call, mounted->edge, request, &methods, exchange);
    exchange->inside = 0;
    return err;
}

static int give(struct exchange *exchange, const char *octets, size_t size)
{
    int err = 0;

    exchange->inside = 1;
    err = http_edge_call_body(
        exchange->call, (struct slimta_slice){octets, size});
    exchange->inside = 0;
    return err;
}

static void end(struct exchange *exchange)
{
    exchange->inside = 1;
    http_edge_call_end(exchange->call);
    exchange->inside = 0;
}

static void takes_a_message(void **state)
{
    const struct http_edge_request request = request_of(22);
    struct collector collector;
    struct mounted mounted;
    struct exchange exchange;

    (void)state;
    collector_init(&collector, &collector_whole, 0);
    collector.wanted = HOST_MESSAGE;
    collector.wanted_size = 22;
    mount_with(&mounted, NULL, &collector.queue, NULL);
    assert_int_equal(begin(&exchange, &mounted, &request), 0);
    assert_int_equal(give(&exchange, "", 0), 0);
    for (size_t i = 0; i < 22; ++i) {
        assert_int_equal(give(&exchange, HOST_MESSAGE + i, 1), 0);
    }
    end(&exchange);
    turn_until(&mounted, &exchange.responses, 1);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.ends_early, 0);
    assert_string_equal(exchange.smtp_reply,
        "250; message=\"2.6.0 Message accepted for delivery\"");
    assert_int_equal(collector_taken(&collector), 1);
    unmount(&mounted);
    collector_fini(&collector);
}

/* The queue takes its time for each write; offered whole, the octets are more
 * than one write may bring. */
static void holds_back(void **state)
{
    struct collector collector;
    struct mounted mounted;
    struct exchange exchange;
    size_t size = 0;
    char *message = host_message(5000, &size);
    const struct http_edge_request request = request_of(size);

    (void)state;
    collector_init(&collector, &collector_streaming, 1);
    collector.wanted = message;
    collector.wanted_size = size;
    mount_with(&mounted, NULL, &collector.queue, NULL);
    assert_int_equal(begin(&exchange, &mounted, &request), 0);
    /* `begin` is not answered yet. */
    assert_int_equal(give(&exchange, "", 0), SLIMTA_EAGAIN);
    turn_until(&mounted, &exchange.more, 1);
    assert_int_equal(give(&exchange, "", 0), 0);
    assert_int_equal(give(&exchange, message, size - 100), 0);
    assert_int_equal(give(&exchange, message + size - 100, 100), SLIMTA_EAGAIN);
    turn_until(&mounted, &exchange.more, 2);
    assert_int_equal(give(&exchange, message + size - 100, 100), 0);
    end(&exchange);
    turn_until(&mounted, &exchange.responses, 1);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.more, 2);
    unmount(&mounted);
    assert_int_equal(collector.commits, 1);
    collector_fini(&collector);
    free(message);
}

static void answers_early(void **state)
{
    const struct http_edge_options options = {
        .size = sizeof options,
        .hostname = "mx.example.net",
        .max_message_bytes = 100,
        .health_path = "/health",
    };
    struct http_edge_request request = request_of(101);
    struct collector collector;
    struct mounted mounted;
    struct exchange exchange;

    (void)state;
    collector_init(&collector, &collector_whole, 0);
    mount_with(&mounted, &options, &collector.queue, NULL);
    assert_int_equal(begin(&exchange, &mounted, &request), 0);
    /* It was answered already: what comes is dropped. */
    assert_int_equal(give(&exchange, HOST_MESSAGE, 22), 0);
    turn_until(&mounted, &exchange.responses, 1);
    assert_int_equal(exchange.status, 413);
    assert_int_equal(exchange.ends_early, 1);
    /* A health path has no body. */
    request.method = (struct slimta_slice){"GET", 3};
    request.target = (struct slimta_slice){"/health", 7};
    request.body = SLIMTA_HTTP_BODY_NONE;
    assert_int_equal(begin(&exchange, &mounted, &request), 0);
    end(&exchange);
    turn_until(&mounted, &exchange.responses, 1);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.ends_early, 0);
    assert_string_equal(exchange.body, "ok\n");
    unmount(&mounted);
    collector_fini(&collector);
}

/* Cancelled in each state: no method runs, and the queue is told. */
static void cancels(void **state)
{
    const struct http_edge_request request = request_of(22);
    struct host_policy policy;
    struct collector collector;
    struct mounted mounted;
    struct exchange exchange;

    (void)state;
    collector_init(&collector, &collector_streaming, 1);
    host_policy_init(&policy);
    mount_with(&mounted, NULL, &collector.queue, &policy);
    for (int stage = 0; stage < 4; ++stage) {
        assert_int_equal(begin(&exchange, &mounted, &request), 0);
        if (stage > 0) {
            (void)give(&exchange, "", 0);
            turn_until(&mounted, &exchange.more, 1);
            assert_int_equal(give(&exchange, HOST_MESSAGE, 22), 0);
        }
        if (stage == 2) {
            end(&exchange);
        } else if (stage == 3) {
            turn(&mounted);
            end(&exchange);
        }
        http_edge_call_cancel(exchange.call);
        turn(&mounted);
        assert_int_equal(exchange.responses, 0);
    }
    http_edge_call_cancel(NULL);
    unmount(&mounted);
    assert_int_equal(policy.closed_count, 4);
    assert_int_equal(policy.reasons[SLIMTA_CLOSED_CLIENT], 4);
    collector_fini(&collector);
    host_policy_fini(&policy);
}

/* Open calls are answered when the edge stops; there are no new ones. */
static void stops(void **state)
{
    const struct http_edge_request request = request_of(22);
    struct collector collector;
    struct mounted mounted;
    struct exchange exchange;
    struct exchange late;

    (void)state;
    collector_init(&collector, &collector_streaming, 0);
    mount_with(&mounted, NULL, &collector.queue, NULL);
    assert_int_equal(begin(&exchange, &mounted, &request), 0);
    assert_int_equal(http_edge_stop(mounted.edge, 1, has_stopped, &mounted), 0);
    turn(&mounted);
    assert_int_equal(begin(&late, &mounted, &request), SLIMTA_ESTATE);
    turn_until(&mounted, &mounted.is_stopped, 1);
    assert_int_equal(exchange.responses, 1);
    assert_int_equal(exchange.status, 503);
    assert_string_equal(
        exchange.smtp_reply, "421; message=\"4.3.2 Service shutting down\"");
    http_edge_free(mounted.edge);
    assert_int_equal(slimta_loop_free(mounted.loop), 0);
    assert_int_equal(collector.aborts, 1);
    collector_fini(&collector);
}

/* A message that the queue is about to take gets its real answer. */
static void drains(void **state)
{
    const struct http_edge_request request = request_of(22);
    struct host_queue queue;
    struct host_pending pending;
    struct mounted mounted;
    struct exchange exchange;

    (void)state;
    host_queue_init(&queue, HOST_LATER);
    mount_with(&mounted, NULL, &queue.queue, NULL);
    assert_int_equal(begin(&exchange, &mounted, &request), 0);
    assert_int_equal(give(&exchange, HOST_MESSAGE, 22), 0);
    end(&exchange);
    assert_int_equal(
        http_edge_stop(mounted.edge, 20000, has_stopped, &mounted), 0);
    turn(&mounted);
    assert_int_equal(mounted.is_stopped, 0);
    pending = host_queue_next(&queue);
    assert_string_equal(
        slimta_envelope_client(pending.envelope)->protocol, "HTTPS");
    assert_string_equal(
        slimta_envelope_client(pending.envelope)->ehlo_as, "[192.0.2.1]");
    assert_int_equal(host_pending_accept(&pending), 0);
    turn_until(&mounted, &exchange.responses, 1);
    assert_int_equal(exchange.status, 200);
    turn_until(&mounted, &mounted.is_stopped, 1);
    http_edge_free(mounted.edge);
    assert_int_equal(slimta_loop_free(mounted.loop), 0);
    host_queue_fini(&queue);
}

static void refuses_nonsense(void **state)
{
    struct http_edge_request request = request_of(22);
    struct http_edge_call_methods lame = methods;
    struct collector collector;
    struct mounted mounted;
    struct exchange exchange;
    struct web_edge web;

    (void)state;
    collector_init(&collector, &collector_whole, 0);
    mount_with(&mounted, NULL, &collector.queue, NULL);
    request.body = (enum slimta_http_body)3;
    assert_int_equal(begin(&exchange, &mounted, &request), SLIMTA_EINVAL);
    request = request_of(22);
    request.size = 0;
    assert_int_equal(begin(&exchange, &mounted, &request), SLIMTA_EINVAL);
    request = request_of(22);
    lame.more = NULL;
    assert_int_equal(
        http_edge_call(&exchange.call, mounted.edge, &request, &lame, NULL),
        SLIMTA_EINVAL);
    unmount(&mounted);
    /* Threads of the edge's own are nobody else's. */
    web_start(&web, NULL, &collector.queue, NULL);
    assert_int_equal(
        http_edge_call(&exchange.call, web.edge, &request, &methods, &exchange),
        SLIMTA_ESTATE);
    web_stop(&web, 0);
    collector_fini(&collector);
}

/* Every allocation of a call fails once, and from then on. */
static void live(struct fail_alloc *alloc, void *user)
{
    const struct http_edge_options options = {
        .size = sizeof options,
        .alloc = &alloc->table,
        .hostname = "mx.example.net",
    };
    const struct http_edge_request request = request_of(100022);
    struct collector collector;
    struct mounted mounted = {0};
    struct exchange exchange = {0};
    int err = 0;

    collector_init(&collector, &collector_streaming, 1);
    assert_int_equal(slimta_loop_new(&mounted.loop, NULL, NULL), 0);
    err = http_edge_new(&mounted.edge, &options, &collector.queue, NULL);
    if (err == 0) {
        err = http_edge_start(mounted.edge, mounted.loop, NULL);
    }
    if (err == 0) {
        err = begin(&exchange, &mounted, &request);
    }
    if (err == 0) {
        turn(&mounted);
        if (exchange.call != NULL) {
            (void)give(&exchange, user, 100022);
        }
        turn(&mounted);
        if (exchange.call != NULL) {
            end(&exchange);
        }
        turn_until(&mounted, &exchange.responses, 1);
        assert_int_equal(
            exchange.status == 200, collector_taken(&collector) == 1);
    }
    http_edge_free(mounted.edge);
    for (int turns = 0; slimta_loop_turn(mounted.loop) != 0; ++turns) {
        assert_true(turns < 100000);
    }
    assert_int_equal(slimta_loop_free(mounted.loop), 0);
    collector_fini(&collector);
}

static void survives_without_memory(void **state)
{
    char *octets = calloc(1, 100022);

    (void)state;
    assert_non_null(octets);
    assert_int_equal(fail_alloc_sweep(live, octets), 0);
    free(octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_message),
        cmocka_unit_test(holds_back),
        cmocka_unit_test(answers_early),
        cmocka_unit_test(cancels),
        cmocka_unit_test(stops),
        cmocka_unit_test(drains),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
