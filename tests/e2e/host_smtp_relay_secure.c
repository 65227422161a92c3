/** A host that hands its mail on over TLS and with AUTH, to an edge of ours and
 * to hops that only pretend. */
#include "smtp_relay.h"
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include "certificates.h"

#define USER "juliet"
#define PASSWORD "pencil of r0ses"
#define ALL "SCRAM-SHA-256,SCRAM-SHA-1,CRAM-MD5,PLAIN,LOGIN"

/* Whom a queue trusts. */
static struct slimta_tls *trust(const char *ca, enum slimta_tls_verify verify)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_options options = {
        .size = sizeof options,
        .verify = verify,
        .ca_file = ca == NULL ? NULL : certificate_path(ca_file, ca, ".pem"),
    };
    struct slimta_error error = {0};
    struct slimta_tls *tls = NULL;

    if (slimta_tls_new(&tls, &options, &error) != 0) {
        fail_msg("%s", error.text);
    }
    return tls;
}

/* An edge of ours as the next hop, and a relay that leads to it. */
struct chain {
    struct scene *hop;
    struct smtp_relay *relay;
    char hosts[64];
};

/* `options` gets hosts; its tls is taken. */
static void chain_open(struct chain *chain, const struct smtp_edge_options *hop,
    struct slimta_smtp_queue_options options, const char *host)
{
    struct smtp_edge_options own = *hop;

    if (own.auth_mechanisms == NULL) {
        own.auth_mechanisms = ALL;
    }
    own.auth_flags |= SLIMTA_AUTH_CLEAR;
    own.tls = host_tls(NULL, "local", NULL);
    chain->hop = scene_prepare(&own, 1);
    slimta_tls_unref(own.tls);
    chain->hop->policy.table.auth = NULL;
    host_policy_order(
        &chain->hop->policy, HOST_SECRET, HOST_SET, HOST_PASSWORD, PASSWORD);
    scene_start(chain->hop);
    (void)snprintf(chain->hosts, sizeof chain->hosts, "%s:%u", host,
        (unsigned)chain->hop->host.address.port);
    options.hosts = chain->hosts;
    chain->relay = smtp_relay_new(&options, NULL, 0);
    slimta_tls_unref(options.tls);
}

static void chain_close(struct chain *chain, enum slimta_closed reason)
{
    smtp_relay_close(chain->relay);
    scene_close(chain->hop, reason);
}

static const struct smtp_edge_options offering = {
    .tls_mode = SLIMTA_TLS_OFFERED};

static void proves_who_we_are(void **state)
{
    static const char *const mechanisms[] = {
        NULL, "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"};

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        struct slimta_smtp_queue_options options = {
            .tls_policy = SLIMTA_HOP_TLS_REQUIRED,
            .tls = trust("ca", SLIMTA_TLS_VERIFY_DEFAULT),
            .user = USER,
            .password = PASSWORD,
            .mechanism = mechanisms[i],
        };
        struct chain chain;

        chain_open(&chain, &offering, options, "localhost");
        smtp_relay_deliver(chain.relay);
        smtp_relay_deliver(chain.relay);
        scene_await(chain.hop, "tls session=");
        scene_await(chain.hop, "auth session=");
        assert_int_equal(scene_counters(chain.hop).auth_successes, 1);
        assert_int_equal(scene_counters(chain.hop).messages_accepted, 2);
        chain_close(&chain, SLIMTA_CLOSED_CLIENT);
    }
}

static void speaks_tls_at_once(void **state)
{
    const struct smtp_edge_options hop = {.tls_mode = SLIMTA_TLS_IMMEDIATE};
    struct slimta_smtp_queue_options options = {
        .tls_policy = SLIMTA_HOP_TLS_IMMEDIATE,
        .tls = trust("ca", SLIMTA_TLS_VERIFY_DEFAULT),
    };
    struct chain chain;

    (void)state;
    chain_open(&chain, &hop, options, "localhost");
    smtp_relay_deliver(chain.relay);
    scene_await(chain.hop, "tls session=");
    chain_close(&chain, SLIMTA_CLOSED_CLIENT);
}

/* Nothing of a message is told to whom it should not. */
static void fails_without_a_word(struct slimta_smtp_queue_options options,
    const char *host, const char *heard, enum slimta_closed reason)
{
    struct chain chain;

    chain_open(&chain, &offering, options, host);
    smtp_relay_ask(chain.relay, SMTP_RELAY_MAIL, heard);
    assert_int_equal(host_policy_asked(&chain.hop->policy, HOST_MAIL), 0);
    assert_true(smtp_relay_told(chain.relay, "hop_failed") >= 1);
    chain_close(&chain, reason);
}

static void trusts_nobody_else(void **state)
{
    struct slimta_smtp_queue_options options = {
        .tls_policy = SLIMTA_HOP_TLS_REQUIRED,
        .tls = trust("other_ca", SLIMTA_TLS_VERIFY_DEFAULT),
    };

    (void)state;
    fails_without_a_word(options, "localhost", "451 4.7.5 ", SLIMTA_CLOSED_TLS);
    /* The certificate is good, but for another name. */
    options.tls = trust("ca", SLIMTA_TLS_VERIFY_DEFAULT);
    fails_without_a_word(
        options, "mx.localhost", "451 4.7.5 ", SLIMTA_CLOSED_TLS);
}

static void is_not_known(void **state)
{
    struct slimta_smtp_queue_options options = {
        .tls_policy = SLIMTA_HOP_TLS_REQUIRED,
        .tls = trust("ca", SLIMTA_TLS_VERIFY_DEFAULT),
        .user = USER,
        .password = "wrong",
    };

    (void)state;
    fails_without_a_word(
        options, "localhost", "451 4.7.0 ", SLIMTA_CLOSED_CLIENT);
}

/* A password itself does not cross to somebody who was not looked at. */
static void keeps_the_password_from_strangers(void **state)
{
    struct slimta_smtp_queue_options options = {
        .tls_policy = SLIMTA_HOP_TLS_OFFERED,
        .tls = trust(NULL, SLIMTA_TLS_VERIFY_NONE),
        .user = USER,
        .password = PASSWORD,
        .mechanism = "PLAIN",
    };

    (void)state;
    fails_without_a_word(
        options, "localhost", "451 4.7.4 ", SLIMTA_CLOSED_CLIENT);
}

/* What is merely offered goes on without a certificate that holds. */
static void takes_what_is_offered(void **state)
{
    struct slimta_smtp_queue_options options = {
        .tls_policy = SLIMTA_HOP_TLS_OFFERED,
        .tls = trust("other_ca", SLIMTA_TLS_VERIFY_OPTIONAL),
    };
    struct chain chain;

    (void)state;
    chain_open(&chain, &offering, options, "localhost");
    smtp_relay_deliver(chain.relay);
    scene_await(chain.hop, "tls session=");
    chain_close(&chain, SLIMTA_CLOSED_CLIENT);
}

/* A certificate is looked at by name, or it would do for anybody. */
static void wants_names(void **state)
{
    struct slimta_smtp_queue_options options = {.size = sizeof options,
        .hosts = "mx.example.org, 192.0.2.1",
        .tls_policy = SLIMTA_HOP_TLS_REQUIRED,
        .tls = trust("ca", SLIMTA_TLS_VERIFY_DEFAULT)};
    struct slimta_queue *queue = NULL;
    struct slimta_error error = {0};

    (void)state;
    assert_int_equal(
        slimta_smtp_queue_new(&queue, &options, &error), SLIMTA_EINVAL);
    assert_memory_equal(error.text, "hosts: '192.0.2.1:25'", 21);
    slimta_tls_unref(options.tls);
    options.tls = trust(NULL, SLIMTA_TLS_VERIFY_NONE);
    assert_int_equal(slimta_smtp_queue_new(&queue, &options, &error), 0);
    slimta_queue_free(queue);
    slimta_tls_unref(options.tls);
}

/* Hops that have no TLS, or refuse it, or only pretend. */
static void play(enum slimta_hop_tls policy, const char *ehlo,
    const char *starttls, const char *user, const char *heard)
{
    struct slimta_smtp_queue_options options = {
        .tls_policy = policy,
        .tls = trust("ca", SLIMTA_TLS_VERIFY_NONE),
        .user = user,
        .password = user,
        .connect_timeout_ms = 500,
    };
    struct smtp_relay *relay = smtp_relay_new(&options, NULL, 0);

    slimta_tls_unref(options.tls);
    hop_order(&relay->hop, HOP_EHLO, ehlo, 0);
    hop_order(&relay->hop, HOP_STARTTLS, starttls, 0);
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, heard);
    assert_int_equal(hop_has_heard(&relay->hop, "MAIL"), *heard == '2');
    assert_false(hop_has_heard(&relay->hop, "AUTH"));
    smtp_relay_close(relay);
}

static void says_nothing_in_the_clear(void **state)
{
    static const char plain[] = "250-hop\r\n250 AUTH PLAIN\r\n";
    static const char offers[] =
        "250-hop\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n";
    static const char refuses[] = "454 4.7.0 Not now\r\n";

    (void)state;
    play(SLIMTA_HOP_TLS_OFFERED, plain, NULL, NULL, "250");
    play(SLIMTA_HOP_TLS_OFFERED, offers, refuses, NULL, "250");
    play(SLIMTA_HOP_TLS_REQUIRED, plain, NULL, NULL, "451 4.7.10 ");
    play(SLIMTA_HOP_TLS_REQUIRED, offers, refuses, NULL, "451 4.7.10 ");
    play(SLIMTA_HOP_TLS_OFFERED, plain, NULL, USER, "451 4.7.10 ");
    play(SLIMTA_HOP_TLS_OFFERED, offers, refuses, USER, "451 4.7.10 ");
    /* RFC 3207 section 6; and no handshake at all. */
    play(SLIMTA_HOP_TLS_OFFERED, offers, "220 Go\r\n250 x\r\n", NULL, "451 4.");
    play(SLIMTA_HOP_TLS_OFFERED, offers, "220 Go\r\n", NULL, "451 4.");
    play(SLIMTA_HOP_TLS_OFFERED, offers, hop_close, NULL, "451 4.4.2 ");
}

/* RFC 8689: from a client under TLS to a hop that was looked at. */
static void hands_requiretls_on(void **state)
{
    const struct smtp_edge_options hop = {
        .tls_mode = SLIMTA_TLS_OFFERED,
        .capabilities = SLIMTA_CAN_REQUIRETLS | SLIMTA_CAN_DSN,
    };
    struct slimta_smtp_queue_options options = {
        .tls_policy = SLIMTA_HOP_TLS_REQUIRED,
        .tls = trust("ca", SLIMTA_TLS_VERIFY_DEFAULT),
    };
    struct smtp_edge_options front = {.size = sizeof front};
    struct chain chain;
    struct smtp_relay *relay;

    (void)state;
    chain_open(&chain, &hop, options, "localhost");
    smtp_relay_deliver(
        chain.relay); /* what the hop can is known from here on */
    smtp_relay_close(chain.relay);
    relay = smtp_relay_prepare(0);
    front.tls = host_tls(NULL, "server", NULL);
    options.tls = trust("ca", SLIMTA_TLS_VERIFY_DEFAULT);
    options.hosts = chain.hosts;
    smtp_relay_start(relay, &options, &front);
    slimta_tls_unref(options.tls);
    slimta_tls_unref(front.tls);
    smtp_relay_connect(relay);
    smtp_relay_deliver(relay);
    host_client_close(&relay->client);
    assert_int_equal(host_client_open(&relay->client, &relay->host.address), 0);
    assert_int_equal(host_client_starttls(&relay->client, NULL), 0);
    smtp_relay_ask(relay, "EHLO client.example\r\n", "250");
    smtp_relay_ask(
        relay, "MAIL FROM:<a@example.com> REQUIRETLS RET=FULL\r\n", "250");
    chain.relay = relay;
    chain_close(&chain, SLIMTA_CLOSED_CLIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proves_who_we_are),
        cmocka_unit_test(speaks_tls_at_once),
        cmocka_unit_test(trusts_nobody_else),
        cmocka_unit_test(is_not_known),
        cmocka_unit_test(keeps_the_password_from_strangers),
        cmocka_unit_test(takes_what_is_offered),
        cmocka_unit_test(wants_names),
        cmocka_unit_test(says_nothing_in_the_clear),
        cmocka_unit_test(hands_requiretls_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
