/** Checks SPF: a fail is refused, a broken DNS asks the client to come back. */
#include <stdio.h>
#include <stdlib.h>

#include <slimta/edge.h>

static int make_spf(struct slimta_spf **spf, struct slimta_error *error)
{
    const struct slimta_spf_options options = {
        .size = sizeof options,
        .header = SLIMTA_SPF_HEADER_RECEIVED_SPF,
    };
    int err = slimta_spf_new(spf, &options, error);

    if (err == 0) {
        err = slimta_spf_add_rule(
            *spf, SLIMTA_SPF_FAIL, 550, "5.7.1 Access denied; {reason}", error);
    }
    if (err == 0) {
        err = slimta_spf_add_rule(
            *spf, SLIMTA_SPF_TEMPERROR, 451, "4.4.3 Try again later", error);
    }
    return err;
}

int main(int argc, char **argv)
{
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .dns_servers = argc > 2 ? argv[2] : NULL, /* those of the machine */
    };
    const struct slimta_maildir_options maildir = {
        .size = sizeof maildir,
        .directory = "./mail",
    };
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct slimta_spf *spf = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_maildir_queue_new(&queue, &maildir, &error) == 0 &&
        make_spf(&spf, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
        smtp_edge_add_validators(edge, slimta_spf_validators(spf), &error) ==
            0 &&
        smtp_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        smtp_edge_start(edge, loop, &error) == 0 &&
        smtp_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
        slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_spf_free(spf);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
