/** A stream from within: what its files share. */
#ifndef TLS_STREAM_INSIDE_H
#define TLS_STREAM_INSIDE_H

#include "base/buf.h"
#include "tls/compat.h"
#include "tls/stream.h"

enum sli_tls_phase {
    SLI_TLS_SHAKING, /* the handshake is not over */
    SLI_TLS_OPEN,
    SLI_TLS_BROKEN /* it has failed */
};

/* What the peer's first octets are remembered for: the word that somebody
 * says who speaks no TLS. */
enum { SLI_TLS_FIRST_SIZE = 8, SLI_TLS_ERROR_SIZE = 192 };

/* A mailbox at its longest (RFC 5321 section 4.5.3.1), and any common name. */
enum { SLI_TLS_PEER_NAME_MAX = 255 };

struct sli_tls_stream {
    struct slimta_alloc alloc;
    struct slimta_tls *tls;
    enum sli_tls_role role;
    enum sli_tls_phase phase;
    mbedtls_ssl_context ssl;
    struct sli_tls_sink sink;
    struct slimta_slice input; /* borrowed, what is left of it */

    char *server_name; /* that the client asked for, or NULL */
    int is_full;       /* certificates were exchanged: nothing was resumed */
    int has_ended;     /* close_notify was said */
    int sink_code;     /* what the sink said when it failed */
    int code;          /* why the stream has failed */
    int sni_ret;       /* why SNI ended the handshake: a code of mbedTLS */
    int alert_sent;    /* the last one that could be read, or -1 */
    char first[SLI_TLS_FIRST_SIZE];
    size_t first_size;
    char error[SLI_TLS_ERROR_SIZE];

    struct slimta_tls_info info;
    struct sli_buf subject;
    char *peer_name; /* or NULL */
};

/** The handshake of `ssl`, which is a stream's, has got a name by SNI, which is
 * copied; `ret` is what became of choosing certificates. Returns that, or the
 * code of mbedTLS for no memory; mbedTLS itself forgets which it was. */
int sli_tls_stream_named(
    mbedtls_ssl_context *ssl, struct slimta_slice name, int ret);

/** Fills `info` after the handshake. 0 or SLIMTA_ENOMEM. */
int sli_tls_info_fill(struct sli_tls_stream *stream);

/** Says in `error` why mbedTLS gave `ret`. */
void sli_tls_failure_write(struct sli_tls_stream *stream, int ret);

#endif
