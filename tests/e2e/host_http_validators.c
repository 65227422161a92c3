/** A host that answers every question of an HTTP request: at once, later, too
 * late, never; and one that judges credentials. */
#include "web.h"

#include <stdio.h>
#include <string.h>

#define ACCEPTED "250; message=\"2.6.0 Message accepted for delivery\""
#define UNHANDLED "4.3.0 Unhandled system error\""
#define HEADERS "X-Ehlo: client.example\r\nX-Custom: some thing\r\n"
#define REQUEST WEB_HEAD HEADERS "Content-Length: 22\r\n\r\n" HOST_MESSAGE

/** One validator: what it finds, and what the client hears of a refusal. */
static const struct row {
    enum host_step step;
    int found_code;
    const char *found_enhanced;
    const char *found_text;
    const char *argument;
    const char *refused;
    int late_status; /* heard when the validator never answers */
    const char *late;
} rows[] = {
    {HOST_CONNECT, 220, "2.0.0", "Ok", "", NULL, 503,
        "421; message=\"" UNHANDLED},
    {HOST_EHLO, 250, "2.0.0", "Ok", "client.example", NULL, 503,
        "421; message=\"" UNHANDLED},
    {HOST_MAIL, 250, "2.1.0", "Ok", "a@example.com size=22",
        "450; message=\"4.7.1 Later please\"; command=\"MAIL\"", 503,
        "451; message=\"" UNHANDLED "; command=\"MAIL\""},
    {HOST_RCPT, 250, "2.1.5", "Ok", "b@example.net",
        "450; message=\"4.7.1 Later please\"; command=\"RCPT\"", 503,
        "451; message=\"" UNHANDLED "; command=\"RCPT\""},
    {HOST_HEADER, 250, "2.0.0", "Ok", "X-Custom: some thing", NULL, 503,
        "451; message=\"" UNHANDLED},
    {HOST_DATA, 354, "", "Start mail input", "", NULL, 503,
        "451; message=\"" UNHANDLED},
    {HOST_CHUNK, 250, "2.0.0", "Ok", HOST_MESSAGE, NULL, 503,
        "451; message=\"" UNHANDLED},
    {HOST_HAVE_DATA, 250, "2.6.0", "Message accepted for delivery", "22 octets",
        NULL, 503, "451; message=\"" UNHANDLED},
    {HOST_QUEUED_STEP, 250, "2.6.0", "Message accepted for delivery", "test-id",
        NULL, 200, ACCEPTED},
};

#define ROWS (sizeof rows / sizeof rows[0])
#define REFUSAL 450, "4.7.1 Later please"
#define HEARD "450; message=\"4.7.1 Later please\""

/** An edge, its one table, and a client that has just connected. */
struct scene {
    struct host_policy policy;
    struct host_queue queue;
    struct web_edge web;
    struct host_client client;
    struct web_response response;
};

static struct scene scene;

static void open_scene(const struct row *row, struct host_order order)
{
    const struct http_edge_options options = {
        .size = sizeof options,
        .hostname = "mx.example.net",
        .custom_headers = "x-other, X-Custom",
        .validator_timeout_ms =
            order.deed == HOST_TAKE && order.code == 0 ? 50 : 0,
    };

    print_message("# %s\n", host_step_names[row->step]);
    host_policy_init(&scene.policy);
    host_policy_order(
        &scene.policy, row->step, order.deed, order.code, order.text);
    host_queue_init(&scene.queue, HOST_QUEUED);
    web_start(&scene.web, &options, &scene.queue.queue,
        (struct host_policy *const[]){&scene.policy, NULL});
    assert_int_equal(host_client_open(&scene.client, &scene.web.address), 0);
}

/* Exactly one `closed` comes for each request. */
static void close_scene(size_t requests, enum slimta_closed reason)
{
    host_client_close(&scene.client);
    assert_true(
        host_policy_wait(&scene.policy, &scene.policy.closed_count, requests));
    if (scene.web.edge != NULL) {
        web_stop(&scene.web, 0);
    }
    assert_int_equal(scene.policy.closed_count, requests);
    assert_int_equal(scene.policy.reasons[reason], requests);
    host_policy_fini(&scene.policy);
    host_queue_fini(&scene.queue);
}

static void expect_found(const struct row *row)
{
    struct host_asked asked = host_policy_last(&scene.policy, row->step);

    assert_int_equal(host_policy_asked(&scene.policy, row->step), 1);
    assert_int_equal(asked.code, row->found_code);
    assert_string_equal(asked.enhanced, row->found_enhanced);
    assert_string_equal(asked.text, row->found_text);
    assert_string_equal(asked.argument, row->argument);
}

static void expect_refused(const struct row *row)
{
    assert_int_equal(scene.response.status, 503);
    web_expect_header(&scene.response, "X-Smtp-Reply",
        row->refused != NULL ? row->refused : HEARD);
    assert_int_equal(host_queue_count(&scene.queue, &scene.queue.accepted),
        row->step == HOST_QUEUED_STEP);
}

/* A refusal leaves the connection as good as new. */
static void expect_kept(const struct row *row)
{
    host_policy_order(&scene.policy, row->step, HOST_PASS, 0, NULL);
    assert_int_equal(web_ask(&scene.client, &scene.response, REQUEST), 200);
    web_expect_header(&scene.response, "X-Smtp-Reply", ACCEPTED);
}

static void passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; ++i) {
        open_scene(&rows[i], (struct host_order){HOST_PASS, 0, NULL});
        assert_int_equal(web_ask(&scene.client, &scene.response, REQUEST), 200);
        web_expect_header(&scene.response, "X-Smtp-Reply", ACCEPTED);
        expect_found(&rows[i]);
        close_scene(1, SLIMTA_CLOSED_QUIT);
    }
}

static void refuse(enum host_deed deed)
{
    for (size_t i = 0; i < ROWS; ++i) {
        open_scene(&rows[i], (struct host_order){deed, REFUSAL});
        (void)web_ask(&scene.client, &scene.response, REQUEST);
        expect_refused(&rows[i]);
        expect_found(&rows[i]);
        expect_kept(&rows[i]);
        close_scene(2, SLIMTA_CLOSED_QUIT);
    }
}

static void refuses_at_once(void **state)
{
    (void)state;
    refuse(HOST_SET);
}

static void refuses_inside(void **state)
{
    (void)state;
    refuse(HOST_FINISH);
}

static void answer_later(int code, const char *text)
{
    struct host_taken taken = host_policy_next(&scene.policy);

    assert_int_equal(host_taken_answer(&taken, code, text), 0);
}

static void refuses_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; ++i) {
        open_scene(&rows[i], (struct host_order){HOST_TAKE, REFUSAL});
        assert_int_equal(
            host_client_send(&scene.client, REQUEST, sizeof REQUEST - 1), 0);
        answer_later(REFUSAL);
        (void)web_read(&scene.client, &scene.response, 0);
        expect_refused(&rows[i]);
        expect_kept(&rows[i]);
        close_scene(2, SLIMTA_CLOSED_QUIT);
    }
}

static void accepts_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; ++i) {
        open_scene(&rows[i], (struct host_order){HOST_TAKE, 1, NULL});
        /* Two at once: the second one is not begun before its turn. */
        assert_int_equal(host_client_send(&scene.client, REQUEST REQUEST,
                             sizeof REQUEST REQUEST - 1),
            0);
        for (int j = 1; j <= 2; ++j) {
            struct host_taken taken = host_policy_next(&scene.policy);

            assert_int_equal(host_policy_asked(&scene.policy, HOST_CONNECT), j);
            assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
            assert_int_equal(web_read(&scene.client, &scene.response, 0), 200);
        }
        close_scene(2, SLIMTA_CLOSED_QUIT);
    }
}

static void never_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; ++i) {
        struct host_taken taken;
        int is_421 = strncmp(rows[i].late, "421", 3) == 0;

        open_scene(&rows[i], (struct host_order){HOST_TAKE, 0, NULL});
        assert_int_equal(web_ask(&scene.client, &scene.response, REQUEST),
            rows[i].late_status);
        web_expect_header(&scene.response, "X-Smtp-Reply", rows[i].late);
        web_expect_header(
            &scene.response, "Connection", is_421 ? "close" : NULL);
        taken = host_policy_next(&scene.policy);
        assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
        (void)host_taken_answer(&taken, 0, NULL);
        close_scene(1, is_421 ? SLIMTA_CLOSED_REPLY : SLIMTA_CLOSED_QUIT);
    }
}

/* The client goes, or the edge stops, while a validator has the word. */
static void is_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ROWS; ++i) {
        const struct row *row = &rows[i / 2];
        struct host_taken taken;

        open_scene(row, (struct host_order){HOST_TAKE, 1, NULL});
        assert_int_equal(
            host_client_send(&scene.client, REQUEST, sizeof REQUEST - 1), 0);
        taken = host_policy_next(&scene.policy);
        if (i % 2 == 0) {
            host_client_reset(&scene.client);
            assert_true(
                host_policy_wait(&scene.policy, &scene.policy.cancelled, 1));
        } else {
            web_stop(&scene.web, 0);
        }
        (void)host_taken_answer(&taken, 0, NULL);
        close_scene(1, i % 2 == 0 ? SLIMTA_CLOSED_CLIENT : SLIMTA_CLOSED_STOP);
    }
}

/* 221 and other endings of SMTP are no success here. */
static void never_takes_an_end_for_a_yes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; ++i) {
        if (rows[i].step == HOST_QUEUED_STEP || rows[i].step == HOST_CHUNK) {
            continue;
        }
        open_scene(&rows[i], (struct host_order){HOST_SET, 221, "2.0.0 Bye"});
        assert_int_equal(web_ask(&scene.client, &scene.response, REQUEST), 503);
        assert_int_equal(
            host_queue_count(&scene.queue, &scene.queue.messages), 0);
        close_scene(1, SLIMTA_CLOSED_REPLY);
    }
}

/* Partial success: the second and the third of four are refused. */

static void refuse_c(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    size_t count = (size_t)(uintptr_t)policy->user;

    (void)session;
    (void)argument;
    if (step != HOST_RCPT) {
        return;
    }
    policy->user = (void *)(uintptr_t)++count;
    if (count == 2 || count == 3) {
        host_policy_order(policy, HOST_RCPT, HOST_SET, 550, "5.1.1 \"Who\"");
    } else {
        host_policy_order(policy, HOST_RCPT, HOST_PASS, 0, NULL);
    }
}

static void takes_some(void **state)
{
    const struct http_edge_options partial = {
        .size = sizeof partial,
        .hostname = "mx.example.net",
        .flags = SLIMTA_HTTP_PARTIAL,
    };
    struct host_pending pending;

    (void)state;
    host_policy_init(&scene.policy);
    scene.policy.look = refuse_c;
    host_queue_init(&scene.queue, HOST_LATER);
    web_start(&scene.web, &partial, &scene.queue.queue,
        (struct host_policy *const[]){&scene.policy, NULL});
    assert_int_equal(host_client_open(&scene.client, &scene.web.address), 0);
    assert_int_equal(host_client_send(&scene.client,
                         WEB_HEAD WEB_RCPT_C WEB_RCPT_C WEB_RCPT_B
                         "Content-Length: 22\r\n\r\n" HOST_MESSAGE,
                         sizeof WEB_HEAD WEB_RCPT_C WEB_RCPT_C WEB_RCPT_B
                             "Content-Length: 22\r\n\r\n" HOST_MESSAGE -
                             1),
        0);
    pending = host_queue_next(&scene.queue);
    assert_int_equal(slimta_envelope_recipient_count(pending.envelope), 2);
    assert_int_equal(host_pending_accept(&pending), 0);
    assert_int_equal(web_read(&scene.client, &scene.response, 0), 200);
    web_expect_header(&scene.response, "X-Smtp-Rcpt-Reply",
        "1; 550; message=\"5.1.1 'Who'\", 2; 550; message=\"5.1.1 'Who'\"");
    close_scene(1, SLIMTA_CLOSED_QUIT);
}

/* Credentials */

static void judge(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_credentials *credentials, struct slimta_op *op, void *user)
{
    (void)session;
    (void)op;
    (void)user;
    if (slimta_credentials_match(credentials, "open sesame") ||
        (strcmp(slimta_credentials_mechanism(credentials), "BEARER") == 0 &&
            strcmp(slimta_credentials_password(credentials), "t.o-k~en") ==
                0)) {
        (void)slimta_reply_set(reply, 235, "2.7.0 Come in");
    }
}

static char stored_secret[SLIMTA_STORED_SECRET_MAX];

static void tell(struct slimta_session *session, struct slimta_reply *reply,
    const char *mechanism, const char *authcid, struct slimta_op *op,
    void *user)
{
    (void)session;
    (void)reply;
    (void)user;
    assert_string_equal(mechanism, "BASIC");
    if (strcmp(authcid, "ali") == 0) {
        (void)slimta_op_secret_stored(op, stored_secret);
    } else if (strcmp(authcid, "plain") == 0) {
        (void)slimta_op_secret(op, "open sesame");
    }
}

static void need_auth(struct slimta_session *session,
    struct slimta_reply *reply, const char *sender,
    const struct slimta_mail_params *params, struct slimta_op *op, void *user)
{
    (void)sender;
    (void)params;
    (void)op;
    (void)user;
    if (slimta_session_auth(session) == NULL) {
        (void)slimta_reply_set(reply, 530, "5.7.0 Authentication required");
    }
}

#define ALI "Authorization: Basic YWxpOm9wZW4gc2VzYW1l\r\n"
#define ALI_WRONG "Authorization: Basic YWxpOm9wZW4=\r\n"
#define PLAIN_ONE "Authorization: basic cGxhaW46b3BlbiBzZXNhbWU=\r\n"
#define NOBODY "Authorization: Basic bm9ib2R5Om9wZW4gc2VzYW1l\r\n"
#define TOKEN "Authorization: Bearer t.o-k~en\r\n"
#define WRONG_TOKEN "Authorization: Bearer token\r\n"

static void judge_with(const struct slimta_validators *table,
    const char *const requests[], const int statuses[], size_t count,
    const char *challenge)
{
    struct slimta_error error = {0};
    struct host_queue queue;
    struct http_edge *edge = NULL;
    struct slimta_address address;

    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(http_edge_new(&edge, NULL, &queue.queue, &error), 0);
    assert_int_equal(http_edge_add_validators(edge, table, &error), 0);
    assert_int_equal(http_edge_listen(edge, "127.0.0.1", 0, &error), 0);
    assert_int_equal(http_edge_start(edge, NULL, &error), 0);
    assert_int_equal(http_edge_address(edge, 0, &address), 1);
    for (size_t i = 0; i < count; ++i) {
        print_message("# request %zu\n", i);
        char text[1024];

        (void)snprintf(text, sizeof text,
            WEB_HEAD "%sContent-Length: 22\r\n\r\n" HOST_MESSAGE, requests[i]);
        assert_int_equal(
            web_ask_once(&address, &scene.response, text), statuses[i]);
        if (statuses[i] == 401) {
            char value[1024];

            assert_true(web_header(&scene.response, "WWW-Authenticate", value));
            assert_int_equal(
                strstr(scene.response.headers, challenge) != NULL, 1);
        }
    }
    http_edge_free(edge);
    host_queue_fini(&queue);
}

static void judges_credentials(void **state)
{
    static const struct slimta_validators asks = {
        .size = sizeof asks, .auth = judge, .mail = need_auth};
    static const struct slimta_validators supplies = {
        .size = sizeof supplies, .secret = tell, .mail = need_auth};
    static const char *const requests[] = {"", ALI, ALI_WRONG, NOBODY,
        PLAIN_ONE, TOKEN, WRONG_TOKEN, ALI ALI, "Authorization: Digest x\r\n"};
    static const int asked[] = {401, 200, 401, 200, 200, 200, 401, 401, 401};
    static const int supplied[] = {401, 200, 401, 401, 200, 401, 401, 401, 401};

    (void)state;
    assert_int_equal(slimta_stored_secret_make(stored_secret, "SCRAM-SHA-256",
                         "open sesame", 4096, NULL),
        0);
    judge_with(&asks, requests, asked, 9, "WWW-Authenticate: Bearer realm=");
    judge_with(
        &supplies, requests, supplied, 9, "WWW-Authenticate: Basic realm=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes),
        cmocka_unit_test(refuses_at_once),
        cmocka_unit_test(refuses_inside),
        cmocka_unit_test(refuses_later),
        cmocka_unit_test(accepts_later),
        cmocka_unit_test(never_answers),
        cmocka_unit_test(is_left_alone),
        cmocka_unit_test(never_takes_an_end_for_a_yes),
        cmocka_unit_test(takes_some),
        cmocka_unit_test(judges_credentials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
