/** Accepting connections in a loop. */
/* accept4 is no part of POSIX: it saves two calls for each connection. */
#define _GNU_SOURCE
#include "io/listener.h"

#include <errno.h>
#include <sys/socket.h>

#include <slimta/error.h>

#include "base/error.h"
#include "io/loop.h"

/* How many are taken at once from a busy socket, how many have to come within
 * a millisecond of each other before it counts as busy, and how long a lack of
 * descriptors is waited out. */
enum { BATCH = 16, QUICK = 4, RETRY_MS = 100 };

enum outcome { TAKEN, SKIPPED, NOTHING_LEFT, CANNOT };

static void on_readable(uv_poll_t *poll, int status, int events);

/* accept(2): errors of the network that belong to the one connection. */
static enum outcome outcome_of(int number)
{
    switch (number) {
    case EAGAIN:
        return NOTHING_LEFT;
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
    case ETIMEDOUT:
        return SKIPPED;
    default:
        return CANNOT;
    }
}

static enum outcome accept_one(struct sli_io_listener *listener)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    struct slimta_address peer;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &size,
        SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        return outcome_of(errno);
    }
    peer = sli_io_socket_address_of(&from, size);
    listener->accepted(listener, fd, &peer);
    return TAKEN;
}

/* A second accept4 that finds nothing costs as much as one that does. So one
 * is taken at a time until they come in quick succession, then many. */
static void adapt(struct sli_io_listener *listener, unsigned taken)
{
    uint64_t now_ms = sli_io_loop_now(listener->loop);

    if (listener->is_busy) {
        listener->is_busy = taken > 1;
        listener->quick = 0;
    } else if (now_ms - listener->last_ms > 1) {
        listener->quick = 0;
    } else if (++listener->quick == QUICK) {
        listener->is_busy = 1;
    }
    listener->last_ms = now_ms;
}

static void watch(struct sli_io_listener *listener);

static void on_retry(struct sli_io_timer *timer)
{
    struct sli_io_listener *listener =
        SLI_LIST_ITEM(timer, struct sli_io_listener, retry);

    listener->is_paused = 0;
    watch(listener);
}

/* The connection that could not be accepted keeps the socket readable: to
 * watch it on would spin. */
static void wait_a_while(struct sli_io_listener *listener, int err)
{
    listener->is_paused = 1;
    (void)uv_poll_stop(&listener->poll);
    sli_io_timer_start(listener->loop, &listener->retry, RETRY_MS, on_retry);
    if (listener->short_of != NULL) {
        listener->short_of(listener, err);
    }
}

static void watch(struct sli_io_listener *listener)
{
    int number = -uv_poll_start(&listener->poll, UV_READABLE, on_readable);

    if (number != 0) {
        wait_a_while(listener, sli_error_from_errno(number));
    }
}

static int code_of(int number)
{
    return number == ENOBUFS ? SLIMTA_ENOMEM : sli_error_from_errno(number);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct sli_io_listener *listener = poll->data;
    enum outcome outcome = status < 0 ? CANNOT : TAKEN;
    unsigned left = listener->is_busy ? BATCH : 1;
    unsigned taken = 0;

    (void)events;
    errno = 0; /* with a status accept4 is not asked */
    while (left-- > 0 && outcome <= SKIPPED && listener->stopped == NULL) {
        outcome = accept_one(listener);
        taken += outcome == TAKEN;
    }
    if (listener->stopped != NULL) {
        return;
    }
    if (outcome == CANNOT) {
        wait_a_while(listener, code_of(errno));
    } else {
        adapt(listener, taken);
    }
}

int sli_io_listener_start(struct sli_io_listener *listener,
    struct slimta_loop *loop, int fd,
    void (*accepted)(struct sli_io_listener *listener, int fd,
        const struct slimta_address *peer),
    void (*short_of)(struct sli_io_listener *listener, int error))
{
    int number;

    *listener = (struct sli_io_listener){
        .loop = loop, .fd = fd, .accepted = accepted, .short_of = short_of};
    number = -uv_poll_init(loop->uv, &listener->poll, fd);
    if (number != 0) {
        return sli_error_from_errno(number);
    }
    listener->poll.data = listener;
    watch(listener);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct sli_io_listener *listener = handle->data;

    listener->stopped(listener);
}

void sli_io_listener_stop(struct sli_io_listener *listener,
    void (*stopped)(struct sli_io_listener *listener))
{
    listener->stopped = stopped;
    sli_io_timer_stop(listener->loop, &listener->retry);
    uv_close((uv_handle_t *)&listener->poll, on_closed);
}
