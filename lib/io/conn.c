/** One connection: octets in, octets out, and its end. */
#include "io/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slimta/error.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/slice.h"
#include "io/loop.h"
#include "io/secure.h"

/* How often one readiness is read from when each read fills the buffer. */
enum { READS_MAX = 4 };

/* struct sli_io_conn, `closing` */
enum { OPEN, LINGERING, CLOSING };

/* struct sli_io_conn, `pausing`. A pause leaves the socket watched for reading
 * until something comes: most peers wait for an answer, and then neither pause
 * nor resume has cost a system call. */
enum { READING, PAUSED, PAUSED_WITH_INPUT };

/* struct sli_io_conn, `holders` */
enum { OWNER = 1 << 0, HANDSHAKE = 1 << 1 };

static void on_event(uv_poll_t *poll, int status, int events);
static void on_linger_timer(struct sli_io_timer *timer);

static int code_of(int number)
{
    switch (number) {
    case ENOMEM:
    case ENOBUFS:
        return SLIMTA_ENOMEM;
    default:
        return SLIMTA_EIO;
    }
}

static int wants_input(const struct sli_io_conn *conn)
{
    if (conn->has_ended) {
        return 0; /* the end stays readable for ever */
    }
    if (conn->closing == LINGERING) {
        return conn->linger_left > 0;
    }
    return conn->pausing != PAUSED_WITH_INPUT;
}

static int wanted_events(const struct sli_io_conn *conn)
{
    int events = 0;

    if (conn->is_lost || conn->closing == CLOSING) {
        return 0;
    }
    if (sli_io_conn_pending(conn) > 0) {
        events |= UV_WRITABLE;
    }
    if (wants_input(conn)) {
        events |= UV_READABLE;
    } else if (conn->closing == OPEN && !conn->has_ended &&
        !conn->has_hung_up) {
        events |= UV_DISCONNECT;
    }
    return events;
}

/* Each change costs libuv two system calls: not to be done per read. */
static void watch(struct sli_io_conn *conn)
{
    int events = wanted_events(conn);

    if (events == conn->armed) {
        return;
    }
    conn->armed = (unsigned char)events;
    if (events == 0) {
        (void)uv_poll_stop(&conn->poll);
    } else if (uv_poll_start(&conn->poll, events, on_event) != 0) {
        /* Only a later libuv tells of its lack of memory. */
        conn->armed = 0;
        sli_io_timer_start(conn->loop, &conn->linger, 0, on_linger_timer);
    }
}

void sli_io_conn_finish(struct sli_io_conn *conn)
{
    if (conn->secure == NULL || sli_io_secure_close(conn)) {
        conn->handler->closed(conn);
    }
}

void sli_io_conn_fini(struct sli_io_conn *conn)
{
    if (conn->secure != NULL) {
        sli_io_secure_free(conn);
    }
}

void sli_io_conn_wipe_input(struct sli_io_conn *conn, int wipes)
{
    conn->wipes = wipes != 0;
}

void sli_io_conn_deliver(struct sli_io_conn *conn, char *octets, size_t size)
{
    conn->handler->received(conn, sli_slice(octets, size));
    if (conn->wipes) {
        sli_secret_wipe(octets, size);
    }
}

static void on_closed(uv_handle_t *handle)
{
    sli_io_conn_finish(handle->data);
}

int sli_io_conn_detach(struct sli_io_conn *conn)
{
    int fd = conn->fd;

    conn->closing = CLOSING;
    conn->armed = 0;
    sli_io_timer_stop(conn->loop, &conn->linger);
    sli_buf_fini(&conn->pending);
    /* Takes the descriptor out of the poll set, now. */
    uv_close((uv_handle_t *)&conn->poll, on_closed);
    conn->fd = -1;
    return fd;
}

static void close_now(struct sli_io_conn *conn)
{
    (void)close(sli_io_conn_detach(conn));
}

static void lose(struct sli_io_conn *conn, int code)
{
    if (conn->closing == LINGERING) {
        close_now(conn);
    } else if (conn->closing == OPEN && !conn->is_lost) {
        conn->is_lost = 1;
        watch(conn);
        conn->handler->lost(conn, code);
    }
}

/* The time to linger is over; or, on an open connection, it could not be
 * watched. */
static void on_linger_timer(struct sli_io_timer *timer)
{
    struct sli_io_conn *conn = SLI_LIST_ITEM(timer, struct sli_io_conn, linger);

    lose(conn, SLIMTA_ENOMEM);
}

/* Lingering: what had to be sent is sent. */
static void finish_sending(struct sli_io_conn *conn)
{
    if (conn->linger_left == 0 || conn->has_ended ||
        shutdown(conn->fd, SHUT_WR) != 0) {
        close_now(conn);
    }
}

/* Returns how much the socket took, which may be nothing, or -1. */
static ssize_t send_some(
    const struct sli_io_conn *conn, struct slimta_slice octets)
{
    ssize_t sent;

    do {
        sent = send(conn->fd, octets.data, octets.size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        sent = 0;
    }
    return sent;
}

static void send_pending(struct sli_io_conn *conn)
{
    ssize_t sent = send_some(conn, sli_buf_slice(&conn->pending));

    if (sent < 0) {
        lose(conn, code_of(errno));
        return;
    }
    sli_buf_consume(&conn->pending, (size_t)sent);
    if (sli_io_conn_pending(conn) > 0) {
        return;
    }
    sli_buf_fini(&conn->pending); /* an idle connection holds nothing */
    if (conn->closing == LINGERING) {
        finish_sending(conn);
    } else {
        conn->handler->drained(conn);
    }
}

void sli_io_conn_end_input(struct sli_io_conn *conn)
{
    conn->has_ended = 1;
    if (conn->closing == OPEN) {
        if (conn->secure == NULL || !sli_io_secure_has_broken_off(conn)) {
            conn->handler->ended(conn);
        }
    } else if (sli_io_conn_pending(conn) == 0) {
        close_now(conn);
    }
}

static void drop_input(struct sli_io_conn *conn, size_t size)
{
    conn->linger_left -= size < conn->linger_left ? size : conn->linger_left;
    if (conn->linger_left == 0 && sli_io_conn_pending(conn) == 0) {
        close_now(conn);
    }
}

static void take_input(struct sli_io_conn *conn, size_t size)
{
    if (conn->closing == LINGERING) {
        drop_input(conn, size);
    } else if (conn->secure != NULL) {
        sli_io_secure_received(conn, sli_slice(conn->loop->read_buffer, size));
    } else {
        sli_io_conn_deliver(conn, conn->loop->read_buffer, size);
    }
}

/* Returns whether there may be more: the buffer was filled. */
static int read_once(struct sli_io_conn *conn)
{
    size_t room =
        conn->secure == NULL ? SLI_IO_READ_BYTES : SLI_IO_SECURE_INPUT_MAX;
    ssize_t size = recv(conn->fd, conn->loop->read_buffer, room, 0);

    if (size > 0) {
        take_input(conn, (size_t)size);
    } else if (size == 0) {
        sli_io_conn_end_input(conn);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        lose(conn, code_of(errno));
    }
    return size == (ssize_t)room;
}

static void read_input(struct sli_io_conn *conn)
{
    int more = 1;

    for (int i = 0; i < READS_MAX && more; i++) {
        more = read_once(conn) && !conn->is_lost && wants_input(conn) &&
            conn->closing != CLOSING && conn->pausing == READING;
    }
}

/* Something came while paused. */
static void note_input(struct sli_io_conn *conn, int events)
{
    if ((events & UV_READABLE) != 0) {
        conn->pausing = PAUSED_WITH_INPUT;
    }
    /* RFC 9293 section 3.6: the peer may have closed its side alone and still
     * read. Nobody is lost yet, but the event would come again and again. */
    if ((events & UV_DISCONNECT) != 0) {
        conn->has_hung_up = 1;
    }
}

/* An error is pending on the socket; libuv has stopped watching. */
static void on_error(struct sli_io_conn *conn)
{
    int number = 0;
    socklen_t size = sizeof number;

    conn->armed = 0;
    (void)getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &number, &size);
    lose(conn, code_of(number));
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct sli_io_conn *conn = poll->data;

    if (status < 0) {
        on_error(conn);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && sli_io_conn_pending(conn) > 0) {
        send_pending(conn);
    }
    if (conn->closing == OPEN && conn->pausing != READING) {
        note_input(conn, events);
    } else if ((events & UV_READABLE) != 0 && conn->closing != CLOSING &&
        !conn->is_lost) {
        read_input(conn);
    }
    if (conn->closing != CLOSING) {
        watch(conn);
    }
}

int sli_io_conn_open(struct sli_io_conn *conn, struct slimta_loop *loop, int fd,
    size_t max_pending, const struct sli_io_conn_handler *handler)
{
    int number;

    *conn = (struct sli_io_conn){.loop = loop, .handler = handler, .fd = fd};
    sli_buf_init(&conn->pending, &loop->alloc, max_pending);
    number = -uv_poll_init(loop->uv, &conn->poll, fd);
    if (number != 0) {
        return sli_error_from_errno(number);
    }
    conn->poll.data = conn;
    watch(conn);
    return 0;
}

static void hold(struct sli_io_conn *conn, unsigned char who)
{
    conn->holders |= who;
    if (conn->pausing == READING) {
        conn->pausing = PAUSED;
    }
}

static void release(struct sli_io_conn *conn, unsigned char who)
{
    conn->holders &= (unsigned char)~who;
    if (conn->holders != 0) {
        return;
    }
    conn->pausing = READING;
    if (conn->closing == OPEN) {
        watch(conn);
    }
}

void sli_io_conn_pause(struct sli_io_conn *conn)
{
    hold(conn, OWNER);
}

void sli_io_conn_resume(struct sli_io_conn *conn)
{
    release(conn, OWNER);
}

void sli_io_conn_hold(struct sli_io_conn *conn)
{
    hold(conn, HANDSHAKE);
}

void sli_io_conn_release(struct sli_io_conn *conn)
{
    release(conn, HANDSHAKE);
}

/* What cannot be sent whole leaves a gap: nothing may follow it. */
static int give_up(struct sli_io_conn *conn, int code)
{
    conn->is_lost = 1;
    watch(conn);
    return code;
}

int sli_io_conn_write(struct sli_io_conn *conn, struct slimta_slice octets)
{
    return conn->secure == NULL ? sli_io_conn_send(conn, octets)
                                : sli_io_secure_write(conn, octets);
}

int sli_io_conn_send(struct sli_io_conn *conn, struct slimta_slice octets)
{
    ssize_t sent = 0;
    int err = 0;

    if (conn->is_lost || conn->closing != OPEN) {
        return SLIMTA_EIO;
    }
    if (octets.size > 0 && sli_io_conn_pending(conn) == 0) {
        sent = send_some(conn, octets);
    }
    if (sent < 0) {
        return give_up(conn, code_of(errno));
    }
    err = sli_buf_append(&conn->pending, sli_slice_skip(octets, (size_t)sent));
    if (err != 0) {
        return give_up(conn, err);
    }
    watch(conn);
    return 0;
}

int sli_io_conn_is_open(const struct sli_io_conn *conn)
{
    return conn->closing == OPEN && !conn->is_lost;
}

/* Closes when all is sent and `left` octets are read, or the time is over. */
static void linger(struct sli_io_conn *conn, size_t left, uint64_t time_ms)
{
    if (conn->secure != NULL) {
        sli_io_secure_end(conn);
    }
    conn->closing = LINGERING;
    conn->linger_left = left;
    sli_io_timer_start(conn->loop, &conn->linger, time_ms, on_linger_timer);
    if (sli_io_conn_pending(conn) == 0) {
        finish_sending(conn);
    }
    if (conn->closing == LINGERING) {
        watch(conn);
    }
}

void sli_io_conn_close(struct sli_io_conn *conn, enum sli_io_conn_close how)
{
    if (conn->closing == CLOSING) {
        return;
    }
    if (how == SLI_IO_CONN_NOW || conn->is_lost) {
        close_now(conn);
    } else if (conn->closing == OPEN) {
        linger(conn, how == SLI_IO_CONN_LINGER ? SLI_IO_CONN_LINGER_BYTES : 0,
            SLI_IO_CONN_LINGER_MS);
    }
}

void sli_io_conn_linger(
    struct sli_io_conn *conn, uint64_t bytes, uint64_t time_ms)
{
    if (conn->is_lost) {
        sli_io_conn_close(conn, SLI_IO_CONN_NOW);
    } else if (conn->closing == OPEN) {
        linger(conn, bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX, time_ms);
    }
}
