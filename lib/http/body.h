/** The body of a request: its end found, its chunks taken apart in place. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdint.h>

#include <slimta/slice.h>

#include "http/head.h"
#include "http/refusals.h"
#include "http/scan.h"

enum {
    /** Digits of a chunk's size, leading zeros included. */
    SLI_HTTP_CHUNK_DIGITS_MAX = 16,
    /** The extensions of one chunk, and of all of a body (RFC 9112 section
     * 7.1.1). They are not looked at. */
    SLI_HTTP_EXTENSION_MAX = 256,
    SLI_HTTP_EXTENSIONS_MAX = 64 * 1024,
    /** The trailer section, and its lines (section 7.1.2). It is dropped. */
    SLI_HTTP_TRAILER_MAX = 8192,
    SLI_HTTP_TRAILER_FIELDS_MAX = 64
};

enum sli_http_body_state {
    SLI_HTTP_BODY_DATA,      /**< `left` octets of the body, or of a chunk */
    SLI_HTTP_BODY_DATA_CR,   /**< the CR behind a chunk's octets is due */
    SLI_HTTP_BODY_DATA_LF,   /**< the LF behind it */
    SLI_HTTP_BODY_SIZE,      /**< in a chunk's size, or before it */
    SLI_HTTP_BODY_EXTENSION, /**< in a chunk's extensions */
    SLI_HTTP_BODY_SIZE_LF,   /**< the LF behind size and extensions is due */
    SLI_HTTP_BODY_TRAILER,   /**< behind the last chunk */
    SLI_HTTP_BODY_DONE,
    SLI_HTTP_BODY_REFUSED /**< `refusal` says why */
};

struct sli_http_body {
    enum sli_http_body_state state;
    enum sli_http_refusal refusal;
    int is_chunked;
    uint64_t left;       /* of the data; while its size is read, the size */
    unsigned digits;     /* of the size so far */
    unsigned extension;  /* octets of this chunk's extensions */
    unsigned extensions; /* octets of all before it */
    struct sli_http_scan trailer;
};

void sli_http_body_init(
    struct sli_http_body *body, const struct sli_http_request *request);

/**
 * Consumes the front of `input` and lends in `content` the next octets of the
 * body, a part of `input` itself. Returns 1 when there are some, 0 when the
 * input is used up or the state is DONE or REFUSED; `input` is then what
 * follows the body, or begins at what is wrong in it.
 */
int sli_http_body_next(struct sli_http_body *body, struct slimta_slice *input,
    struct slimta_slice *content);

#endif
