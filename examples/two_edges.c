/** Two edges in one loop with one policy, stopped by a thread of the host's.
 * `two_edges [PORT [PORT]]` */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

/** The first is for everybody, the second for machines of our own. */
static struct smtp_edge *edges[2];

static void check_recipient(struct slimta_session *session,
    struct slimta_reply *reply, const struct slimta_recipient *recipient,
    struct slimta_op *op, void *user)
{
    const char *domain = strrchr(recipient->address, '@');

    (void)session, (void)op;
    if (domain == NULL || strcmp(domain + 1, (const char *)user) != 0) {
        slimta_reply_set(reply, 550, "5.7.1 Relaying denied");
    }
}

static int open_edge(struct smtp_edge **edge, uint16_t port,
    const struct smtp_edge_options *options, struct slimta_queue *queue,
    struct slimta_loop *loop, struct slimta_error *error)
{
    static char domain[] = "example.org";
    static const struct slimta_validators policy = {
        .size = sizeof policy,
        .user = domain,
        .rcpt = check_recipient,
    };
    struct slimta_address address;

    if (smtp_edge_new(edge, options, queue, error) != 0 ||
        smtp_edge_add_validators(*edge, &policy, error) != 0 ||
        smtp_edge_listen(*edge, "127.0.0.1", port, error) != 0 ||
        smtp_edge_start(*edge, loop, error) != 0) {
        return error->code;
    }
    smtp_edge_address(*edge, 0, &address);
    fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
    return 0;
}

/* Any thread may stop an edge. */
static void *stop_on_signal(void *signals)
{
    int number;

    sigwait(signals, &number);
    smtp_edge_stop(edges[0], 10000, NULL, NULL);
    smtp_edge_stop(edges[1], 10000, NULL, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    uint16_t other = argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 2526;
    const struct smtp_edge_options strict = {
        .size = sizeof strict,
        .max_message_bytes = 1 << 20,
        .max_connections_per_ip = 10,
    };
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    pthread_t stopper;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        open_edge(&edges[0], port, &strict, queue, loop, &error) == 0 &&
        open_edge(&edges[1], other, NULL, queue, loop, &error) == 0 &&
        pthread_create(&stopper, NULL, stop_on_signal, &signals) == 0) {
        slimta_loop_run(loop); /* until both have stopped */
        pthread_join(stopper, NULL);
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
