/** One TLS connection as a filter: octets in, octets out, no socket. */
#include "tls/stream.h"

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "tls/context.h"
#include "tls/name.h"
#include "tls/reason.h"
#include "tls/stream_inside.h"

/* What a peer's name may be long; mbedTLS bounds the certificate. */
enum { SUBJECT_MAX = 4096, RECORD_HEADER = 5, ALERT_RECORD = 21 };

/* How far a call gets on with the handshake. */
enum pace { TO_THE_END, LIGHTLY };

/* Beside the codes of mbedTLS, which are negative. */
enum { NEXT_IS_HEAVY = 1 };

/* --- The way in and out -----------------------------------------------------
 */

static int receive(void *user, unsigned char *out, size_t size)
{
    struct sli_tls_stream *stream = user;

    if (stream->input.size == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (size > stream->input.size) {
        size = stream->input.size;
    }
    if (size > INT_MAX) {
        size = INT_MAX;
    }
    memcpy(out, stream->input.data, size);
    stream->input = sli_slice_skip(stream->input, size);
    return (int)size;
}

/* An alert in the clear has two octets after its header; the second is its
 * number. */
static void notice_alert(
    struct sli_tls_stream *stream, const unsigned char *record, size_t size)
{
    if (size == RECORD_HEADER + 2 && record[0] == ALERT_RECORD) {
        stream->alert_sent = record[RECORD_HEADER + 1];
    }
}

/* With TLS 1.3 the last that a server says in a handshake are tickets, when the
 * client may have said all it wanted and left: that it does not get them is no
 * failure of the handshake. Whoever writes next hears of it. */
static int send_records(void *user, const unsigned char *octets, size_t size)
{
    struct sli_tls_stream *stream = user;

    notice_alert(stream, octets, size);
    if (stream->sink_code == 0) {
        stream->sink_code =
            stream->sink.send(stream->sink.user, sli_slice(octets, size));
    }
    if (stream->sink_code != 0 &&
        !sli_tls_compat_writes_tickets(&stream->ssl)) {
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    return size > INT_MAX ? INT_MAX : (int)size;
}

/* --- Life -------------------------------------------------------------------
 */

static int set_name(struct sli_tls_stream *stream, const char *name)
{
    int ret;

    if (name != NULL) {
        stream->server_name =
            sli_alloc_text(&stream->alloc, sli_slice_text(name));
        if (stream->server_name == NULL) {
            return SLIMTA_ENOMEM;
        }
    }
    /* Said also without a name: mbedTLS wants to know that no name is to be
     * checked. */
    ret = mbedtls_ssl_set_hostname(&stream->ssl, stream->server_name);
    return sli_tls_reason_code(ret);
}

static int set_up(struct sli_tls_stream *stream, const char *server_name)
{
    const mbedtls_ssl_config *config;
    int err;

    if (stream->role == SLI_TLS_SERVER) {
        sli_tls_context_use(stream->tls);
        config = sli_tls_context_server(stream->tls);
    } else {
        config = sli_tls_context_client(stream->tls);
    }
    if (config == NULL) {
        return SLIMTA_ESTATE;
    }
    err = sli_tls_reason_code(mbedtls_ssl_setup(&stream->ssl, config));
    if (err == 0 && stream->role == SLI_TLS_CLIENT) {
        err = set_name(stream, server_name);
    }
    mbedtls_ssl_set_bio(&stream->ssl, stream, send_records, receive, NULL);
    return err;
}

int sli_tls_stream_new(struct sli_tls_stream **out,
    const struct slimta_alloc *alloc, struct slimta_tls *tls,
    enum sli_tls_role role, const char *server_name)
{
    struct sli_tls_stream *stream;
    int err;

    if (server_name != NULL &&
        !sli_tls_name_is_host(sli_slice_text(server_name))) {
        return SLIMTA_EINVAL;
    }
    stream = sli_alloc_zero(alloc, sizeof *stream);
    if (stream == NULL) {
        return SLIMTA_ENOMEM;
    }
    stream->alloc = *alloc;
    stream->tls = slimta_tls_ref(tls);
    stream->role = role;
    stream->alert_sent = -1;
    sli_buf_init(&stream->subject, &stream->alloc, SUBJECT_MAX);
    mbedtls_ssl_init(&stream->ssl);
    err = set_up(stream, server_name);
    if (err != 0) {
        sli_tls_stream_free(stream);
        return err;
    }
    *out = stream;
    return 0;
}

void sli_tls_stream_free(struct sli_tls_stream *stream)
{
    if (stream != NULL) {
        struct slimta_alloc alloc = stream->alloc;

        mbedtls_ssl_free(&stream->ssl);
        slimta_tls_unref(stream->tls);
        sli_buf_fini(&stream->subject);
        sli_free(&alloc, stream->server_name);
        sli_free(&alloc, stream->peer_name);
        sli_free(&alloc, stream);
    }
}

void sli_tls_stream_set_sink(
    struct sli_tls_stream *stream, const struct sli_tls_sink *sink)
{
    stream->sink = *sink;
}

static void remember_first(
    struct sli_tls_stream *stream, struct slimta_slice octets)
{
    size_t room = sizeof stream->first - stream->first_size;
    size_t size = octets.size < room ? octets.size : room;

    if (size > 0) {
        memcpy(stream->first + stream->first_size, octets.data, size);
        stream->first_size += size;
    }
}

void sli_tls_stream_feed(
    struct sli_tls_stream *stream, struct slimta_slice records)
{
    remember_first(stream, records);
    stream->input = records;
}

/* --- Failing ----------------------------------------------------------------
 */

static int code_of(const struct sli_tls_stream *stream, int ret)
{
    if (stream->sink_code != 0) {
        return stream->sink_code;
    }
    return sli_tls_reason_code(ret) == SLIMTA_ENOMEM ? SLIMTA_ENOMEM
                                                     : SLIMTA_EIO;
}

static enum sli_tls_status fail(struct sli_tls_stream *stream, int ret)
{
    if (stream->sni_ret != 0) {
        ret = stream->sni_ret;
    }
    sli_tls_failure_write(stream, ret);
    stream->code = code_of(stream, ret);
    stream->phase = SLI_TLS_BROKEN;
    return SLI_TLS_FAILED;
}

static enum sli_tls_status stop_with(struct sli_tls_stream *stream, int ret)
{
    switch (ret) {
    case MBEDTLS_ERR_SSL_WANT_READ:
        return SLI_TLS_WANTS_INPUT;
    case NEXT_IS_HEAVY:
        return SLI_TLS_WANTS_TIME;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return SLI_TLS_ENDED;
    default:
        return fail(stream, ret);
    }
}

/* mbedTLS says WANT_READ also when it only wants to be called again. `left` is
 * how much input there was before the call: without progress it is believed. */
static int wants_again(
    const struct sli_tls_stream *stream, int ret, size_t left)
{
    return ret == SLI_TLS_NEW_TICKET ||
        (ret == MBEDTLS_ERR_SSL_WANT_READ && stream->input.size > 0 &&
            stream->input.size < left);
}

/* --- The handshake ----------------------------------------------------------
 */

int sli_tls_stream_named(
    mbedtls_ssl_context *ssl, struct slimta_slice name, int ret)
{
    struct sli_tls_stream *stream =
        (struct sli_tls_stream *)(void *)((char *)ssl -
            offsetof(struct sli_tls_stream, ssl));

    /* Twice, when TLS 1.3 asks the client to say hello again. */
    sli_free(&stream->alloc, stream->server_name);
    stream->server_name = sli_alloc_text(&stream->alloc, name);
    if (ret == 0 && stream->server_name == NULL) {
        ret = MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    stream->sni_ret = ret;
    return ret;
}

static int is_light(const struct sli_tls_stream *stream)
{
    return stream->role == SLI_TLS_SERVER &&
        sli_tls_compat_is_light(&stream->ssl);
}

/* Step by step, since nothing else tells whether it passed through what only a
 * full handshake has. */
static int shake(struct sli_tls_stream *stream, enum pace pace)
{
    int ret = 0;

    while (ret == 0 &&
        sli_tls_compat_state(&stream->ssl) != MBEDTLS_SSL_HANDSHAKE_OVER) {
        if (pace == LIGHTLY && !is_light(stream)) {
            return NEXT_IS_HEAVY;
        }
        if (sli_tls_compat_state(&stream->ssl) ==
            MBEDTLS_SSL_SERVER_CERTIFICATE) {
            stream->is_full = 1;
        }
        ret = mbedtls_ssl_handshake_step(&stream->ssl);
    }
    return ret;
}

/* Nothing of mbedTLS failed, so nothing has told the peer. */
static int fill_info(struct sli_tls_stream *stream)
{
    if (sli_tls_info_fill(stream) == 0) {
        return 0;
    }
    (void)mbedtls_ssl_send_alert_message(&stream->ssl,
        MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
    return MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

static enum sli_tls_status get_on(struct sli_tls_stream *stream, enum pace pace)
{
    size_t left;
    int ret;

    if (stream->phase != SLI_TLS_SHAKING) {
        return stream->phase == SLI_TLS_OPEN ? SLI_TLS_DONE : SLI_TLS_FAILED;
    }
    do {
        left = stream->input.size;
        ret = shake(stream, pace);
    } while (wants_again(stream, ret, left));
    if (ret == 0) {
        ret = fill_info(stream);
    }
    if (ret != 0) {
        return stop_with(stream, ret);
    }
    stream->phase = SLI_TLS_OPEN;
    return SLI_TLS_DONE;
}

enum sli_tls_status sli_tls_stream_handshake(struct sli_tls_stream *stream)
{
    return get_on(stream, TO_THE_END);
}

enum sli_tls_status sli_tls_stream_handshake_lightly(
    struct sli_tls_stream *stream)
{
    return get_on(stream, LIGHTLY);
}

/* --- Octets -----------------------------------------------------------------
 */

enum sli_tls_status sli_tls_stream_read(
    struct sli_tls_stream *stream, void *out, size_t size, size_t *got)
{
    size_t left;
    int ret;

    if (stream->phase != SLI_TLS_OPEN) {
        return SLI_TLS_FAILED;
    }
    do {
        left = stream->input.size;
        ret = mbedtls_ssl_read(&stream->ssl, out, size);
    } while (wants_again(stream, ret, left));
    if (ret <= 0) {
        return stop_with(
            stream, ret == 0 ? MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY : ret);
    }
    *got = (size_t)ret;
    return SLI_TLS_DONE;
}

int sli_tls_stream_write(
    struct sli_tls_stream *stream, struct slimta_slice octets)
{
    if (stream->phase == SLI_TLS_SHAKING) {
        return SLIMTA_ESTATE;
    }
    if (stream->phase == SLI_TLS_OPEN && stream->sink_code != 0) {
        (void)fail(stream, 0);
    }
    while (stream->phase == SLI_TLS_OPEN && octets.size > 0) {
        int ret = mbedtls_ssl_write(
            &stream->ssl, (const unsigned char *)octets.data, octets.size);

        if (ret > 0) {
            octets = sli_slice_skip(octets, (size_t)ret);
        } else {
            (void)fail(stream, ret);
        }
    }
    return stream->code;
}

void sli_tls_stream_end(struct sli_tls_stream *stream)
{
    if (stream->phase == SLI_TLS_OPEN && !stream->has_ended) {
        stream->has_ended = 1;
        (void)mbedtls_ssl_close_notify(&stream->ssl);
    }
}

/* --- What there is to know --------------------------------------------------
 */

const char *sli_tls_stream_error(const struct sli_tls_stream *stream)
{
    return stream->error;
}

const struct slimta_tls_info *sli_tls_stream_info(
    const struct sli_tls_stream *stream)
{
    return stream->info.version == NULL ? NULL : &stream->info;
}

int sli_tls_stream_exporter(const struct sli_tls_stream *stream,
    unsigned char out[SLI_TLS_EXPORTER_SIZE])
{
    /* The function of mbedTLS reads only; it takes no const. */
    return stream->phase == SLI_TLS_OPEN &&
        sli_tls_compat_export(&stream->ssl, out, SLI_TLS_EXPORTER_SIZE);
}
