/** A host whose TLS clients are cut off at every octet of what they send: the
 * session ends, nothing stays, and nobody hears a wrong 250. */
#include "scene.h"

#include <string.h>
#include <sys/socket.h>

/** How a client goes. */
enum going { CLOSES, SHUTS_DOWN, RESETS };

/** Which octets a round stops at: one in `step`. */
struct way {
    enum slimta_tls_mode mode;
    enum going going;
    size_t step;
};

/* What is said after the handshake, and what is heard after each. */
static const struct {
    const char *text;
    int code;
} session[] = {
    {SCENE_EHLO, 250},
    {"MAIL FROM:<a@example.com>\r\n", 250},
    {"RCPT TO:<b@example.net>\r\n", 250},
    {"DATA\r\n", 354},
    {HOST_MESSAGE ".\r\n", 250},
    {"QUIT\r\n", 221},
};

enum { PIECES = sizeof session / sizeof session[0], MESSAGE_PIECE = 4 };

/* As far as the first TLS octet. 0 or -1. */
static int lead(struct host_client *client, enum slimta_tls_mode mode)
{
    if (mode == SLIMTA_TLS_IMMEDIATE) {
        return 0;
    }
    return host_client_reply(client) == 220 &&
            host_client_ask(client, SCENE_EHLO) == 250 &&
            host_client_ask(client, "STARTTLS\r\n") == 220
        ? 0
        : -1;
}

/* The session as far as it goes. Returns whether the client heard that its
 * message was taken. */
static int say(struct host_client *client, enum slimta_tls_mode mode)
{
    int is_told = 0;

    if (mode == SLIMTA_TLS_IMMEDIATE && host_client_reply(client) != 220) {
        return 0;
    }
    for (size_t i = 0; i < PIECES; i++) {
        if (host_client_ask(client, session[i].text) != session[i].code) {
            break;
        }
        is_told |= i == MESSAGE_PIECE;
    }
    return is_told;
}

/* What is left to hear until the edge has ended it. */
static void hear_rest(const struct host_client *client)
{
    char octets[512];

    while (recv(client->fd, octets, sizeof octets, 0) > 0) {
    }
}

static void go(struct host_client *client, enum going going)
{
    if (going == SHUTS_DOWN) {
        shutdown(client->fd, SHUT_WR);
        hear_rest(client);
    } else if (going == RESETS) {
        host_client_reset(client);
    }
    host_client_close(client);
}

/* One session of which `most` octets are sent over TLS; 0: all of them. Returns
 * how many there were. */
static size_t cut(
    struct scene *scene, const struct way *way, size_t most, size_t *told)
{
    const struct tls_client_options options = {.most = most};
    struct host_client client;
    size_t sent = 0;

    assert_int_equal(host_client_open(&client, &scene->host.address), 0);
    assert_int_equal(lead(&client, way->mode), 0);
    if (host_client_secure(&client, &options) == 0) {
        *told += (size_t)say(&client, way->mode);
    }
    assert_non_null(client.tls);
    sent = tls_client_sent(client.tls);
    go(&client, way->going);
    return sent;
}

static void cut_at_each(struct way way)
{
    struct scene *scene =
        scene_new(&(struct smtp_edge_options){.tls_mode = way.mode}, 1);
    size_t before = 0;
    size_t told = 0;
    size_t sessions = 2; /* the scene's own, and a whole one */
    size_t all = cut(scene, &way, 0, &told);

    assert_int_equal(told, 1);
    assert_true(
        host_policy_wait(&scene->policy, &scene->policy.closed_count, 1));
    before = host_count("/proc/self/fd");
    for (size_t most = 1; most < all; most += way.step) {
        assert_true(cut(scene, &way, most, &told) <= most);
        assert_true(host_policy_wait(
            &scene->policy, &scene->policy.closed_count, sessions++));
    }
    assert_int_equal(host_count("/proc/self/fd"), before);
    assert_true(scene->queue.accepted >= told);
    assert_true(told >= 2);
    print_message("# %zu octets, %zu sessions, %zu accepted, %zu told\n", all,
        sessions, scene->queue.accepted, told);
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
}

static void test_closed_at_each_octet(void **state)
{
    (void)state;
    cut_at_each((struct way){SLIMTA_TLS_OFFERED, CLOSES, 1});
}

static void test_shut_down_at_each_octet(void **state)
{
    (void)state;
    cut_at_each((struct way){SLIMTA_TLS_IMMEDIATE, SHUTS_DOWN, 1});
}

static void test_reset_at_each_octet(void **state)
{
    (void)state;
    cut_at_each((struct way){SLIMTA_TLS_OFFERED, RESETS, 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_at_each_octet),
        cmocka_unit_test(test_shut_down_at_each_octet),
        cmocka_unit_test(test_reset_at_each_octet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
