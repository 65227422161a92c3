/** Mail through a chain of edges, SMTP to HTTP to SMTP (or LMTP) at the end:
 * what arrives, how refusals travel back, and that nothing is acknowledged
 * which the last hop has not taken. */
#include "chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct chain_options to_smtp = {.ends_in_edge = 1};
static const struct chain_options to_lmtp = {
    .ends_in_edge = 1, .ends_with_lmtp = 1};

/* How often a text is there. */
static size_t count(const char *octets, const char *text)
{
    size_t found = 0;

    for (; (octets = strstr(octets, text)) != NULL; octets += strlen(text)) {
        found++;
    }
    return found;
}

/* The message as it was sent, under a trace field of each edge it came
 * through but the last, whose own is not in the content yet. */
static void expect_content(struct slimta_envelope *envelope, const char *wanted)
{
    size_t wanted_size = strlen(wanted);
    size_t size = 0;
    char *octets = host_content(envelope, &size);
    char *head = calloc(1, size + 1);

    assert_non_null(head);
    assert_in_range(size, wanted_size + 1, wanted_size + 1000);
    assert_memory_equal(octets + size - wanted_size, wanted, wanted_size);
    memcpy(head, octets, size - wanted_size);
    assert_int_equal(count(head, "Received: from "), 2);
    assert_memory_equal(head, "Received: from client.example", 29);
    assert_int_equal(count(head, "by middle.example"), 1);
    assert_int_equal(count(head, "by first.example"), 1);
    free(head);
    free(octets);
}

struct mail {
    const char *mail; /* the command */
    const char *sender;
    const char *recipients[4];
    int smtputf8;
    const char *octets;
    const char *wire; /* dot-stuffed */
};

static void send_mail(struct chain *chain, const struct mail *mail)
{
    char words[256];

    chain_ask(chain, mail->mail, "250");
    for (size_t i = 0; mail->recipients[i] != NULL; i++) {
        (void)snprintf(
            words, sizeof words, "RCPT TO:<%s>\r\n", mail->recipients[i]);
        chain_ask(chain, words, "250");
    }
    chain_ask(chain, "DATA\r\n", "354");
    assert_int_equal(
        host_client_send(&chain->client, mail->wire, strlen(mail->wire)), 0);
    assert_int_equal(host_client_send(&chain->client, ".\r\n", 3), 0);
}

static void expect_mail(
    struct slimta_envelope *envelope, const struct mail *mail)
{
    size_t i = 0;

    assert_string_equal(slimta_envelope_sender(envelope), mail->sender);
    for (; mail->recipients[i] != NULL; i++) {
        const struct slimta_recipient *recipient =
            slimta_envelope_recipient(envelope, i);

        assert_non_null(recipient);
        assert_string_equal(recipient->address, mail->recipients[i]);
    }
    assert_int_equal(slimta_envelope_recipient_count(envelope), i);
    assert_int_equal(
        slimta_envelope_params(envelope)->smtputf8, mail->smtputf8);
    expect_content(envelope, mail->octets);
}

/* It is at the end before the client hears of it. */
static void pass(struct chain *chain, const struct mail *mail)
{
    struct host_pending pending;

    send_mail(chain, mail);
    pending = host_queue_next(&chain->sink);
    expect_mail(pending.envelope, mail);
    assert_int_equal(host_pending_accept(&pending), 0);
    for (size_t i = 0; i == 0 ||
         (chain->options.begins_with_lmtp && mail->recipients[i] != NULL);
         i++) {
        chain_hear(chain, "250 2.6.0 ");
    }
}

#define FROM "MAIL FROM:<a@example.com>"
#define SMALL HOST_MESSAGE, HOST_MESSAGE
#define JOERG \
    "j\xc3\xb6rg@b\xc3\xbc" \
    "cher.example"

static void hands_on(struct chain_options options)
{
    static const char dots[] = ".\r\n.a.\r\n\r\n... and 8-bit \xc3\xa4\xff\r\n";
    static const char stuffed[] =
        "..\r\n..a.\r\n\r\n.... and 8-bit \xc3\xa4\xff\r\n";
    size_t size;
    char *large = host_message(20000, &size);
    const struct mail mails[] = {
        {FROM "\r\n", "a@example.com", {"b@example.net"}, 0, SMALL},
        {"MAIL FROM:<>\r\n", "", {"Postmaster", "\"a b\"@example.net"}, 0,
            SMALL},
        {FROM " BODY=8BITMIME\r\n", "a@example.com",
            {"x@[192.0.2.1]", "b@example.net", "c=d+e@example.net"}, 0, dots,
            stuffed},
        {"MAIL FROM:<" JOERG "> SMTPUTF8\r\n", JOERG,
            {"b@example.net", "\xe7\x94\xa8@example.net"}, 1, SMALL},
        {FROM "\r\n", "a@example.com", {"b@example.net"}, 0, large, large},
        {FROM "\r\n", "a@example.com", {"b@example.net"}, 0, SMALL},
    };
    struct chain *chain = chain_new(options);

    host_queue_answers(&chain->sink, HOST_LATER);
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
        pass(chain, &mails[i]);
    }
    chain_close(chain);
    free(large);
}

static void hands_mail_on_unchanged(void **state)
{
    (void)state;
    hands_on(to_smtp);
    hands_on(to_lmtp);
    hands_on((struct chain_options){
        .begins_with_lmtp = 1, .ends_in_edge = 1, .ends_with_lmtp = 1});
}

/* What the last edge says no with, and what the first client hears. */
static void refuse(struct chain_options options)
{
    static const enum host_step steps[] = {
        HOST_MAIL, HOST_RCPT, HOST_DATA, HOST_HAVE_DATA};
    static const struct {
        int code;
        const char *text;
        const char *heard;
    } rows[] = {
        {550, "5.7.1 Not you", "550 5.7.1 Not you"},
        {452, "4.3.1 Full, later", "452 4.3.1 Full, later"},
        {552, "5.3.4 Too much", "552 5.3.4 Too much"},
        /* HTTP knows no escape for these. */
        {554, "5.6.0 \"quoted\" a\\b", "554 5.6.0 'quoted' a/b"},
        {530, "5.7.0 Prove who you are", "530 5.7.0 Prove who you are"},
        {451, "4.7.1 Greylisted", "451 4.7.1 Greylisted"},
    };
    struct chain *chain = chain_new(options);
    size_t taken = 0;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            host_policy_order(
                &chain->policy, steps[i], HOST_SET, rows[j].code, rows[j].text);
            chain_deliver(chain, rows[j].heard);
            assert_string_equal(chain->client.line, rows[j].heard);
            assert_int_equal(
                host_queue_count(&chain->sink, &chain->sink.accepted), taken);
        }
        host_policy_order(&chain->policy, steps[i], HOST_PASS, 0, NULL);
        chain_deliver(chain, "250 2.6.0 ");
        taken++;
    }
    chain_close(chain);
}

static void tells_refusals_of_the_last(void **state)
{
    (void)state;
    refuse(to_smtp);
    refuse(to_lmtp);
}

static void start_of_five(struct chain *chain)
{
    chain_ask(chain, FROM "\r\n", "250");
    chain_ask(chain, "RCPT TO:<one@example.net>\r\n", "250");
    chain_ask(chain, "RCPT TO:<refused@example.net>\r\n", "250");
    chain_ask(chain, "RCPT TO:<two@example.net>\r\n", "250");
    chain_ask(chain, "RCPT TO:<later@example.net>\r\n", "250");
    chain_ask(chain, "RCPT TO:<full@example.net>\r\n", "250");
    chain_ask(chain, "DATA\r\n", "354");
    assert_int_equal(host_client_send(&chain->client, HOST_MESSAGE ".\r\n",
                         strlen(HOST_MESSAGE ".\r\n")),
        0);
}

/* X-Smtp-Rcpt-Reply carries each recipient's refusal, of RCPT and, from LMTP,
 * of the end. */
static void tells_each_recipient(void **state)
{
    struct chain *chain =
        chain_new((struct chain_options){.begins_with_lmtp = 1,
            .ends_with_lmtp = 1,
            .flags = SLIMTA_HTTP_PARTIAL});

    (void)state;
    start_of_five(chain);
    chain_hear(chain, "250 2.6.0 ");
    chain_hear(chain, "550 5.1.1 No such user");
    chain_hear(chain, "250 2.6.0 ");
    chain_hear(chain, "450 4.2.1 Not now");
    chain_hear(chain, "452 4.2.2 Mailbox full");
    assert_false(hop_has_heard(&chain->hop, "RSET"));
    chain_close(chain);
}

#define FULL_50 "full full full full full full full full full full "
#define FULL_400 FULL_50 FULL_50 FULL_50 FULL_50 FULL_50 FULL_50 FULL_50 FULL_50

/* 900 recipients, of whom the last hop takes the first. */
static void deliver_to_many(const char *refusal, const char *first)
{
    enum { MANY = 900 };
    struct chain *chain =
        chain_new((struct chain_options){.begins_with_lmtp = 1,
            .ends_with_lmtp = 1,
            .flags = SLIMTA_HTTP_PARTIAL});
    char words[64];

    hop_order(&chain->hop, HOP_END, refusal, 1);
    chain_ask(chain, FROM "\r\n", "250");
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(
            words, sizeof words, "RCPT TO:<r%zu@example.net>\r\n", i);
        chain_ask(chain, words, "250");
    }
    chain_ask(chain, "DATA\r\n", "354");
    chain_ask(chain, HOST_MESSAGE ".\r\n", first);
    for (size_t i = 1; i < MANY; i++) {
        chain_hear(chain, "452 4.2.2 full");
    }
    chain_close(chain);
}

/* Their refusals have room in one field; or have not: then there is one for
 * all, since a recipient must not be acknowledged for another. */
static void tells_many_recipients(void **state)
{
    (void)state;
    deliver_to_many("452 4.2.2 " FULL_50 "\r\n", "250 2.6.0 ");
    deliver_to_many("452 4.2.2 " FULL_400 "\r\n", "452 4.2.2 full");
}

/* A client of SMTP hears one reply: a yes when anybody has it. */
static void folds_recipients(void **state)
{
    struct chain *chain =
        chain_new((struct chain_options){.flags = SLIMTA_HTTP_PARTIAL});

    (void)state;
    start_of_five(chain);
    chain_hear(chain, "250 2.6.0 ");
    chain_ask(chain, FROM "\r\n", "250");
    chain_ask(chain, "RCPT TO:<refused@example.net>\r\n", "250");
    chain_ask(chain, "RCPT TO:<later@example.net>\r\n", "250");
    chain_ask(chain, "DATA\r\n", "354");
    chain_ask(chain, HOST_MESSAGE ".\r\n", "550 5.1.1 No such user");
    assert_int_equal(hop_count(&chain->hop, &chain->hop.taken), 1);
    chain_close(chain);
}

/* Without the flag one refused recipient refuses the message, so that nobody
 * has it: python-slimta's rule. */
static void refuses_all_for_one(void **state)
{
    struct chain *chain = chain_new((struct chain_options){0});

    (void)state;
    start_of_five(chain);
    chain_hear(chain, "550 5.1.1 No such user");
    assert_int_equal(hop_count(&chain->hop, &chain->hop.ends), 0);
    chain_deliver(chain, "250 2.6.0 ");
    chain_close(chain);
}

/* The last hop does something else than answer. */
static void fail_at(
    int is_lmtp, enum hop_step step, const char *deed, const char *heard)
{
    struct chain *chain = chain_new((struct chain_options){
        .is_hasty = deed == hop_silent, .ends_with_lmtp = is_lmtp});
    int is_unknown = step == HOP_END;

    hop_order(&chain->hop, step, deed, 0);
    chain_deliver(chain, heard);
    assert_int_equal(hop_count(&chain->hop, &chain->hop.taken), 0);
    assert_int_equal(hop_count(&chain->hop, &chain->hop.ends), is_unknown);
    assert_int_equal(chain_told(chain, "unknown_commit"), is_unknown);
    hop_renew(&chain->hop);
    chain_deliver(chain, "250 2.6.0 ");
    assert_true(hop_wait(&chain->hop, &chain->hop.taken, 1));
    chain_close(chain);
}

static void survives_a_last_that_fails(void **state)
{
    static const enum hop_step steps[] = {
        HOP_BANNER, HOP_EHLO, HOP_MAIL, HOP_RCPT, HOP_DATA, HOP_END};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        fail_at(0, steps[i], hop_close, "451 4.4.2 ");
        fail_at(0, steps[i], hop_reset, "451 4.4.");
        fail_at(0, steps[i], hop_silent, "451 4.4.2 ");
        fail_at(1, steps[i], hop_close, "451 4.4.2 ");
    }
}

/* Nobody listens at its port any more. */
static void survives_a_last_that_is_dead(void **state)
{
    struct chain *chain = chain_new((struct chain_options){.is_hasty = 1});

    (void)state;
    chain_deliver(chain, "250 2.6.0 ");
    hop_close_all(&chain->hop);
    chain_deliver(chain, "451 4.4.");
    chain_deliver(chain, "451 4.4.");
    hop_open(&chain->hop);
    chain_close(chain);
}

/* The replies of the last hop are cut off at every octet. */
static void survives_every_cut(void **state)
{
    struct chain *chain = chain_new((struct chain_options){.is_hasty = 1});
    const char *yes = "250 2.6.0 ";
    size_t budget = 0;
    int is_taken = 0;

    (void)state;
    for (; !is_taken; budget++) {
        size_t ends = hop_count(&chain->hop, &chain->hop.ends);
        size_t unknown = chain_told(chain, "unknown_commit");

        pthread_mutex_lock(&chain->hop.lock);
        chain->hop.budget = budget;
        pthread_mutex_unlock(&chain->hop.lock);
        chain_deliver(chain, "");
        is_taken = strncmp(chain->client.line, yes, strlen(yes)) == 0;
        if (!is_taken) {
            assert_memory_equal(chain->client.line, "451 4.4.", 8);
        }
        ends = hop_count(&chain->hop, &chain->hop.ends) - ends;
        unknown = chain_told(chain, "unknown_commit") - unknown;
        assert_int_equal(ends, unknown + (size_t)is_taken);
        assert_true(budget < 1000);
    }
    assert_in_range(budget, 100, 1000);
    chain_close(chain);
}

enum { CLIENTS = 4, MESSAGES = 50 };

static void *deliver_many(void *user)
{
    const struct chain *chain = user;
    size_t *accepted = calloc(1, sizeof *accepted);

    for (size_t i = 0; accepted != NULL && i < MESSAGES; i++) {
        *accepted += host_deliver(&chain->first.address) == 250;
    }
    return accepted;
}

/* Connections to the last hop break under load: what is acknowledged it has
 * taken, and what it has taken is acknowledged, or told to be unknown. */
static void keeps_books_under_load(void **state)
{
    struct chain *chain = chain_new((struct chain_options){.is_hasty = 1});
    pthread_t threads[CLIENTS];
    size_t accepted = 0;
    size_t taken;

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, deliver_many, chain), 0);
    }
    for (size_t i = 1; i <= 5; i++) {
        assert_true(hop_wait(&chain->hop, &chain->hop.ends, i * 20));
        hop_drop_connections(&chain->hop);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        void *mine = NULL;

        assert_int_equal(pthread_join(threads[i], &mine), 0);
        assert_non_null(mine);
        accepted += *(size_t *)mine;
        free(mine);
    }
    assert_true(hop_wait(&chain->hop, &chain->hop.taken, accepted));
    taken = hop_count(&chain->hop, &chain->hop.taken);
    assert_in_range(accepted, CLIENTS * MESSAGES / 2, taken);
    assert_true(taken <= accepted + chain_told(chain, "unknown_commit"));
    chain_close(chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_mail_on_unchanged),
        cmocka_unit_test(tells_refusals_of_the_last),
        cmocka_unit_test(tells_each_recipient),
        cmocka_unit_test(tells_many_recipients),
        cmocka_unit_test(folds_recipients),
        cmocka_unit_test(refuses_all_for_one),
        cmocka_unit_test(survives_a_last_that_fails),
        cmocka_unit_test(survives_a_last_that_is_dead),
        cmocka_unit_test(survives_every_cut),
        cmocka_unit_test(keeps_books_under_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
