/** Stands behind a balancer that speaks the PROXY protocol. */
#include <stdio.h>
#include <stdlib.h>

#include <slimta/edge.h>

static void greet(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_op *op, void *user)
{
    const struct slimta_proxy *proxy = slimta_session_proxy(session);
    char client[SLIMTA_ADDRESS_TEXT_MAX];
    char peer[SLIMTA_ADDRESS_TEXT_MAX];

    (void)op, (void)user;
    slimta_address_format(
        slimta_session_client(session), client, sizeof client);
    slimta_address_format(slimta_session_peer(session), peer, sizeof peer);
    printf("%s came through %s\n", client, peer);
    if (proxy->has_ssl && proxy->ssl_version != NULL) {
        printf("with %s to the balancer\n", proxy->ssl_version);
    }
    if (proxy->is_local) { /* the balancer's own health check */
        slimta_reply_set(reply, 220, "Alive");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    static const struct slimta_validators policy = {
        .size = sizeof policy,
        .banner = greet,
    };
    const struct slimta_proxy_options proxy = {
        .size = sizeof proxy,
        .trusted = "127.0.0.1,::1,10.0.0.0/8",
    };
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .proxy = &proxy,
    };
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
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
