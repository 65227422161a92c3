/** A response, and how it is written. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <slimta/slice.h>

#include "base/buf.h"
#include "http/fields.h"

/** What a server says to a request, but for what belongs to the connection. It
 * borrows everything. */
struct sli_http_response {
    int status;
    const char *reason; /**< NULL: that of the status */
    const struct sli_http_field *fields;
    size_t field_count;
    struct slimta_slice body;
};

/** What is said of the connection (RFC 9112 section 9.3). */
enum sli_http_connection {
    SLI_HTTP_CONNECTION_DEFAULT,
    SLI_HTTP_CONNECTION_KEEP, /**< to a client of 1.0 that asked for it */
    SLI_HTTP_CONNECTION_CLOSE
};

/** Appends the response, all of it or nothing: SLIMTA_ENOMEM. Without a body
 * for `is_head`. */
int sli_http_response_write(struct sli_buf *output,
    const struct sli_http_response *response,
    enum sli_http_connection connection, int is_head);

#endif
