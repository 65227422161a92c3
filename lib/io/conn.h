/** One connection: octets in, octets out, and its end. */
#ifndef IO_CONN_H
#define IO_CONN_H

#include <uv.h>

#include <slimta/slice.h>

#include "base/buf.h"
#include "io/timer.h"

struct sli_io_conn;
struct sli_io_secure;
struct slimta_loop;

/** How much a lingering close reads and drops, and how long it takes at most.
 */
#define SLI_IO_CONN_LINGER_BYTES 1048576
#define SLI_IO_CONN_LINGER_MS 2000

/** What a connection tells its owner, on the loop. Any of these may close the
 * connection, but not free it: its memory stays until `closed`. */
struct sli_io_conn_handler {
    /** Octets came, decrypted where TLS is spoken. They stand in a buffer of
     * the loop's: borrowed until return. */
    void (*received)(struct sli_io_conn *conn, struct slimta_slice octets);
    /** The peer has shut down its side; writing still works. Once. */
    void (*ended)(struct sli_io_conn *conn);
    /** All that had to wait was sent. */
    void (*drained)(struct sli_io_conn *conn);
    /** The connection is broken: close it. Once; `error` is a slimta error
     * code. */
    void (*lost)(struct sli_io_conn *conn, int error);
    /** TLS: the handshake is done (secure.h). Not needed without TLS. */
    void (*secured)(struct sli_io_conn *conn);
    /** TLS: the handshake or a record has failed, for a `reason` that lives
     * until return: close the connection. Once; not needed without TLS. */
    void (*failed)(struct sli_io_conn *conn, const char *reason);
    /** Closed, and its descriptor too; after sli_io_conn_fini its memory is the
     * owner's again. */
    void (*closed)(struct sli_io_conn *conn);
};

/** Held by value. A small struct: an idle connection holds nothing else. */
struct sli_io_conn {
    uv_poll_t poll;
    struct slimta_loop *loop;
    const struct sli_io_conn_handler *handler;
    struct sli_buf pending; /* what the socket would not take yet */
    struct sli_io_timer linger;
    struct sli_io_secure *secure; /* NULL: in the clear */
    size_t linger_left;
    int fd;
    unsigned char armed;       /* the uv_poll events that are watched */
    unsigned char pausing;     /* 0 reading, 1 paused, 2 and octets wait */
    unsigned char holders;     /* who wants that nothing is read */
    unsigned char has_hung_up; /* the peer's end was seen while paused */
    unsigned char has_ended;   /* the peer's end was read */
    unsigned char is_lost;
    unsigned char wipes;   /* what was received is wiped */
    unsigned char closing; /* 0 open, 1 lingering, 2 closing */
};

/** Takes the non-blocking descriptor `fd` and watches it for reading.
 * `max_pending` is the most that may wait to be sent to a peer that does not
 * read. On failure `fd` stays the caller's. */
int sli_io_conn_open(struct sli_io_conn *conn, struct slimta_loop *loop, int fd,
    size_t max_pending, const struct sli_io_conn_handler *handler);

/** Stops reading; a peer that goes away is still noticed (`lost`). */
void sli_io_conn_pause(struct sli_io_conn *conn);
void sli_io_conn_resume(struct sli_io_conn *conn);

/**
 * Sends now what the socket takes and keeps a copy of the rest, to be sent
 * when it can. Never raises SIGPIPE. 0, or a negative code when the connection
 * is broken or its `max_pending` or the memory is used up: `lost` is NOT
 * called then, the caller closes.
 */
int sli_io_conn_write(struct sli_io_conn *conn, struct slimta_slice octets);

/** What waits to be sent. */
static inline size_t sli_io_conn_pending(const struct sli_io_conn *conn)
{
    return sli_buf_size(&conn->pending);
}

enum sli_io_conn_close {
    SLI_IO_CONN_NOW,   /* whatever is pending is dropped */
    SLI_IO_CONN_FLUSH, /* what is pending is sent first, within the linger time
                        */
    SLI_IO_CONN_LINGER /* the same, then the sending side is shut down and what
                          still comes is read and dropped, so that a reset does
                          not destroy the last reply */
};

/** Whether what is received from now on, the octets that `received` has at this
 * moment included, is wiped as soon as `received` returns. */
void sli_io_conn_wipe_input(struct sli_io_conn *conn, int wipes);

/** Frees what a closed connection has, in `closed`. */
void sli_io_conn_fini(struct sli_io_conn *conn);

/** Whether it is neither closed nor closing nor broken. */
int sli_io_conn_is_open(const struct sli_io_conn *conn);

/** Closes; `closed` follows, always later than this call. No other handler is
 * called any more. A second call can only hurry it (NOW). */
void sli_io_conn_close(struct sli_io_conn *conn, enum sli_io_conn_close how);

/** Closes with SLI_IO_CONN_LINGER, for a peer that is still to send so much: it
 * may look for the last reply only then. */
void sli_io_conn_linger(
    struct sli_io_conn *conn, uint64_t bytes, uint64_t time_ms);

/** Closes too, but without the descriptor, which is returned and the caller's:
 * another connection may have it at once. Nothing is pending, and no TLS was
 * spoken. */
int sli_io_conn_detach(struct sli_io_conn *conn);

/* For secure.c */

/** Like sli_io_conn_write, but as the octets are. */
int sli_io_conn_send(struct sli_io_conn *conn, struct slimta_slice octets);

/** Hands octets to `received`. */
void sli_io_conn_deliver(struct sli_io_conn *conn, char *octets, size_t size);

/** A pause of the handshake's own, beside the owner's. */
void sli_io_conn_hold(struct sli_io_conn *conn);
void sli_io_conn_release(struct sli_io_conn *conn);

/** The peer has said that nothing more comes. */
void sli_io_conn_end_input(struct sli_io_conn *conn);

/** The job that a closed connection has waited for is over. */
void sli_io_conn_finish(struct sli_io_conn *conn);

#endif
