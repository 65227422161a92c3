/** A host with several tables of validators: their order, and what each may
 * make of a session. */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OTHERS 100

/** Two tables, an edge, a client. */
struct scene {
    struct host_policy first;
    struct host_policy second;
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;
};

static struct scene *new_scene(void)
{
    struct scene *scene = malloc(sizeof *scene);

    assert_non_null(scene);
    host_policy_init(&scene->first);
    host_policy_init(&scene->second);
    host_queue_init(&scene->queue, HOST_QUEUED);
    return scene;
}

static void start_scene(struct scene *scene)
{
    host_policy_start(&scene->host, NULL, &scene->queue.queue,
        (struct host_policy *const[]){&scene->first, &scene->second, NULL});
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
}

static void free_scene(struct scene *scene)
{
    host_client_close(&scene->client);
    host_edge_stop(&scene->host, 0);
    assert_int_equal(scene->first.closed_count, scene->second.closed_count);
    host_policy_fini(&scene->first);
    host_policy_fini(&scene->second);
    host_queue_fini(&scene->queue);
    free(scene);
}

static void ask(struct scene *scene, const char *text, const char *wanted)
{
    assert_true(host_client_ask(&scene->client, text) > 0);
    if (strncmp(scene->client.line, wanted, strlen(wanted)) != 0) {
        fail_msg("heard '%s', not '%s'", scene->client.line, wanted);
    }
}

static void greet(struct scene *scene)
{
    assert_int_equal(host_client_reply(&scene->client), 220);
    assert_int_equal(
        host_client_ask(&scene->client, "EHLO client.example\r\n"), 250);
}

static void open_message(struct scene *scene)
{
    assert_int_equal(
        host_client_ask(&scene->client, "MAIL FROM:<a@example.com>\r\n"), 250);
    assert_int_equal(
        host_client_ask(&scene->client, "RCPT TO:<b@example.net>\r\n"), 250);
    assert_int_equal(host_client_ask(&scene->client, "DATA\r\n"), 354);
}

/* Each sees the reply as the one before has left it, and later tables too when
 * the answer came later. */
static void see_in_order(enum host_deed first, enum host_deed second)
{
    struct scene *scene = new_scene();
    struct host_taken taken;
    struct host_asked seen;

    host_policy_order(
        &scene->first, HOST_MAIL, first, 250, "2.1.0 Said the first");
    host_policy_order(
        &scene->second, HOST_MAIL, second, 252, "2.1.0 Said the second");
    start_scene(scene);
    greet(scene);
    assert_int_equal(
        host_client_send(&scene->client, "MAIL FROM:<a@example.com>\r\n", 27),
        0);
    if (first == HOST_TAKE) {
        taken = host_policy_next(&scene->first);
        assert_int_equal(host_policy_asked(&scene->second, HOST_MAIL), 0);
        assert_int_equal(
            host_taken_answer(&taken, 250, "2.1.0 Said the first"), 0);
    }
    if (second == HOST_TAKE) {
        taken = host_policy_next(&scene->second);
        assert_string_equal(
            slimta_reply_text(slimta_op_reply(taken.op)), "Said the first");
        assert_int_equal(
            host_taken_answer(&taken, 250, "2.1.0 Said the second"), 0);
    }
    assert_int_equal(host_client_reply(&scene->client), 250);
    assert_string_equal(scene->client.line, "250 2.1.0 Said the second");
    seen = host_policy_last(&scene->second, HOST_MAIL);
    assert_int_equal(seen.code, 250);
    assert_string_equal(seen.text, "Said the first");
    assert_string_equal(seen.argument, "a@example.com size=0");
    free_scene(scene);
}

static void test_order(void **state)
{
    static const enum host_deed deeds[] = {HOST_SET, HOST_TAKE, HOST_FINISH};
    size_t i = 0;
    size_t j = 0;

    (void)state;
    for (i = 0; i < 3; ++i) {
        for (j = 0; j < 3; ++j) {
            see_in_order(deeds[i], deeds[j]);
        }
    }
}

static void test_refusal_ends_the_round(void **state)
{
    static const int codes[] = {450, 550};
    struct scene *scene = NULL;
    size_t i = 0;

    (void)state;
    for (i = 0; i < 2; ++i) {
        scene = new_scene();
        host_policy_order(&scene->first, HOST_RCPT, HOST_SET, codes[i], "No");
        host_policy_order(&scene->second, HOST_RCPT, HOST_SET, 250, "Yes");
        start_scene(scene);
        greet(scene);
        ask(scene, "MAIL FROM:<a@example.com>\r\n", "250 ");
        ask(scene, "RCPT TO:<b@example.net>\r\n",
            codes[i] == 450 ? "450 4.0.0 No" : "550 5.0.0 No");
        assert_int_equal(host_policy_asked(&scene->second, HOST_RCPT), 0);
        /* Nobody was accepted. */
        ask(scene, "DATA\r\n", "503 ");
        host_policy_order(&scene->first, HOST_RCPT, HOST_PASS, 0, NULL);
        ask(scene, "RCPT TO:<b@example.net>\r\n", "250 2.0.0 Yes");
        free_scene(scene);
    }
}

/* What `connect` makes of the banner is what `banner` finds. */
static void test_from_connect_to_banner(void **state)
{
    static const enum host_deed deeds[] = {HOST_SET, HOST_TAKE, HOST_FINISH};
    struct host_taken taken;
    struct scene *scene = NULL;
    size_t i = 0;

    (void)state;
    for (i = 0; i < 3; ++i) {
        scene = new_scene();
        host_policy_order(&scene->first, HOST_CONNECT, deeds[i], 220, "One");
        start_scene(scene);
        if (deeds[i] == HOST_TAKE) {
            taken = host_policy_next(&scene->first);
            assert_int_equal(host_taken_answer(&taken, 220, "One"), 0);
        }
        assert_int_equal(host_client_reply(&scene->client), 220);
        assert_string_equal(scene->client.line, "220 One");
        assert_string_equal(
            host_policy_last(&scene->second, HOST_CONNECT).text, "One");
        assert_string_equal(
            host_policy_last(&scene->first, HOST_BANNER).text, "One");
        assert_string_equal(
            host_policy_last(&scene->second, HOST_BANNER).text, "One");
        free_scene(scene);
    }
}

/* One waits for its validator; a hundred others are served whole before it is
 * answered: the order of what happened says so, no clock does. */
static void test_others_are_served(void **state)
{
    struct scene *scene = new_scene();
    struct host_taken taken;
    int i = 0;

    (void)state;
    host_policy_order(&scene->first, HOST_RCPT, HOST_TAKE, 0, NULL);
    start_scene(scene);
    greet(scene);
    ask(scene, "MAIL FROM:<a@example.com>\r\n", "250 ");
    assert_int_equal(
        host_client_send(&scene->client, "RCPT TO:<b@example.net>\r\n", 25), 0);
    taken = host_policy_next(&scene->first);
    host_policy_order(&scene->first, HOST_RCPT, HOST_PASS, 0, NULL);
    for (i = 0; i < OTHERS; ++i) {
        assert_int_equal(host_deliver(&scene->host.address), 250);
    }
    assert_true(
        host_policy_wait(&scene->second, &scene->second.closed_count, OTHERS));
    assert_int_equal(slimta_op_is_cancelled(taken.op), 0);
    /* The first table was asked OTHERS + 1 times, the second not about the one
     * that waits. */
    assert_int_equal(host_policy_asked(&scene->first, HOST_RCPT), OTHERS + 1);
    assert_int_equal(host_policy_asked(&scene->second, HOST_RCPT), OTHERS);
    assert_int_equal(host_taken_answer(&taken, 250, "2.1.5 At last"), 0);
    assert_int_equal(host_client_reply(&scene->client), 250);
    assert_string_equal(scene->client.line, "250 2.1.5 At last");
    ask(scene, "QUIT\r\n", "221 ");
    free_scene(scene);
}

/* What the client sends ahead waits with its session, in order. */
static void test_sent_ahead(void **state)
{
    static const char ahead[] =
        "NOOP\r\nMAIL FROM:<a@example.com>\r\n"
        "RCPT TO:<b@example.net>\r\nDATA\r\n"
        "x\r\n.\r\nQUIT\r\n";
    static const int codes[] = {250, 250, 250, 354, 250, 221};
    struct scene *scene = new_scene();
    struct host_taken taken;
    size_t i = 0;

    (void)state;
    host_policy_order(&scene->first, HOST_NOOP, HOST_TAKE, 0, NULL);
    start_scene(scene);
    greet(scene);
    assert_int_equal(
        host_client_send(&scene->client, ahead, sizeof ahead - 1), 0);
    assert_int_equal(shutdown(scene->client.fd, SHUT_WR), 0);
    taken = host_policy_next(&scene->first);
    assert_int_equal(host_policy_asked(&scene->first, HOST_MAIL), 0);
    assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
    for (i = 0; i < sizeof codes / sizeof codes[0]; ++i) {
        assert_int_equal(host_client_reply(&scene->client), codes[i]);
    }
    assert_int_equal(host_client_reply(&scene->client), 0);
    free_scene(scene);
}

static void test_a_verb_of_the_hosts(void **state)
{
    struct scene *scene = new_scene();

    (void)state;
    start_scene(scene);
    greet(scene);
    /* The first has no opinion, the second knows it. */
    host_policy_order(&scene->second, HOST_COMMAND, HOST_SET, 250, "Frobbed");
    ask(scene, "xfrob this  that \r\n", "250 2.0.0 Frobbed");
    assert_int_equal(host_policy_asked(&scene->first, HOST_COMMAND), 1);
    assert_memory_equal(host_policy_last(&scene->second, HOST_COMMAND).argument,
        "xfrob|this  that", 16);
    /* When the first answers, the second is not asked: a verb has one owner. */
    host_policy_order(&scene->first, HOST_COMMAND, HOST_SET, 502, "Not here");
    ask(scene, "XFROB\r\n", "502 5.0.0 Not here");
    assert_int_equal(host_policy_asked(&scene->second, HOST_COMMAND), 1);
    /* Nothing can be had of 354. */
    host_policy_order(&scene->first, HOST_COMMAND, HOST_SET, 354, "Go on");
    ask(scene, "XFROB\r\n", "500 5.5.2 ");
    /* What the edge knows is not asked about. */
    ask(scene, "NOOP\r\n", "250 ");
    assert_int_equal(host_policy_asked(&scene->first, HOST_COMMAND), 3);
    free_scene(scene);
}

static void edit_list(struct slimta_extensions *list)
{
    assert_string_equal(slimta_extensions_params(list, "size"), "52428800");
    assert_int_equal(slimta_extensions_remove(list, "size"), 1);
    assert_int_equal(slimta_extensions_remove(list, "SIZE"), 0);
    assert_int_equal(slimta_extensions_remove(list, "8BITMIME"), 1);
    assert_int_equal(slimta_extensions_remove(list, "SmtpUtf8"), 1);
    assert_null(slimta_extensions_params(list, "SIZE"));
    assert_int_equal(slimta_extensions_set(list, "X-FROB", "ONE TWO"), 0);
    assert_int_equal(slimta_extensions_set(list, "X-FROB", "THREE"), 0);
    assert_string_equal(slimta_extensions_params(list, "x-frob"), "THREE");
    assert_int_equal(
        slimta_extensions_set(list, "X FROB", NULL), SLIMTA_EINVAL);
    assert_int_equal(
        slimta_extensions_set(list, "X-FROB", "a\r\nb"), SLIMTA_EINVAL);
    assert_int_equal(slimta_extensions_set(list, "", NULL), SLIMTA_EINVAL);
}

static void look_at_list(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    (void)policy;
    (void)session;
    if (step == HOST_EXTENSIONS) {
        edit_list(argument);
    }
}

/* The lines of the next reply, parted by LF; to be read at once. */
static const char *read_lines(struct host_client *client)
{
    static char lines[4096];
    size_t size = 0;
    ssize_t got = 0;
    const char *last = NULL;

    do {
        got = recv(client->fd, lines + size, sizeof lines - 1 - size, 0);
        assert_true(got > 0);
        size += (size_t)got;
        lines[size] = '\0';
        last = strrchr(lines, ' ');
    } while (lines[size - 1] != '\n' || strstr(lines, "\r\n250 ") == NULL);
    assert_non_null(last);
    return lines;
}

static void expect_edited_list(struct scene *scene)
{
    const char *lines = NULL;

    assert_int_equal(
        host_client_send(&scene->client, "EHLO c.example\r\n", 16), 0);
    lines = read_lines(&scene->client);
    assert_non_null(strstr(lines, "X-FROB THREE\r\n"));
    assert_non_null(strstr(lines, "PIPELINING\r\n"));
    assert_null(strstr(lines, "ONE TWO"));
    assert_null(strstr(lines, "SIZE"));
    assert_null(strstr(lines, "8BITMIME"));
    assert_null(strstr(lines, "SMTPUTF8"));
    /* What was taken off is refused when it is used. */
    ask(scene, "MAIL FROM:<a@example.com> SIZE=10\r\n", "555 5.5.4 ");
    ask(scene, "MAIL FROM:<a@example.com> BODY=8BITMIME\r\n", "555 5.5.4 ");
    ask(scene, "MAIL FROM:<a@example.com> SMTPUTF8\r\n", "555 5.5.4 ");
    ask(scene, "MAIL FROM:<a@example.com>\r\n", "250 ");
}

static void test_extensions(void **state)
{
    struct scene *scene = new_scene();

    (void)state;
    scene->first.look = look_at_list;
    start_scene(scene);
    assert_int_equal(host_client_reply(&scene->client), 220);
    expect_edited_list(scene);
    free_scene(scene);
}

static void test_extensions_later(void **state)
{
    struct scene *scene = new_scene();
    struct host_taken taken;

    (void)state;
    host_policy_order(&scene->second, HOST_EXTENSIONS, HOST_TAKE, 0, NULL);
    start_scene(scene);
    assert_int_equal(host_client_reply(&scene->client), 220);
    assert_int_equal(
        host_client_send(&scene->client, "EHLO c.example\r\n", 16), 0);
    taken = host_policy_next(&scene->second);
    edit_list(slimta_op_extensions(taken.op));
    assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
    assert_non_null(strstr(read_lines(&scene->client), "X-FROB THREE\r\n"));
    ask(scene, "MAIL FROM:<a@example.com> SIZE=10\r\n", "555 5.5.4 ");
    /* The next greeting begins with the edge's own list. */
    host_policy_order(&scene->second, HOST_EXTENSIONS, HOST_PASS, 0, NULL);
    ask(scene, "EHLO c.example\r\n", "250 ");
    ask(scene, "MAIL FROM:<a@example.com> SIZE=10\r\n", "250 ");
    free_scene(scene);
}

/* A no of the queue stays one, whatever the validators say. */
static void test_no_becomes_no_yes(void **state)
{
    static const enum host_deed deeds[] = {HOST_SET, HOST_TAKE, HOST_FINISH};
    struct host_taken taken;
    struct scene *scene = NULL;
    size_t i = 0;

    (void)state;
    for (i = 0; i < 6; ++i) {
        scene = new_scene();
        host_queue_answers(&scene->queue, i < 3 ? HOST_REFUSED : HOST_SILENT);
        scene->queue.refusal = 554;
        scene->queue.refusal_text = "5.3.0 Full";
        host_policy_order(
            &scene->first, HOST_QUEUED_STEP, deeds[i % 3], 250, "2.6.0 Yes");
        start_scene(scene);
        greet(scene);
        open_message(scene);
        assert_int_equal(host_client_send(&scene->client, "x\r\n.\r\n", 6), 0);
        if (deeds[i % 3] == HOST_TAKE) {
            taken = host_policy_next(&scene->first);
            assert_int_equal(host_taken_answer(&taken, 250, "2.6.0 Yes"), 0);
        }
        assert_int_equal(host_client_reply(&scene->client), i < 3 ? 554 : 451);
        assert_string_equal(
            host_policy_last(&scene->first, HOST_QUEUED_STEP).argument,
            "refused");
        free_scene(scene);
    }
}

/* A refusal by a validator is not made good by the queue or by a later one. */
static void test_queued_refuses(void **state)
{
    struct scene *scene = new_scene();

    (void)state;
    host_policy_order(
        &scene->first, HOST_QUEUED_STEP, HOST_SET, 450, "4.7.1 After all, no");
    host_policy_order(
        &scene->second, HOST_QUEUED_STEP, HOST_SET, 250, "2.6.0 Yes");
    start_scene(scene);
    greet(scene);
    open_message(scene);
    ask(scene, "x\r\n.\r\n", "450 4.7.1 After all, no");
    assert_int_equal(host_policy_asked(&scene->second, HOST_QUEUED_STEP), 0);
    free_scene(scene);
}

static void test_rset_refused_keeps_the_transaction(void **state)
{
    struct scene *scene = new_scene();

    (void)state;
    host_policy_order(&scene->first, HOST_RSET, HOST_SET, 450, "4.0.0 Stay");
    start_scene(scene);
    greet(scene);
    ask(scene, "MAIL FROM:<a@example.com>\r\n", "250 ");
    ask(scene, "RCPT TO:<b@example.net>\r\n", "250 ");
    ask(scene, "RSET\r\n", "450 4.0.0 Stay");
    ask(scene, "DATA\r\n", "354 ");
    ask(scene, "x\r\n.\r\n", "250 ");
    free_scene(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_refusal_ends_the_round),
        cmocka_unit_test(test_from_connect_to_banner),
        cmocka_unit_test(test_others_are_served),
        cmocka_unit_test(test_sent_ahead),
        cmocka_unit_test(test_a_verb_of_the_hosts),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_extensions_later),
        cmocka_unit_test(test_no_becomes_no_yes),
        cmocka_unit_test(test_queued_refuses),
        cmocka_unit_test(test_rset_refused_keeps_the_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
