/** A host that hands its mail on to a next hop that lies, stalls, breaks off or
 * is not there: what is acknowledged is what the hop has, and nothing is handed
 * on twice. */
#include "smtp_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a hop that hangs is given. */
static const struct slimta_smtp_queue_options hasty = {
    .size = sizeof hasty,
    .connect_timeout_ms = 200,
    .command_timeout_ms = 200,
    .data_timeout_ms = 200,
};

static const int is_unknown[HOP_STEPS] = {[HOP_END] = 1};

/* One message through a hop that answers one step so. */
static void play(
    int is_lmtp, enum hop_step step, const char *answer, const char *heard)
{
    struct smtp_relay *relay = smtp_relay_new(&hasty, NULL, is_lmtp);
    int code;

    hop_order(&relay->hop, step, answer, 0);
    code = smtp_relay_try(relay);
    if (code != atoi(heard) ||
        strncmp(relay->client.line, heard, strlen(heard)) != 0) {
        fail_msg("%s '%s': heard %d '%s', not '%s'\n%s", hop_step_names[step],
            answer, code, relay->client.line, heard, relay->log);
    }
    smtp_relay_expect_taken(relay, 0);
    assert_int_equal(
        hop_count(&relay->hop, &relay->hop.ends), is_unknown[step]);
    /* And the next one goes through, over another connection. */
    hop_renew(&relay->hop);
    smtp_relay_connect(relay);
    smtp_relay_deliver(relay);
    smtp_relay_close(relay);
}

static const enum hop_step steps[] = {
    HOP_BANNER, HOP_EHLO, HOP_MAIL, HOP_RCPT, HOP_DATA, HOP_END};

static void survives_hops_that_stall(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        play(0, steps[i], hop_silent,
            steps[i] == HOP_END ? "451 4.4.2 Reply of next hop lost"
                                : "451 4.4.2 ");
    }
    play(1, HOP_END, hop_silent, "451 4.4.2 Reply of next hop lost");
}

static void survives_hops_that_leave(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        play(0, steps[i], hop_close, "451 4.4.2 ");
        play(0, steps[i], hop_reset, "451 4.4.");
        play(1, steps[i], hop_close, "451 4.4.2 ");
    }
}

static void survives_hops_that_say_goodbye(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps - 1; i++) {
        play(0, steps[i], "421 4.3.2 Going down\r\n", "451 4.3.2 Going down");
    }
}

static void survives_hops_that_lie(void **state)
{
    static const char *const lies[] = {"\r\n", "999 What\r\n", "hello\r\n",
        "250-a\r\n251 b\r\n", "334 x\r\n", "250 a\nb\r\n",
        "\x16\x03\x01\x02\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        for (size_t j = 0; j < sizeof lies / sizeof *lies; j++) {
            /* RFC 5321 section 4.2.1: at DATA any 3yz is a yes. */
            if (steps[i] != HOP_DATA || *lies[j] != '3') {
                play(0, steps[i], lies[j], "451 4.4.");
            }
        }
    }
}

/* Refusals of the session itself. */
static void tells_why_a_hop_does_not_want_us(void **state)
{
    (void)state;
    play(0, HOP_BANNER, "554 5.7.1 Not you\r\n", "554 5.7.1 Not you");
    play(0, HOP_BANNER, "451 4.7.1 Not now\r\n", "451 4.7.1 Not now");
    play(1, HOP_EHLO, "500 5.5.1 No LMTP\r\n", "500 5.5.1 No LMTP");
}

static void says_so_when_no_hop_is_there(void **state)
{
    char text[64];
    struct slimta_smtp_queue_options options = {
        .size = sizeof options, .hosts = text};
    struct smtp_relay *relay;

    (void)state;
    host_find_closed_port(text);
    relay = smtp_relay_new(&options, NULL, 0);
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "451 4.4.");
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "451 4.4.");
    assert_true(smtp_relay_told(relay, "hop_failed") >= 1);
    smtp_relay_close(relay);
}

/* The first that answers has it. */
static void tries_the_next_hop(void **state)
{
    char closed[64];
    char both[160];
    struct slimta_smtp_queue_options options = {
        .size = sizeof options, .hosts = both};
    struct smtp_relay *relay = smtp_relay_prepare(0);

    (void)state;
    host_find_closed_port(closed);
    (void)snprintf(both, sizeof both, "%s, %s", closed, relay->hop.text);
    smtp_relay_start(relay, &options, NULL);
    smtp_relay_connect(relay);
    smtp_relay_deliver(relay);
    assert_int_equal(smtp_relay_told(relay, "hop_failed"), 1);
    smtp_relay_close(relay);
}

/* The hop is cut off after each octet of what it says. A message that was
 * acknowledged is there; one that is not there was not acknowledged; none is
 * there twice; what nobody knows is said so. */
static void keeps_its_books_when_cut_off(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);
    size_t acknowledged = 0;
    size_t tries = 0;
    int code = 0;

    (void)state;
    for (size_t budget = 0; code != 250; budget++) {
        size_t ends = hop_count(&relay->hop, &relay->hop.ends);
        size_t unknown = smtp_relay_told(relay, "unknown_commit");

        pthread_mutex_lock(&relay->hop.lock);
        relay->hop.budget = budget;
        pthread_mutex_unlock(&relay->hop.lock);
        smtp_relay_connect(relay);
        code = smtp_relay_try(relay);
        tries++;
        acknowledged += code == 250;
        assert_true(code == 250 || code == 451);
        ends = hop_count(&relay->hop, &relay->hop.ends) - ends;
        unknown = smtp_relay_told(relay, "unknown_commit") - unknown;
        assert_int_equal(ends, unknown + (code == 250));
        assert_true(budget < 1000);
    }
    assert_true(tries > 100);
    assert_int_equal(acknowledged, 1);
    smtp_relay_expect_taken(relay, acknowledged);
    smtp_relay_close(relay);
}

/* The hop has gone while the link was idle, or goes when it hears of the next
 * message: another connection, and nobody notices. */
static void replaces_a_stale_link(void **state)
{
    static const char *const ways[] = {
        hop_close, hop_reset, "421 4.4.2 Too long\r\n"};
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    smtp_relay_deliver(relay);
    hop_drop_connections(&relay->hop);
    smtp_relay_deliver(relay);
    assert_int_equal(hop_count(&relay->hop, &relay->hop.connections), 2);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        hop_order(&relay->hop, HOP_MAIL, ways[i], 0);
        /* The fresh connection is served well. */
        pthread_mutex_lock(&relay->hop.lock);
        relay->hop.once[HOP_MAIL] = 1;
        pthread_mutex_unlock(&relay->hop.lock);
        smtp_relay_deliver(relay);
    }
    assert_int_equal(hop_count(&relay->hop, &relay->hop.connections), 5);
    smtp_relay_expect_taken(relay, 5);
    smtp_relay_close(relay);
}

/* A fresh one is not replaced for ever. */
static void gives_up_a_hop_that_leaves_again(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    smtp_relay_deliver(relay);
    hop_order(&relay->hop, HOP_MAIL, hop_close, 0);
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "451 4.4.2 ");
    assert_int_equal(hop_count(&relay->hop, &relay->hop.connections), 2);
    smtp_relay_close(relay);
}

/* The hop goes away between two commands of the client's. */
static void is_left_between_questions(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    hop_drop_connections(&relay->hop);
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "451 4.4.2 ");
    smtp_relay_ask(relay, "RSET\r\n", "250");
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    hop_drop_connections(&relay->hop);
    smtp_relay_ask(relay, "x\r\n.\r\n", "451 4.4.2 ");
    assert_int_equal(hop_count(&relay->hop, &relay->hop.ends), 0);
    smtp_relay_deliver(relay);
    smtp_relay_close(relay);
}

/* LMTP: some recipients are known, the rest is not. */
static void knows_some_ends_of_lmtp(void **state)
{
    struct smtp_relay *relay = smtp_relay_new_lmtp();

    (void)state;
    hop_order(&relay->hop, HOP_END, hop_close, 1);
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, "RCPT TO:<one@example.net>\r\n", "250");
    smtp_relay_ask(relay, "RCPT TO:<two@example.net>\r\n", "250");
    smtp_relay_ask(relay, "RCPT TO:<three@example.net>\r\n", "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "x\r\n.\r\n", "250 2.6.0");
    assert_int_equal(host_client_reply(&relay->client), 451);
    assert_int_equal(host_client_reply(&relay->client), 451);
    assert_int_equal(smtp_relay_told(relay, "unknown_commit"), 1);
    smtp_relay_close(relay);
}

/* A refusal amidst the content ends it, and is told. */
static void hears_a_refusal_amidst_the_content(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    hop_order(
        &relay->hop, HOP_DATA, "354 Go\r\n552 5.3.4 Too much of it\r\n", 0);
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "x\r\n.\r\n", "552 5.3.4 Too much of it");
    smtp_relay_close(relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_hops_that_stall),
        cmocka_unit_test(survives_hops_that_leave),
        cmocka_unit_test(survives_hops_that_say_goodbye),
        cmocka_unit_test(survives_hops_that_lie),
        cmocka_unit_test(tells_why_a_hop_does_not_want_us),
        cmocka_unit_test(says_so_when_no_hop_is_there),
        cmocka_unit_test(tries_the_next_hop),
        cmocka_unit_test(keeps_its_books_when_cut_off),
        cmocka_unit_test(replaces_a_stale_link),
        cmocka_unit_test(gives_up_a_hop_that_leaves_again),
        cmocka_unit_test(is_left_between_questions),
        cmocka_unit_test(knows_some_ends_of_lmtp),
        cmocka_unit_test(hears_a_refusal_amidst_the_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
