/** The smallest host: receives mail on 127.0.0.1:2525 into a maildir. */
#include <stdio.h>

#include <slimta/edge.h>

static void tell_where(const struct smtp_edge *edge)
{
    char text[SLIMTA_ADDRESS_TEXT_MAX];
    struct slimta_address address;

    if (smtp_edge_address(edge, 0, &address)) {
        (void)slimta_address_format(&address, text, sizeof text);
        fprintf(stderr, "listening on %s\n", text);
    }
}

int main(void)
{
    const struct slimta_maildir_options maildir = {
        .size = sizeof maildir, .directory = "./mail"};
    const struct smtp_edge_options options = {.size = sizeof options};
    struct slimta_queue *queue = NULL;
    struct slimta_loop *loop = NULL;
    struct smtp_edge *edge = NULL;
    struct slimta_error error = {0};
    int err = slimta_maildir_queue_new(&queue, &maildir, &error);

    if (err == 0) {
        err = slimta_loop_new(&loop, NULL, &error);
    }
    if (err == 0) {
        err = smtp_edge_new(&edge, &options, queue, &error);
    }
    if (err == 0) {
        err = smtp_edge_listen(edge, "127.0.0.1", 2525, &error);
    }
    if (err == 0) {
        err = smtp_edge_start(edge, loop, &error);
    }
    if (err == 0) {
        tell_where(edge);
        (void)slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "receive: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    (void)slimta_loop_free(loop);
    return err == 0 ? 0 : 1;
}
