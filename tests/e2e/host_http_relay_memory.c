/** A host that hands its mail on over HTTP, and whose memory ends: the n-th
 * allocation fails, for every n. And one that hands on more than it holds. */
#include "web_relay.h"

#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "fail_alloc.h"
#include "gauge.h"

/* More allocations than a delivery makes. */
enum { MOST = 3000 };

/* The queue cannot be made, and nothing is left of it. */
static void make(struct fail_alloc *alloc, void *user)
{
    struct slimta_http_queue_options options = {
        .size = sizeof options,
        .alloc = &alloc->table,
        .urls = "https://mx.example.org/mail https://mx.example.net:8443/",
        .servers = "127.0.0.1",
        .ehlo_name = "relay.example",
        .tls = user,
        .user = "u",
        .password = "p",
    };
    struct slimta_queue *queue = NULL;
    struct slimta_error error = {0};
    int err = slimta_http_queue_new(&queue, &options, &error);

    assert_true(err == 0 || err == SLIMTA_ENOMEM);
    assert_int_equal(err == 0, queue != NULL);
    slimta_queue_free(queue);
}

static void makes_all_or_nothing(void **state)
{
    char ca_file[CERTIFICATE_PATH_SIZE];
    const struct slimta_tls_options options = {.size = sizeof options,
        .ca_file = certificate_path(ca_file, "ca", ".pem")};
    struct slimta_tls *tls = NULL;

    (void)state;
    assert_int_equal(slimta_tls_new(&tls, &options, NULL), 0);
    assert_int_equal(fail_alloc_sweep(make, tls), 0);
    slimta_tls_unref(tls);
}

/* A new connection and one message over it; the code of the last reply, 0 or -1
 * when the edge has given up. */
static int try_anew(struct web_relay *relay, const char *message, size_t size)
{
    struct host_client *client = &relay->client;

    host_client_close(client);
    if (host_client_open(client, &relay->host.address) != 0 ||
        host_client_reply(client) != 220 ||
        host_client_ask(client, "EHLO client.example\r\n") != 250) {
        return -1;
    }
    return web_relay_try(relay, message, size);
}

struct play {
    const char *answer;
    int is_edge; /* its memory, and so that of its loops, too */
    enum fail_alloc_mode mode;
    size_t lines;
    uint64_t spill_bytes;
};

/* With the n-th allocation failing; how many have. */
static size_t fail_once(struct web_relay *relay, struct fail_alloc *alloc,
    enum fail_alloc_mode mode, size_t n, int *code, const char *message,
    size_t size)
{
    size_t failed;

    fail_alloc_arm(alloc, n, mode);
    *code = try_anew(relay, message, size);
    failed = atomic_load(&alloc->failed);
    fail_alloc_arm(alloc, 0, FAIL_ALLOC_ONCE);
    if (*code != 250 && (*code < 400 || *code > 499) && *code > 0) {
        fail_msg("allocation %zu: %d %s", n, *code, relay->client.line);
    }
    return failed;
}

/* What is acknowledged the hop has; and what the hop has is acknowledged or
 * told of (the edge tells of those whose session has ended meanwhile). */
static void check_books(
    struct web_relay *relay, const struct play *play, size_t accepted)
{
    size_t taken = web_hop_count(&relay->hop, &relay->hop.taken);

    assert_true(accepted <= taken);
    if (!play->is_edge) {
        assert_true(
            taken <= accepted + web_relay_told(relay, "unknown_commit "));
    }
}

static void run(const struct play *play)
{
    struct fail_alloc alloc;
    struct slimta_http_queue_options options = {
        .size = sizeof options, .alloc = &alloc.table};
    const struct smtp_edge_options edge = {.size = sizeof edge,
        .alloc = play->is_edge ? &alloc.table : NULL,
        .spill_bytes = play->spill_bytes};
    struct web_relay *relay;
    size_t size;
    char *message = host_message(play->lines, &size);
    size_t failed = 1;
    size_t accepted = 0;
    int code;

    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    relay = web_relay_new(&options, &edge);
    for (size_t n = 1; failed > 0; n++) {
        /* Over a fresh connection each time. */
        web_hop_set(
            &relay->hop, (struct web_hop_order){.answer = play->answer});
        failed = fail_once(relay, &alloc, play->mode, n, &code, message, size);
        accepted += code == 250;
        assert_true(n < MOST);
    }
    assert_int_equal(try_anew(relay, message, size), 250);
    check_books(relay, play, accepted + 1);
    web_relay_close(relay);
    assert_int_equal(atomic_load(&alloc.live), 0);
    free(message);
}

#define ONCE_EACH \
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define PARTLY \
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n" \
    "X-Smtp-Rcpt-Reply: 1; 550; message=\"5.1.1 No\"\r\n\r\n"

static void survives_every_failure(void **state)
{
    static const enum fail_alloc_mode modes[] = {
        FAIL_ALLOC_ONCE, FAIL_ALLOC_ONWARD};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        run(&(struct play){ONCE_EACH, 0, modes[i], 1, 0});
        run(&(struct play){PARTLY, 0, modes[i], 1, 0});
        run(&(struct play){ONCE_EACH, 0, modes[i], 4000, 65536});
        run(&(struct play){ONCE_EACH, 1, modes[i], 1, 0});
        run(&(struct play){ONCE_EACH, 1, modes[i], 4000, 65536});
    }
}

/* 100 MB, spilled by the edge, and sent from its file by a queue that holds
 * little of it at any time; to a hop that is slow in between. */
static void holds_little_of_much(void **state)
{
    struct gauge gauge;
    const struct slimta_http_queue_options options = {
        .size = sizeof options, .alloc = &gauge.table};
    const struct smtp_edge_options edge = {.size = sizeof edge,
        .alloc = &gauge.table,
        .max_message_bytes = UINT64_C(1) << 30};
    struct web_relay *relay;
    size_t size;
    char *message = host_message(1600000, &size);

    (void)state;
    gauge_init(&gauge);
    relay = web_relay_new(&options, &edge);
    web_relay_deliver(relay, "250 2.6.0 ");
    web_hop_stall(&relay->hop, 1);
    web_relay_ask(relay, "MAIL FROM:<a@example.com>\r\n", "250");
    web_relay_ask(relay, "RCPT TO:<b@example.net>\r\n", "250");
    web_relay_ask(relay, "DATA\r\n", "354");
    assert_int_equal(host_client_send(&relay->client, message, size), 0);
    assert_int_equal(host_client_send(&relay->client, ".\r\n", 3), 0);
    web_hop_stall(&relay->hop, 0);
    assert_int_equal(host_client_reply(&relay->client), 250);
    assert_true(web_hop_count(&relay->hop, &relay->hop.octets) > size);
    web_relay_close(relay);
    free(message);
    print_message("# %zu octets at most\n", gauge.most);
    assert_in_range(gauge.most, 1, 4000000);
    assert_int_equal(gauge.held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_all_or_nothing),
        cmocka_unit_test(survives_every_failure),
        cmocka_unit_test(holds_little_of_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
