/** Why a stream has failed, in words. */
#include "base/ascii.h"
#include "base/slice.h"
#include "base/text.h"
#include "tls/reason.h"
#include "tls/stream_inside.h"

/* A record of a handshake begins with an octet that no text has; so does an
 * alert. */
static int speaks_no_tls(const struct sli_tls_stream *stream)
{
    return stream->phase == SLI_TLS_SHAKING && stream->first_size > 0 &&
        sli_ascii_is(stream->first[0], SLI_ASCII_PRINT);
}

/* Only its first word: a command's arguments may be a secret. */
static void put_first_word(
    struct sli_text *text, const struct sli_tls_stream *stream)
{
    sli_text_put_string(text, "clear text instead of TLS: \"");
    for (size_t i = 0; i < stream->first_size &&
         sli_ascii_is(stream->first[i], SLI_ASCII_ALNUM);
         i++) {
        sli_text_put(text, stream->first[i]);
    }
    sli_text_put_string(text, "\"");
}

static void put_verify(struct sli_text *text, struct sli_tls_stream *stream)
{
    sli_text_put_string(text,
        sli_tls_reason_verify(mbedtls_ssl_get_verify_result(&stream->ssl)));
}

static void put_reason(struct sli_text *text, int ret)
{
    char reason[SLI_TLS_REASON_SIZE];

    sli_tls_reason_write(ret, reason);
    sli_text_put_string(text, reason);
}

static void put_alert_sent(
    struct sli_text *text, const struct sli_tls_stream *stream)
{
    int alert = stream->alert_sent >= 0
        ? stream->alert_sent
        : sli_tls_compat_alert_sent(&stream->ssl);

    if (alert > 0) {
        sli_text_put_string(text, "; our alert: ");
        sli_text_put_string(text, sli_tls_reason_alert(alert));
    }
}

enum { RECORD_HEADER = 5, ALERT_RECORD = 21, FATAL = 2 };

/* The alert of the peer that ended this, or -1. One in the clear where the
 * record had to be encrypted is for mbedTLS a damaged one; its own client says
 * so with TLS 1.3 why it does not like a certificate. */
static int received_alert(const struct sli_tls_stream *stream, int ret)
{
    const unsigned char *record = sli_tls_compat_record(&stream->ssl);

    if (ret == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        return sli_tls_compat_alert_received(&stream->ssl);
    }
    return ret == MBEDTLS_ERR_SSL_INVALID_MAC && record[0] == ALERT_RECORD &&
            record[3] == 0 && record[4] == 2 && record[RECORD_HEADER] == FATAL
        ? record[RECORD_HEADER + 1]
        : -1;
}

void sli_tls_failure_write(struct sli_tls_stream *stream, int ret)
{
    struct sli_text text = sli_text_in(stream->error, sizeof stream->error);
    int alert = received_alert(stream, ret);

    if (alert >= 0) {
        sli_text_put_string(&text, "the peer's alert: ");
        sli_text_put_string(&text, sli_tls_reason_alert(alert));
        return;
    }
    if (stream->sink_code != 0) {
        sli_text_put_string(&text, "records could not be sent");
        return;
    }
    if (speaks_no_tls(stream)) {
        put_first_word(&text, stream);
    } else if (ret == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        put_verify(&text, stream);
    } else {
        put_reason(&text, ret);
    }
    put_alert_sent(&text, stream);
}
