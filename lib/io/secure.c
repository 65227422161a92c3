/** TLS on a connection: the handshake, its heavy steps in the thread pool, then
 * records. */
#include "io/secure.h"

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "io/loop.h"

/* What a handshake may have to say before the job that makes it is over: our
 * chain of certificates and a request for the peer's. */
enum { FLIGHT_MAX = 1048576 };

/* One connection's TLS. While a job runs, `stream`, `input` and `output` are
 * the job's; all else is the loop's. */
struct sli_io_secure {
    struct sli_io_conn *conn;
    struct sli_tls_stream *stream;
    struct sli_io_work work;
    enum sli_tls_status status; /* of the last step */
    struct sli_buf input;       /* records for the handshake */
    struct sli_buf output;      /* what a step has to say */
    unsigned char is_working;   /* a job runs */
    unsigned char is_done;      /* the handshake is */
    unsigned char is_closed;    /* the connection is; the job is waited for */
};

void sli_io_secure_free(struct sli_io_conn *conn)
{
    struct sli_io_secure *secure = conn->secure;

    conn->secure = NULL;
    sli_tls_stream_free(secure->stream);
    sli_buf_fini(&secure->input);
    sli_buf_fini(&secure->output);
    sli_free(&conn->loop->alloc, secure);
}

/* Where records go: into memory while a job runs, else to the socket. */

static int gather(void *user, struct slimta_slice records)
{
    struct sli_io_secure *secure = user;

    return sli_buf_append(&secure->output, records);
}

static int send_now(void *user, struct slimta_slice records)
{
    struct sli_io_secure *secure = user;

    return sli_io_conn_send(secure->conn, records);
}

static void set_sink(struct sli_io_secure *secure,
    int (*send)(void *user, struct slimta_slice records))
{
    const struct sli_tls_sink sink = {send, secure};

    sli_tls_stream_set_sink(secure->stream, &sink);
}

/* The octets of all records that were fed. */
static void read_octets(struct sli_io_secure *secure)
{
    struct sli_io_conn *conn = secure->conn;
    char *octets = conn->loop->clear_buffer;
    size_t size = 0;
    size_t got = 0;

    do {
        secure->status = sli_tls_stream_read(
            secure->stream, octets + size, SLI_IO_READ_BYTES - size, &got);
        size += secure->status == SLI_TLS_DONE ? got : 0;
    } while (secure->status == SLI_TLS_DONE && size < SLI_IO_READ_BYTES);
    if (size > 0) {
        sli_io_conn_deliver(conn, octets, size);
    }
}

static void fail(struct sli_io_secure *secure)
{
    struct sli_io_conn *conn = secure->conn;

    conn->handler->failed(conn, sli_tls_stream_error(secure->stream));
}

static void read_records(struct sli_io_secure *secure)
{
    struct sli_io_conn *conn = secure->conn;

    do {
        read_octets(secure);
    } while (secure->status == SLI_TLS_DONE && sli_io_conn_is_open(conn));
    if (!sli_io_conn_is_open(conn)) {
        return;
    }
    if (secure->status == SLI_TLS_ENDED) {
        sli_io_conn_end_input(conn);
    } else if (secure->status == SLI_TLS_FAILED) {
        fail(secure);
    }
}

/* The handshake: what is light at once, the rest of a flight in a job */

static void run_job(struct sli_io_work *work)
{
    struct sli_io_secure *secure =
        SLI_LIST_ITEM(work, struct sli_io_secure, work);

    secure->status = sli_tls_stream_handshake(secure->stream);
}

static void on_job_done(struct sli_io_work *work);

static void feed(struct sli_io_secure *secure)
{
    sli_tls_stream_feed(secure->stream, sli_buf_slice(&secure->input));
}

static void start_job(struct sli_io_secure *secure)
{
    secure->is_working = 1;
    sli_io_conn_hold(secure->conn);
    sli_io_work_start(secure->conn->loop, &secure->work, SLI_IO_WORK_TLS,
        run_job, on_job_done);
}

/* Records with octets may have come with the end of the handshake. */
static void finish_handshake(struct sli_io_secure *secure)
{
    struct sli_io_conn *conn = secure->conn;

    secure->is_done = 1;
    set_sink(secure, send_now);
    conn->handler->secured(conn);
    if (sli_io_conn_is_open(conn)) {
        read_records(secure);
    }
    sli_buf_fini(&secure->input);
}

static void act_on_step(struct sli_io_secure *secure)
{
    switch (secure->status) {
    case SLI_TLS_DONE:
        finish_handshake(secure);
        break;
    case SLI_TLS_WANTS_INPUT:
        sli_buf_clear(&secure->input);
        break;
    default:
        fail(secure);
        break;
    }
}

static int send_flight(struct sli_io_secure *secure)
{
    int err = sli_io_conn_send(secure->conn, sli_buf_slice(&secure->output));

    sli_buf_fini(&secure->output);
    return err;
}

static void end_step(struct sli_io_secure *secure)
{
    if (send_flight(secure) != 0) {
        secure->conn->handler->lost(secure->conn, SLIMTA_EIO);
    } else {
        act_on_step(secure);
    }
}

/* A job costs more than all that is light in a handshake with a ticket. */
static void start_step(struct sli_io_secure *secure)
{
    secure->status = sli_tls_stream_handshake_lightly(secure->stream);
    if (secure->status == SLI_TLS_WANTS_TIME) {
        start_job(secure);
    } else {
        end_step(secure);
    }
}

static void on_job_done(struct sli_io_work *work)
{
    struct sli_io_secure *secure =
        SLI_LIST_ITEM(work, struct sli_io_secure, work);
    struct sli_io_conn *conn = secure->conn;

    secure->is_working = 0;
    if (secure->is_closed) {
        sli_io_conn_finish(conn);
        return;
    }
    if (!sli_io_conn_is_open(conn)) {
        return; /* it lingers */
    }
    sli_io_conn_release(conn);
    end_step(secure);
}

void sli_io_secure_received(
    struct sli_io_conn *conn, struct slimta_slice records)
{
    struct sli_io_secure *secure = conn->secure;

    if (secure->is_done) {
        sli_tls_stream_feed(secure->stream, records);
        read_records(secure);
    } else if (sli_buf_append(&secure->input, records) != 0) {
        conn->handler->lost(conn, SLIMTA_ENOMEM);
    } else {
        feed(secure);
        start_step(secure);
    }
}

int sli_io_secure_has_broken_off(struct sli_io_conn *conn)
{
    if (conn->secure->is_done) {
        return 0;
    }
    conn->handler->failed(conn, "the peer has left");
    return 1;
}

int sli_io_secure_write(struct sli_io_conn *conn, struct slimta_slice octets)
{
    return sli_tls_stream_write(conn->secure->stream, octets);
}

void sli_io_secure_end(struct sli_io_conn *conn)
{
    if (conn->secure->is_done) {
        sli_tls_stream_end(conn->secure->stream);
    }
}

int sli_io_secure_close(struct sli_io_conn *conn)
{
    conn->secure->is_closed = 1;
    return !conn->secure->is_working;
}

static int make_clear_buffer(struct slimta_loop *loop)
{
    if (loop->clear_buffer == NULL) {
        loop->clear_buffer = sli_alloc(&loop->alloc, SLI_IO_READ_BYTES);
    }
    return loop->clear_buffer == NULL ? SLIMTA_ENOMEM : 0;
}

static int init(
    struct sli_io_secure *secure, const struct sli_io_secure_options *options)
{
    const struct slimta_alloc *alloc = &secure->conn->loop->alloc;
    int err = make_clear_buffer(secure->conn->loop);

    sli_buf_init(&secure->input, alloc, SLI_IO_READ_BYTES);
    sli_buf_init(&secure->output, alloc, FLIGHT_MAX);
    if (err == 0) {
        err = sli_buf_append(&secure->input, options->received);
    }
    if (err == 0) {
        err = sli_tls_stream_new(&secure->stream, alloc, options->tls,
            options->role, options->server_name);
    }
    return err;
}

int sli_io_secure_start(
    struct sli_io_conn *conn, const struct sli_io_secure_options *options)
{
    struct sli_io_secure *secure =
        sli_alloc_zero(&conn->loop->alloc, sizeof *secure);
    int err;

    if (secure == NULL) {
        return SLIMTA_ENOMEM;
    }
    secure->conn = conn;
    conn->secure = secure;
    err = init(secure, options);
    if (err != 0) {
        sli_io_secure_free(conn);
        return err;
    }
    set_sink(secure, gather);
    if (options->role == SLI_TLS_CLIENT || options->received.size > 0) {
        feed(secure);
        start_job(secure); /* whose end is later than this call */
    }
    return 0;
}

const struct sli_tls_stream *sli_io_secure_stream(
    const struct sli_io_conn *conn)
{
    return conn->secure != NULL && conn->secure->is_done ? conn->secure->stream
                                                         : NULL;
}
