/** Receives mail over HTTP into a maildir: `receive_http [PORT]`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

/* For each X-Tenant; not asked when there is none. */
static void check_tenant(struct slimta_session *session,
    struct slimta_reply *reply, const char *name, const char *value,
    struct slimta_op *op, void *user)
{
    (void)session, (void)name, (void)op, (void)user;
    if (strcmp(value, "garden") != 0) {
        slimta_reply_set(reply, 550, "5.7.1 Unknown tenant");
    }
}

static const struct slimta_validators validators = {
    .size = sizeof validators, .header = check_tenant};

static const struct http_edge_options options = {
    .size = sizeof options,
    .hostname = "mx.example.org",
    .uri_pattern = "/mail$",
    .custom_headers = "X-Tenant",
    .health_path = "/health",
    .idempotency_keys = 100000,
    .flags = SLIMTA_HTTP_NAMES_ID | SLIMTA_HTTP_NEEDS_SENDER,
};

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 8025;
    const struct slimta_maildir_options maildir = {
        .size = sizeof maildir, .directory = "./mail"};
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct http_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_maildir_queue_new(&queue, &maildir, &error) == 0 &&
        http_edge_new(&edge, &options, queue, &error) == 0 &&
        http_edge_add_validators(edge, &validators, &error) == 0 &&
        http_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        http_edge_start(edge, loop, &error) == 0 &&
        http_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
        slimta_loop_run(loop); /* until the process is ended */
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    http_edge_free(edge);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
