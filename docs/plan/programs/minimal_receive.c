/** Receives mail on port 2525 and stores it in the maildir ./mail. */
#include <stdio.h>

#include <slimta/edge.h>

int main(void)
{
    const struct slimta_maildir_options maildir = {
        .size = sizeof maildir,
        .directory = "./mail",
    };
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .hostname = "mx.example.com",
    };
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_maildir_queue_new(&queue, &maildir, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
        smtp_edge_listen(edge, NULL, 2525, &error) == 0 &&
        smtp_edge_start(edge, loop, &error) == 0) {
        slimta_loop_run(loop); /* until something calls smtp_edge_stop */
    }
    if (error.code != 0) {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code != 0;
}
