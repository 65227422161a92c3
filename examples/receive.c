/** The smallest host: receives mail on 127.0.0.1:2525 into a maildir. */
#include <stdio.h>
#include <stdlib.h>

#include <slimta/edge.h>

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    const struct slimta_maildir_options maildir = {
        .size = sizeof maildir,
        .directory = "./mail",
    };
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_maildir_queue_new(&queue, &maildir, &error) == 0 &&
        smtp_edge_new(&edge, NULL, queue, &error) == 0 &&
        smtp_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        smtp_edge_start(edge, loop, &error) == 0 &&
        smtp_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
        slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
