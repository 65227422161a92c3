/** An edge behind a balancer, with block lists that tell their reasons. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

static int make_lists(struct slimta_dnsbl **out, int argc, char **argv)
{
    const struct slimta_dnsbl_options options = {
        .size = sizeof options,
        .strictness = strcmp(argv[2], "strict") == 0 ? SLIMTA_DNSBL_STRICT
                                                     : SLIMTA_DNSBL_LENIENT,
        .timeout_ms = strtoul(argv[3], NULL, 10),
        .text = "5.7.1 Denied: {reason}",
    };
    int err = slimta_dnsbl_new(out, &options, NULL);

    for (int i = 4; err == 0 && i < argc; i++) {
        const struct slimta_dnsbl_zone zone = {
            .size = sizeof zone, .name = argv[i]};

        err = slimta_dnsbl_add_zone(*out, &zone, NULL);
    }
    return err;
}

static int start(struct smtp_edge *edge, struct slimta_dnsbl *lists)
{
    struct slimta_address address;
    int err =
        smtp_edge_add_validators(edge, slimta_dnsbl_validators(lists), NULL);

    if (err == 0) {
        err = smtp_edge_listen(edge, "127.0.0.1", 0, NULL);
    }
    if (err == 0) {
        err = smtp_edge_start(edge, NULL, NULL);
    }
    if (err == 0 && smtp_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
    }
    return err;
}

/** dns_host SERVERS strict|lenient TIMEOUT_MS ZONE... */
int main(int argc, char **argv)
{
    const struct slimta_proxy_options proxy = {.size = sizeof proxy};
    const struct smtp_edge_options options = {.size = sizeof options,
        .hostname = "mx.example.net",
        .proxy = &proxy,
        .max_connections_per_ip = SLIMTA_UNLIMITED,
        .dns_servers = argc > 4 ? argv[1] : NULL};
    struct slimta_dnsbl *lists = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;
    sigset_t set;
    int number;
    int err = argc > 4 ? 0 : 1;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (err == 0) {
        err = make_lists(&lists, argc, argv);
    }
    if (err == 0) {
        err = slimta_discard_queue_new(&queue, NULL, NULL);
    }
    if (err == 0) {
        err = smtp_edge_new(&edge, &options, queue, NULL);
    }
    if (err == 0) {
        err = start(edge, lists);
    }
    if (err == 0) {
        sigwait(&set, &number);
    }
    smtp_edge_free(edge);
    slimta_dnsbl_free(lists);
    slimta_queue_free(queue);
    return err == 0 ? 0 : 1;
}
