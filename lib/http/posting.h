/** The head of the request that hands a message on. */
#ifndef HTTP_POSTING_H
#define HTTP_POSTING_H

#include <stdint.h>

#include <slimta/envelope.h>
#include <slimta/slice.h>

#include "base/buf.h"

/** Recipients that get a line each; more share lines, since python's servers
 * read at most 100 (http.client's _MAXHEADERS). */
#define SLI_HTTP_POSTING_LINES_MAX 80

/** The most octets of a line of recipients: they read at most 65,536. */
#define SLI_HTTP_POSTING_LINE_MAX 60000

/** What is sent and where; all of it is borrowed. */
struct sli_http_posting {
    struct slimta_slice path;               /**< "/path?query", as in the URL */
    struct slimta_slice host;               /**< "host:port", as in the URL */
    struct slimta_slice ehlo;               /**< X-Ehlo */
    const struct slimta_envelope *envelope; /**< sender and recipients */
    uint64_t body_bytes;                    /**< of the message, all of it */
    struct slimta_slice name; /**< of Basic (RFC 7617); data NULL: none */
    struct slimta_slice password;
    int closes; /**< the connection is not to be used again */
};

/** Appends the head, all of it or nothing. SLIMTA_ENOMEM; SLIMTA_EINVAL: octets
 * that cannot stand where they would. With credentials the output is wiped
 * before its memory is given back. */
int sli_http_posting_write(
    struct sli_buf *output, const struct sli_http_posting *posting);

#endif
