/** TLS on a connection: the handshake, its heavy steps in the thread pool, then
 * records. */
#ifndef IO_SECURE_H
#define IO_SECURE_H

#include "io/conn.h"
#include "tls/stream.h"

/** What one read takes at most from a connection that speaks TLS: what was left
 * of the record before, and all of it decrypted, fit into one buffer. */
#define SLI_IO_SECURE_INPUT_MAX (SLI_IO_READ_BYTES - 17408)

/** How TLS begins on a connection. */
struct sli_io_secure_options {
    struct slimta_tls *tls; /**< gets one more reference */
    enum sli_tls_role role;
    const char *server_name;      /**< of a client, see sli_tls_stream_new */
    struct slimta_slice received; /**< records that came already; copied */
};

/**
 * From now on the connection speaks TLS: what was to be sent in the clear was
 * given to sli_io_conn_write before. Its handler hears `secured` when the
 * handshake is done, always later than this call, or `failed`; until then
 * nothing may be written. The heavy steps of handshakes take turns in the pool
 * and hold nobody up; the others are done on the loop.
 * There is no end to a handshake that the peer leaves open: the owner sets one.
 * SLIMTA_ENOMEM, SLIMTA_EIO: the connection is as it was.
 */
int sli_io_secure_start(
    struct sli_io_conn *conn, const struct sli_io_secure_options *options);

/** The stream of a connection whose handshake is done, else NULL. As long as
 * the connection. */
const struct sli_tls_stream *sli_io_secure_stream(
    const struct sli_io_conn *conn);

/* What conn.c hands on for such a connection. */

/** Records came. May close the connection. */
void sli_io_secure_received(
    struct sli_io_conn *conn, struct slimta_slice records);

/** The peer has shut down its side. 1: there was no handshake yet, `failed` has
 * said so. */
int sli_io_secure_has_broken_off(struct sli_io_conn *conn);

/** Sends octets as records; see sli_io_conn_write. */
int sli_io_secure_write(struct sli_io_conn *conn, struct slimta_slice octets);

/** Tells the peer that nothing more comes. */
void sli_io_secure_end(struct sli_io_conn *conn);

/** The connection is closed. 1: nobody has it any more; 0: a job still does,
 * and sli_io_conn_finish follows. */
int sli_io_secure_close(struct sli_io_conn *conn);

/** Wipes and frees. */
void sli_io_secure_free(struct sli_io_conn *conn);

#endif
