/** A host that hands its mail on over HTTP: to an HTTP edge of its own, and to
 * a next hop that says what the test wants. */
#include "certificates.h"
#include "web.h"
#include "web_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An SMTP edge, this queue, an HTTP edge, and a queue of the test's. */
struct chain {
    struct host_queue sink;
    struct host_policy policy;
    struct web_edge web;
    struct web_relay *relay;
};

static void chain_open(struct chain *chain,
    const struct http_edge_options *web_options,
    const struct slimta_http_queue_options *queue_options,
    const struct smtp_edge_options *edge_options)
{
    struct host_policy *const policies[] = {&chain->policy, NULL};
    struct slimta_http_queue_options own = {.size = sizeof own};
    char url[128];

    memset(chain, 0, sizeof *chain);
    host_queue_init(&chain->sink, HOST_LATER);
    host_policy_init(&chain->policy);
    web_start(&chain->web, web_options, &chain->sink.queue, policies);
    if (queue_options != NULL) {
        own = *queue_options;
    }
    (void)snprintf(url, sizeof url, "%s://localhost:%u/mail",
        own.tls == NULL ? "http" : "https", (unsigned)chain->web.address.port);
    own.urls = url;
    chain->relay = web_relay_new(&own, edge_options);
}

static void chain_close(struct chain *chain)
{
    web_relay_close(chain->relay);
    web_stop(&chain->web, 1000);
    host_policy_fini(&chain->policy);
    host_queue_fini(&chain->sink);
}

static void say_message(struct web_relay *relay)
{
    web_relay_ask(relay, "MAIL FROM:<a@example.com>\r\n", "250");
    web_relay_ask(relay, "RCPT TO:<b@example.net>\r\n", "250");
    web_relay_ask(relay, "RCPT TO:<\"c d\"@example.net>\r\n", "250");
    web_relay_ask(relay, "DATA\r\n", "354");
    assert_int_equal(host_client_send(&relay->client, HOST_MESSAGE ".\r\n",
                         strlen(HOST_MESSAGE) + 3),
        0);
}

static void check_envelope(struct slimta_envelope *envelope)
{
    size_t size;
    char *content = host_content(envelope, &size);

    assert_string_equal(slimta_envelope_sender(envelope), "a@example.com");
    assert_int_equal(slimta_envelope_recipient_count(envelope), 2);
    assert_string_equal(
        slimta_envelope_recipient(envelope, 0)->address, "b@example.net");
    assert_string_equal(
        slimta_envelope_recipient(envelope, 1)->address, "\"c d\"@example.net");
    assert_string_equal(
        slimta_envelope_client(envelope)->ehlo_as, "client.example");
    /* RFC 5321 section 4.4: each hop leaves its trace. */
    assert_memory_equal(content, "Received: from client.example", 29);
    assert_true(size > strlen(HOST_MESSAGE));
    assert_memory_equal(content + size - strlen(HOST_MESSAGE), HOST_MESSAGE,
        strlen(HOST_MESSAGE));
    free(content);
}

static void hands_on_to_an_edge_of_ours(void **state)
{
    struct chain chain;
    struct host_pending pending;

    (void)state;
    chain_open(&chain,
        &(struct http_edge_options){.size = sizeof(struct http_edge_options),
            .hostname = "web.example.net",
            .flags = SLIMTA_HTTP_NAMES_ID},
        NULL, NULL);
    for (int i = 0; i < 3; i++) {
        say_message(chain.relay);
        pending = host_queue_next(&chain.sink);
        check_envelope(pending.envelope);
        /* 250 is said when the last queue has said yes, and not before. */
        assert_int_equal(host_pending_accept(&pending), 0);
        assert_int_equal(host_client_reply(&chain.relay->client), 250);
    }
    assert_int_equal(chain.relay->log[0], '\0');
    chain_close(&chain);
}

/* Refusals travel back, whoever makes them. */
static void hands_refusals_back(void **state)
{
    struct chain chain;

    (void)state;
    chain_open(&chain, NULL, NULL, NULL);
    host_queue_answers(&chain.sink, HOST_REFUSED);
    chain.sink.refusal = 550;
    chain.sink.refusal_text = "5.7.1 Not \"you\", \\ever";
    web_relay_deliver(chain.relay, "550 5.7.1 Not ");
    chain.sink.refusal = 452;
    chain.sink.refusal_text = "4.3.1 Full";
    web_relay_deliver(chain.relay, "452 4.3.1 Full");
    host_queue_answers(&chain.sink, HOST_SILENT);
    web_relay_deliver(chain.relay, "451 4.3.0 ");
    host_queue_answers(&chain.sink, HOST_QUEUED);
    web_relay_deliver(chain.relay, "250 2.6.0 ");

    host_policy_order(
        &chain.policy, HOST_RCPT, HOST_SET, 550, "5.1.1 No such user");
    web_relay_deliver(chain.relay, "550 5.1.1 No such user");
    host_policy_order(&chain.policy, HOST_RCPT, HOST_PASS, 0, NULL);
    host_policy_order(
        &chain.policy, HOST_MAIL, HOST_FINISH, 421, "4.7.0 Go away");
    /* It is about the message, not about this session. */
    web_relay_deliver(chain.relay, "451 4.7.0 Go away");
    host_policy_order(&chain.policy, HOST_MAIL, HOST_PASS, 0, NULL);
    web_relay_deliver(chain.relay, "250 2.6.0 ");
    chain_close(&chain);
}

static void refuse_c(struct slimta_session *session, struct slimta_reply *reply,
    const struct slimta_recipient *recipient, struct slimta_op *op, void *user)
{
    (void)session;
    (void)op;
    (void)user;
    if (recipient->address[0] == 'c') {
        (void)slimta_reply_set(reply, 550, "5.1.1 No C here");
    }
}

struct listening {
    struct slimta_validators table;
    size_t count;
    char text[512];
};

/* What `queued` hears: "b@… yes" for each part. */
static void queued(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_results *results, struct slimta_op *op, void *user)
{
    struct listening *listening = user;

    (void)session;
    (void)reply;
    (void)op;
    listening->count = slimta_results_count(results);
    listening->text[0] = '\0';
    for (size_t i = 0; i < listening->count; i++) {
        const struct slimta_envelope *part =
            slimta_results_envelope(results, i);
        const struct slimta_reply *refusal = slimta_results_refusal(results, i);
        size_t size = strlen(listening->text);

        (void)snprintf(listening->text + size, sizeof listening->text - size,
            "%s/%zu:%d ", slimta_envelope_recipient(part, 0)->address,
            slimta_envelope_recipient_count(part),
            refusal == NULL ? 250 : slimta_reply_code(refusal));
    }
}

static struct web_relay *listen_to(struct listening *listening, const char *url)
{
    const struct slimta_http_queue_options options = {
        .size = sizeof options, .urls = url};
    struct web_relay *relay = web_relay_prepare(&options, NULL);

    memset(listening, 0, sizeof *listening);
    listening->table.size = sizeof listening->table;
    listening->table.queued = queued;
    listening->table.user = listening;
    assert_int_equal(
        smtp_edge_add_validators(relay->host.edge, &listening->table, NULL), 0);
    web_relay_start(relay);
    return relay;
}

/* Some recipients were refused: the client hears 250, the host each. */
static void tells_of_each_recipient(void **state)
{
    static const struct {
        const char *list;
        const char *heard;
        const char *parts;
    } cases[] = {
        {"1; 550; message=\"5.1.1 No\"", "250 2.6.0 ",
            "b@example.net/1:250 c@example.net/1:550 "},
        {"0; 450; message=\"4.2.1 Later\"", "250 2.6.0 ",
            "c@example.net/1:250 b@example.net/1:450 "},
        {"0; 550; message=\"5.1.1 No\", 1; 450; message=\"4.2.1 Later\"",
            "550 5.1.1 No", "b@example.net/1:550 c@example.net/1:450 "},
        /* What cannot be about this message says nothing. */
        {"2; 550; message=\"5.1.1 No\"", "250 2.6.0 ", "b@example.net/2:250 "},
        {"1; 550; message=\"5.1.1 No\", 1; 450; message=\"4.2.1 Later\"",
            "250 2.6.0 ", "b@example.net/1:250 c@example.net/1:550 "},
        {"1; 250; message=\"2.1.5 Ok\"", "250 2.6.0 ", "b@example.net/2:250 "},
        {"nobody", "250 2.6.0 ", "b@example.net/2:250 "},
        {"99999999999999999999; 550; message=\"x\"", "250 2.6.0 ",
            "b@example.net/2:250 "},
    };
    static char answers[sizeof cases / sizeof *cases][512];
    struct listening listening;
    struct web_relay *relay = listen_to(&listening, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *answer = answers[i]; /* the hop's thread may still look at the
                                      last one */

        (void)snprintf(answer, sizeof answers[i],
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Smtp-Rcpt-Reply: "
            "%s\r\n\r\n",
            cases[i].list);
        web_hop_set(&relay->hop, (struct web_hop_order){.answer = answer});
        web_relay_deliver(relay, cases[i].heard);
        assert_string_equal(listening.text, cases[i].parts);
    }
    web_relay_close(relay);
}

static void tells_of_each_recipient_through_an_edge(void **state)
{
    struct host_queue sink;
    struct host_policy policy;
    struct host_policy *const policies[] = {&policy, NULL};
    const struct http_edge_options options = {.size = sizeof options,
        .hostname = "web.example.net",
        .flags = SLIMTA_HTTP_PARTIAL};
    struct web_edge web;
    struct listening listening;
    struct web_relay *relay;
    char url[128];

    (void)state;
    host_queue_init(&sink, HOST_QUEUED);
    host_policy_init(&policy);
    policy.table.rcpt = refuse_c;
    web_start(&web, &options, &sink.queue, policies);
    (void)snprintf(
        url, sizeof url, "http://localhost:%u/", (unsigned)web.address.port);
    relay = listen_to(&listening, url);
    web_relay_deliver(relay, "250 2.6.0 ");
    assert_string_equal(
        listening.text, "b@example.net/1:250 c@example.net/1:550 ");
    web_relay_close(relay);
    web_stop(&web, 1000);
    host_policy_fini(&policy);
    host_queue_fini(&sink);
}

#define ANSWER(status, rest) \
    "HTTP/1.1 " status "\r\nContent-Length: 0\r\n" rest "\r\n"

static void understands_what_a_hop_says(void **state)
{
    static const char *const cases[][2] = {
        {ANSWER("200 OK", ""), "250 2.6.0 "},
        {ANSWER("202 Accepted", ""), "250 2.6.0 "},
        {"HTTP/1.1 204 No Content\r\n\r\n", "250 2.6.0 "},
        {"HTTP/1.1 201 Created\r\n\r\nwhat ends with the connection",
            "250 2.6.0 "},
        {"HTTP/1.0 200 OK\r\n\r\n", "250 2.6.0 "},
        {ANSWER("200 OK", "Connection: close\r\n"), "250 2.6.0 "},
        {"HTTP/1.1 100 Continue\r\n\r\n" ANSWER("200 OK", ""), "250 2.6.0 "},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "2\r\nok\r\n0\r\n\r\n",
            "250 2.6.0 "},
        {ANSWER("200 OK",
             "X-Smtp-Reply: 250; message=\"2.0.0 Ok: queued as 4F2A\"\r\n"),
            "250 2.6.0 Message queued as 4F2A"},
        {ANSWER("500 Oops", "X-Smtp-Reply: 550; message=\"5.7.1 Not you\"\r\n"),
            "550 5.7.1 Not you"},
        {ANSWER("503 Oops", "X-Smtp-Reply: 450; message=\"4.2.0 Not now\"\r\n"),
            "450 4.2.0 Not now"},
        {ANSWER("503 Oops", "X-Smtp-Reply: 421; message=\"4.3.2 Down\"\r\n"),
            "451 4.3.2 Down"},
        {ANSWER("503 Oops", "X-Smtp-Reply: 250; message=\"2.0.0 Fine\"\r\n"),
            "451 4.4.0 "},
        {ANSWER("404 Not Found", ""), "550 5.0.0 "},
        {ANSWER("413 Too Large", ""), "552 5.3.4 "},
        {ANSWER("429 Slow", ""), "451 4.4.5 "},
        {ANSWER("301 Moved", "Location: http://elsewhere/\r\n"), "451 4.4.0 "},
        {ANSWER("500 Oops", ""), "451 4.4.0 "},
    };
    struct web_relay *relay = web_relay_new(NULL, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        web_hop_set(&relay->hop, (struct web_hop_order){.answer = cases[i][0]});
        web_relay_deliver(relay, cases[i][1]);
    }
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.requests),
        sizeof cases / sizeof *cases);
    assert_int_equal(relay->log[0], '\0');
    web_relay_close(relay);
}

/* What python-slimta's edge needs: a length, this type alone, and each
 * recipient. */
static void asks_as_the_other_side_wants(void **state)
{
    static const char *const lines[] = {"POST /mail?to=us HTTP/1.1\r\n",
        "\r\nContent-Type: message/rfc822\r\n",
        "\r\nX-Ehlo: client.example\r\n",
        "\r\nX-Envelope-Sender: YUBleGFtcGxlLmNvbQ==\r\n",
        "\r\nX-Envelope-Recipient: YkBleGFtcGxlLm5ldA==\r\n",
        "\r\nX-Envelope-Recipient: Y0BleGFtcGxlLm5ldA==\r\n"};
    struct web_relay *relay = web_relay_new(NULL, NULL);
    char text[128];

    (void)state;
    web_relay_deliver(relay, "250 2.6.0 ");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(relay->hop.head, lines[i]) == NULL) {
            fail_msg("%s is not in %s", lines[i], relay->hop.head);
        }
    }
    (void)snprintf(text, sizeof text, "\r\nHost: %s\r\n", relay->hop.text);
    assert_non_null(strstr(relay->hop.head, text));
    (void)snprintf(text, sizeof text, "\r\nContent-Length: %zu\r\n",
        strlen(relay->hop.body));
    assert_non_null(strstr(relay->hop.head, text));
    assert_null(strstr(relay->hop.head, "Transfer-Encoding"));
    assert_null(strstr(relay->hop.head, "Expect"));
    assert_null(strstr(relay->hop.head, "Authorization"));
    web_relay_close(relay);
}

static void a_name_of_ones_own(void **state)
{
    const struct slimta_http_queue_options options = {
        .size = sizeof options, .ehlo_name = "relay.example"};
    struct web_relay *relay = web_relay_new(&options, NULL);

    (void)state;
    web_relay_deliver(relay, "250 2.6.0 ");
    assert_non_null(strstr(relay->hop.head, "\r\nX-Ehlo: relay.example\r\n"));
    web_relay_close(relay);
}

static void keeps_connections(void **state)
{
    struct web_relay *relay = web_relay_new(NULL, NULL);

    (void)state;
    for (int i = 0; i < 5; i++) {
        web_relay_deliver(relay, "250 2.6.0 ");
    }
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.connections), 1);
    web_hop_set(&relay->hop,
        (struct web_hop_order){
            .answer = ANSWER("200 OK", "Connection: close\r\n")});
    web_relay_deliver(relay, "250 2.6.0 ");
    web_relay_deliver(relay, "250 2.6.0 ");
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.connections), 2);
    assert_int_equal(web_hop_count(&relay->hop, &relay->hop.taken), 7);
    web_relay_close(relay);
}

enum { CLIENTS = 4, EACH = 25 };

static void *deliver_each(void *user)
{
    const struct slimta_address *address = user;
    size_t heard = 0;

    for (size_t i = 0; i < EACH; i++) {
        heard += host_deliver(address) == 250;
    }
    return heard == EACH ? user : NULL;
}

/* Each loop has links of its own; two edges share one queue. */
static void works_in_several_loops(void **state)
{
    const struct slimta_http_queue_options queue = {
        .size = sizeof queue, .max_connections = 2};
    const struct smtp_edge_options many = {
        .size = sizeof many, .hostname = "mx.example.net", .threads = 3};
    struct web_relay *relay = web_relay_new(&queue, &many);
    struct host_edge other;
    pthread_t clients[CLIENTS];
    void *is_well;

    (void)state;
    host_edge_start(&other, &many, relay->queue);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(
            pthread_create(&clients[i], NULL, deliver_each,
                i % 2 == 0 ? &relay->host.address : &other.address),
            0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(clients[i], &is_well), 0);
        assert_non_null(is_well);
    }
    assert_int_equal(
        web_hop_count(&relay->hop, &relay->hop.taken), CLIENTS * EACH);
    assert_int_equal(relay->log[0], '\0');
    host_edge_stop(&other, 1000);
    web_relay_close(relay);
}

/* TLS */

static struct slimta_tls *trusting(const char *ca)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_options options = {.size = sizeof options,
        .ca_file = certificate_path(ca_file, ca, ".pem")};
    struct slimta_tls *tls = NULL;
    struct slimta_error error = {0};

    if (slimta_tls_new(&tls, &options, &error) != 0) {
        fail_msg("%s", error.text);
    }
    return tls;
}

static void play_tls(const char *certificate, const char *ca, const char *heard,
    const char *told)
{
    struct slimta_tls *server = host_tls(NULL, certificate, NULL);
    struct slimta_tls *client = trusting(ca);
    const struct http_edge_options web = {
        .size = sizeof web, .hostname = "web.example.net", .tls = server};
    const struct slimta_http_queue_options queue = {
        .size = sizeof queue, .tls = client};
    struct chain chain;

    chain_open(&chain, &web, &queue, NULL);
    host_queue_answers(&chain.sink, HOST_QUEUED);
    web_relay_deliver(chain.relay, heard);
    web_relay_deliver(chain.relay, heard);
    if (told == NULL) {
        assert_int_equal(chain.relay->log[0], '\0');
    } else if (web_relay_told(chain.relay, told) == 0) {
        fail_msg("not told: %s\n%s", told, chain.relay->log);
    }
    assert_int_equal(host_queue_count(&chain.sink, &chain.sink.accepted),
        told == NULL ? 2 : 0);
    chain_close(&chain);
    slimta_tls_unref(client);
    slimta_tls_unref(server);
}

static void speaks_to_whom_it_trusts(void **state)
{
    (void)state;
    play_tls("local", "ca", "250 2.6.0 ", NULL);
    play_tls("local", "other_ca", "451 4.7.5 ", "hop_failed ");
    /* A good certificate, but somebody else's. */
    play_tls("server", "ca", "451 4.7.5 ", "hop_failed ");
}

static void shows_who_it_is_over_tls_only(void **state)
{
    struct slimta_tls *server = host_tls(NULL, "local", NULL);
    struct slimta_tls *client = trusting("ca");
    const struct http_edge_options web = {
        .size = sizeof web, .hostname = "web.example.net", .tls = server};
    const struct slimta_http_queue_options queue = {.size = sizeof queue,
        .tls = client,
        .user = "alice",
        .password = "a:secret"};
    struct chain chain;

    (void)state;
    chain_open(&chain, &web, &queue, NULL);
    host_queue_answers(&chain.sink, HOST_QUEUED);
    host_policy_order(
        &chain.policy, HOST_SECRET, HOST_SET, HOST_PASSWORD, "a:secret");
    host_policy_order(&chain.policy, HOST_AUTH, HOST_SET, 235, "2.7.0 Come in");
    web_relay_deliver(chain.relay, "250 2.6.0 ");
    assert_true(host_policy_asked(&chain.policy, HOST_AUTH) > 0);
    host_policy_order(&chain.policy, HOST_AUTH, HOST_SET, 535, "5.7.8 Not you");
    web_relay_deliver(chain.relay, "535 5.7.8 ");
    chain_close(&chain);
    slimta_tls_unref(client);
    slimta_tls_unref(server);
}

/* Nobody else hears a password, whatever else is said to them. */
static void keeps_its_password(void **state)
{
    const struct slimta_tls_options anybody = {
        .size = sizeof anybody, .verify = SLIMTA_TLS_VERIFY_NONE};
    struct slimta_tls *server = host_tls(NULL, "local", NULL);
    struct slimta_tls *client = NULL;
    const struct http_edge_options web = {
        .size = sizeof web, .hostname = "web.example.net", .tls = server};
    struct slimta_http_queue_options queue = {.size = sizeof queue};
    struct chain chain;

    (void)state;
    assert_int_equal(slimta_tls_new(&client, &anybody, NULL), 0);
    queue.tls = client;
    chain_open(&chain, &web, &queue, NULL);
    host_queue_answers(&chain.sink, HOST_QUEUED);
    web_relay_deliver(chain.relay, "250 2.6.0 ");
    chain_close(&chain);

    queue.user = "alice";
    queue.password = "secret";
    chain_open(&chain, &web, &queue, NULL);
    web_relay_deliver(chain.relay, "451 4.7.5 Next hop cannot be trusted");
    assert_int_equal(host_policy_asked(&chain.policy, HOST_CONNECT), 0);
    chain_close(&chain);
    slimta_tls_unref(client);
    slimta_tls_unref(server);
}

/* Options */

static void checks_its_options(void **state)
{
    static const struct {
        struct slimta_http_queue_options options;
        const char *said;
    } cases[] = {
        {{.size = sizeof(struct slimta_http_queue_options)},
            "urls: there is none"},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "mx.example.org"},
            "urls: 'mx.example.org' "},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "https://192.0.2.1/"},
            "urls: 'https://192.0.2.1' has an address"},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "http://a/",
             .user = "a",
             .password = "b"},
            "user: nobody is told"},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "https://a/ http://a/",
             .user = "a",
             .password = "b"},
            "user: nobody is told"},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "https://a/",
             .user = "a"},
            "user: it needs a password"},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "https://a/",
             .user = "a:b",
             .password = "b"},
            "user: it has a colon"},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "http://a/",
             .ehlo_name = "a b"},
            "ehlo_name: "},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "http://a/",
             .ehlo_name = ""},
            "ehlo_name: "},
        {{.size = sizeof(struct slimta_http_queue_options),
             .urls = "http://a/",
             .servers = "nowhere"},
            "servers: "},
        {{.size = 1, .urls = "http://a/"}, "options: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_queue *queue = NULL;
        struct slimta_error error = {0};

        assert_int_equal(
            slimta_http_queue_new(&queue, &cases[i].options, &error),
            SLIMTA_EINVAL);
        assert_null(queue);
        if (strncmp(error.text, cases[i].said, strlen(cases[i].said)) != 0) {
            fail_msg("'%s', not '%s'", error.text, cases[i].said);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_to_an_edge_of_ours),
        cmocka_unit_test(hands_refusals_back),
        cmocka_unit_test(tells_of_each_recipient),
        cmocka_unit_test(tells_of_each_recipient_through_an_edge),
        cmocka_unit_test(understands_what_a_hop_says),
        cmocka_unit_test(asks_as_the_other_side_wants),
        cmocka_unit_test(a_name_of_ones_own),
        cmocka_unit_test(keeps_connections),
        cmocka_unit_test(works_in_several_loops),
        cmocka_unit_test(speaks_to_whom_it_trusts),
        cmocka_unit_test(shows_who_it_is_over_tls_only),
        cmocka_unit_test(keeps_its_password),
        cmocka_unit_test(checks_its_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
