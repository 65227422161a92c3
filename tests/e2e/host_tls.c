/** A host with certificates: STARTTLS offered and required, TLS at once, and
 * the validators `starttls` and `tls` in all their ways of answering. */
#include "scene.h"

#include <string.h>
#include <sys/socket.h>

#define EHLO SCENE_EHLO
#define LATER "4.7.1 Later please"

static struct scene *new_scene(enum slimta_tls_mode mode)
{
    return scene_new(&(struct smtp_edge_options){.tls_mode = mode}, 1);
}

static struct scene *new_hasty_scene(enum slimta_tls_mode mode,
    uint64_t validator_timeout_ms, uint64_t tls_timeout_ms)
{
    return scene_new(&(struct smtp_edge_options){.tls_mode = mode,
                         .validator_timeout_ms = validator_timeout_ms,
                         .tls_timeout_ms = tls_timeout_ms},
        1);
}

/* --- When TLS begins ------------------------------------------------------ */

static void test_offered(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct slimta_counters counters;

    (void)state;
    scene_hear(scene, "220 ");
    /* Nobody must: the client goes on in the clear as well. */
    scene_ask(scene, EHLO, "250");
    scene_deliver(scene);
    scene_ask(scene, "STARTTLS\r\n", "220 2.7.0 Go ahead");
    scene_secure(scene);
    /* RFC 3207 section 4.2: the greeting is forgotten. */
    scene_ask(scene, "MAIL FROM:<a@example.com>\r\n", "503");
    scene_ask(scene, EHLO, "250");
    assert_null(strstr(scene->client.line, "STARTTLS"));
    scene_ask(scene, "STARTTLS\r\n", "503");
    scene_deliver(scene);
    scene_quit(scene);
    counters = scene_counters(scene);
    assert_int_equal(counters.tls_handshakes, 1);
    assert_int_equal(counters.tls_errors, 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_STARTTLS), 1);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_TLS), 1);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void test_required(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_REQUIRED);

    (void)state;
    scene_greet(scene);
    scene_ask(scene, "MAIL FROM:<a@example.com>\r\n", "530 5.7.0");
    scene_ask(scene, "STARTTLS\r\n", "220");
    scene_secure(scene);
    scene_ask(scene, EHLO, "250");
    scene_deliver(scene);
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void test_immediate(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_IMMEDIATE);

    (void)state;
    scene_secure(scene);
    scene_greet(scene);
    scene_ask(scene, "STARTTLS\r\n", "503");
    scene_deliver(scene);
    scene_quit(scene);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_STARTTLS), 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_TLS), 1);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_CONNECT), 1);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* RFC 3207 section 4.2: what somebody put behind the command in the clear is
 * not served after the handshake. */
static void test_clear_text_behind_starttls(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);

    (void)state;
    scene_greet(scene);
    scene_ask(scene, "STARTTLS\r\nEHLO evil.example\r\nNOOP\r\n", "220");
    scene_secure(scene);
    scene_ask(scene, EHLO, "250");
    scene_quit(scene);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_NOOP), 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_EHLO), 2);
    scene_await(scene, "tls_discarded session=");
    scene_await(scene, "bytes=25\n");
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* --- The validator `starttls` --------------------------------------------- */

static void starttls_says(
    enum host_deed deed, int code, const char *text, const char *heard)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    int is_good = code / 100 == 2 && code != 221;

    host_policy_order(&scene->policy, HOST_STARTTLS, deed, code, text);
    scene_greet(scene);
    assert_int_equal(host_client_send(&scene->client, "STARTTLS\r\n", 10), 0);
    if (deed == HOST_TAKE) {
        struct host_taken taken = host_policy_next(&scene->policy);

        assert_int_equal(host_taken_answer(&taken, code, text), 0);
    }
    scene_hear(scene, heard);
    if (code == 421 || code == 221) {
        scene_hear_end(scene);
        scene_close(scene, SLIMTA_CLOSED_REPLY);
        return;
    }
    if (is_good) {
        scene_secure(scene);
        scene_ask(scene, EHLO, "250");
    } else {
        /* The session goes on in the clear. */
        scene_deliver(scene);
    }
    assert_int_equal(
        host_policy_asked(&scene->policy, HOST_TLS), (size_t)is_good);
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void test_starttls_answers(void **state)
{
    static const enum host_deed deeds[] = {HOST_SET, HOST_FINISH, HOST_TAKE};

    (void)state;
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        starttls_says(deeds[i], 220, "2.7.0 Come in", "220 2.7.0 Come in");
        /* The code that is due is 220, RFC 3207 section 4. */
        starttls_says(deeds[i], 250, "2.0.0 Come in", "220 2.0.0 Come in");
        starttls_says(deeds[i], 454, LATER, "454 " LATER);
        starttls_says(deeds[i], 550, "5.7.1 No", "550 5.7.1 No");
        starttls_says(deeds[i], 421, "4.3.2 Bye", "421 4.3.2 Bye");
    }
}

static void test_starttls_never_answers(void **state)
{
    struct scene *scene = new_hasty_scene(SLIMTA_TLS_OFFERED, 50, 0);
    struct host_taken taken;

    (void)state;
    host_policy_order(&scene->policy, HOST_STARTTLS, HOST_TAKE, 0, NULL);
    scene_greet(scene);
    scene_ask(scene, "STARTTLS\r\n", "454 4.7.0 ");
    taken = host_policy_next(&scene->policy);
    assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
    assert_int_equal(host_taken_answer(&taken, 220, "2.7.0 Surprise"), 0);
    scene_deliver(scene);
    scene_quit(scene);
    scene_await(scene, "question=starttls");
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* Waits for a client that has gone while its op was open. */
static void leave(struct scene *scene, struct host_taken *taken)
{
    host_client_reset(&scene->client);
    assert_true(host_policy_wait(&scene->policy, &scene->policy.cancelled, 1));
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    assert_int_equal(slimta_op_is_cancelled(taken->op), 1);
    assert_int_equal(host_taken_answer(taken, 220, "2.7.0 Too late"), 0);
}

static void test_starttls_client_has_left(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct host_taken taken;

    (void)state;
    host_policy_order(&scene->policy, HOST_STARTTLS, HOST_TAKE, 0, NULL);
    scene_greet(scene);
    assert_int_equal(host_client_send(&scene->client, "STARTTLS\r\n", 10), 0);
    taken = host_policy_next(&scene->policy);
    leave(scene, &taken);
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
}

/* What comes behind STARTTLS while its validator thinks is clear text too. */
static void test_clear_text_while_starttls_waits(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct host_taken taken;

    (void)state;
    host_policy_order(&scene->policy, HOST_STARTTLS, HOST_TAKE, 0, NULL);
    scene_greet(scene);
    assert_int_equal(
        host_client_send(&scene->client, "STARTTLS\r\nNOOP\r\n", 16), 0);
    taken = host_policy_next(&scene->policy);
    assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
    scene_hear(scene, "220");
    scene_secure(scene);
    scene_ask(scene, EHLO, "250");
    scene_quit(scene);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_NOOP), 0);
    scene_await(scene, "tls_discarded");
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* --- The validator `tls` -------------------------------------------------- */

/* As far as the handshake, in either way. */
static void begin(struct scene *scene, enum slimta_tls_mode mode)
{
    if (mode == SLIMTA_TLS_OFFERED) {
        scene_greet(scene);
        scene_ask(scene, "STARTTLS\r\n", "220");
    }
    scene_secure(scene);
}

/* RFC 3207 section 4.1: when TLS has not come to enough, all but QUIT is
 * refused. */
static void expect_refused(
    struct scene *scene, enum slimta_tls_mode mode, const char *refusal)
{
    if (mode == SLIMTA_TLS_IMMEDIATE) {
        (void)host_client_reply(&scene->client);
    }
    scene_ask(scene, EHLO, refusal);
    scene_ask(scene, "MAIL FROM:<a@example.com>\r\n", refusal);
    scene_ask(scene, "STARTTLS\r\n", refusal);
    scene_ask(scene, "NOOP\r\n", refusal);
    scene_ask(scene, "XFROB\r\n", refusal);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_NOOP), 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_COMMAND), 0);
    scene_quit(scene);
}

static void tls_says(enum slimta_tls_mode mode, enum host_deed deed, int code,
    const char *text, const char *heard)
{
    struct scene *scene = new_scene(mode);

    host_policy_order(&scene->policy, HOST_TLS, deed, code, text);
    begin(scene, mode);
    if (deed == HOST_TAKE) {
        struct host_taken taken = host_policy_next(&scene->policy);

        assert_int_equal(host_taken_answer(&taken, code, text), 0);
    }
    if (code == 421 || code == 221) {
        scene_hear(scene, heard);
        scene_hear_end(scene);
        assert_true(tls_client_is_ended(scene->client.tls));
        scene_close(scene, SLIMTA_CLOSED_REPLY);
        return;
    }
    if (code >= 400) {
        expect_refused(scene, mode, heard);
    } else {
        if (mode == SLIMTA_TLS_IMMEDIATE) {
            scene_hear(scene, "220 mx.example.net ");
        }
        scene_ask(scene, EHLO, "250");
        scene_deliver(scene);
        scene_quit(scene);
    }
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void test_tls_answers(void **state)
{
    static const enum host_deed deeds[] = {HOST_SET, HOST_FINISH, HOST_TAKE};
    static const enum slimta_tls_mode modes[] = {
        SLIMTA_TLS_OFFERED, SLIMTA_TLS_IMMEDIATE};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        enum host_deed deed = deeds[i / 2];
        enum slimta_tls_mode mode = modes[i % 2];

        tls_says(mode, deed, 220, "2.7.0 Fine", "");
        tls_says(mode, deed, 0, NULL, "");
        tls_says(mode, deed, 454, LATER, "454 " LATER);
        tls_says(mode, deed, 550, "5.7.1 No", "550 5.7.1 No");
        tls_says(mode, deed, 421, "4.3.2 Bye", "421 4.3.2 Bye");
        tls_says(mode, deed, 221, "2.0.0 Bye", "221 2.0.0 Bye");
    }
}

static void test_tls_never_answers(void **state)
{
    static const enum slimta_tls_mode modes[] = {
        SLIMTA_TLS_OFFERED, SLIMTA_TLS_IMMEDIATE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene = new_hasty_scene(modes[i], 50, 0);
        struct host_taken taken;

        host_policy_order(&scene->policy, HOST_TLS, HOST_TAKE, 0, NULL);
        begin(scene, modes[i]);
        taken = host_policy_next(&scene->policy);
        scene_hear(scene, "421 ");
        scene_hear_end(scene);
        assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
        assert_int_equal(host_taken_answer(&taken, 220, "2.7.0 Surprise"), 0);
        scene_await(scene, "question=tls");
        scene_close(scene, SLIMTA_CLOSED_REPLY);
    }
}

static void test_tls_client_has_left(void **state)
{
    static const enum slimta_tls_mode modes[] = {
        SLIMTA_TLS_OFFERED, SLIMTA_TLS_IMMEDIATE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene = new_scene(modes[i]);
        struct host_taken taken;

        host_policy_order(&scene->policy, HOST_TLS, HOST_TAKE, 0, NULL);
        begin(scene, modes[i]);
        taken = host_policy_next(&scene->policy);
        leave(scene, &taken);
        scene_close(scene, SLIMTA_CLOSED_CLIENT);
    }
}

/* Commands that come while `tls` thinks are answered after it, in order. */
static void test_commands_wait_for_tls(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct host_taken taken;

    (void)state;
    host_policy_order(&scene->policy, HOST_TLS, HOST_TAKE, 0, NULL);
    begin(scene, SLIMTA_TLS_OFFERED);
    assert_int_equal(
        host_client_send(&scene->client, EHLO "NOOP\r\nQUIT\r\n", 33), 0);
    taken = host_policy_next(&scene->policy);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_EHLO), 1);
    assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
    scene_hear(scene, "250");
    scene_hear(scene, "250 2.0.0");
    scene_hear(scene, "221");
    scene_hear_end(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* --- Stopping ------------------------------------------------------------- */

static void stop_while_waiting(enum host_step step)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct host_taken taken;

    host_policy_order(&scene->policy, step, HOST_TAKE, 0, NULL);
    scene_greet(scene);
    assert_int_equal(host_client_send(&scene->client, "STARTTLS\r\n", 10), 0);
    if (step == HOST_TLS) {
        scene_hear(scene, "220");
        scene_secure(scene);
    }
    taken = host_policy_next(&scene->policy);
    host_edge_stop(&scene->host, 0);
    assert_int_equal(scene->policy.cancelled, 1);
    assert_int_equal(
        host_taken_answer(&taken, 220, "2.7.0 Fine"), SLIMTA_ECANCELED);
    assert_true(host_client_reply(&scene->client) <= 0);
    scene_close(scene, SLIMTA_CLOSED_STOP);
}

static void test_stop_while_waiting(void **state)
{
    (void)state;
    stop_while_waiting(HOST_STARTTLS);
    stop_while_waiting(HOST_TLS);
}

/* Drained in the middle of a handshake: the 421 comes over TLS. */
static void test_drain_during_a_handshake(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);

    (void)state;
    scene_greet(scene);
    scene_ask(scene, "STARTTLS\r\n", "220");
    assert_int_equal(smtp_edge_stop(scene->host.edge, SLIMTA_UNLIMITED,
                         host_edge_stopped, &scene->host),
        0);
    scene_secure(scene);
    scene_hear(scene, "421 4.3.2");
    scene_hear_end(scene);
    assert_true(tls_client_is_ended(scene->client.tls));
    host_client_close(&scene->client);
    assert_true(host_wait(&scene->host.stopped));
    smtp_edge_free(scene->host.edge);
    scene->host.edge = NULL;
    sem_destroy(&scene->host.stopped);
    scene_close(scene, SLIMTA_CLOSED_STOP);
}

static void test_stop_during_a_handshake(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_IMMEDIATE);

    (void)state;
    scene_await(scene, "connect session=");
    /* The edge has nothing in the clear to say, then it is gone. */
    host_edge_stop(&scene->host, 0);
    assert_true(host_client_reply(&scene->client) <= 0);
    assert_string_equal(scene->client.line, "");
    scene_close(scene, SLIMTA_CLOSED_STOP);
}

/* --- Deadlines and failures ----------------------------------------------- */

static void test_handshake_deadline(void **state)
{
    static const enum slimta_tls_mode modes[] = {
        SLIMTA_TLS_OFFERED, SLIMTA_TLS_IMMEDIATE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene = new_hasty_scene(modes[i], 0, 50);

        if (modes[i] == SLIMTA_TLS_OFFERED) {
            scene_greet(scene);
            scene_ask(scene, "STARTTLS\r\n", "220");
        }
        /* Not a word in the clear. */
        assert_true(host_client_reply(&scene->client) <= 0);
        assert_int_equal(scene->client.held, 0);
        assert_true(
            host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
        scene_await(scene, "it took too long");
        assert_int_equal(host_policy_asked(&scene->policy, HOST_TLS), 0);
        scene_close(scene, SLIMTA_CLOSED_TIMEOUT);
    }
}

/* The client speaks SMTP where TLS is due: it gets an alert, not a reply. */
static void test_clear_text_in_place_of_tls(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct slimta_counters counters;
    char octets[16];
    ssize_t got = 0;

    (void)state;
    scene_greet(scene);
    scene_ask(scene, "STARTTLS\r\n", "220");
    assert_int_equal(host_client_send(&scene->client, EHLO, strlen(EHLO)), 0);
    got = recv(scene->client.fd, octets, sizeof octets, 0);
    assert_true(got == 0 || octets[0] == 0x15); /* RFC 5246 section 6.2.1 */
    host_client_close(&scene->client);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    counters = scene_counters(scene);
    assert_int_equal(counters.tls_errors, 1);
    assert_int_equal(counters.tls_handshakes, 0);
    scene_await(scene, "tls_failed");
    scene_await(scene, "clear text instead of TLS");
    scene_close(scene, SLIMTA_CLOSED_TLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offered),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_immediate),
        cmocka_unit_test(test_clear_text_behind_starttls),
        cmocka_unit_test(test_starttls_answers),
        cmocka_unit_test(test_starttls_never_answers),
        cmocka_unit_test(test_starttls_client_has_left),
        cmocka_unit_test(test_clear_text_while_starttls_waits),
        cmocka_unit_test(test_tls_answers),
        cmocka_unit_test(test_tls_never_answers),
        cmocka_unit_test(test_tls_client_has_left),
        cmocka_unit_test(test_commands_wait_for_tls),
        cmocka_unit_test(test_stop_while_waiting),
        cmocka_unit_test(test_drain_during_a_handshake),
        cmocka_unit_test(test_stop_during_a_handshake),
        cmocka_unit_test(test_handshake_deadline),
        cmocka_unit_test(test_clear_text_in_place_of_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
