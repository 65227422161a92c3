/** One TLS connection as a filter: octets in, octets out, no socket. */
#ifndef TLS_STREAM_H
#define TLS_STREAM_H

#include <slimta/alloc.h>
#include <slimta/slice.h>
#include <slimta/tls.h>

/**
 * It belongs to one thread at a time. A key exchange or a signature is heavy
 * (milliseconds): its owner runs sli_tls_stream_handshake where nothing else
 * waits for it, and touches the stream again only when it has returned.
 */
struct sli_tls_stream;

enum sli_tls_role { SLI_TLS_SERVER, SLI_TLS_CLIENT };

enum sli_tls_status {
    SLI_TLS_DONE = 0,    /**< the handshake is over; octets were read */
    SLI_TLS_WANTS_INPUT, /**< all that was fed is used up */
    SLI_TLS_WANTS_TIME,  /**< what comes next is heavy */
    SLI_TLS_ENDED,       /**< the peer has said close_notify */
    SLI_TLS_FAILED       /**< nothing can follow; see sli_tls_stream_error */
};

/** Where records go. Takes all of the octets, which are borrowed until return,
 * and returns 0; or a negative code, and then the stream has failed. */
struct sli_tls_sink {
    int (*send)(void *user, struct slimta_slice records);
    void *user;
};

/**
 * A new stream with a reference to `tls`. `server_name`: whom a client wants to
 * speak to, for SNI and the check of names; copied; NULL for a server. What our
 * own structs need comes from `alloc`. SLIMTA_ENOMEM.
 */
int sli_tls_stream_new(struct sli_tls_stream **out,
    const struct slimta_alloc *alloc, struct slimta_tls *tls,
    enum sli_tls_role role, const char *server_name);

/** Wipes and frees; says nothing to the peer. NULL is accepted. */
void sli_tls_stream_free(struct sli_tls_stream *stream);

/** Where the records of the following calls go. */
void sli_tls_stream_set_sink(
    struct sli_tls_stream *stream, const struct sli_tls_sink *sink);

/** Gives records that came, borrowed until they are used up: all of them are
 * when a call says WANTS_INPUT. What was fed before must be used up. */
void sli_tls_stream_feed(
    struct sli_tls_stream *stream, struct slimta_slice records);

/** Gets on with the handshake as far as the input goes: DONE (records with
 * octets may be left in the input: read), WANTS_INPUT, ENDED, FAILED. An alert
 * for the peer went to the sink before FAILED. */
enum sli_tls_status sli_tls_stream_handshake(struct sli_tls_stream *stream);

/** The same without the heavy steps, for where others wait: WANTS_TIME when one
 * comes next, and sli_tls_stream_handshake goes on from there. No peer's input
 * gets a heavy step done here. A client's are heavy from the first on. */
enum sli_tls_status sli_tls_stream_handshake_lightly(
    struct sli_tls_stream *stream);

/** Decrypts into `out`, up to `size` octets; `got` says how many with DONE (at
 * least 1). To be called until it says something else. */
enum sli_tls_status sli_tls_stream_read(
    struct sli_tls_stream *stream, void *out, size_t size, size_t *got);

/** Encrypts all of the octets into the sink. 0, or a negative code: the stream
 * has failed. */
int sli_tls_stream_write(
    struct sli_tls_stream *stream, struct slimta_slice octets);

/** Says close_notify, once; what cannot be said is left out. */
void sli_tls_stream_end(struct sli_tls_stream *stream);

/** Why the stream has failed: a short reason with the name of the alert, if one
 * came or went, such as "the peer's alert: unknown_ca". Printable ASCII. Lives
 * as long as the stream; "" when it has not failed. */
const char *sli_tls_stream_error(const struct sli_tls_stream *stream);

/** What was agreed on; NULL before the handshake is over. Lives as long as the
 * stream. */
const struct slimta_tls_info *sli_tls_stream_info(
    const struct sli_tls_stream *stream);

#define SLI_TLS_EXPORTER_SIZE 32

/** The channel binding "tls-exporter" (RFC 9266). 1, or 0 when there is none:
 * it is had with TLS 1.3 only. */
int sli_tls_stream_exporter(const struct sli_tls_stream *stream,
    unsigned char out[SLI_TLS_EXPORTER_SIZE]);

#endif
