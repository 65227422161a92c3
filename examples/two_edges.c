/** SMTP and HTTP in one loop, with one policy: `two_edges [PORT [PORT]]`. */
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

static int open_both(struct smtp_edge **smtp, struct http_edge **http,
    const uint16_t *ports, struct slimta_queue *queue, struct slimta_loop *loop,
    struct slimta_error *error)
{
    const struct smtp_edge_options strict = {
        .size = sizeof strict, .max_message_bytes = 1 << 20};

    return smtp_edge_new(smtp, &strict, queue, error) == 0 &&
        smtp_edge_add_validators(*smtp, &policy, error) == 0 &&
        smtp_edge_listen(*smtp, "127.0.0.1", ports[0], error) == 0 &&
        smtp_edge_start(*smtp, loop, error) == 0 &&
        http_edge_new(http, NULL, queue, error) == 0 &&
        http_edge_add_validators(*http, &policy, error) == 0 &&
        http_edge_listen(*http, "127.0.0.1", ports[1], error) == 0 &&
        http_edge_start(*http, loop, error) == 0;
}

int main(int argc, char **argv)
{
    const uint16_t ports[] = {
        argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525,
        argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 8025};
    struct slimta_address at[2] = {{.port = 0}, {.port = 0}};
    struct smtp_edge *smtp = NULL;
    struct http_edge *http = NULL;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        open_both(&smtp, &http, ports, queue, loop, &error) &&
        smtp_edge_address(smtp, 0, &at[0]) &&
        http_edge_address(http, 0, &at[1])) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", at[0].port);
        fprintf(stderr, "listening on 127.0.0.1:%u\n", at[1].port);
        slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(smtp);
    http_edge_free(http);
    if (loop != NULL) {
        slimta_loop_run(loop); /* lets go of an edge that runs alone */
    }
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
