/** A host whose memory ends in the middle of STARTTLS and AUTH: the n-th
 * allocation fails, for every n, once and from then on. */
#include "fail_alloc.h"
#include "sasl_client.h"
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include <slimta/checks.h>

/** More allocations than a session makes: the loop over n has an end. */
#define MOST 2000

#define USER "juliet"
#define PASSWORD "pencil-of-r0ses"

/** One way to come in. */
struct way {
    enum slimta_tls_mode mode;
    const char *mechanism;
    enum host_deed deed; /* of each validator */
    int is_judged;       /* by `auth`, else by a `secret` */
    int is_stored;       /* that one */
};

/** What clients were told. */
struct tally {
    size_t wrong;     /* a yes that nobody has said */
    size_t let_in;    /* 235 to the right password */
    size_t delivered; /* 250 to a message */
};

static char stored[SLIMTA_STORED_SECRET_MAX];

static int run_auth(
    const struct way *way, struct host_client *client, const char *password)
{
    struct sasl_client sasl = {
        .mechanism = way->mechanism, .name = USER, .password = password};

    return sasl_client_run(&sasl, client);
}

/* As far as EHLO over TLS. 0 or -1. */
static int secure(const struct way *way, struct host_client *client)
{
    const struct tls_client_options options = {.server_name = "mx.example.com"};

    if (way->mode == SLIMTA_TLS_IMMEDIATE) {
        if (host_client_secure(client, &options) != 0 ||
            host_client_reply(client) != 220) {
            return -1;
        }
    } else if (host_client_starttls(client, &options) != 0) {
        return -1;
    }
    return host_client_ask(client, SCENE_EHLO) == 250 ? 0 : -1;
}

static const char *const message[] = {
    "MAIL FROM:<a@example.com>\r\n",
    "RCPT TO:<b@example.net>\r\n",
    "DATA\r\n",
    HOST_MESSAGE ".\r\n",
};

/* Whether it was taken; whatever is refused on the way is asked on. */
static int deliver(struct host_client *client)
{
    int code = 0;

    for (size_t i = 0; i < sizeof message / sizeof message[0]; i++) {
        if (i == 3 && code != 354) {
            return 0;
        }
        code = host_client_ask(client, message[i]);
        if (code <= 0) {
            return 0;
        }
    }
    return code == 250;
}

/* First without any proof, then with a wrong one, then with the right one. */
static void talk(
    const struct way *way, struct host_client *client, struct tally *tally)
{
    int is_in = 0;

    if (secure(way, client) != 0) {
        return;
    }
    tally->wrong += (size_t)(host_client_ask(client, message[0]) == 250);
    tally->wrong += (size_t)(run_auth(way, client, "wrong") == 235);
    is_in = run_auth(way, client, PASSWORD) == 235;
    tally->let_in += (size_t)is_in;
    if (deliver(client)) {
        ++tally->delivered;
        tally->wrong += (size_t)!is_in;
    }
    (void)host_client_ask(client, "QUIT\r\n");
}

static void judge_password(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    const struct way *way = policy->user;

    (void)session;
    if (step == HOST_AUTH) {
        int is_right = slimta_credentials_match(argument, PASSWORD);

        host_policy_order(policy, HOST_AUTH, way->deed, is_right ? 235 : 535,
            is_right ? "2.7.0 Welcome" : "5.7.8 No");
    }
}

static void give_orders(struct host_policy *policy, const struct way *way)
{
    policy->look = judge_password;
    policy->user = (void *)(uintptr_t)way;
    for (int step = 0; step < HOST_STEPS; step++) {
        host_policy_order(policy, (enum host_step)step, way->deed, 0, NULL);
    }
    host_policy_order(policy, HOST_SECRET, way->deed,
        way->is_stored ? HOST_STORED : HOST_PASSWORD,
        way->is_stored ? stored : PASSWORD);
    if (way->is_judged) {
        policy->table.secret = NULL;
    } else {
        policy->table.auth = NULL;
    }
}

/* An edge of this way that runs, or the failure. */
static int start(struct smtp_edge **edge, const struct way *way,
    const struct slimta_alloc *alloc, struct slimta_tls *tls,
    struct host_queue *queue, struct host_policy *policy)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .alloc = alloc,
        .hostname = "mx.example.net",
        .tls = tls,
        .tls_mode = way->mode,
        .auth_mechanisms = way->mechanism};
    struct slimta_error error = {0};
    int err = smtp_edge_new(edge, &options, &queue->queue, &error);

    if (err == 0) {
        err = smtp_edge_add_validators(*edge, &policy->table, &error);
    }
    if (err == 0) {
        err = smtp_edge_add_validators(*edge, slimta_require_auth(), &error);
    }
    if (err == 0) {
        err = smtp_edge_listen(*edge, "127.0.0.1", 0, &error);
    }
    if (err == 0) {
        err = smtp_edge_start(*edge, NULL, &error);
    }
    assert_true(err == 0 || err == SLIMTA_ENOMEM);
    return err;
}

static void call(
    const struct way *way, struct smtp_edge *edge, struct tally *tally)
{
    struct slimta_address address;
    struct host_client client;

    assert_int_equal(smtp_edge_address(edge, 0, &address), 1);
    if (host_client_open(&client, &address) == 0) {
        talk(way, &client, tally);
        /* Thousands of connections would keep their ports for a minute. */
        host_client_reset(&client);
    }
}

/* One n; returns whether it was reached at all. */
static int run(const struct way *way, struct slimta_tls *tls, size_t n,
    enum fail_alloc_mode mode)
{
    static struct host_policy policy;
    struct fail_alloc alloc;
    struct host_queue queue;
    struct smtp_edge *edge = NULL;
    struct tally tally = {0};

    fail_alloc_init(&alloc, n, mode);
    host_policy_init(&policy);
    give_orders(&policy, way);
    host_queue_init(&queue, HOST_QUEUED);
    if (start(&edge, way, &alloc.table, tls, &queue, &policy) == 0) {
        call(way, edge, &tally);
        call(way, edge, &tally);
    }
    smtp_edge_free(edge);
    assert_int_equal(tally.wrong, 0);
    assert_true(queue.accepted >= tally.delivered);
    assert_true(tally.let_in >= tally.delivered);
    if (!fail_alloc_has_failed(&alloc)) {
        assert_int_equal(tally.delivered, 2);
    }
    host_queue_fini(&queue);
    host_policy_fini(&policy);
    assert_int_equal(alloc.live, 0);
    return fail_alloc_has_failed(&alloc);
}

static void for_every_n(const struct way *way)
{
    static const enum fail_alloc_mode modes[] = {
        FAIL_ALLOC_ONCE, FAIL_ALLOC_ONWARD};
    struct slimta_tls *tls = host_tls(NULL, "server", NULL);

    for (size_t i = 0; i < 2; i++) {
        size_t n = 1;

        while (run(way, tls, n, modes[i])) {
            ++n;
            assert_true(n < MOST);
        }
        assert_true(n > 20);
        print_message("# %s: %zu allocations\n", way->mechanism, n - 1);
    }
    slimta_tls_unref(tls);
}

static void test_starttls_and_plain(void **state)
{
    (void)state;
    for_every_n(&(struct way){SLIMTA_TLS_REQUIRED, "PLAIN", HOST_SET, 0, 0});
    for_every_n(&(struct way){SLIMTA_TLS_OFFERED, "PLAIN", HOST_FINISH, 0, 1});
}

static void test_starttls_and_a_judge(void **state)
{
    (void)state;
    for_every_n(&(struct way){SLIMTA_TLS_REQUIRED, "LOGIN", HOST_FINISH, 1, 0});
}

static void test_tls_at_once_and_scram(void **state)
{
    (void)state;
    for_every_n(
        &(struct way){SLIMTA_TLS_IMMEDIATE, "SCRAM-SHA-256", HOST_SET, 0, 1});
    for_every_n(
        &(struct way){SLIMTA_TLS_IMMEDIATE, "SCRAM-SHA-1", HOST_FINISH, 0, 0});
}

static void test_tls_at_once_and_cram(void **state)
{
    (void)state;
    for_every_n(
        &(struct way){SLIMTA_TLS_IMMEDIATE, "CRAM-MD5", HOST_FINISH, 0, 0});
}

static int make_stored(void **state)
{
    (void)state;
    return slimta_stored_secret_make(
        stored, "SCRAM-SHA-256", PASSWORD, 4096, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starttls_and_plain),
        cmocka_unit_test(test_starttls_and_a_judge),
        cmocka_unit_test(test_tls_at_once_and_scram),
        cmocka_unit_test(test_tls_at_once_and_cram),
    };

    return cmocka_run_group_tests(tests, make_stored, NULL);
}
