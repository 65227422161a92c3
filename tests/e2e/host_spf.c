/** A host that checks SPF with a name server that never answers: clients that
 * wait, that leave, and an edge that stops meanwhile. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"

#define EHLO "EHLO client.example\r\n"

/* What asks the DNS nothing: no domains. */
#define LITERALS \
    "EHLO [192.0.2.1]\r\nMAIL FROM:<a@[192.0.2.1]>\r\n" \
    "RCPT TO:<b@example.net>\r\nDATA\r\n"

enum { HOUR_MS = 3600000, OTHERS = 100 };

struct scene {
    int dns; /* a socket that takes questions and says nothing */
    char servers[32];
    struct host_queue queue;
    struct host_edge host;
    struct slimta_spf *spf;
};

static void open_dns(struct scene *scene)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    scene->dns = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(scene->dns >= 0);
    assert_int_equal(
        bind(scene->dns, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(
        getsockname(scene->dns, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(scene->servers, sizeof scene->servers, "127.0.0.1:%d",
        ntohs(address.sin_port));
}

static void start(struct scene *scene, uint64_t timeout_ms)
{
    const struct slimta_spf_options spf = {
        .size = sizeof spf, .timeout_ms = timeout_ms};
    const struct smtp_edge_options options = {.size = sizeof options,
        .validator_timeout_ms = HOUR_MS,
        .dns_servers = scene->servers};

    host_queue_init(&scene->queue, HOST_QUEUED);
    host_edge_open(&scene->host, &options, &scene->queue.queue);
    assert_int_equal(slimta_spf_new(&scene->spf, &spf, NULL), 0);
    assert_int_equal(slimta_spf_add_rule(scene->spf, SLIMTA_SPF_TEMPERROR, 451,
                         "4.4.3 {reason}", NULL),
        0);
    assert_int_equal(smtp_edge_add_validators(scene->host.edge,
                         slimta_spf_validators(scene->spf), NULL),
        0);
    assert_int_equal(smtp_edge_start(scene->host.edge, NULL, NULL), 0);
}

static void stop(struct scene *scene)
{
    host_edge_stop(&scene->host, 0);
    slimta_spf_free(scene->spf);
    host_queue_fini(&scene->queue);
    assert_int_equal(close(scene->dns), 0);
}

/* Sends MAIL and waits until the name server was asked. */
static void ask(
    struct scene *scene, struct host_client *client, const char *mail)
{
    char question[512];

    assert_int_equal(host_client_open(client, &scene->host.address), 0);
    assert_int_equal(host_client_reply(client), 220);
    assert_int_equal(host_client_ask(client, EHLO), 250);
    assert_int_equal(host_client_send(client, mail, strlen(mail)), 0);
    assert_true(recv(scene->dns, question, sizeof question, 0) > 12);
}

static void a_dead_server_is_a_temperror(void **state)
{
    struct scene scene;
    struct host_client client;

    (void)state;
    open_dns(&scene);
    start(&scene, 100);
    ask(&scene, &client, "MAIL FROM:<a@example.com>\r\n");
    assert_int_equal(host_client_reply(&client), 451);
    assert_string_equal(client.line,
        "451 4.4.3 SPF of example.com cannot be checked now: a look-up "
        "failed");
    host_client_close(&client);
    stop(&scene);
}

static void a_client_may_leave(void **state)
{
    struct scene scene;
    struct host_client client;
    struct host_client other;

    (void)state;
    open_dns(&scene);
    start(&scene, 0);
    ask(&scene, &client, "MAIL FROM:<a@example.com>\r\n");
    host_client_reset(&client);
    /* Another one, with a question of its own, waits while the edge stops. */
    ask(&scene, &other, "MAIL FROM:<a@example.net>\r\n");
    stop(&scene);
    host_client_close(&other);
}

static void deliver_without_domains(const struct slimta_address *address)
{
    struct host_client client;

    assert_int_equal(host_client_open(&client, address), 0);
    assert_int_equal(host_client_ask(&client, LITERALS), 220);
    assert_int_equal(host_client_reply(&client), 250);
    assert_int_equal(host_client_reply(&client), 250);
    assert_int_equal(host_client_reply(&client), 250);
    assert_int_equal(host_client_reply(&client), 354);
    assert_int_equal(host_client_ask(&client, HOST_MESSAGE ".\r\n"), 250);
    host_client_close(&client);
}

/* By order of events: the one that asked first has heard nothing when all the
 * others are through. */
static void a_hundred_are_served_while_one_waits(void **state)
{
    struct scene scene;
    struct host_client waiting;
    struct pollfd ready;

    (void)state;
    open_dns(&scene);
    start(&scene, HOUR_MS);
    ask(&scene, &waiting, "MAIL FROM:<a@example.com>\r\n");
    for (int i = 0; i < OTHERS; i++) {
        deliver_without_domains(&scene.host.address);
    }
    assert_int_equal(
        host_queue_count(&scene.queue, &scene.queue.accepted), OTHERS);
    ready = (struct pollfd){.fd = waiting.fd, .events = POLLIN};
    assert_int_equal(waiting.held, 0);
    assert_int_equal(poll(&ready, 1, 0), 0);
    stop(&scene);
    host_client_close(&waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_are_served_while_one_waits),
        cmocka_unit_test(a_dead_server_is_a_temperror),
        cmocka_unit_test(a_client_may_leave),
    };

    return cmocka_run_group_tests_name("e2e/host-spf", tests, NULL, NULL);
}
