/** A group of DNS block lists, and clients' names in Received. */
#include <stdio.h>
#include <stdlib.h>

#include <slimta/edge.h>

static int make_lists(struct slimta_dnsbl **out, struct slimta_error *error)
{
    static const struct slimta_dnsbl_options options = {
        .size = sizeof options,
        .text = "5.7.1 Access denied: {reason}",
    };
    static const struct slimta_dnsbl_zone zones[] = {
        {.size = sizeof zones[0], .name = "zen.example.org"},
        {.size = sizeof zones[0],
            .name = "all.example.net",
            .listed = "127.0.0.2-11",
            .ignored = "127.0.0.10"},
    };
    int err = slimta_dnsbl_new(out, &options, error);

    for (size_t i = 0; err == 0 && i < sizeof zones / sizeof zones[0]; i++) {
        err = slimta_dnsbl_add_zone(*out, &zones[i], error);
    }
    return err;
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .reverse_names = SLIMTA_REVERSE_NAMES_ON,
        .dns_servers = argc > 2 ? argv[2] : NULL,
    };
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_dnsbl *lists = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        make_lists(&lists, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
        smtp_edge_add_validators(
            edge, slimta_dnsbl_validators(lists), &error) == 0 &&
        smtp_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        smtp_edge_start(edge, loop, &error) == 0 &&
        smtp_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
        slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_dnsbl_free(lists);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
