/** Two edges in one loop with one policy: `two_edges [PORT [PORT]]`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

static void check_recipient(struct slimta_session *session,
    struct slimta_reply *reply, const struct slimta_recipient *recipient,
    struct slimta_op *op, void *user)
{
    const char *domain = strrchr(recipient->address, '@');

    (void)session, (void)op, (void)user;
    if (domain == NULL || strcmp(domain, "@example.org") != 0) {
        slimta_reply_set(reply, 550, "5.7.1 Relaying denied");
    }
}

static const struct slimta_validators policy = {
    .size = sizeof policy, .rcpt = check_recipient};

static int open_edge(struct smtp_edge **edge, const char *port,
    const struct smtp_edge_options *options, struct slimta_queue *queue,
    struct slimta_loop *loop, struct slimta_error *error)
{
    uint16_t number = (uint16_t)strtoul(port, NULL, 10);
    struct slimta_address address;

    if (smtp_edge_new(edge, options, queue, error) != 0 ||
        smtp_edge_add_validators(*edge, &policy, error) != 0 ||
        smtp_edge_listen(*edge, "127.0.0.1", number, error) != 0 ||
        smtp_edge_start(*edge, loop, error) != 0) {
        return error->code;
    }
    smtp_edge_address(*edge, 0, &address);
    fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
    return 0;
}

int main(int argc, char **argv)
{
    const struct smtp_edge_options strict = {
        .size = sizeof strict, .max_message_bytes = 1 << 20};
    const char *first = argc > 1 ? argv[1] : "2525";
    const char *second = argc > 2 ? argv[2] : "2526";
    struct smtp_edge *edges[2] = {NULL, NULL};
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        open_edge(&edges[0], first, &strict, queue, loop, &error) == 0 &&
        open_edge(&edges[1], second, NULL, queue, loop, &error) == 0) {
        slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edges[0]);
    smtp_edge_free(edges[1]);
    if (loop != NULL) {
        slimta_loop_run(loop); /* lets go of an edge that runs alone */
    }
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
