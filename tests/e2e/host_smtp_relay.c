/** A host that hands its mail on over SMTP and LMTP: what travels, and what
 * comes back. */
#include "smtp_relay.h"

#include <stdlib.h>
#include <string.h>

static void expect_content(struct smtp_relay *relay, const char *ending)
{
    size_t size;

    pthread_mutex_lock(&relay->hop.lock);
    size = strlen(relay->hop.content);
    if (strncmp(relay->hop.content, "Received: from ", 15) != 0 ||
        size < strlen(ending) ||
        strcmp(relay->hop.content + size - strlen(ending), ending) != 0) {
        fail_msg("it is:\n%s", relay->hop.content);
    }
    pthread_mutex_unlock(&relay->hop.lock);
}

/* Two messages over one connection, and what the hop has said of them. */
static void hands_on(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    assert_int_equal(hop_count(&relay->hop, &relay->hop.connections), 0);
    smtp_relay_deliver(relay);
    assert_string_equal(relay->client.line, "250 2.6.0 Message queued as HOP1");
    assert_true(hop_has_heard(&relay->hop, "EHLO edge.example\n"));
    assert_true(hop_has_heard(
        &relay->hop, "MAIL FROM:<a@example.com> BODY=8BITMIME\n"));
    assert_true(hop_has_heard(&relay->hop, "RCPT TO:<b@example.net>\n"));
    expect_content(relay, HOST_MESSAGE ".\r\n");
    smtp_relay_deliver(relay);
    assert_int_equal(hop_count(&relay->hop, &relay->hop.connections), 1);
    smtp_relay_expect_taken(relay, 2);
    smtp_relay_close(relay);
}

/* RFC 5321 section 4.5.2, on both sides. */
static void stuffs_dots(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "..\r\n...a\r\nb\r\n.\r\n", "250");
    expect_content(relay, "\r\n..\r\n...a\r\nb\r\n.\r\n");
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, ".\r\n", "250");
    smtp_relay_close(relay);
}

/* The hop's words are ours, at each step, and the link is used again. */
static void tells_refusals(void **state)
{
    static const struct {
        enum hop_step step;
        const char *answer;
        const char *heard;
    } rows[] = {
        {HOP_MAIL, "550 5.7.1 Not you\r\n", "550 5.7.1 Not you"},
        {HOP_MAIL, "452-4.3.1 Full\r\n452 4.3.1 here\r\n", "452 4.3.1 here"},
        {HOP_RCPT, "550 5.1.1 Nobody\r\n", "550 5.1.1 Nobody"},
        {HOP_RCPT, "450 Later\r\n", "450 4.0.0 Later"},
        {HOP_DATA, "554 5.7.1 No data\r\n", "554 5.7.1 No data"},
        {HOP_DATA, "451 \xff\x01\r\n", "451 4.0.0 ??"},
        {HOP_END, "554 5.7.1 It is spam\r\n", "554 5.7.1 It is spam"},
        {HOP_END, "452 4.3.1 Full\r\n", "452 4.3.1 Full"},
    };
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hop_order(&relay->hop, rows[i].step, rows[i].answer, 0);
        assert_int_equal(smtp_relay_try(relay), atoi(rows[i].heard));
        assert_string_equal(relay->client.line, rows[i].heard);
        (void)host_client_ask(&relay->client, "RSET\r\n");
        hop_renew(&relay->hop);
        smtp_relay_deliver(relay);
    }
    /* A second one where the first was still busy with RSET. */
    assert_in_range(hop_count(&relay->hop, &relay->hop.connections), 1, 2);
    smtp_relay_expect_taken(relay, sizeof rows / sizeof *rows);
    smtp_relay_close(relay);
}

/* One of several recipients is refused at once. */
static void asks_for_each_recipient(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(
        relay, "RCPT TO:<refused@example.net>\r\n", "550 5.1.1 No such user");
    smtp_relay_ask(relay, "DATA\r\n", "5");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(
        relay, "RCPT TO:<later@example.net>\r\n", "450 4.2.1 Not now");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "x\r\n.\r\n", "250 2.6.0");
    smtp_relay_expect_taken(relay, 1);
    smtp_relay_close(relay);
}

/* What the sender asks is said where it is offered, and the edge offers what
 * the hop did when it was greeted last. */
static void hands_parameters_on(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    hop_order(&relay->hop, HOP_EHLO,
        "250-hop\r\n250-DSN\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n"
        "250-MT-PRIORITY\r\n250 SIZE 2000\r\n",
        0);
    smtp_relay_ask(relay, "MAIL FROM:<a@example.com> RET=HDRS\r\n", "555");
    smtp_relay_deliver(relay);
    smtp_relay_connect(relay);
    smtp_relay_ask(relay,
        "MAIL FROM:<a@example.com> SMTPUTF8 BODY=8BITMIME SIZE=50 RET=HDRS "
        "ENVID=x+2By MT-PRIORITY=2\r\n",
        "250");
    smtp_relay_ask(relay,
        "RCPT TO:<s\xc3\xbc@example.net> NOTIFY=NEVER "
        "ORCPT=rfc822;o@example.org\r\n",
        "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "x\r\n.\r\n", "250");
    assert_true(hop_has_heard(&relay->hop,
        " BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By MT-PRIORITY=2\n"));
    assert_true(hop_has_heard(&relay->hop, "MAIL FROM:<a@example.com> SIZE="));
    assert_true(hop_has_heard(&relay->hop,
        "RCPT TO:<s\xc3\xbc@example.net> NOTIFY=NEVER "
        "ORCPT=rfc822;o@example.org\n"));
    smtp_relay_ask(relay, "MAIL FROM:<a@example.com> SIZE=2001\r\n",
        "552 5.3.4 Message too large for next hop");
    smtp_relay_close(relay);
}

/* What it cannot do is refused before it is asked. */
static void refuses_what_the_hop_cannot(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    hop_order(&relay->hop, HOP_EHLO, "250 hop\r\n", 0);
    smtp_relay_ask(relay, "MAIL FROM:<a@example.com> SMTPUTF8\r\n",
        "550 5.6.7 Next hop does not offer SMTPUTF8");
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "\xc3\xa4\r\n.\r\n",
        "554 5.6.3 Next hop does not take 8-bit content");
    assert_int_equal(hop_count(&relay->hop, &relay->hop.ends), 0);
    smtp_relay_deliver(relay);
    assert_false(hop_has_heard(&relay->hop, "SMTPUTF8"));
    smtp_relay_close(relay);
}

/* RFC 2033 section 4.2, folded for a client of SMTP: one has it, so it is
 * taken; none has it, so the first refusal is told. */
static void folds_the_ends_of_lmtp(void **state)
{
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 1);

    (void)state;
    smtp_relay_deliver(relay);
    assert_true(hop_has_heard(&relay->hop, "LHLO edge.example\n"));
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, "RCPT TO:<full@example.net>\r\n", "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "x\r\n.\r\n", "250 2.6.0 Message queued as HOP1");
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, "RCPT TO:<full@example.net>\r\n", "250");
    smtp_relay_ask(relay, "RCPT TO:<full2@example.net>\r\n", "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "x\r\n.\r\n", "452 4.2.2 Mailbox full");
    assert_int_equal(hop_count(&relay->hop, &relay->hop.connections), 1);
    smtp_relay_close(relay);
}

/* An edge of LMTP before a hop of LMTP: each recipient has its own reply. */
static void tells_each_end_of_lmtp(void **state)
{
    struct smtp_relay *relay = smtp_relay_new_lmtp();

    (void)state;
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, "RCPT TO:<one@example.net>\r\n", "250");
    smtp_relay_ask(relay, "RCPT TO:<full@example.net>\r\n", "250");
    smtp_relay_ask(relay, "RCPT TO:<refused@example.net>\r\n", "550");
    smtp_relay_ask(relay, "RCPT TO:<two@example.net>\r\n", "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    smtp_relay_ask(relay, "x\r\n.\r\n", "250 2.6.0");
    assert_int_equal(host_client_reply(&relay->client), 452);
    assert_string_equal(relay->client.line, "452 4.2.2 Mailbox full");
    assert_int_equal(host_client_reply(&relay->client), 250);
    smtp_relay_close(relay);
}

/* A client that leaves, at each stage: the hop's link is left in order. */
static void is_left_at_each_stage(void **state)
{
    static const char *const words[] = {SMTP_RELAY_MAIL, SMTP_RELAY_RCPT,
        "DATA\r\n", "Subject: half\r\n\r\nbo"};
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

    (void)state;
    for (size_t stage = 1; stage <= sizeof words / sizeof *words; stage++) {
        smtp_relay_connect(relay);
        for (size_t i = 0; i < stage; i++) {
            if (i < 3) {
                assert_in_range(
                    host_client_ask(&relay->client, words[i]), 250, 354);
            } else {
                assert_int_equal(host_client_send(&relay->client, words[i],
                                     strlen(words[i])),
                    0);
            }
        }
        host_client_reset(&relay->client);
        smtp_relay_connect(relay);
        smtp_relay_deliver(relay);
        smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
        smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
        smtp_relay_ask(relay, "RSET\r\n", "250");
    }
    smtp_relay_expect_taken(relay, 4);
    assert_int_equal(hop_count(&relay->hop, &relay->hop.ends), 4);
    smtp_relay_close(relay);
}

/* The edge stops in the midst of a message, at each stage. */
static void stops_at_each_stage(void **state)
{
    static const char *const words[] = {SMTP_RELAY_MAIL, SMTP_RELAY_RCPT,
        "DATA\r\n", "Subject: half\r\n\r\nbo", ".\r\n"};

    (void)state;
    for (size_t stage = 0; stage <= sizeof words / sizeof *words; stage++) {
        struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);

        hop_order(&relay->hop, HOP_END, hop_silent, 0);
        for (size_t i = 0; i < stage && i < 3; i++) {
            assert_in_range(
                host_client_ask(&relay->client, words[i]), 250, 354);
        }
        if (stage > 3) {
            assert_int_equal(host_client_send(&relay->client, HOST_MESSAGE,
                                 sizeof HOST_MESSAGE - 1),
                0);
        }
        if (stage > 4) {
            assert_int_equal(host_client_send(&relay->client, ".\r\n", 3), 0);
            assert_true(hop_wait(&relay->hop, &relay->hop.ends, 1));
        }
        host_edge_stop(&relay->host, 1);
        relay->host.edge = NULL;
        /* Nobody knows what has become of what was sent to its end. */
        assert_int_equal(smtp_relay_told(relay, "unknown_commit"), stage > 4);
        smtp_relay_close(relay);
    }
}

/* A hop that does not read: nor is the client read from, and all arrives when
 * it goes on. */
static void waits_for_a_slow_hop(void **state)
{
    static const char line[] = "0123456789abcde\r\n";
    struct smtp_relay *relay = smtp_relay_new(NULL, NULL, 0);
    size_t most = 64u << 20;
    size_t sent;
    size_t cut;

    (void)state;
    hop_stall(&relay->hop, 1);
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    sent = host_client_flood(&relay->client, line, most);
    assert_in_range(sent, 1, most - 1);
    hop_stall(&relay->hop, 0);
    cut = sent % (sizeof line - 1);
    assert_int_equal(
        host_client_send(&relay->client, line + cut, sizeof line - 1 - cut), 0);
    smtp_relay_ask(relay, ".\r\n", "250");
    assert_true(hop_count(&relay->hop, &relay->hop.octets) > sent);
    smtp_relay_close(relay);
}

enum { CLIENTS = 8, MESSAGES = 25 };

static void *deliver_many(void *user)
{
    const struct smtp_relay *relay = user;
    size_t *taken = calloc(1, sizeof *taken);

    for (size_t i = 0; taken != NULL && i < MESSAGES; i++) {
        *taken += host_deliver(&relay->host.address) == 250;
    }
    return taken;
}

/* Each loop has links of its own, as many as it is allowed. */
static void works_in_several_threads(void **state)
{
    const struct slimta_smtp_queue_options options = {
        .size = sizeof options, .max_connections = 1};
    const struct smtp_edge_options edge = {.size = sizeof edge, .threads = 3};
    struct smtp_relay *relay = smtp_relay_new(&options, &edge, 0);
    pthread_t threads[CLIENTS];
    size_t taken = 0;

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, deliver_many, relay), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        void *count = NULL;

        assert_int_equal(pthread_join(threads[i], &count), 0);
        assert_non_null(count);
        taken += *(size_t *)count;
        free(count);
    }
    assert_int_equal(taken, CLIENTS * MESSAGES);
    smtp_relay_expect_taken(relay, CLIENTS * MESSAGES);
    assert_in_range(hop_count(&relay->hop, &relay->hop.connections), 1, 3);
    smtp_relay_close(relay);
}

static void note_late(const struct slimta_event *event, void *user)
{
    if (event->type == SLIMTA_EVENT_LATE_COMMIT) {
        assert_int_equal(sem_post(user), 0);
    }
}

/* The edge's patience ends before the hop's reply comes: the client has heard
 * 451, and the edge tells that the message was taken all the same. */
static void tells_of_a_late_yes(void **state)
{
    sem_t late;
    const struct smtp_edge_options edge = {.size = sizeof edge,
        .queue_timeout_ms = 100,
        .event = note_late,
        .event_user = &late};
    struct smtp_relay *relay;

    (void)state;
    assert_int_equal(sem_init(&late, 0, 0), 0);
    relay = smtp_relay_new(NULL, &edge, 0);
    hop_stall(&relay->hop, 1);
    assert_int_equal(smtp_relay_try(relay), 451);
    hop_stall(&relay->hop, 0);
    assert_true(host_wait(&late));
    smtp_relay_expect_taken(relay, 1);
    smtp_relay_deliver(relay);
    smtp_relay_close(relay);
    assert_int_equal(sem_destroy(&late), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on),
        cmocka_unit_test(stuffs_dots),
        cmocka_unit_test(tells_refusals),
        cmocka_unit_test(asks_for_each_recipient),
        cmocka_unit_test(hands_parameters_on),
        cmocka_unit_test(refuses_what_the_hop_cannot),
        cmocka_unit_test(folds_the_ends_of_lmtp),
        cmocka_unit_test(tells_each_end_of_lmtp),
        cmocka_unit_test(is_left_at_each_stage),
        cmocka_unit_test(stops_at_each_stage),
        cmocka_unit_test(waits_for_a_slow_hop),
        cmocka_unit_test(works_in_several_threads),
        cmocka_unit_test(tells_of_a_late_yes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
