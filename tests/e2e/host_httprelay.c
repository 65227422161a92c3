/** A host that python-slimta's HttpRelay delivers to. */
#include "httprelay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "Subject: one\r\nX-Dots: .\r\n\r\n"
#define ACCEPTED "2.6.0 Message accepted for delivery"

enum { MANY = 1000, LARGE = 10000000 };

static const char *const one_recipient[] = {"b@example.net"};

static const struct httprelay_mail plain = {
    .path = "/mail",
    .ehlo = "relay.example",
    .sender = "a@example.com",
    .recipients = one_recipient,
    .recipient_count = 1,
    .head = {HEAD, sizeof HEAD - 1},
    .body = {".\r\nbody\n", 8},
};

static void expect(const char *name, const struct httprelay_answer *answer,
    enum httprelay_outcome outcome, enum httprelay_outcome wanted, int status,
    const char *message)
{
    if (outcome != wanted || answer->status != status ||
        strcmp(answer->message, message) != 0) {
        fail_msg("%s: %s, %d, %d '%s'; wanted %s, %d, '%s'", name,
            httprelay_outcome_names[outcome], answer->status, answer->code,
            answer->message, httprelay_outcome_names[wanted], status, message);
    }
}

/* What arrives */

static char *arrived;
static size_t arrived_size;
static char arrived_sender[512];
static char **arrived_recipients;
static size_t arrived_count;
static char arrived_ehlo[256];

static void note(struct slimta_envelope *envelope)
{
    arrived = host_content(envelope, &arrived_size);
    arrived_count = slimta_envelope_recipient_count(envelope);
    arrived_recipients = calloc(arrived_count, sizeof *arrived_recipients);
    assert_non_null(arrived_recipients);
    for (size_t i = 0; i < arrived_count; ++i) {
        arrived_recipients[i] =
            strdup(slimta_envelope_recipient(envelope, i)->address);
    }
    snprintf(arrived_sender, sizeof arrived_sender, "%s",
        slimta_envelope_sender(envelope));
    snprintf(arrived_ehlo, sizeof arrived_ehlo, "%s",
        slimta_envelope_client(envelope)->ehlo_as);
}

static void forget(void)
{
    for (size_t i = 0; i < arrived_count; ++i) {
        free(arrived_recipients[i]);
    }
    free(arrived_recipients);
    free(arrived);
    arrived_recipients = NULL;
    arrived = NULL;
    arrived_count = 0;
}

/* A thread: the client's, which waits while the test answers. */
struct delivery {
    struct httprelay relay;
    const struct httprelay_mail *mail;
    struct httprelay_answer answer;
    enum httprelay_outcome outcome;
};

static void *deliver(void *user)
{
    struct delivery *delivery = user;

    delivery->outcome =
        httprelay_deliver(&delivery->relay, delivery->mail, &delivery->answer);
    return NULL;
}

/* Delivers one mail, keeps what the queue has got, and compares it. */
static void deliver_and_compare(const struct httprelay_mail *mail)
{
    static struct delivery delivery;
    struct host_queue queue;
    struct host_pending pending;
    struct web_edge web;
    pthread_t thread;

    host_queue_init(&queue, HOST_LATER);
    web_start(&web, NULL, &queue.queue, NULL);
    httprelay_init(&delivery.relay, &web.address, 0);
    delivery.mail = mail;
    assert_int_equal(pthread_create(&thread, NULL, deliver, &delivery), 0);
    pending = host_queue_next(&queue);
    note(pending.envelope);
    assert_int_equal(host_pending_accept(&pending), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect("mail", &delivery.answer, delivery.outcome, HTTPRELAY_DELIVERED, 200,
        ACCEPTED);
    assert_int_equal(delivery.answer.code, 250);
    httprelay_fini(&delivery.relay);
    web_stop(&web, 1000);
    host_queue_fini(&queue);

    assert_string_equal(arrived_sender, mail->sender);
    assert_string_equal(arrived_ehlo, mail->ehlo);
    assert_int_equal(arrived_count, mail->recipient_count);
    for (size_t i = 0; i < arrived_count; ++i) {
        assert_string_equal(arrived_recipients[i], mail->recipients[i]);
    }
    assert_int_equal(arrived_size, mail->head.size + mail->body.size);
    assert_memory_equal(arrived, mail->head.data, mail->head.size);
    assert_memory_equal(
        arrived + mail->head.size, mail->body.data, mail->body.size);
    forget();
}

static void delivers_to_one(void **state)
{
    (void)state;
    deliver_and_compare(&plain);
}

static void delivers_from_nobody(void **state)
{
    struct httprelay_mail mail = plain;

    (void)state;
    mail.sender = "";
    deliver_and_compare(&mail);
}

static void delivers_utf8(void **state)
{
    static const char *const recipients[] = {"用户@例え.example"};
    struct httprelay_mail mail = plain;

    (void)state;
    mail.sender = "jürgen@exämple.com";
    mail.recipients = recipients;
    deliver_and_compare(&mail);
}

/* `count` recipients of 254 octets, the longest that there are, in one piece
 * of memory. RFC 5321 section 4.5.3.1.3, without the brackets. */
static const char **make_recipients(size_t count)
{
    const char **recipients = malloc(count * (sizeof *recipients + 255));
    char *text = (char *)(recipients + count);

    assert_non_null(recipients);
    for (size_t i = 0; i < count; ++i) {
        char *at = text + i * 255;
        int size = sprintf(at, "user%zu@", i);

        for (; size < 254 - 8; ++size) {
            at[size] = size % 50 == 49 ? '.' : 'd';
        }
        memcpy(at + size, ".example", 9);
        recipients[i] = at;
    }
    return recipients;
}

static void delivers_to_many(void **state)
{
    const char **recipients = make_recipients(MANY);
    struct httprelay_mail mail = plain;

    (void)state;
    mail.recipients = recipients;
    mail.recipient_count = MANY;
    deliver_and_compare(&mail);
    free(recipients);
}

static char *make_large(void)
{
    char *octets = malloc(LARGE);

    assert_non_null(octets);
    for (size_t i = 0; i < LARGE; ++i) {
        octets[i] = (char)(i * 7 + i / 256);
    }
    return octets;
}

static void delivers_large(void **state)
{
    char *octets = make_large();
    struct httprelay_mail mail = plain;

    (void)state;
    mail.body = (struct slimta_slice){octets, LARGE};
    deliver_and_compare(&mail);
    free(octets);
}

/* Refusals: each with a small body and with a large one, which the relay sends
 * to its end before it looks for an answer. */
static const struct refusal {
    const char *name;
    const char *path;
    const char *ehlo;
    size_t recipients; /* 0: the plain one */
    enum host_step step;
    int code; /* of that step; 0: it passes */
    const char *text;
    enum httprelay_outcome outcome;
    int status;
    const char *message;
} refusals[] = {
    {"no such path", "/other", "relay.example", 0, 0, 0, NULL,
        HTTPRELAY_TRANSIENT, 404, "4.3.5 No mail is taken at this path"},
    {"no name", "/mail", "a b", 0, 0, 0, NULL, HTTPRELAY_PERMANENT, 400,
        "5.5.4 Syntax error in EHLO name"},
    {"the sender, for ever", "/mail", "relay.example", 0, HOST_MAIL, 550,
        "5.7.1 Not \"you\"", HTTPRELAY_PERMANENT, 500, "5.7.1 Not 'you'"},
    {"a recipient, for now", "/mail", "relay.example", 0, HOST_RCPT, 450,
        "4.2.1 Later", HTTPRELAY_TRANSIENT, 503, "4.2.1 Later"},
    {"the connection", "/mail", "relay.example", 0, HOST_CONNECT, 421,
        "4.3.2 Not now", HTTPRELAY_TRANSIENT, 503, "4.3.2 Not now"},
    {"the data", "/mail", "relay.example", 0, HOST_DATA, 554, "5.6.0 No data",
        HTTPRELAY_PERMANENT, 500, "5.6.0 No data"},
    {"the message", "/mail", "relay.example", 0, HOST_HAVE_DATA, 554,
        "5.7.1 Spam", HTTPRELAY_PERMANENT, 500, "5.7.1 Spam"},
    {"one recipient too many", "/mail", "relay.example", MANY + 1, 0, 0, NULL,
        HTTPRELAY_TRANSIENT, 503, "4.5.3 Too many recipients"},
    {"far too many recipients", "/mail", "relay.example", 3 * MANY, 0, 0, NULL,
        HTTPRELAY_TRANSIENT, 431, "4.5.3 Too many or too long header fields"},
};

static const struct http_edge_options options = {
    .size = sizeof options,
    .hostname = "mx.example.net",
    .uri_pattern = "/mail",
};

static void refuse(const struct refusal *refusal, struct slimta_slice body)
{
    struct httprelay_mail mail = plain;
    const char **recipients = NULL;
    struct host_policy *policy = calloc(1, sizeof *policy);
    struct host_policy *policies[] = {policy, NULL};
    struct host_queue queue;
    struct httprelay_answer answer;
    struct httprelay relay;
    struct web_edge web;
    enum httprelay_outcome outcome;

    assert_non_null(policy);
    host_policy_init(policy);
    if (refusal->code != 0) {
        host_policy_order(
            policy, refusal->step, HOST_SET, refusal->code, refusal->text);
    }
    host_queue_init(&queue, HOST_QUEUED);
    web_start(&web, &options, &queue.queue, policies);
    httprelay_init(&relay, &web.address, 0);
    mail.path = refusal->path;
    mail.ehlo = refusal->ehlo;
    mail.body = body;
    if (refusal->recipients > 0) {
        recipients = make_recipients(refusal->recipients);
        mail.recipients = recipients;
        mail.recipient_count = refusal->recipients;
    }
    outcome = httprelay_deliver(&relay, &mail, &answer);
    expect(refusal->name, &answer, outcome, refusal->outcome, refusal->status,
        refusal->message);
    httprelay_fini(&relay);
    web_stop(&web, 1000);
    assert_int_equal(queue.messages, 0);
    host_queue_fini(&queue);
    host_policy_fini(policy);
    free(policy);
    free(recipients);
}

static void hears_refusals(void **state)
{
    char *octets = make_large();
    static const size_t sizes[] = {22, 65536, 1048576, LARGE};

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; ++i) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; ++j) {
            refuse(&refusals[i], (struct slimta_slice){octets, sizes[j]});
        }
    }
    free(octets);
}

/* Known from the length, and so refused before the first octet comes. */
static void hears_that_it_is_too_large(void **state)
{
    const struct http_edge_options small = {
        .size = sizeof small,
        .hostname = "mx.example.net",
        .max_message_bytes = LARGE - 1,
    };
    char *octets = make_large();
    struct httprelay_mail mail = plain;
    struct host_queue queue;
    struct httprelay_answer answer;
    struct httprelay relay;
    struct web_edge web;
    enum httprelay_outcome outcome;

    (void)state;
    host_queue_init(&queue, HOST_QUEUED);
    web_start(&web, &small, &queue.queue, NULL);
    httprelay_init(&relay, &web.address, 0);
    for (size_t over = 0; over <= 1; ++over) {
        mail.body =
            (struct slimta_slice){octets, LARGE - 1 - plain.head.size + over};
        outcome = httprelay_deliver(&relay, &mail, &answer);
        expect("size", &answer, outcome,
            over ? HTTPRELAY_PERMANENT : HTTPRELAY_DELIVERED, over ? 413 : 200,
            over ? "5.3.4 Message exceeded size limit" : ACCEPTED);
    }
    httprelay_fini(&relay);
    web_stop(&web, 1000);
    assert_int_equal(queue.messages, 1);
    host_queue_fini(&queue);
    free(octets);
}

/* Connections that are kept. It never reads the end of an answer, so that a
 * second request on one connection fails in http.client, whatever it was told;
 * unless the server has said that it closes. */

static void keep(unsigned flags, const enum httprelay_outcome outcomes[],
    size_t connections, size_t messages)
{
    const struct http_edge_options kept = {
        .size = sizeof kept,
        .hostname = "mx.example.net",
        .flags = flags,
    };
    struct host_queue queue;
    struct httprelay_answer answer;
    struct httprelay relay;
    struct web_edge web;

    host_queue_init(&queue, HOST_QUEUED);
    web_start(&web, &kept, &queue.queue, NULL);
    httprelay_init(&relay, &web.address, 1);
    for (size_t i = 0; i < 4; ++i) {
        assert_string_equal(
            httprelay_outcome_names[httprelay_deliver(&relay, &plain, &answer)],
            httprelay_outcome_names[outcomes[i]]);
    }
    assert_int_equal(relay.connections, connections);
    httprelay_fini(&relay);
    /* What it took for an error was served all the same. */
    web_stop(&web, 1000);
    assert_int_equal(queue.messages, messages);
    host_queue_fini(&queue);
}

static void closes_for_a_relay(void **state)
{
    static const enum httprelay_outcome outcomes[] = {HTTPRELAY_DELIVERED,
        HTTPRELAY_DELIVERED, HTTPRELAY_DELIVERED, HTTPRELAY_DELIVERED};

    (void)state;
    keep(SLIMTA_HTTP_CLOSES, outcomes, 4, 4);
}

static void fails_a_relay_that_keeps(void **state)
{
    static const enum httprelay_outcome outcomes[] = {HTTPRELAY_DELIVERED,
        HTTPRELAY_NOT_READY, HTTPRELAY_DELIVERED, HTTPRELAY_NOT_READY};

    (void)state;
    keep(0, outcomes, 2, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_to_one),
        cmocka_unit_test(delivers_from_nobody),
        cmocka_unit_test(delivers_utf8),
        cmocka_unit_test(delivers_to_many),
        cmocka_unit_test(delivers_large),
        cmocka_unit_test(hears_refusals),
        cmocka_unit_test(hears_that_it_is_too_large),
        cmocka_unit_test(closes_for_a_relay),
        cmocka_unit_test(fails_a_relay_that_keeps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
