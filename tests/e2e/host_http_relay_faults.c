/** A host that hands its mail on over HTTP to a next hop that lies, stalls,
 * breaks off or is not there: what is acknowledged is what the hop has, and
 * nothing is handed on twice. */
#include "web_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST "451 4.4.2 Connection to next hop lost"
#define UNKNOWN "451 4.4.2 Response of next hop lost"

/* What a hop that hangs is given. */
static const struct slimta_http_queue_options hasty = {
    .size = sizeof hasty, .reply_timeout_ms = 1000};

/* Afterwards the hop is well, and gets the next message. */
static void play(struct web_relay *relay, struct web_hop_order order,
    const char *heard, int is_unknown)
{
    size_t told = web_relay_told(relay, "unknown_commit ");
    size_t taken = web_hop_count(&relay->hop, &relay->hop.taken);
    size_t requests = web_hop_count(&relay->hop, &relay->hop.requests);

    web_hop_set(&relay->hop, order);
    web_relay_deliver(relay, heard);
    assert_int_equal(
        web_relay_told(relay, "unknown_commit ") - told, (size_t)is_unknown);
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.taken), taken);
    /* It was sent once. */
    assert_true(
        web_hop_count(&relay->hop, &relay->hop.requests) <= requests + 1);
    web_hop_set(&relay->hop, (struct web_hop_order){.answer = NULL});
    web_relay_deliver(relay, "250 2.6.0 ");
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.taken), taken + 1);
}

/* On a fresh connection, and on one that was used. */
static void play_both(const struct slimta_http_queue_options *options,
    struct web_hop_order order, const char *heard, int is_unknown)
{
    struct web_relay *relay = web_relay_new(options, NULL);

    play(relay, order, heard, is_unknown);
    play(relay, order, heard, is_unknown);
    web_relay_close(relay);
}

static void a_hop_that_says_nothing(void **state)
{
    (void)state;
    play_both(&hasty, (struct web_hop_order){.answer = ""}, UNKNOWN, 1);
}

static void a_hop_that_leaves_without_a_word(void **state)
{
    (void)state;
    play_both(NULL, (struct web_hop_order){.resets = 1}, UNKNOWN, 1);
}

static void a_hop_that_lies(void **state)
{
    static const char *const lies[] = {"\r\n", "hello\r\n", "HTTP/1.1\r\n",
        "HTTP/2 200 OK\r\n", "HTTP/1.1 999 What\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\n folded\r\n",
        "ICY 200 OK\r\n\r\n", "250 2.0.0 Ok\r\n", "\x16\x03\x01\x02\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        /* It may have taken what it had: nobody knows. */
        play_both(NULL, (struct web_hop_order){.answer = lies[i], .lies = 1},
            UNKNOWN, 1);
    }
}

/* Only a whole head says anything. */
static void a_response_cut_at_every_octet(void **state)
{
    struct web_relay *relay = web_relay_new(NULL, NULL);

    (void)state;
    for (size_t i = 1; i < strlen(WEB_HOP_OK); i++) {
        play(relay, (struct web_hop_order){.budget = i}, UNKNOWN, 1);
    }
    web_relay_close(relay);
}

/* The hop cannot have taken what it has not got. Of a message as small as this
 * the system may have all before the reset comes back: then nobody knows, and
 * it is not sent again either. */
static void a_request_cut_at_every_octet(void **state)
{
    struct web_relay *relay = web_relay_new(NULL, NULL);
    size_t size;

    (void)state;
    web_relay_deliver(relay, "250 2.6.0 ");
    size = strlen(relay->hop.head) + strlen(relay->hop.body);
    for (size_t i = 1; i < size; i++) {
        size_t requests = web_hop_count(&relay->hop, &relay->hop.requests);

        web_hop_set(&relay->hop, (struct web_hop_order){.cut_at = i});
        web_relay_deliver(relay, "451 4.4.2 ");
        assert_int_equal(
            web_hop_count(&relay->hop, &relay->hop.requests), requests);
    }
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.taken), 1);
    web_relay_close(relay);
}

/* A large one cannot be sent whole: so it is not taken, for certain. */
static void a_large_request_cut(void **state)
{
    static const size_t cuts[] = {1, 100, 1000, 100000, 3000000};
    struct web_relay *relay = web_relay_new(NULL, NULL);
    size_t size;
    char *message = host_message(400000, &size); /* 25 MB */

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        web_hop_set(&relay->hop, (struct web_hop_order){.cut_at = cuts[i]});
        assert_int_equal(web_relay_try(relay, message, size), 451);
        assert_string_equal(relay->client.line, LOST);
    }
    assert_int_equal(web_relay_told(relay, "unknown_commit "), 0);
    web_hop_set(&relay->hop, (struct web_hop_order){.answer = NULL});
    assert_int_equal(web_relay_try(relay, message, size), 250);
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.taken), 1);
    free(message);
    web_relay_close(relay);
}

/* It says so before it has all, and leaves. */
static void an_early_refusal(void **state)
{
    struct web_relay *relay = web_relay_new(NULL, NULL);
    size_t size;
    char *message = host_message(400000, &size);

    (void)state;
    web_hop_set(&relay->hop,
        (struct web_hop_order){
            .answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n"
                      "X-Smtp-Reply: 552; message=\"5.3.4 Too large\"\r\n\r\n",
            .early = 5000});
    assert_int_equal(web_relay_try(relay, message, size), 552);
    /* A yes to what was not sent is a lie. */
    web_hop_set(&relay->hop,
        (struct web_hop_order){.answer = WEB_HOP_OK, .early = 5000});
    assert_int_equal(web_relay_try(relay, message, size), 451);
    assert_int_equal(web_relay_told(relay, "unknown_commit "), 0);
    free(message);
    web_relay_close(relay);
}

/* A connection that was kept, and that the hop has left meanwhile: what it
 * cannot have got goes over a fresh one, once. */
static void a_connection_that_was_left(void **state)
{
    struct web_relay *relay = web_relay_new(NULL, NULL);
    size_t size;
    char *message = host_message(400000, &size);

    (void)state;
    /* It closes behind its answer without saying so, and that is seen. */
    web_hop_set(&relay->hop, (struct web_hop_order){.closes = 1});
    web_relay_deliver(relay, "250 2.6.0 ");
    assert_true(web_hop_wait(&relay->hop, &relay->hop.gone, 1));
    web_hop_set(&relay->hop, (struct web_hop_order){.answer = NULL});
    web_relay_deliver(relay, "250 2.6.0 ");
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.taken), 2);

    /* It does when the next request has begun. */
    web_hop_set(&relay->hop, (struct web_hop_order){.cut_at = 1, .times = 1});
    assert_int_equal(web_relay_try(relay, message, size), 250);
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.taken), 3);
    /* On a fresh one that is no excuse; nor twice. */
    web_hop_set(&relay->hop, (struct web_hop_order){.cut_at = 1, .times = 2});
    assert_int_equal(web_relay_try(relay, message, size), 451);
    assert_int_equal(web_relay_told(relay, "unknown_commit "), 0);
    free(message);
    web_relay_close(relay);
}

static void no_hop_is_there(void **state)
{
    char port[HOST_TEXT_MAX];
    char url[128];
    struct slimta_http_queue_options options = {
        .size = sizeof options, .urls = url};
    struct web_relay *relay;

    (void)state;
    host_find_closed_port(port);
    (void)snprintf(url, sizeof url, "http://%s/", port);
    relay = web_relay_new(&options, NULL);
    web_relay_deliver(relay, "451 4.4.1 No answer from next hop");
    web_relay_deliver(relay, "451 4.4.1 No answer from next hop");
    assert_int_equal(web_relay_told(relay, "hop_failed "), 2);
    web_relay_close(relay);
}

static void another_hop_is_there(void **state)
{
    struct web_hop other;
    char port[HOST_TEXT_MAX];
    char urls[256];
    struct slimta_http_queue_options options = {
        .size = sizeof options, .urls = urls, .idle_ms = 1};
    struct web_relay *relay;

    (void)state;
    web_hop_open(&other);
    host_find_closed_port(port);
    (void)snprintf(
        urls, sizeof urls, "http://%s/ http://%s/there", port, other.text);
    relay = web_relay_new(&options, NULL);
    for (int i = 0; i < 3; i++) {
        web_relay_deliver(relay, "250 2.6.0 ");
    }
    assert_int_equal(web_hop_count(&other, &other.taken), 3);
    assert_non_null(strstr(other.head, "POST /there HTTP/1.1\r\n"));
    /* The dead one was not asked each time. */
    assert_int_equal(web_relay_told(relay, "hop_failed "), 1);
    /* A refusal is an answer: nobody else is asked. */
    web_hop_set(&other,
        (struct web_hop_order){
            .answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"});
    web_relay_deliver(relay, "550 ");
    web_relay_close(relay);
    web_hop_close(&other);
}

/* The client of a message that was sent whole has left: the hop's answer is
 * waited for, and nothing breaks. */
static void a_client_that_leaves(void **state)
{
    struct web_relay *relay = web_relay_new(NULL, NULL);

    (void)state;
    web_hop_set(&relay->hop, (struct web_hop_order){.answer = ""});
    web_relay_ask(relay, "MAIL FROM:<a@example.com>\r\n", "250");
    web_relay_ask(relay, "RCPT TO:<b@example.net>\r\n", "250");
    web_relay_ask(relay, "DATA\r\n", "354");
    assert_int_equal(host_client_send(&relay->client, HOST_MESSAGE ".\r\n",
                         strlen(HOST_MESSAGE) + 3),
        0);
    assert_true(web_hop_wait(&relay->hop, &relay->hop.requests, 1));
    host_client_reset(&relay->client);
    relay->client.fd = -1;
    /* The stop ends it, and says that it is not known. */
    host_edge_stop(&relay->host, 0);
    assert_int_equal(web_relay_told(relay, "unknown_commit "), 1);
    web_relay_close(relay);
}

/* A hop that reads nothing: the stop has not to wait for it. */
static void a_stop_meanwhile(void **state)
{
    struct web_relay *relay = web_relay_new(NULL, NULL);
    size_t size;
    char *message = host_message(400000, &size);

    (void)state;
    web_hop_stall(&relay->hop, 1);
    web_relay_ask(relay, "MAIL FROM:<a@example.com>\r\n", "250");
    web_relay_ask(relay, "RCPT TO:<b@example.net>\r\n", "250");
    web_relay_ask(relay, "DATA\r\n", "354");
    assert_int_equal(host_client_send(&relay->client, message, size), 0);
    assert_int_equal(host_client_send(&relay->client, ".\r\n", 3), 0);
    assert_true(web_hop_wait(&relay->hop, &relay->hop.connections, 1));
    host_edge_stop(&relay->host, 0);
    assert_int_equal(web_relay_told(relay, "unknown_commit "), 0);
    free(message);
    web_relay_close(relay);
}

/* Stalls while it is sent to, longer than a reply may take. */
static void a_hop_that_stalls(void **state)
{
    struct web_relay *relay = web_relay_new(&hasty, NULL);
    size_t size;
    char *message = host_message(400000, &size);

    (void)state;
    web_hop_stall(&relay->hop, 1);
    assert_int_equal(web_relay_try(relay, message, size), 451);
    assert_string_equal(relay->client.line, "451 4.4.2 Next hop timed out");
    assert_int_equal(web_relay_told(relay, "unknown_commit "), 0);
    free(message);
    web_relay_close(relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hop_that_says_nothing),
        cmocka_unit_test(a_hop_that_leaves_without_a_word),
        cmocka_unit_test(a_hop_that_lies),
        cmocka_unit_test(a_response_cut_at_every_octet),
        cmocka_unit_test(a_request_cut_at_every_octet),
        cmocka_unit_test(a_large_request_cut),
        cmocka_unit_test(an_early_refusal),
        cmocka_unit_test(a_connection_that_was_left),
        cmocka_unit_test(no_hop_is_there),
        cmocka_unit_test(another_hop_is_there),
        cmocka_unit_test(a_client_that_leaves),
        cmocka_unit_test(a_stop_meanwhile),
        cmocka_unit_test(a_hop_that_stalls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
