/** A host that looks at its sessions: what they say at each step, what the host
 * keeps in them, and how they end. */
#include "policy.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/** One session's view of a host, gathered by its validators. */
struct view {
    atomic_int wrong; /* facts that were not as they should be */
    int keys[2];      /* only their addresses matter */
    uint64_t id;
    struct slimta_loop *loop;
};

/** An edge with one table, and one client. */
struct scene {
    struct host_policy policy;
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;
    struct view view;
};

static struct scene *new_scene(void)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    host_policy_init(&scene->policy);
    host_queue_init(&scene->queue, HOST_QUEUED);
    scene->policy.user = &scene->view;
    return scene;
}

static void start_scene(
    struct scene *scene, const struct smtp_edge_options *options)
{
    host_policy_start(&scene->host, options, &scene->queue.queue,
        (struct host_policy *const[]){&scene->policy, NULL});
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
}

static void free_scene(struct scene *scene)
{
    host_client_close(&scene->client);
    if (scene->host.edge != NULL) {
        host_edge_stop(&scene->host, 0);
    }
    assert_int_equal(atomic_load(&scene->view.wrong), 0);
    host_policy_fini(&scene->policy);
    host_queue_fini(&scene->queue);
    free(scene);
}

/* Facts */

static void fact(struct view *view, enum host_step step, int holds, int line)
{
    if (!holds) {
        atomic_fetch_add(&view->wrong, 1);
        fprintf(stderr, "# line %d: wrong at %s\n", line,
            step < HOST_STEPS ? host_step_names[step] : "closed");
    }
}

#define FACT(claim) fact(view, step, (claim), __LINE__)

/* What is true of the session at every step, `closed` too. */
static void look_always(
    struct view *view, enum host_step step, struct slimta_session *session)
{
    const struct slimta_address *client = slimta_session_client(session);
    const struct slimta_address *local = slimta_session_local(session);
    static const uint8_t loopback[4] = {127, 0, 0, 1};

    if (view->id == 0) {
        view->id = slimta_session_id(session);
        view->loop = slimta_session_loop(session);
    }
    FACT(view->id != 0 && slimta_session_id(session) == view->id);
    FACT(view->loop != NULL && slimta_session_loop(session) == view->loop);
    FACT(client->family == SLIMTA_FAMILY_IPV4 && client->port != 0 &&
        memcmp(client->ip, loopback, 4) == 0);
    FACT(memcmp(slimta_session_peer(session), client, sizeof *client) == 0);
    FACT(local->family == SLIMTA_FAMILY_IPV4 &&
        memcmp(local->ip, loopback, 4) == 0);
    FACT(slimta_session_reverse_name(session) == NULL);
}

static int has_recipients(const struct slimta_session *session, size_t wanted)
{
    const struct slimta_envelope *envelope = slimta_session_envelope(session);

    return envelope != NULL &&
        strcmp(slimta_envelope_sender(envelope), "a@example.com") == 0 &&
        slimta_envelope_recipient_count(envelope) == wanted;
}

/* How many recipients the envelope has at a step; -1: there is none. */
static const int recipients_at[HOST_STEPS + 1] = {
    [HOST_CONNECT] = -1,
    [HOST_BANNER] = -1,
    [HOST_EHLO] = -1,
    [HOST_HELO] = -1,
    [HOST_MAIL] = -1,
    [HOST_RCPT] = 0,
    [HOST_DATA] = 1,
    [HOST_CHUNK] = 1,
    [HOST_HAVE_DATA] = 1,
    [HOST_QUEUED_STEP] = 1,
    [HOST_RSET] = -1,
    [HOST_NOOP] = -1,
    [HOST_QUIT] = -1,
    [HOST_COMMAND] = -1,
    [HOST_EXTENSIONS] = -1,
    [HOST_STEPS] = -1,
};

static void look_at_step(
    struct view *view, enum host_step step, struct slimta_session *session)
{
    int is_greeted = step != HOST_CONNECT && step != HOST_BANNER &&
        step != HOST_EHLO && step != HOST_EXTENSIONS;

    look_always(view, step, session);
    if (is_greeted) {
        FACT(strcmp(slimta_session_ehlo_as(session), "client.example") == 0);
        FACT(slimta_session_is_extended(session) == 1);
        FACT(strcmp(slimta_session_protocol(session), "ESMTP") == 0);
    } else if (step != HOST_EXTENSIONS) {
        FACT(strcmp(slimta_session_ehlo_as(session), "") == 0);
        FACT(slimta_session_is_extended(session) == 0);
    }
    if (recipients_at[step] < 0) {
        FACT(slimta_session_envelope(session) == NULL);
    } else {
        FACT(has_recipients(session, (size_t)recipients_at[step]));
    }
}

static void look(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    struct view *view = policy->user;

    look_at_step(view, step, session);
    if (step == HOST_HAVE_DATA) {
        FACT(argument == slimta_session_envelope(session));
    }
    if (step == HOST_QUEUED_STEP) {
        FACT(slimta_results_count(argument) == 1);
        FACT(slimta_results_envelope(argument, 0) ==
            slimta_session_envelope(session));
        FACT(slimta_results_refusal(argument, 0) == NULL);
        FACT(slimta_results_id(argument, 1) == NULL);
    }
}

static void look_closed(
    struct host_policy *policy, struct slimta_session *session)
{
    look_at_step(policy->user, HOST_STEPS, session);
}

static void test_accessors(void **state)
{
    struct scene *scene = new_scene();
    static const char dialogue[] =
        "EHLO client.example\r\nXFOO\r\nMAIL FROM:<a@example.com>\r\n"
        "RCPT TO:<b@example.net>\r\nDATA\r\nx\r\n.\r\n"
        "RSET\r\nNOOP\r\nQUIT\r\n";
    static const int codes[] = {
        220, 250, 500, 250, 250, 354, 250, 250, 250, 221, 0};
    size_t i = 0;
    int step = 0;

    (void)state;
    scene->policy.look = look;
    scene->policy.look_closed = look_closed;
    start_scene(scene, NULL);
    assert_int_equal(
        host_client_send(&scene->client, dialogue, sizeof dialogue - 1), 0);
    for (i = 0; i < sizeof codes / sizeof codes[0]; ++i) {
        assert_int_equal(host_client_reply(&scene->client), codes[i]);
    }
    /* Without a certificate and AUTH all but HELO and their four. */
    for (step = 0; step < HOST_STEPS; ++step) {
        assert_int_equal(
            host_policy_asked(&scene->policy, (enum host_step)step) > 0,
            step < HOST_HELO || step > HOST_SECRET);
    }
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    free_scene(scene);
}

/* Ids are the session's own, in every edge of the process. */
static void test_ids(void **state)
{
    struct scene *scene = new_scene();
    struct scene *other = new_scene();
    uint64_t ids[20];
    size_t i = 0;
    size_t j = 0;

    (void)state;
    start_scene(scene, NULL);
    start_scene(other, NULL);
    for (i = 0; i < 20; ++i) {
        struct scene *of = i % 2 == 0 ? scene : other;

        assert_int_equal(host_deliver(&of->host.address), 250);
        ids[i] = host_policy_last(&of->policy, HOST_QUIT).session;
        for (j = 0; j < i; ++j) {
            assert_true(ids[i] != ids[j] && ids[i] != 0);
        }
    }
    free_scene(scene);
    free_scene(other);
}

/* What a host keeps in a session, under keys of its own */

static void use_keys(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    struct view *view = policy->user;

    (void)argument;
    if (step == HOST_CONNECT) {
        FACT(slimta_session_user(session, NULL) == NULL);
        FACT(slimta_session_user(session, &view->keys[0]) == NULL);
        FACT(slimta_session_set_user(session, NULL, view) == 0);
        FACT(slimta_session_set_user(session, &view->keys[0], &view->keys[1]) ==
            0);
        FACT(slimta_session_set_user(session, &view->keys[1], view) == 0);
    } else {
        FACT(slimta_session_user(session, NULL) == view);
        FACT(slimta_session_user(session, &view->keys[0]) == &view->keys[1]);
    }
    if (step == HOST_NOOP) {
        FACT(slimta_session_user(session, &view->keys[1]) == view);
        FACT(slimta_session_set_user(session, &view->keys[1], NULL) == 0);
        FACT(slimta_session_user(session, &view->keys[1]) == NULL);
    }
}

static void use_keys_closed(
    struct host_policy *policy, struct slimta_session *session)
{
    struct view *view = policy->user;
    enum host_step step = HOST_STEPS;

    FACT(slimta_session_user(session, NULL) == view);
    FACT(slimta_session_user(session, &view->keys[0]) == &view->keys[1]);
    FACT(slimta_session_user(session, &view->keys[1]) == NULL);
}

static void test_user_pointers(void **state)
{
    struct scene *scene = new_scene();

    (void)state;
    scene->policy.look = use_keys;
    scene->policy.look_closed = use_keys_closed;
    start_scene(scene, NULL);
    assert_int_equal(host_client_reply(&scene->client), 220);
    assert_int_equal(
        host_client_ask(&scene->client, "EHLO client.example\r\n"), 250);
    assert_int_equal(host_client_ask(&scene->client, "NOOP\r\n"), 250);
    assert_int_equal(host_client_ask(&scene->client, "QUIT\r\n"), 221);
    assert_int_equal(host_client_reply(&scene->client), 0);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    free_scene(scene);
}

/* How sessions end: exactly one `closed` for each, with its reason */

static void end(struct scene *scene, enum slimta_closed reason)
{
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    host_client_close(&scene->client);
    if (scene->host.edge != NULL) {
        host_edge_stop(&scene->host, 0);
    }
    assert_int_equal(scene->policy.closed_count, 1);
    assert_int_equal(scene->policy.reasons[reason], 1);
    free_scene(scene);
}

static void test_client_closes(void **state)
{
    int how = 0;

    (void)state;
    for (how = 0; how < 4; ++how) {
        struct scene *scene = new_scene();

        start_scene(scene, NULL);
        if (how > 1) {
            assert_int_equal(host_client_begin(&scene->client), 0);
        } else {
            assert_int_equal(host_client_reply(&scene->client), 220);
        }
        if (how % 2 == 0) {
            host_client_close(&scene->client);
        } else {
            host_client_reset(&scene->client);
        }
        end(scene, SLIMTA_CLOSED_CLIENT);
    }
}

static void test_client_is_slow(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .command_timeout_ms = 50};
    struct scene *scene = new_scene();

    (void)state;
    start_scene(scene, &options);
    assert_int_equal(host_client_reply(&scene->client), 220);
    assert_int_equal(host_client_reply(&scene->client), 421);
    assert_int_equal(host_client_reply(&scene->client), 0);
    host_client_close(&scene->client);
    end(scene, SLIMTA_CLOSED_TIMEOUT);
}

static void test_too_many_errors(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .max_errors = 2};
    struct scene *scene = new_scene();

    (void)state;
    start_scene(scene, &options);
    assert_int_equal(host_client_reply(&scene->client), 220);
    assert_int_equal(host_client_ask(&scene->client, "WHAT\r\n"), 500);
    assert_int_equal(host_client_ask(&scene->client, "WHAT\r\n"), 421);
    assert_int_equal(host_client_reply(&scene->client), 0);
    host_client_close(&scene->client);
    end(scene, SLIMTA_CLOSED_LIMIT);
}

static void test_edge_stops(void **state)
{
    int is_drained = 0;

    (void)state;
    for (is_drained = 0; is_drained < 2; ++is_drained) {
        struct scene *scene = new_scene();

        start_scene(scene, NULL);
        assert_int_equal(host_client_reply(&scene->client), 220);
        if (!is_drained) {
            host_edge_stop(&scene->host, 0);
        } else {
            assert_int_equal(smtp_edge_stop(scene->host.edge, 10000,
                                 host_edge_stopped, &scene->host),
                0);
            assert_int_equal(host_client_reply(&scene->client), 421);
            assert_int_equal(host_client_reply(&scene->client), 0);
            host_client_close(&scene->client);
            assert_true(host_wait(&scene->host.stopped));
            smtp_edge_free(scene->host.edge);
            scene->host.edge = NULL;
            sem_destroy(&scene->host.stopped);
        }
        end(scene, SLIMTA_CLOSED_STOP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accessors),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_user_pointers),
        cmocka_unit_test(test_client_closes),
        cmocka_unit_test(test_client_is_slow),
        cmocka_unit_test(test_too_many_errors),
        cmocka_unit_test(test_edge_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
