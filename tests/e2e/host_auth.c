/** A host that asks who its clients are: the validators `auth` and `secret` in
 * all their ways of answering, and what sessions and envelopes know then. */
#include "sasl_client.h"
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include <slimta/checks.h>

#define USER "juliet"
#define PASSWORD "pencil of r0ses"
#define ALL "SCRAM-SHA-256,SCRAM-SHA-1,CRAM-MD5,PLAIN,LOGIN"
#define INVALID "535 5.7.8 Authentication credentials invalid"
#define TEMPORARY "454 4.7.0 Temporary authentication failure"

/** Who is asked. */
enum asked { ASKS_AUTH = 1, ASKS_SECRET = 2 };

static const char *const mechanisms[] = {
    "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"};

enum { MECHANISMS = sizeof mechanisms / sizeof mechanisms[0] };

static struct scene *prepare(struct smtp_edge_options options, int asked)
{
    struct scene *scene;

    if (options.auth_mechanisms == NULL) {
        options.auth_mechanisms = ALL;
    }
    options.auth_flags |= SLIMTA_AUTH_CLEAR;
    scene = scene_prepare(&options, 1);
    if ((asked & ASKS_AUTH) == 0) {
        scene->policy.table.auth = NULL;
    }
    if ((asked & ASKS_SECRET) == 0) {
        scene->policy.table.secret = NULL;
    }
    host_policy_order(
        &scene->policy, HOST_SECRET, HOST_SET, HOST_PASSWORD, PASSWORD);
    return scene;
}

static void start(struct scene *scene)
{
    scene_start(scene);
    scene_connect(scene);
    scene_greet(scene);
}

static struct scene *new_scene(int asked)
{
    struct scene *scene = prepare((struct smtp_edge_options){0}, asked);

    start(scene);
    return scene;
}

static void expect_line(struct scene *scene, const char *line)
{
    if (strcmp(scene->client.line, line) != 0) {
        fail_msg(
            "heard '%s', not '%s'\n%s", scene->client.line, line, scene->log);
    }
}

static int run(struct scene *scene, const char *mechanism, const char *password)
{
    struct sasl_client sasl = {
        .mechanism = mechanism, .name = USER, .password = password};

    return sasl_client_run(&sasl, &scene->client);
}

/* A second AUTH is out of order, and so nobody is in whom nobody let in. */
static void expect_in(struct scene *scene, int is_in)
{
    scene_ask(scene, "AUTH PLAIN AGEAYg==\r\n", is_in ? "503" : "535");
}

static void leave(struct scene *scene)
{
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* --- Mechanisms ----------------------------------------------------------- */

static void expect_asked(
    struct scene *scene, enum host_step step, const char *argument)
{
    assert_int_equal(host_policy_asked(&scene->policy, step), 1);
    assert_string_equal(
        host_policy_last(&scene->policy, step).argument, argument);
}

static void pass_with_secret(const char *mechanism, int is_stored)
{
    static char stored[SLIMTA_STORED_SECRET_MAX];
    struct scene *scene = new_scene(ASKS_SECRET);
    char argument[64];

    if (is_stored) {
        assert_int_equal(
            slimta_stored_secret_make(stored,
                strcmp(mechanism, "SCRAM-SHA-1") == 0 ? mechanism
                                                      : "SCRAM-SHA-256",
                PASSWORD, 4096, NULL),
            0);
        host_policy_order(
            &scene->policy, HOST_SECRET, HOST_SET, HOST_STORED, stored);
    }
    assert_int_equal(run(scene, mechanism, PASSWORD), 235);
    expect_line(scene, "235 2.7.0 Authentication successful");
    snprintf(argument, sizeof argument, "%s|" USER, mechanism);
    expect_asked(scene, HOST_SECRET, argument);
    expect_in(scene, 1);
    scene_await(scene, "auth session=");
    assert_int_equal(scene_counters(scene).auth_successes, 1);
    leave(scene);

    scene = new_scene(ASKS_SECRET);
    assert_int_equal(run(scene, mechanism, "wrong"), 535);
    expect_line(scene, INVALID);
    expect_in(scene, 0);
    assert_int_equal(scene_counters(scene).auth_failures, 2);
    leave(scene);
}

static void test_each_mechanism(void **state)
{
    (void)state;
    for (size_t i = 0; i < MECHANISMS; i++) {
        pass_with_secret(mechanisms[i], 0);
        if (strcmp(mechanisms[i], "CRAM-MD5") != 0) {
            pass_with_secret(mechanisms[i], 1);
        }
    }
}

/* What `auth` is asked, with and without a secret. */
static void test_auth_is_asked(void **state)
{
    struct scene *scene = new_scene(ASKS_AUTH);

    (void)state;
    /* Closed until somebody opens it. */
    assert_int_equal(run(scene, "PLAIN", PASSWORD), 535);
    expect_asked(scene, HOST_AUTH, "PLAIN|" USER "||" PASSWORD "|0");
    assert_int_equal(host_policy_last(&scene->policy, HOST_AUTH).code, 535);
    leave(scene);

    scene = new_scene(ASKS_AUTH | ASKS_SECRET);
    assert_int_equal(run(scene, "SCRAM-SHA-256", PASSWORD), 235);
    expect_asked(scene, HOST_AUTH, "SCRAM-SHA-256|" USER "||(none)|1");
    assert_int_equal(host_policy_last(&scene->policy, HOST_AUTH).code, 235);
    leave(scene);

    scene = new_scene(ASKS_AUTH | ASKS_SECRET);
    assert_int_equal(run(scene, "LOGIN", PASSWORD), 235);
    expect_asked(scene, HOST_AUTH, "LOGIN|" USER "||" PASSWORD "|1");
    leave(scene);
}

/* Whoever wants to act as somebody else needs a yes for that. */
static void test_authzid(void **state)
{
    struct sasl_client sasl = {.mechanism = "SCRAM-SHA-256",
        .name = USER,
        .password = PASSWORD,
        .authzid = "romeo"};
    struct scene *scene = new_scene(ASKS_SECRET);

    (void)state;
    assert_int_equal(sasl_client_run(&sasl, &scene->client), 535);
    sasl.authzid = USER;
    assert_int_equal(sasl_client_run(&sasl, &scene->client), 235);
    leave(scene);

    sasl.authzid = "romeo";
    scene = new_scene(ASKS_AUTH | ASKS_SECRET);
    assert_int_equal(sasl_client_run(&sasl, &scene->client), 535);
    assert_int_equal(host_policy_last(&scene->policy, HOST_AUTH).code, 535);
    host_policy_order(&scene->policy, HOST_AUTH, HOST_SET, 235, "2.7.0 Be he");
    assert_int_equal(sasl_client_run(&sasl, &scene->client), 235);
    scene_await(scene, "authzid=romeo");
    leave(scene);
}

/* Says who it is and does not wait for the answer. */
static void show(struct scene *scene)
{
    static const char line[] =
        "AUTH PLAIN AGp1bGlldABwZW5jaWwgb2YgcjBzZXM=\r\n";

    assert_int_equal(
        host_client_send(&scene->client, line, sizeof line - 1), 0);
}

/* --- How a validator answers ---------------------------------------------- */

/** An answer, and what the client hears; `secret` NULL: not of that step. */
struct answer {
    enum host_step step;
    int code;
    const char *text;
    const char *heard;
};

static const struct answer answers[] = {
    {HOST_AUTH, 235, "2.7.0 Welcome", "235 2.7.0 Welcome"},
    {HOST_AUTH, 250, "2.0.0 Welcome", "235 2.0.0 Welcome"},
    {HOST_AUTH, 535, "5.7.8 Authentication credentials invalid", INVALID},
    {HOST_AUTH, 550, "5.7.1 No", "550 5.7.1 No"},
    {HOST_AUTH, 454, "4.7.0 Not now", "454 4.7.0 Not now"},
    {HOST_AUTH, 421, "4.3.2 Go", "421 4.3.2 Go"},
    {HOST_SECRET, HOST_PASSWORD, PASSWORD,
        "235 2.7.0 Authentication successful"},
    {HOST_SECRET, HOST_PASSWORD, "another", INVALID},
    {HOST_SECRET, 0, NULL, INVALID},
    /* Only a 4xx is looked at. */
    {HOST_SECRET, 550, "5.1.1 No such user", INVALID},
    {HOST_SECRET, 454, "4.7.0 Not now", "454 4.7.0 Not now"},
    {HOST_SECRET, 421, "4.3.2 Go", "421 4.3.2 Go"},
};

enum { ANSWERS = sizeof answers / sizeof answers[0] };

static void give(const struct answer *answer, enum host_deed deed)
{
    struct scene *scene =
        new_scene(answer->step == HOST_AUTH ? ASKS_AUTH : ASKS_SECRET);

    host_policy_order(
        &scene->policy, answer->step, deed, answer->code, answer->text);
    if (deed == HOST_TAKE) {
        struct host_taken taken;

        show(scene);
        taken = host_policy_next(&scene->policy);
        assert_int_equal(
            host_taken_answer(&taken, answer->code, answer->text), 0);
        scene_hear(scene, answer->heard);
    } else {
        (void)sasl_client_plain(&scene->client, USER, PASSWORD);
    }
    expect_line(scene, answer->heard);
    if (answer->code == 421) {
        scene_hear_end(scene);
        scene_close(scene, SLIMTA_CLOSED_REPLY);
        return;
    }
    if (memcmp(answer->heard, "235", 3) == 0) {
        expect_in(scene, 1);
    } else {
        scene_await(scene, "auth_failed session=");
    }
    leave(scene);
}

static void test_answers(void **state)
{
    static const enum host_deed deeds[] = {HOST_SET, HOST_FINISH, HOST_TAKE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < ANSWERS; j++) {
            give(&answers[j], deeds[i]);
        }
    }
}

static const enum host_step steps[] = {HOST_AUTH, HOST_SECRET};

static void test_never_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene =
            prepare((struct smtp_edge_options){.validator_timeout_ms = 50},
                ASKS_AUTH | ASKS_SECRET);
        struct host_taken taken;

        host_policy_order(&scene->policy, steps[i], HOST_TAKE, 0, NULL);
        start(scene);
        assert_int_equal(
            sasl_client_plain(&scene->client, USER, PASSWORD), 454);
        expect_line(scene, TEMPORARY);
        taken = host_policy_next(&scene->policy);
        assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
        assert_int_equal(host_taken_answer(&taken, 235, "2.7.0 Surprise"), 0);
        scene_await(scene, i == 0 ? "question=auth " : "question=secret ");
        host_policy_order(&scene->policy, steps[i], HOST_PASS, 0, NULL);
        expect_in(scene, 0);
        leave(scene);
    }
}

static void test_client_has_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene = new_scene(ASKS_AUTH | ASKS_SECRET);
        struct host_taken taken;

        host_policy_order(&scene->policy, steps[i], HOST_TAKE, 0, NULL);
        show(scene);
        taken = host_policy_next(&scene->policy);
        host_client_reset(&scene->client);
        assert_true(
            host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
        assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
        assert_int_equal(
            host_taken_answer(&taken, i == 0 ? 235 : HOST_PASSWORD, PASSWORD),
            0);
        assert_int_equal(scene_counters(scene).auth_successes, 0);
        scene_close(scene, SLIMTA_CLOSED_CLIENT);
    }
}

static void test_stop_while_waiting(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene = new_scene(ASKS_AUTH | ASKS_SECRET);
        struct host_taken taken;

        host_policy_order(&scene->policy, steps[i], HOST_TAKE, 0, NULL);
        show(scene);
        taken = host_policy_next(&scene->policy);
        host_edge_stop(&scene->host, 0);
        assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
        assert_int_equal(
            host_taken_answer(&taken, i == 0 ? 235 : HOST_PASSWORD, PASSWORD),
            SLIMTA_ECANCELED);
        assert_true(host_client_reply(&scene->client) <= 0);
        scene_close(scene, SLIMTA_CLOSED_STOP);
    }
}

/* PASSWORD after 4,000,000 iterations, as slimta_stored_secret_make has it: it
 * takes seconds to make the keys. With another count they take another time,
 * and are others. */
#define SLOW_SECRET(iterations) \
    "{SCRAM-SHA-256}" iterations \
    ",YSBzYWx0IG9mIG5vIHVzZQ==," \
    "nmb+J9eefbdTyVkyjoeusziwQBdxL8aKf/DFTs0GsuY=," \
    "m+lPF31NEtZo0q/g1vgiuDXfoqZOCUSxQxMWY0FtlMo="

/* The session ends while keys are made from a password, off the loop. */
static void test_end_while_keys_are_made(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        /* Long for a client that has to wait for a processor, too, and about
         * half of what the keys take. */
        struct scene *scene =
            prepare((struct smtp_edge_options){.command_timeout_ms =
                                                   way == 2 ? 1500 : 0},
                ASKS_SECRET);

        host_policy_order(&scene->policy, HOST_SECRET, HOST_SET, HOST_STORED,
            way == 2 ? SLOW_SECRET("4000000") : SLOW_SECRET("1000000"));
        start(scene);
        show(scene);
        assert_true(
            host_policy_wait(&scene->policy, &scene->policy.asked_count, 4));
        if (way == 0) {
            host_client_reset(&scene->client);
        } else if (way == 1) {
            host_edge_stop(&scene->host, 0);
        } else {
            /* Our own time is not the client's. */
            scene_hear(scene, "235");
        }
        scene_close(
            scene, way == 1 ? SLIMTA_CLOSED_STOP : SLIMTA_CLOSED_CLIENT);
    }
}

/* --- Several tables ------------------------------------------------------- */

static void two_say(enum host_deed first_deed, int first, const char *text,
    enum host_deed second_deed, int second, const char *heard,
    size_t second_asked)
{
    static struct host_policy other;
    struct scene *scene = prepare((struct smtp_edge_options){0}, ASKS_AUTH);
    struct slimta_error error = {0};

    host_policy_init(&other);
    other.table.secret = NULL;
    host_policy_order(&scene->policy, HOST_AUTH, first_deed, first, text);
    host_policy_order(&other, HOST_AUTH, second_deed, second,
        second < 400 ? "2.7.0 Second" : "5.7.1 Second");
    assert_int_equal(smtp_edge_add_validators(
                         scene->host.edge, &scene->policy.table, &error),
        0);
    assert_int_equal(
        smtp_edge_add_validators(scene->host.edge, &other.table, &error), 0);
    assert_int_equal(smtp_edge_start(scene->host.edge, NULL, &error), 0);
    scene_connect(scene);
    scene_greet(scene);
    (void)sasl_client_plain(&scene->client, USER, PASSWORD);
    expect_line(scene, heard);
    assert_int_equal(host_policy_asked(&other, HOST_AUTH), second_asked);
    leave(scene);
    host_policy_fini(&other);
}

static void test_several_tables(void **state)
{
    static const enum host_deed deeds[] = {HOST_SET, HOST_FINISH};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        enum host_deed deed = deeds[i];

        /* No opinion: the next one has it. */
        two_say(HOST_PASS, 0, NULL, deed, 235, "235 2.7.0 Second", 1);
        two_say(deed, 0, NULL, deed, 235, "235 2.7.0 Second", 1);
        two_say(HOST_PASS, 0, NULL, HOST_PASS, 0, INVALID, 1);
        /* A refusal of one's own is final. */
        two_say(deed, 550, "5.7.1 First", deed, 235, "550 5.7.1 First", 0);
        two_say(deed, 454, "4.7.0 First", deed, 235, "454 4.7.0 First", 0);
        /* A yes may be worded by the next, and may be taken back. */
        two_say(deed, 235, "2.7.0 First", HOST_PASS, 0, "235 2.7.0 First", 1);
        two_say(deed, 235, "2.7.0 First", deed, 235, "235 2.7.0 Second", 1);
        two_say(deed, 235, "2.7.0 First", deed, 550, "550 5.7.1 Second", 1);
    }
}

/* --- Configuration -------------------------------------------------------- */

static void expect_no_start(
    const char *list, unsigned flags, int asked, const char *reason)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .auth_mechanisms = list, .auth_flags = flags};
    static struct host_policy policy;
    struct slimta_error error = {0};
    struct host_queue queue;
    struct host_edge host;

    host_policy_init(&policy);
    policy.table.auth = asked & ASKS_AUTH ? policy.table.auth : NULL;
    policy.table.secret = asked & ASKS_SECRET ? policy.table.secret : NULL;
    host_queue_init(&queue, HOST_QUEUED);
    host_edge_open(&host, &options, &queue.queue);
    assert_int_equal(
        smtp_edge_add_validators(host.edge, &policy.table, NULL), 0);
    assert_int_equal(smtp_edge_start(host.edge, NULL, &error), SLIMTA_EINVAL);
    assert_int_equal(error.code, SLIMTA_EINVAL);
    if (strstr(error.text, reason) == NULL) {
        fail_msg("'%s' without '%s'", error.text, reason);
    }
    smtp_edge_free(host.edge);
    sem_destroy(&host.stopped);
    host_queue_fini(&queue);
    host_policy_fini(&policy);
}

static void test_configuration(void **state)
{
    const struct smtp_edge_options unknown = {
        .size = sizeof unknown, .auth_mechanisms = "PLAIN,NTLM"};
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;
    struct host_queue queue;

    (void)state;
    expect_no_start("PLAIN", 0, 0, "SLIMTA_AUTH_ANYONE");
    expect_no_start(ALL, SLIMTA_AUTH_CLEAR, 0, "validator");
    expect_no_start("SCRAM-SHA-256,CRAM-MD5", 0, ASKS_AUTH, "`secret`");
    expect_no_start("SCRAM-SHA-256", SLIMTA_AUTH_ANYONE, ASKS_AUTH, "`secret`");
    host_queue_init(&queue, HOST_QUEUED);
    assert_int_equal(
        smtp_edge_new(&edge, &unknown, &queue.queue, &error), SLIMTA_EINVAL);
    assert_non_null(strstr(error.text, "NTLM"));
    host_queue_fini(&queue);
}

static void test_anyone(void **state)
{
    struct scene *scene =
        prepare((struct smtp_edge_options){.auth_mechanisms = "PLAIN,LOGIN",
                    .auth_flags = SLIMTA_AUTH_ANYONE},
            0);

    (void)state;
    start(scene);
    assert_int_equal(run(scene, "LOGIN", "whatever"), 235);
    leave(scene);
    /* Not when there is somebody to ask. */
    scene = prepare((struct smtp_edge_options){.auth_mechanisms = "PLAIN",
                        .auth_flags = SLIMTA_AUTH_ANYONE},
        ASKS_AUTH);
    start(scene);
    assert_int_equal(run(scene, "PLAIN", "whatever"), 535);
    leave(scene);
}

/* --- The session ---------------------------------------------------------- */

/** What `mail` has seen. */
struct seen {
    char auth[128];
    char protocol[16];
    char declared[64]; /* AUTH= */
};

static void look(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    const struct slimta_auth *auth = slimta_session_auth(session);
    struct seen *seen = policy->user;

    (void)argument;
    if (step != HOST_MAIL && step != HOST_EHLO) {
        return;
    }
    snprintf(seen->protocol, sizeof seen->protocol, "%s",
        slimta_session_protocol(session));
    snprintf(seen->auth, sizeof seen->auth, "%s|%s|%s",
        auth == NULL ? "" : auth->mechanism, auth == NULL ? "" : auth->authcid,
        auth == NULL ? "" : auth->authzid);
}

#define PROVED "PLAIN|" USER "|" USER

static void test_the_session_knows(void **state)
{
    struct seen seen = {.auth = ""};
    struct scene *scene = prepare((struct smtp_edge_options){0}, ASKS_SECRET);

    (void)state;
    scene->policy.look = look;
    scene->policy.user = &seen;
    start(scene);
    assert_string_equal(seen.auth, "||");
    assert_int_equal(sasl_client_plain(&scene->client, USER, PASSWORD), 235);
    scene_ask(scene, "MAIL FROM:<a@example.com>\r\n", "250");
    assert_string_equal(seen.auth, PROVED);
    assert_string_equal(seen.protocol, "ESMTPA");
    /* RFC 4954 section 4: RSET and EHLO change nothing. */
    scene_ask(scene, "RSET\r\n", "250");
    scene_ask(scene, SCENE_EHLO, "250");
    assert_string_equal(seen.auth, PROVED);
    scene_ask(scene, "MAIL FROM:<a@example.com>\r\n", "250");
    assert_string_equal(seen.auth, PROVED);
    scene_ask(scene, "RSET\r\n", "250");
    expect_in(scene, 1);
    /* RFC 3207 section 4.2: STARTTLS forgets all that the client has said. */
    scene_ask(scene, "STARTTLS\r\n", "220");
    scene_secure(scene);
    scene_ask(scene, SCENE_EHLO, "250");
    assert_string_equal(seen.auth, "||");
    scene_ask(scene, "MAIL FROM:<a@example.com>\r\n", "250");
    assert_string_equal(seen.auth, "||");
    assert_string_equal(seen.protocol, "ESMTPS");
    scene_ask(scene, "RSET\r\n", "250");
    assert_int_equal(sasl_client_plain(&scene->client, USER, PASSWORD), 235);
    scene_ask(scene, "MAIL FROM:<a@example.com>\r\n", "250");
    assert_string_equal(seen.auth, PROVED);
    assert_string_equal(seen.protocol, "ESMTPSA");
    leave(scene);
}

static void expect_envelope(struct scene *scene, const char *mail,
    const char *authcid, const char *declared, const char *protocol)
{
    const struct slimta_client *facts;
    const char *auth;
    struct host_pending pending;

    scene_ask(scene, mail, "250");
    scene_ask(scene, "RCPT TO:<b@example.net>\r\nDATA\r\n", "250");
    scene_hear(scene, "354");
    assert_int_equal(host_client_send(&scene->client, "x\r\n.\r\n", 6), 0);
    pending = host_queue_next(&scene->queue);
    facts = slimta_envelope_client(pending.envelope);
    auth = slimta_envelope_params(pending.envelope)->auth;
    if (authcid == NULL) {
        assert_null(facts->authcid);
        assert_null(facts->auth_mechanism);
    } else {
        assert_string_equal(facts->authcid, authcid);
        assert_string_equal(facts->authzid, authcid);
        assert_string_equal(facts->auth_mechanism, "PLAIN");
    }
    assert_string_equal(facts->protocol, protocol);
    if (declared == NULL) {
        assert_null(auth);
    } else {
        assert_string_equal(auth, declared);
    }
    assert_int_equal(host_pending_accept(&pending), 0);
    scene_hear(scene, "250");
}

/* RFC 4954 section 5: nobody's word is taken who has not shown who it is. */
static void test_the_envelope_knows(void **state)
{
    struct scene *scene = new_scene(ASKS_SECRET);

    (void)state;
    host_queue_answers(&scene->queue, HOST_LATER);
    expect_envelope(
        scene, "MAIL FROM:<a@example.com>\r\n", NULL, NULL, "ESMTP");
    expect_envelope(scene,
        "MAIL FROM:<a@example.com> AUTH=c+2Bd@example.com\r\n", NULL, "",
        "ESMTP");
    assert_int_equal(sasl_client_plain(&scene->client, USER, PASSWORD), 235);
    expect_envelope(
        scene, "MAIL FROM:<a@example.com>\r\n", USER, NULL, "ESMTPA");
    expect_envelope(scene,
        "MAIL FROM:<a@example.com> AUTH=c+2Bd@example.com\r\n", USER,
        "c+d@example.com", "ESMTPA");
    expect_envelope(
        scene, "MAIL FROM:<a@example.com> AUTH=<>\r\n", USER, "", "ESMTPA");
    leave(scene);
}

static void test_require_auth(void **state)
{
    struct scene *scene = prepare((struct smtp_edge_options){0}, ASKS_SECRET);

    (void)state;
    assert_int_equal(
        smtp_edge_add_validators(scene->host.edge, slimta_require_auth(), NULL),
        0);
    start(scene);
    scene_ask(
        scene, "MAIL FROM:<a@example.com>\r\n", "550 5.7.1 Sender not allowed");
    assert_int_equal(sasl_client_plain(&scene->client, USER, PASSWORD), 235);
    scene_deliver(scene);
    leave(scene);
}

/* Without SLIMTA_AUTH_CLEAR no password crosses in the clear. */
static void test_no_passwords_in_the_clear(void **state)
{
    struct scene *scene =
        scene_prepare(&(struct smtp_edge_options){.auth_mechanisms = ALL}, 1);

    (void)state;
    host_policy_order(
        &scene->policy, HOST_SECRET, HOST_SET, HOST_PASSWORD, PASSWORD);
    start(scene);
    assert_int_equal(sasl_client_plain(&scene->client, USER, PASSWORD), 538);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_SECRET), 0);
    assert_int_equal(run(scene, "SCRAM-SHA-256", "wrong"), 535);
    scene_ask(scene, "STARTTLS\r\n", "220");
    scene_secure(scene);
    scene_ask(scene, SCENE_EHLO, "250");
    assert_int_equal(sasl_client_plain(&scene->client, USER, PASSWORD), 235);
    leave(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mechanism),
        cmocka_unit_test(test_auth_is_asked),
        cmocka_unit_test(test_authzid),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_never_answers),
        cmocka_unit_test(test_client_has_left),
        cmocka_unit_test(test_stop_while_waiting),
        cmocka_unit_test(test_end_while_keys_are_made),
        cmocka_unit_test(test_several_tables),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_anyone),
        cmocka_unit_test(test_the_session_knows),
        cmocka_unit_test(test_the_envelope_knows),
        cmocka_unit_test(test_require_auth),
        cmocka_unit_test(test_no_passwords_in_the_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
