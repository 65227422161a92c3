/** A host that hands its mail on, and whose memory ends: the n-th allocation
 * fails, for every n. And one that hands on more than it could ever hold. */
#include "smtp_relay.h"
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "fail_alloc.h"
#include "gauge.h"

/* More allocations than a delivery makes. */
enum { MOST = 2000 };

/* The queue cannot be made, and nothing is left of it. */
static void make(struct fail_alloc *alloc, void *user)
{
    struct slimta_smtp_queue_options options = {
        .size = sizeof options,
        .alloc = &alloc->table,
        .hosts = "mx.example.org, relay.example.org:2525",
        .servers = "127.0.0.1",
        .tls_policy = SLIMTA_HOP_TLS_REQUIRED,
        .tls = user,
        .user = "u",
        .password = "p",
        .mechanism = "PLAIN",
    };
    struct slimta_queue *queue = NULL;
    struct slimta_error error = {0};
    int err = slimta_lmtp_queue_new(&queue, &options, &error);

    assert_true(err == 0 || err == SLIMTA_ENOMEM);
    assert_int_equal(err == 0, queue != NULL);
    slimta_queue_free(queue);
}

static struct slimta_tls *trust(void)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_options options = {.size = sizeof options,
        .ca_file = certificate_path(ca_file, "ca", ".pem")};
    struct slimta_tls *tls = NULL;

    assert_int_equal(slimta_tls_new(&tls, &options, NULL), 0);
    return tls;
}

static void makes_all_or_nothing(void **state)
{
    struct slimta_tls *tls = trust();

    (void)state;
    assert_int_equal(fail_alloc_sweep(make, tls), 0);
    slimta_tls_unref(tls);
}

/* A new connection and one message over it; the code of the last reply, 0 or -1
 * when the edge has given up. */
static int try_anew(struct smtp_relay *relay)
{
    struct host_client *client = &relay->client;

    host_client_close(client);
    if (host_client_open(client, &relay->host.address) != 0 ||
        host_client_reply(client) != 220 ||
        host_client_ask(client, "EHLO client.example\r\n") != 250) {
        return -1;
    }
    return smtp_relay_try(relay);
}

/* No link is left from before. */
static void wait_for_quiet(struct smtp_relay *relay, struct scene *scene)
{
    host_client_close(&relay->client);
    if (scene == NULL) {
        hop_drop_connections(&relay->hop);
    } else {
        assert_true(
            host_policy_wait(&scene->policy, &scene->policy.closed_count,
                host_policy_asked(&scene->policy, HOST_CONNECT)));
    }
}

/* With the n-th allocation failing, what is acknowledged is there. `scene`: the
 * hop is that, and not the relay's own. */
static size_t fail_once(struct smtp_relay *relay, struct scene *scene,
    struct fail_alloc *alloc, size_t n, enum fail_alloc_mode mode)
{
    const size_t *ends = &relay->hop.ends;
    size_t before = hop_count(&relay->hop, ends);
    size_t failed;
    int code;

    wait_for_quiet(relay, scene);
    fail_alloc_arm(alloc, n, mode);
    code = try_anew(relay);
    failed = atomic_load(&alloc->failed);
    fail_alloc_arm(alloc, 0, FAIL_ALLOC_ONCE);
    if (code != 250 && (code < 400 || code > 499) && code > 0) {
        fail_msg("allocation %zu: %d %s", n, code, relay->client.line);
    }
    if (scene == NULL && code == 250) {
        assert_int_equal(hop_count(&relay->hop, ends), before + 1);
    }
    return failed;
}

static void sweep(struct smtp_relay *relay, struct scene *scene,
    struct fail_alloc *alloc, enum fail_alloc_mode mode)
{
    size_t failed = 1;

    for (size_t n = 1; failed > 0; n++) {
        failed = fail_once(relay, scene, alloc, n, mode);
        assert_true(n < MOST);
    }
    assert_int_equal(try_anew(relay), 250);
}

/* `is_edge`: the edge's memory, and so that of its loops, too. */
static void play(int is_lmtp, int is_edge, enum fail_alloc_mode mode)
{
    struct fail_alloc alloc;
    struct slimta_smtp_queue_options options = {
        .size = sizeof options, .alloc = &alloc.table};
    const struct smtp_edge_options edge = {
        .size = sizeof edge, .alloc = &alloc.table};
    struct smtp_relay *relay;

    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    relay = smtp_relay_new(&options, is_edge ? &edge : NULL, is_lmtp);
    sweep(relay, NULL, &alloc, mode);
    smtp_relay_close(relay);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static void survives_every_failure(void **state)
{
    (void)state;
    play(0, 0, FAIL_ALLOC_ONCE);
    play(0, 0, FAIL_ALLOC_ONWARD);
    play(1, 0, FAIL_ALLOC_ONCE);
    play(1, 0, FAIL_ALLOC_ONWARD);
    play(0, 1, FAIL_ALLOC_ONCE);
    play(0, 1, FAIL_ALLOC_ONWARD);
}

/* Over TLS and with AUTH, to an edge of ours. */
static void play_secure(int is_edge, enum fail_alloc_mode mode)
{
    struct smtp_edge_options hop = {.auth_mechanisms = "SCRAM-SHA-256",
        .tls = host_tls(NULL, "local", NULL)};
    char hosts[64];
    struct fail_alloc alloc;
    struct slimta_smtp_queue_options options = {
        .size = sizeof options,
        .alloc = &alloc.table,
        .hosts = hosts,
        .tls_policy = SLIMTA_HOP_TLS_REQUIRED,
        .tls = trust(),
        .user = "juliet",
        .password = "secret",
        .idle_ms = 1,
    };
    const struct smtp_edge_options edge = {
        .size = sizeof edge, .alloc = &alloc.table};
    struct scene *scene = scene_prepare(&hop, 1);
    struct smtp_relay *relay;

    slimta_tls_unref(hop.tls);
    scene->policy.table.auth = NULL;
    host_policy_order(
        &scene->policy, HOST_SECRET, HOST_SET, HOST_PASSWORD, "secret");
    scene_start(scene);
    (void)snprintf(hosts, sizeof hosts, "localhost:%u",
        (unsigned)scene->host.address.port);
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    relay = smtp_relay_new(&options, is_edge ? &edge : NULL, 0);
    slimta_tls_unref(options.tls);
    sweep(relay, scene, &alloc, mode);
    smtp_relay_close(relay);
    assert_int_equal(atomic_load(&alloc.live), 0);
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
}

static void survives_every_failure_over_tls(void **state)
{
    (void)state;
    play_secure(0, FAIL_ALLOC_ONCE);
    play_secure(0, FAIL_ALLOC_ONWARD);
    play_secure(1, FAIL_ALLOC_ONCE);
}

/* As many lines as are taken, of about `most` octets; returns how many octets.
 * The last line is sent whole: a CR by itself would be refused. */
static size_t send_lines(struct smtp_relay *relay, size_t most)
{
    static const char line[] =
        "0123456789abcdef0123456789abcdef0123456789a\r\n";
    size_t sent = host_client_flood(&relay->client, line, most);
    const char *rest = line + sent % (sizeof line - 1);

    /* The hop is to read by now, or nothing would be taken. */
    hop_stall(&relay->hop, 0);
    assert_int_equal(host_client_send(&relay->client, rest, strlen(rest)), 0);
    return sent + strlen(rest);
}

/* Lines until the standstill of a hop that reads nothing; then it reads, and
 * the rest of `size` octets goes through. */
static void push(struct smtp_relay *relay, size_t size)
{
    size_t before = hop_count(&relay->hop, &relay->hop.octets);
    size_t sent;

    hop_stall(&relay->hop, 1);
    sent = send_lines(relay, size);
    /* What the sockets hold, not more. */
    assert_in_range(sent, 1, size - 1);
    while (sent < size) {
        sent += send_lines(relay, size - sent);
    }
    assert_true(hop_wait(&relay->hop, &relay->hop.octets, before + size));
}

/* 100 MB, by an edge and a queue that hold less than one of them at any time,
 * to a hop that stands still twice in between; for longer than the sockets can
 * hold, which is up to 40 MB. */
static void holds_little_of_much(void **state)
{
    enum { ROUND = 50000000, ROUNDS = 2 };
    struct gauge gauge;
    const struct slimta_smtp_queue_options options = {
        .size = sizeof options, .alloc = &gauge.table};
    const struct smtp_edge_options edge = {.size = sizeof edge,
        .alloc = &gauge.table,
        .max_message_bytes = UINT64_C(1) << 30};
    struct smtp_relay *relay;

    (void)state;
    gauge_init(&gauge);
    relay = smtp_relay_new(&options, &edge, 0);
    smtp_relay_ask(relay, SMTP_RELAY_MAIL, "250");
    smtp_relay_ask(relay, SMTP_RELAY_RCPT, "250");
    smtp_relay_ask(relay, "DATA\r\n", "354");
    for (size_t i = 0; i < ROUNDS; i++) {
        push(relay, ROUND);
    }
    smtp_relay_ask(relay, ".\r\n", "250");
    assert_true(
        hop_count(&relay->hop, &relay->hop.octets) >= (size_t)ROUND * ROUNDS);
    smtp_relay_close(relay);
    print_message("# %zu octets at most\n", gauge.most);
    assert_in_range(gauge.most, 1, 1000000);
    assert_int_equal(gauge.held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_all_or_nothing),
        cmocka_unit_test(survives_every_failure),
        cmocka_unit_test(survives_every_failure_over_tls),
        cmocka_unit_test(holds_little_of_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
