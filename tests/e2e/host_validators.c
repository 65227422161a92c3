/** A host that answers every question of a session: at once, later, too late,
 * never. */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EHLO "EHLO client.example\r\n"
#define MAIL "MAIL FROM:<a@example.com>\r\n"
#define RCPT "RCPT TO:<b@example.net>\r\n"
#define END ".\r\n"

#define UNHANDLED "4.3.0 Unhandled system error"

/** One validator: how a client gets there, and what it then hears. */
static const struct row {
    enum host_step step;
    int replies; /* before the one that matters, the banner among them */
    const char *say;
    const char *usual; /* that one */
    int found_code;    /* what the validator finds in its reply */
    const char *found_enhanced;
    const char *found_text;
    const char *argument;
    int code; /* a success of the validator's making, and what is heard */
    const char *text;
    const char *edited;
    const char *refused; /* what is heard of REFUSAL */
    const char *late;    /* heard when the validator never answers */
} rows[] = {
    {HOST_CONNECT, 0, "", "220 mx.example.net ESMTP Mail Gateway", 220, "",
        "mx.example.net ESMTP Mail Gateway", "", 220, "mx.example.net Come in",
        "220 mx.example.net Come in", "450 Later please",
        "421 Unhandled system error"},
    {HOST_BANNER, 0, "", "220 mx.example.net ESMTP Mail Gateway", 220, "",
        "mx.example.net ESMTP Mail Gateway", "", 220, "mx.example.net Come in",
        "220 mx.example.net Come in", "450 Later please",
        "421 Unhandled system error"},
    {HOST_EHLO, 1, EHLO, "250 SMTPUTF8", 250, "", "Hello client.example",
        "client.example", 250, "At your service", "250 SMTPUTF8",
        "450 Later please", "421 Unhandled system error"},
    {HOST_HELO, 1, "HELO client.example\r\n", "250 Hello client.example", 250,
        "", "Hello client.example", "client.example", 250, "At your service",
        "250 At your service", "450 Later please",
        "421 Unhandled system error"},
    {HOST_MAIL, 2, EHLO "MAIL FROM:<a@example.com> SIZE=99\r\n",
        "250 2.1.0 <a@example.com> Ok", 250, "2.1.0", "<a@example.com> Ok",
        "a@example.com size=99", 250, "2.1.0 Fine", "250 2.1.0 Fine",
        "450 4.7.1 Later please", "451 " UNHANDLED},
    {HOST_RCPT, 3, EHLO MAIL RCPT, "250 2.1.5 <b@example.net> Ok", 250, "2.1.5",
        "<b@example.net> Ok", "b@example.net", 251, "2.1.5 Forwarded",
        "251 2.1.5 Forwarded", "450 4.7.1 Later please", "451 " UNHANDLED},
    {HOST_DATA, 4, EHLO MAIL RCPT "DATA\r\n",
        "354 Start mail input; end with <CRLF>.<CRLF>", 354, "",
        "Start mail input; end with <CRLF>.<CRLF>", "", 354, "Go on",
        "354 Go on", "450 4.7.1 Later please", "451 " UNHANDLED},
    {HOST_CHUNK, 5, HOST_ENVELOPE HOST_MESSAGE END,
        "250 2.6.0 Message queued as test-id", 250, NULL, NULL, HOST_MESSAGE,
        250, "2.6.0 Not heard", "250 2.6.0 Message queued as test-id",
        "450 4.7.1 Later please", "451 " UNHANDLED},
    {HOST_HAVE_DATA, 5, HOST_ENVELOPE HOST_MESSAGE END,
        "250 2.6.0 Message queued as test-id", 250, NULL, NULL, "22 octets",
        250, "2.6.0 Not heard", "250 2.6.0 Message queued as test-id",
        "450 4.7.1 Later please", "451 " UNHANDLED},
    {HOST_QUEUED_STEP, 5, HOST_ENVELOPE HOST_MESSAGE END,
        "250 2.6.0 Message queued as test-id", 250, "2.6.0",
        "Message queued as test-id", "test-id", 250, "2.6.0 Kept as test-id",
        "250 2.6.0 Kept as test-id", "450 4.7.1 Later please",
        "250 2.6.0 Message queued as test-id"},
    {HOST_RSET, 3, EHLO MAIL "RSET\r\n", "250 2.0.0 Ok", 250, "2.0.0", "Ok", "",
        250, "2.0.0 Fine", "250 2.0.0 Fine", "450 4.7.1 Later please",
        "250 2.0.0 Ok"},
    {HOST_NOOP, 1, "NOOP\r\n", "250 2.0.0 Ok", 250, "2.0.0", "Ok", "", 250,
        "2.0.0 Fine", "250 2.0.0 Fine", "450 4.7.1 Later please",
        "250 2.0.0 Ok"},
    {HOST_QUIT, 1, "QUIT\r\n", "221 2.0.0 Bye", 221, "2.0.0", "Bye", "", 221,
        "2.0.0 So long", "221 2.0.0 So long", "450 4.7.1 Later please",
        "221 2.0.0 Bye"},
    {HOST_COMMAND, 1, "XFrob  some thing\r\n",
        "500 5.5.2 Syntax error, command unrecognized", 500, "5.5.2",
        "Syntax error, command unrecognized", "XFrob|some thing", 250,
        "2.0.0 Frobbed", "250 2.0.0 Frobbed", "450 4.7.1 Later please",
        "451 " UNHANDLED},
    {HOST_EXTENSIONS, 1, EHLO, "250 SMTPUTF8", 0, NULL, NULL, "", 0, NULL,
        "250 SMTPUTF8", NULL, "250 SMTPUTF8"},
};

#define ROWS (sizeof rows / sizeof rows[0])
#define REFUSAL 450, "4.7.1 Later please"

/** An edge, its one table, and a client that has just connected. */
struct scene {
    struct host_policy policy;
    struct host_queue queue;
    struct host_edge host;
    struct host_client client;
};

static void open_scene(
    struct scene *scene, const struct row *row, struct host_order order)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .validator_timeout_ms =
            order.deed == HOST_TAKE && order.code == 0 ? 50 : 0};

    print_message("# %s\n", host_step_names[row->step]);
    host_policy_init(&scene->policy);
    host_policy_order(
        &scene->policy, row->step, order.deed, order.code, order.text);
    host_queue_init(&scene->queue, HOST_QUEUED);
    host_policy_start(&scene->host, &options, &scene->queue.queue,
        (struct host_policy *const[]){&scene->policy, NULL});
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
}

/* Exactly one `closed` comes for the one connection; after a last reply the
 * edge waits a while for the client's end. */
static void close_scene(struct scene *scene, enum slimta_closed reason)
{
    host_client_close(&scene->client);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    if (scene->host.edge != NULL) {
        host_edge_stop(&scene->host, 0);
    }
    assert_int_equal(scene->policy.closed_count, 1);
    assert_int_equal(scene->policy.reasons[reason], 1);
    host_policy_fini(&scene->policy);
    host_queue_fini(&scene->queue);
}

/* Says what leads to the question, and reads the replies before it. */
static void lead(struct scene *scene, const struct row *row)
{
    int i = 0;

    assert_int_equal(
        host_client_send(&scene->client, row->say, strlen(row->say)), 0);
    for (i = 0; i < row->replies; ++i) {
        assert_in_range(host_client_reply(&scene->client), 200, 399);
    }
}

/* The reply that matters begins so. */
static void hear(struct scene *scene, const char *beginning)
{
    assert_true(host_client_reply(&scene->client) > 0);
    if (strncmp(scene->client.line, beginning, strlen(beginning)) != 0) {
        fail_msg("heard '%s', not '%s'", scene->client.line, beginning);
    }
}

static void quit(struct scene *scene, const struct row *row)
{
    if (memcmp(scene->client.line, "354 ", 4) == 0) {
        assert_int_equal(
            host_client_ask(&scene->client, HOST_MESSAGE END), 250);
    }
    if (row->step != HOST_QUIT) {
        assert_int_equal(host_client_ask(&scene->client, "QUIT\r\n"), 221);
    }
    assert_int_equal(host_client_reply(&scene->client), 0);
}

/* After a refusal: an opening that was refused is for QUIT alone, RFC 5321
 * section 3.1; any other session goes on. */
static void go_on(struct scene *scene, const struct row *row)
{
    if (row->step == HOST_CONNECT || row->step == HOST_BANNER) {
        assert_int_equal(host_client_ask(&scene->client, EHLO), 503);
    } else if (row->step != HOST_QUIT && row->step != HOST_NOOP) {
        assert_int_equal(host_client_ask(&scene->client, "NOOP\r\n"), 250);
    }
    quit(scene, row);
}

/* How many messages the queue got is what was promised to the client. */
static void expect_messages(struct scene *scene, size_t count)
{
    assert_int_equal(
        host_queue_count(&scene->queue, &scene->queue.messages), count);
}

static size_t is_delivery(const struct row *row)
{
    return row->step == HOST_CHUNK || row->step == HOST_HAVE_DATA ||
        row->step == HOST_QUEUED_STEP;
}

static void expect_found(struct scene *scene, const struct row *row)
{
    struct host_asked asked = host_policy_last(&scene->policy, row->step);

    assert_int_equal(host_policy_asked(&scene->policy, row->step), 1);
    assert_int_equal(asked.code, row->found_code);
    if (row->found_text != NULL) {
        assert_string_equal(asked.enhanced, row->found_enhanced);
        assert_string_equal(asked.text, row->found_text);
    }
    assert_string_equal(asked.argument, row->argument);
}

static void for_each_row(
    void (*run)(struct scene *scene, const struct row *row))
{
    struct scene *scene = malloc(sizeof *scene);
    size_t i = 0;

    assert_non_null(scene);
    for (i = 0; i < ROWS; ++i) {
        run(scene, &rows[i]);
    }
    free(scene);
}

static void pass(struct scene *scene, const struct row *row)
{
    open_scene(scene, row, (struct host_order){HOST_PASS, 0, NULL});
    lead(scene, row);
    hear(scene, row->usual);
    expect_found(scene, row);
    quit(scene, row);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void test_passes(void **state)
{
    (void)state;
    for_each_row(pass);
}

static void edit_as(
    struct scene *scene, const struct row *row, enum host_deed deed)
{
    open_scene(scene, row, (struct host_order){deed, row->code, row->text});
    lead(scene, row);
    hear(scene, row->edited);
    expect_messages(scene, is_delivery(row));
    assert_int_equal(host_policy_asked(&scene->policy, row->step), 1);
    quit(scene, row);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void edit(struct scene *scene, const struct row *row)
{
    edit_as(scene, row, HOST_SET);
    /* Taken and finished inside the callback. */
    edit_as(scene, row, HOST_FINISH);
}

static void test_edits_now(void **state)
{
    (void)state;
    for_each_row(edit);
}

static void refuse_as(
    struct scene *scene, const struct row *row, enum host_deed deed)
{
    if (row->refused == NULL) {
        return;
    }
    open_scene(scene, row, (struct host_order){deed, REFUSAL});
    lead(scene, row);
    hear(scene, row->refused);
    /* A refusal of `queued` comes too late: the queue has the message. */
    expect_messages(scene, row->step == HOST_QUEUED_STEP);
    go_on(scene, row);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void refuse(struct scene *scene, const struct row *row)
{
    refuse_as(scene, row, HOST_SET);
    refuse_as(scene, row, HOST_FINISH);
}

static void test_refuses_now(void **state)
{
    (void)state;
    for_each_row(refuse);
}

/* A step that takes its op, and is answered in time by this thread. */
static const struct host_order patient = {HOST_TAKE, 1, NULL};

static struct host_taken take(struct scene *scene, const struct row *row)
{
    struct host_taken taken = host_policy_next(&scene->policy);

    assert_int_equal(taken.step, row->step);
    return taken;
}

static void answer_later(struct scene *scene, const struct row *row)
{
    struct host_taken taken;

    open_scene(scene, row, patient);
    lead(scene, row);
    taken = take(scene, row);
    expect_found(scene, row);
    assert_int_equal(slimta_op_is_cancelled(taken.op), 0);
    assert_int_equal(host_taken_answer(&taken, row->code, row->text), 0);
    hear(scene, row->edited);
    expect_messages(scene, is_delivery(row));
    quit(scene, row);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void pass_later(struct scene *scene, const struct row *row)
{
    struct host_taken taken;

    open_scene(scene, row, patient);
    lead(scene, row);
    taken = take(scene, row);
    assert_int_equal(host_taken_answer(&taken, 0, NULL), 0);
    hear(scene, row->usual);
    quit(scene, row);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void refuse_later(struct scene *scene, const struct row *row)
{
    struct host_taken taken;

    if (row->refused == NULL) {
        return;
    }
    open_scene(scene, row, patient);
    lead(scene, row);
    taken = take(scene, row);
    assert_int_equal(host_taken_answer(&taken, REFUSAL), 0);
    hear(scene, row->refused);
    expect_messages(scene, row->step == HOST_QUEUED_STEP);
    host_policy_order(&scene->policy, row->step, HOST_PASS, 0, NULL);
    go_on(scene, row);
    close_scene(scene, SLIMTA_CLOSED_QUIT);
}

static void test_answers_later(void **state)
{
    (void)state;
    for_each_row(pass_later);
    for_each_row(answer_later);
    for_each_row(refuse_later);
}

static void answer_one_who_left(struct scene *scene, const struct row *row)
{
    struct host_taken taken;

    open_scene(scene, row, patient);
    lead(scene, row);
    taken = take(scene, row);
    host_client_reset(&scene->client);
    assert_true(host_policy_wait(&scene->policy, &scene->policy.cancelled, 1));
    /* `closed` does not wait for the answer. */
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
    assert_int_equal(host_taken_answer(&taken, row->code, row->text), 0);
    /* The edge serves the next one, whose answer is the next op's. */
    host_policy_order(&scene->policy, row->step, HOST_PASS, 0, NULL);
    assert_int_equal(host_deliver(&scene->host.address), 250);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 2));
    --scene->policy.closed_count;
    assert_int_equal(scene->policy.reasons[SLIMTA_CLOSED_QUIT], 1);
    close_scene(scene, SLIMTA_CLOSED_CLIENT);
}

static void test_client_has_left(void **state)
{
    (void)state;
    for_each_row(answer_one_who_left);
}

/* When no answer comes, the default does; what comes then is dropped. */
static void never_answer(struct scene *scene, const struct row *row)
{
    int is_421 = strncmp(row->late, "421", 3) == 0;
    struct host_taken taken;

    open_scene(scene, row, (struct host_order){HOST_TAKE, 0, NULL});
    lead(scene, row);
    hear(scene, row->late);
    taken = take(scene, row);
    assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
    assert_true(host_policy_wait(&scene->policy, &scene->policy.cancelled, 1));
    /* Whatever it was going to say. */
    assert_int_equal(host_taken_answer(&taken, 250, "2.0.0 Surprise"), 0);
    host_policy_order(&scene->policy, row->step, HOST_PASS, 0, NULL);
    expect_messages(scene, row->step == HOST_QUEUED_STEP);
    if (is_421) {
        assert_int_equal(host_client_reply(&scene->client), 0);
    } else {
        go_on(scene, row);
    }
    close_scene(scene, is_421 ? SLIMTA_CLOSED_REPLY : SLIMTA_CLOSED_QUIT);
}

static void test_never_answers(void **state)
{
    (void)state;
    for_each_row(never_answer);
}

/* 221 and 421 close after the reply, wherever they come from. */
static void close_with(struct scene *scene, const struct row *row,
    const struct host_order *order, int code)
{
    struct host_taken taken;

    if (row->refused == NULL) {
        return;
    }
    open_scene(scene, row, *order);
    lead(scene, row);
    if (order->deed == HOST_TAKE) {
        taken = take(scene, row);
        assert_int_equal(host_taken_answer(&taken, code, "That is all"), 0);
    }
    assert_int_equal(host_client_reply(&scene->client), code);
    assert_int_equal(host_client_reply(&scene->client), 0);
    expect_messages(scene, row->step == HOST_QUEUED_STEP);
    close_scene(scene,
        row->step == HOST_QUIT ? SLIMTA_CLOSED_QUIT : SLIMTA_CLOSED_REPLY);
}

static void close_now(struct scene *scene, const struct row *row)
{
    const struct host_order order = {HOST_SET, 421, "4.7.0 That is all"};

    close_with(scene, row, &order, 421);
}

static void close_later(struct scene *scene, const struct row *row)
{
    close_with(scene, row, &patient, 421);
}

static void say_bye(struct scene *scene, const struct row *row)
{
    const struct host_order order = {HOST_SET, 221, "2.0.0 That is all"};

    close_with(scene, row, &order, 221);
}

static void test_421(void **state)
{
    (void)state;
    for_each_row(close_now);
    for_each_row(close_later);
}

static void test_221(void **state)
{
    (void)state;
    for_each_row(say_bye);
}

static void stop_while_waiting(struct scene *scene, const struct row *row)
{
    struct host_taken taken;

    open_scene(scene, row, patient);
    lead(scene, row);
    taken = take(scene, row);
    host_edge_stop(&scene->host, 0);
    assert_int_equal(scene->policy.cancelled, 1);
    assert_int_equal(slimta_op_is_cancelled(taken.op), 1);
    assert_int_equal(
        host_taken_answer(&taken, row->code, row->text), SLIMTA_ECANCELED);
    /* Nothing was said for it. */
    assert_true(host_client_reply(&scene->client) <= 0);
    expect_messages(scene, row->step == HOST_QUEUED_STEP);
    close_scene(scene, SLIMTA_CLOSED_STOP);
}

static void test_stop_while_waiting(void **state)
{
    (void)state;
    for_each_row(stop_while_waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes),
        cmocka_unit_test(test_edits_now),
        cmocka_unit_test(test_refuses_now),
        cmocka_unit_test(test_answers_later),
        cmocka_unit_test(test_client_has_left),
        cmocka_unit_test(test_never_answers),
        cmocka_unit_test(test_421),
        cmocka_unit_test(test_221),
        cmocka_unit_test(test_stop_while_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
