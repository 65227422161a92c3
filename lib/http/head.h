/** The head of a request, or of a response: what its lines mean, once they have
 * been scanned. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdint.h>

#include <slimta/slice.h>

#include "http/fields.h"
#include "http/refusals.h"
#include "http/scan.h"

/** What a head says of its body (RFC 9112 section 6). */
enum sli_http_framing {
    SLI_HTTP_FRAMING_NONE,   /**< no length and not chunked */
    SLI_HTTP_FRAMING_SIZED,  /**< `body_bytes` follow */
    SLI_HTTP_FRAMING_CHUNKED /**< as many as come before the end */
};

/** A request, by whichever server it was parsed. */
struct sli_http_request {
    struct slimta_slice method;
    struct slimta_slice target; /**< as in the request line */
    const struct sli_http_field *fields;
    size_t field_count;
    enum sli_http_framing framing;
    uint64_t body_bytes; /**< with SLI_HTTP_FRAMING_SIZED */
};

/** What our own server needs to know beside it. */
struct sli_http_head {
    struct sli_http_request request;
    int minor;            /**< of HTTP/1.x */
    int keeps;            /**< the connection may be used again */
    int expects_continue; /**< a 100 is waited for before the body */
};

/**
 * Reads a head that `scan` has found whole and well formed; `text` begins with
 * its first octet. `fields` has room for `scan->fields`. The slices stand in
 * `text`. What is refused here is refused once the head is whole, so nothing
 * depends on the order of its fields.
 */
enum sli_http_refusal sli_http_head_read(struct slimta_slice text,
    const struct sli_http_scan *scan, struct sli_http_field *fields,
    struct sli_http_head *head);

/**
 * The same for the fields of a response, in which `text` and `scan` begin
 * behind the status line: `head` has no method and no target. NONE as framing
 * means that the body ends with the connection, if there is one.
 */
enum sli_http_refusal sli_http_head_read_response(struct slimta_slice text,
    const struct sli_http_scan *scan, struct sli_http_field *fields, int minor,
    struct sli_http_head *head);

#endif
