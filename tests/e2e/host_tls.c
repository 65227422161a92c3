/** A host with certificates: STARTTLS offered and required, TLS at once, and
 * the validators `starttls` and `tls` in all their ways of answering. */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <slimta/tls.h>

#define EHLO "EHLO client.example\r\n"
#define LATER "4.7.1 Later please"

/** An edge with one table and a log of its events, and a client. */
struct scene {
    struct host_policy policy;
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;
    struct slimta_tls *tls;
    pthread_mutex_t lock;
    char log[8192];
};

static void write_down(const struct slimta_event *event, void *user)
{
    struct scene *scene = user;
    char line[512];

    (void)slimta_event_format(event, SLIMTA_LOG_TEXT, line, sizeof line);
    pthread_mutex_lock(&scene->lock);
    if (strlen(scene->log) + strlen(line) + 2 < sizeof scene->log) {
        strcat(strcat(scene->log, line), "\n");
    }
    pthread_mutex_unlock(&scene->lock);
}

static void open_scene(struct scene *scene, enum slimta_tls_mode mode,
    uint64_t validator_timeout_ms, uint64_t tls_timeout_ms)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .tls = scene->tls == NULL ? scene->tls = host_tls(NULL, "server", NULL)
                                  : scene->tls,
        .tls_mode = mode,
        .validator_timeout_ms = validator_timeout_ms,
        .tls_timeout_ms = tls_timeout_ms,
        .event = write_down,
        .event_user = scene};

    scene->log[0] = '\0';
    pthread_mutex_init(&scene->lock, NULL);
    host_policy_init(&scene->policy);
    host_queue_init(&scene->queue, HOST_QUEUED);
    host_policy_start(&scene->host, &options, &scene->queue.queue,
        (struct host_policy *const[]){&scene->policy, NULL});
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
}

static struct scene *new_scene(enum slimta_tls_mode mode)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    open_scene(scene, mode, 0, 0);
    return scene;
}

static struct scene *new_hasty_scene(enum slimta_tls_mode mode,
    uint64_t validator_timeout_ms, uint64_t tls_timeout_ms)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    open_scene(scene, mode, validator_timeout_ms, tls_timeout_ms);
    return scene;
}

/* The end of the scene's first session is awaited: `closed` once for each. */
static void close_scene(struct scene *scene, enum slimta_closed reason)
{
    host_client_close(&scene->client);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    if (scene->host.edge != NULL) {
        host_edge_stop(&scene->host, 1000);
    }
    if (scene->policy.reasons[reason] == 0) {
        fail_msg("another reason:\n%s", scene->log);
    }
    host_policy_fini(&scene->policy);
    host_queue_fini(&scene->queue);
    slimta_tls_unref(scene->tls);
    pthread_mutex_destroy(&scene->lock);
    free(scene);
}

static void hear(struct scene *scene, const char *beginning)
{
    int code = host_client_reply(&scene->client);

    if (code <= 0 ||
        strncmp(scene->client.line, beginning, strlen(beginning)) != 0) {
        fail_msg("heard %d '%s', not '%s'\n%s", code, scene->client.line,
            beginning, scene->log);
    }
}

static void ask(
    struct scene *scene, const char *command, const char *beginning)
{
    assert_int_equal(
        host_client_send(&scene->client, command, strlen(command)), 0);
    hear(scene, beginning);
}

static void hear_end(struct scene *scene)
{
    int code = host_client_reply(&scene->client);

    if (code != 0) {
        fail_msg("heard %d '%s'", code, scene->client.line);
    }
}

static void secure(struct scene *scene)
{
    assert_int_equal(host_client_secure(&scene->client, NULL), 0);
}

/* In the clear, as far as EHLO. */
static void greet(struct scene *scene)
{
    hear(scene, "220 ");
    ask(scene, EHLO, "250");
}

static void deliver(struct scene *scene)
{
    const char *const envelope = "MAIL FROM:<a@example.com>\r\n"
                                 "RCPT TO:<b@example.net>\r\nDATA\r\n";

    ask(scene, envelope, "250 2.1.0");
    hear(scene, "250 2.1.5");
    hear(scene, "354");
    ask(scene, HOST_MESSAGE ".\r\n", "250 2.6.0 Message queued");
}

static void quit(struct scene *scene)
{
    ask(scene, "QUIT\r\n", "221 ");
    hear_end(scene);
    if (scene->client.tls != NULL) {
        assert_true(tls_client_is_ended(scene->client.tls));
    }
}

/* --- When TLS begins ------------------------------------------------------ */

static void test_offered(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct slimta_counters counters = {.size = sizeof counters};

    (void)state;
    hear(scene, "220 ");
    /* Nobody must: the client goes on in the clear as well. */
    ask(scene, EHLO, "250");
    deliver(scene);
    ask(scene, "STARTTLS\r\n", "220 2.7.0 Go ahead");
    secure(scene);
    /* RFC 3207 section 4.2: the greeting is forgotten. */
    ask(scene, "MAIL FROM:<a@example.com>\r\n", "503");
    ask(scene, EHLO, "250");
    assert_null(strstr(scene->client.line, "STARTTLS"));
    ask(scene, "STARTTLS\r\n", "503");
    deliver(scene);
    quit(scene);
    smtp_edge_count(scene->host.edge, &counters);
    assert_int_equal(counters.tls_handshakes, 1);
    assert_int_equal(counters.tls_errors, 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_STARTTLS), 1);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_TLS), 1);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void test_required(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_REQUIRED);

    (void)state;
    greet(scene);
    ask(scene, "MAIL FROM:<a@example.com>\r\n", "530 5.7.0");
    ask(scene, "STARTTLS\r\n", "220");
    secure(scene);
    ask(scene, EHLO, "250");
    deliver(scene);
    quit(scene);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void test_immediate(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_IMMEDIATE);

    (void)state;
    secure(scene);
    greet(scene);
    ask(scene, "STARTTLS\r\n", "503");
    deliver(scene);
    quit(scene);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_STARTTLS), 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_TLS), 1);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_CONNECT), 1);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

/* RFC 3207 section 4.2: what somebody put behind the command in the clear is
 * not served after the handshake. */
static void test_clear_text_behind_starttls(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);

    (void)state;
    greet(scene);
    ask(scene, "STARTTLS\r\nEHLO evil.example\r\nNOOP\r\n", "220");
    secure(scene);
    ask(scene, EHLO, "250");
    quit(scene);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_NOOP), 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_EHLO), 2);
    if (strstr(scene->log, "tls_discarded session=") == NULL ||
        strstr(scene->log, "bytes=25\n") == NULL) {
        fail_msg("%s", scene->log);
    }
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

/* --- The validator `starttls` --------------------------------------------- */

static void starttls_says(enum host_deed deed, int code, const char *text,
    const char *heard)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    int is_good = code / 100 == 2 && code != 221;

    host_policy_order(&scene->policy, HOST_STARTTLS, deed, code, text);
    greet(scene);
    assert_int_equal(host_client_send(&scene->client, "STARTTLS\r\n", 10), 0);
    if (deed == HOST_TAKE) {
        struct host_taken taken = host_policy_next(&scene->policy);

        assert_int_equal(host_taken_answer(&taken, code, text), 0);
    }
    hear(scene, heard);
    if (code == 421 || code == 221) {
        hear_end(scene);
        close_scene(scene, SLIMTA_CLOSED_REPLY);
        return;
    }
    if (is_good) {
        secure(scene);
        ask(scene, EHLO, "250");
    } else {
        /* The session goes on in the clear. */
        deliver(scene);
    }
    assert_int_equal(
        host_policy_asked(&scene->policy, HOST_TLS), (size_t)is_good);
    quit(scene);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
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
    greet(scene);
    ask(scene, "STARTTLS\r\n", "454 4.7.0 ");
    taken = host_policy_next(&scene->policy);
    assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
    assert_int_equal(host_taken_answer(&taken, 220, "2.7.0 Surprise"), 0);
    deliver(scene);
    quit(scene);
    assert_non_null(strstr(scene->log, "question=starttls"));
    close_scene(scene, SLIMTA_CLOSED_QUIT);
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
    greet(scene);
    assert_int_equal(host_client_send(&scene->client, "STARTTLS\r\n", 10), 0);
    taken = host_policy_next(&scene->policy);
    leave(scene, &taken);
    close_scene(scene, SLIMTA_CLOSED_CLIENT);
}

/* What comes behind STARTTLS while its validator thinks is clear text too. */
static void test_clear_text_while_starttls_waits(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct host_taken taken;

    (void)state;
    host_policy_order(&scene->policy, HOST_STARTTLS, HOST_TAKE, 0, NULL);
    greet(scene);
    assert_int_equal(
        host_client_send(&scene->client, "STARTTLS\r\nNOOP\r\n", 16), 0);
    taken = host_policy_next(&scene->policy);
    assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
    hear(scene, "220");
    secure(scene);
    ask(scene, EHLO, "250");
    quit(scene);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_NOOP), 0);
    assert_non_null(strstr(scene->log, "tls_discarded"));
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

/* --- The validator `tls` -------------------------------------------------- */

/* As far as the handshake, in either way. */
static void begin(struct scene *scene, enum slimta_tls_mode mode)
{
    if (mode == SLIMTA_TLS_OFFERED) {
        greet(scene);
        ask(scene, "STARTTLS\r\n", "220");
    }
    secure(scene);
}

/* RFC 3207 section 4.1: when TLS has not come to enough, all but QUIT is
 * refused. */
static void expect_refused(struct scene *scene, enum slimta_tls_mode mode,
    const char *refusal)
{
    if (mode == SLIMTA_TLS_IMMEDIATE) {
        (void)host_client_reply(&scene->client);
    }
    ask(scene, EHLO, refusal);
    ask(scene, "MAIL FROM:<a@example.com>\r\n", refusal);
    ask(scene, "STARTTLS\r\n", refusal);
    ask(scene, "NOOP\r\n", refusal);
    ask(scene, "XFROB\r\n", refusal);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_NOOP), 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_COMMAND), 0);
    quit(scene);
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
        hear(scene, heard);
        hear_end(scene);
        assert_true(tls_client_is_ended(scene->client.tls));
        close_scene(scene, SLIMTA_CLOSED_REPLY);
        return;
    }
    if (code >= 400) {
        expect_refused(scene, mode, heard);
    } else {
        if (mode == SLIMTA_TLS_IMMEDIATE) {
            hear(scene, "220 mx.example.net ");
        }
        ask(scene, EHLO, "250");
        deliver(scene);
        quit(scene);
    }
    close_scene(scene, SLIMTA_CLOSED_QUIT);
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
        hear(scene, "421 ");
        hear_end(scene);
        assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
        assert_int_equal(host_taken_answer(&taken, 220, "2.7.0 Surprise"), 0);
        assert_non_null(strstr(scene->log, "question=tls"));
        close_scene(scene, SLIMTA_CLOSED_REPLY);
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
        close_scene(scene, SLIMTA_CLOSED_CLIENT);
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
    hear(scene, "250");
    hear(scene, "250 2.0.0");
    hear(scene, "221");
    hear_end(scene);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

/* --- Stopping ------------------------------------------------------------- */

static void stop_while_waiting(enum host_step step)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct host_taken taken;

    host_policy_order(&scene->policy, step, HOST_TAKE, 0, NULL);
    greet(scene);
    assert_int_equal(host_client_send(&scene->client, "STARTTLS\r\n", 10), 0);
    if (step == HOST_TLS) {
        hear(scene, "220");
        secure(scene);
    }
    taken = host_policy_next(&scene->policy);
    host_edge_stop(&scene->host, 0);
    assert_int_equal(scene->policy.cancelled, 1);
    assert_int_equal(
        host_taken_answer(&taken, 220, "2.7.0 Fine"), SLIMTA_ECANCELED);
    assert_true(host_client_reply(&scene->client) <= 0);
    close_scene(scene, SLIMTA_CLOSED_STOP);
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
    greet(scene);
    ask(scene, "STARTTLS\r\n", "220");
    assert_int_equal(smtp_edge_stop(scene->host.edge, SLIMTA_UNLIMITED,
                         host_edge_stopped, &scene->host),
        0);
    secure(scene);
    hear(scene, "421 4.3.2");
    hear_end(scene);
    assert_true(tls_client_is_ended(scene->client.tls));
    host_client_close(&scene->client);
    assert_true(host_wait(&scene->host.stopped));
    smtp_edge_free(scene->host.edge);
    scene->host.edge = NULL;
    sem_destroy(&scene->host.stopped);
    close_scene(scene, SLIMTA_CLOSED_STOP);
}

static void test_stop_during_a_handshake(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_IMMEDIATE);

    (void)state;
    /* The edge has nothing in the clear to say, then it is gone. */
    host_edge_stop(&scene->host, 0);
    assert_true(host_client_reply(&scene->client) <= 0);
    assert_string_equal(scene->client.line, "");
    close_scene(scene, SLIMTA_CLOSED_STOP);
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
            greet(scene);
            ask(scene, "STARTTLS\r\n", "220");
        }
        /* Not a word in the clear. */
        assert_true(host_client_reply(&scene->client) <= 0);
        assert_int_equal(scene->client.held, 0);
        assert_true(
            host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
        assert_non_null(strstr(scene->log, "it took too long"));
        assert_int_equal(host_policy_asked(&scene->policy, HOST_TLS), 0);
        close_scene(scene, SLIMTA_CLOSED_TIMEOUT);
    }
}

/* The client speaks SMTP where TLS is due: it gets an alert, not a reply. */
static void test_clear_text_in_place_of_tls(void **state)
{
    struct scene *scene = new_scene(SLIMTA_TLS_OFFERED);
    struct slimta_counters counters = {.size = sizeof counters};
    char octets[16];
    ssize_t got = 0;

    (void)state;
    greet(scene);
    ask(scene, "STARTTLS\r\n", "220");
    assert_int_equal(host_client_send(&scene->client, EHLO, strlen(EHLO)), 0);
    got = recv(scene->client.fd, octets, sizeof octets, 0);
    assert_true(got == 0 || octets[0] == 0x15); /* RFC 5246 section 6.2.1 */
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 0));
    host_client_close(&scene->client);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    smtp_edge_count(scene->host.edge, &counters);
    assert_int_equal(counters.tls_errors, 1);
    assert_int_equal(counters.tls_handshakes, 0);
    assert_non_null(strstr(scene->log, "tls_failed"));
    assert_non_null(strstr(scene->log, "clear text instead of TLS"));
    close_scene(scene, SLIMTA_CLOSED_TLS);
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
