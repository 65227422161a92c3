/** What requests are refused with by the library itself. */
#ifndef HTTP_REFUSALS_H
#define HTTP_REFUSALS_H

#include <slimta/slice.h>

/**
 * Name, status, and the SMTP reply that goes with it: code and text. A client
 * that relays mail acts on the code alone, so what may be the fault of a
 * server on the way, or pass by itself, is a 4xx there whatever the status.
 */
#define SLI_HTTP_REFUSAL_MAP(X) \
    X(BAD_LINE, 400, 500, "5.5.2 Syntax error in request line") \
    X(BAD_FIELD, 400, 501, "5.5.2 Syntax error in header field") \
    X(BAD_TARGET, 400, 501, "5.5.4 Syntax error in request target") \
    X(BAD_HOST, 400, 501, "5.5.4 Host missing, repeated or not valid") \
    X(BAD_LENGTH, 400, 501, "5.5.4 Content-Length not valid") \
    X(BAD_CODING, 400, 501, "5.5.4 Transfer-Encoding not valid") \
    X(BAD_CHUNK, 400, 501, "5.5.2 Syntax error in chunked body") \
    X(BAD_EHLO, 400, 501, "5.5.4 Syntax error in EHLO name") \
    X(NO_MESSAGE, 400, 501, "5.5.4 Message is empty") \
    X(NO_SENDER, 400, 501, "5.5.4 No sender") \
    X(NO_RECIPIENTS, 400, 501, "5.5.4 No recipients") \
    X(TWO_SENDERS, 400, 501, "5.5.4 More than one sender") \
    X(SENDER_NOT_BASE64, 400, 501, "5.5.4 Sender header expects base64") \
    X(RECIPIENT_NOT_BASE64, 400, 501, "5.5.4 Recipient header expects base64") \
    X(SENDER_NOT_UTF8, 400, 501, "5.6.7 Sender address is not valid UTF-8") \
    X(RECIPIENT_NOT_UTF8, 400, 501, \
        "5.6.7 Recipient address is not valid UTF-8") \
    X(BAD_SENDER, 400, 501, "5.1.7 Syntax error in sender address") \
    X(BAD_RECIPIENT, 400, 501, "5.1.3 Syntax error in recipient address") \
    X(LONG_SENDER, 400, 501, "5.1.7 Sender address too long") \
    X(LONG_RECIPIENT, 400, 501, "5.1.3 Recipient address too long") \
    X(SENDER_TAG, 400, 501, "5.1.7 Unknown address literal in sender") \
    X(RECIPIENT_TAG, 400, 501, "5.1.3 Unknown address literal in recipient") \
    X(BAD_CREDENTIALS, 401, 535, "5.7.8 Authentication credentials invalid") \
    X(NOT_FOUND, 404, 451, "4.3.5 No mail is taken at this path") \
    X(BAD_METHOD, 405, 451, "4.3.5 No mail is taken with this method") \
    X(TIMEOUT, 408, 421, "4.4.2 Connection timed out") \
    X(KEY_IN_USE, 409, 451, "4.5.0 The same request is being served") \
    X(NO_LENGTH, 411, 501, "5.5.4 Content-Length is needed") \
    X(TOO_LARGE, 413, 552, "5.3.4 Message exceeded size limit") \
    X(LONG_TARGET, 414, 501, "5.5.4 Request target too long") \
    X(BAD_TYPE, 415, 554, "5.6.1 Content-Type is not message/rfc822") \
    X(BAD_ENCODING, 415, 554, "5.6.1 Content-Encoding is not supported") \
    X(BAD_EXPECTATION, 417, 504, "5.5.4 Expectation not supported") \
    X(OTHER_BODY, 422, 501, "5.5.4 Idempotency-Key of another message") \
    /* What is too long here are most often the recipients. */ \
    X(HEAD_TOO_LARGE, 431, 452, "4.5.3 Too many or too long header fields") \
    X(FAULT, 500, 451, "4.3.0 Unhandled system error") \
    X(UNKNOWN_METHOD, 501, 502, "5.5.1 Method not implemented") \
    X(UNKNOWN_CODING, 501, 504, "5.5.4 Transfer-Encoding not implemented") \
    X(TOO_MANY_RECIPIENTS, 503, 452, "4.5.3 Too many recipients") \
    X(NO_MEMORY, 503, 451, "4.3.0 Unhandled system error") \
    X(SHUTTING_DOWN, 503, 421, "4.3.2 Service shutting down") \
    X(TOO_MANY_CONNECTIONS, 503, 421, "4.7.0 Too many connections") \
    X(BAD_VERSION, 505, 504, "5.5.4 HTTP version not supported")

enum sli_http_refusal {
    SLI_HTTP_REFUSAL_NONE, /**< all is well so far */
#define SLI_HTTP_REFUSAL_ENUM(name, status, code, text) SLI_HTTP_REFUSAL_##name,
    SLI_HTTP_REFUSAL_MAP(SLI_HTTP_REFUSAL_ENUM)
#undef SLI_HTTP_REFUSAL_ENUM
        SLI_HTTP_REFUSAL_COUNT
};

struct sli_http_refusal_reply {
    int status;
    int code;
    const char *text;               /**< with its enhanced code */
    struct slimta_slice smtp_reply; /**< the value of X-Smtp-Reply */
};

/** What `refusal`, which is not NONE, is said with. Static. */
const struct sli_http_refusal_reply *sli_http_refusals_get(
    enum sli_http_refusal refusal);

#endif
