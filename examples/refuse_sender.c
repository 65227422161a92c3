/** A validator that refuses a sender, and words the reply to the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

static void check_sender(struct slimta_session *session,
    struct slimta_reply *reply, const char *sender,
    const struct slimta_mail_params *params, struct slimta_op *op, void *user)
{
    const char *unwanted = user;

    (void)session, (void)params, (void)op;
    if (strcmp(sender, unwanted) == 0) {
        slimta_reply_set(reply, 550, "5.7.1 Sender not allowed");
    } else {
        slimta_reply_set(reply, 250, "2.1.0 Pleased to hear from you");
    }
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    static char unwanted[] = "spammer@example.com";
    static const struct slimta_validators policy = {
        .size = sizeof policy,
        .user = unwanted,
        .mail = check_sender,
    };
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        smtp_edge_new(&edge, NULL, queue, &error) == 0 &&
        smtp_edge_add_validators(edge, &policy, &error) == 0 &&
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
