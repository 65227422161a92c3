/** What a handshake has agreed on. */
#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "tls/context.h"
#include "tls/rules.h"
#include "tls/stream_inside.h"
#include "tls/subject.h"

static int suite_of(const mbedtls_ssl_context *ssl)
{
    const char *name = mbedtls_ssl_get_ciphersuite(ssl);

    return name == NULL ? 0 : mbedtls_ssl_get_ciphersuite_id(name);
}

/* A subject that does not fit is none at all: half of one would be somebody
 * else's. */
static int fill_subject(
    struct sli_tls_stream *stream, const mbedtls_x509_crt *certificate)
{
    int err = sli_tls_subject_write(&stream->subject, &certificate->subject);

    if (err == 0) {
        err = sli_buf_append(&stream->subject, sli_slice("", 1));
    }
    if (err == 0) {
        stream->info.peer_subject = sli_buf_slice(&stream->subject).data;
    }
    return err == SLIMTA_ENOMEM ? err : 0;
}

static int fill_name(
    struct sli_tls_stream *stream, const mbedtls_x509_crt *certificate)
{
    struct slimta_slice name = sli_tls_subject_name(certificate);

    if (name.size == 0 || name.size > SLI_TLS_PEER_NAME_MAX) {
        return 0;
    }
    stream->peer_name = sli_alloc_text(&stream->alloc, name);
    stream->info.peer_name = stream->peer_name;
    return stream->peer_name == NULL ? SLIMTA_ENOMEM : 0;
}

static int fill_peer(
    struct sli_tls_stream *stream, const mbedtls_x509_crt *certificate)
{
    int err = fill_subject(stream, certificate);

    if (err == 0) {
        err = fill_name(stream, certificate);
    }
    if (err != 0) {
        return err;
    }
    if (sli_tls_compat_sha256(certificate->raw.p, certificate->raw.len,
            stream->info.peer_sha256) != 0) {
        return SLIMTA_ENOMEM;
    }
    stream->info.has_peer_certificate = 1;
    /* Without a look at it the result is 0, too. */
    stream->info.peer_is_verified =
        sli_tls_context_verifies(stream->tls, stream->role) &&
        mbedtls_ssl_get_verify_result(&stream->ssl) == 0;
    return 0;
}

int sli_tls_info_fill(struct sli_tls_stream *stream)
{
    const mbedtls_x509_crt *certificate =
        mbedtls_ssl_get_peer_cert(&stream->ssl);

    stream->info = (struct slimta_tls_info){
        .size = sizeof stream->info,
        .version = mbedtls_ssl_get_version(&stream->ssl),
        .cipher = sli_tls_rules_suite_name(suite_of(&stream->ssl)),
        .server_name = stream->server_name,
        .alpn = mbedtls_ssl_get_alpn_protocol(&stream->ssl),
        .is_resumed = !stream->is_full,
    };
    return certificate == NULL ? 0 : fill_peer(stream, certificate);
}
