/** Connections that were accepted elsewhere, handed to an edge. */
#include "edge/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/error.h"
#include "edge/edge.h"

/* A connection on its way to its shard. */
struct adoption {
    struct sli_io_message message;
    struct sli_edge_shard *shard;
    int fd;
    struct slimta_address peer;
};

static int socket_option(int fd, int option, int *value)
{
    socklen_t size = sizeof *value;

    return getsockopt(fd, SOL_SOCKET, option, value, &size) == 0;
}

/* Whether it can be served, and whose it is. */
static int look_at(
    int fd, struct slimta_address *peer, struct slimta_error *error)
{
    int type = 0;
    int number = 0;
    int err;

    if (!socket_option(fd, SO_TYPE, &type) || type != SOCK_STREAM) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "descriptor %d: it is not a stream socket", fd);
    }
    err = sli_io_socket_peer_address(fd, peer);
    if (err != 0) {
        return sli_error_set(
            error, err, "descriptor %d: it is not connected", fd);
    }
    if (socket_option(fd, SO_ERROR, &number) && number != 0) {
        return sli_error_set(error, sli_error_from_errno(number),
            "descriptor %d: its connection is broken (errno %d)", fd, number);
    }
    return 0;
}

/* Makes it what accepted ones are. */
static int prepare(
    int fd, const struct slimta_address *peer, struct slimta_error *error)
{
    int flags = fcntl(fd, F_GETFL);
    int kept = fcntl(fd, F_GETFD);
    int on = 1;

    if (flags < 0 || kept < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, kept | FD_CLOEXEC) < 0) {
        int number = errno;

        return sli_error_set(error, sli_error_from_errno(number),
            "descriptor %d: its flags cannot be set (errno %d)", fd, number);
    }
    if (peer->family == SLIMTA_FAMILY_IPV4 ||
        peer->family == SLIMTA_FAMILY_IPV6) {
        /* It only makes replies faster. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return 0;
}

static void deliver(struct sli_io_message *message)
{
    struct adoption adoption =
        *SLI_LIST_ITEM(message, struct adoption, message);

    sli_free(&adoption.shard->edge->alloc,
        SLI_LIST_ITEM(message, struct adoption, message));
    sli_edge_shard_admit(adoption.shard, adoption.fd, &adoption.peer);
}

/*
 * Under the edge's lock and only while it runs. A stop changes that state
 * before it posts its own messages, so each adoption is delivered before its
 * shard drains, and the shard is there.
 */
static int post(struct sli_edge *edge, struct adoption *adoption,
    struct slimta_error *error)
{
    int err;

    if (edge->state != SLI_EDGE_RUNNING) {
        return sli_error_set(error, SLIMTA_ESTATE, "the edge does not run");
    }
    err = prepare(adoption->fd, &adoption->peer, error);
    if (err != 0) {
        return err;
    }
    adoption->shard = &edge->shards[edge->next_shard % edge->shard_count];
    if (sli_io_inbox_post(adoption->shard->inbox, &adoption->message) != 0) {
        return sli_error_set(error, SLIMTA_ESTATE, "the edge's loop is gone");
    }
    edge->next_shard++;
    return 0;
}

int sli_edge_adopt(struct sli_edge *edge, int fd, struct slimta_error *error)
{
    struct adoption *adoption;
    struct slimta_address peer;
    int err = look_at(fd, &peer, error);

    if (err != 0) {
        return err;
    }
    adoption = sli_alloc_zero(&edge->alloc, sizeof *adoption);
    if (adoption == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    *adoption = (struct adoption){
        .message = {.deliver = deliver}, .fd = fd, .peer = peer};
    pthread_mutex_lock(&edge->lock);
    err = post(edge, adoption, error);
    pthread_mutex_unlock(&edge->lock);
    if (err != 0) {
        sli_free(&edge->alloc, adoption);
    }
    return err;
}
