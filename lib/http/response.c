/** A response, and how it is written. */
#include "http/response.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "http/status.h"

static const struct sli_http_field connections[] = {
    [SLI_HTTP_CONNECTION_KEEP] = {{"Connection", 10}, {"keep-alive", 10}},
    [SLI_HTTP_CONNECTION_CLOSE] = {{"Connection", 10}, {"close", 5}},
};

static struct slimta_slice reason_of(const struct sli_http_response *response)
{
    return sli_slice_text(response->reason != NULL
            ? response->reason
            : sli_http_status_reason(response->status));
}

enum {
    LINE_FRAME = sizeof "HTTP/1.1 200 \r\n" - 1,
    FIELD_FRAME = sizeof ": \r\n" - 1,
    END_SIZE = sizeof "\r\n" - 1
};

static size_t field_size(const struct sli_http_field *field)
{
    return field->name.size + field->value.size + FIELD_FRAME;
}

static char *put(char *at, struct slimta_slice octets)
{
    if (octets.size > 0) {
        memcpy(at, octets.data, octets.size);
    }
    return at + octets.size;
}

static char *put_field(char *at, const struct sli_http_field *field)
{
    at = put(at, field->name);
    at = put(at, SLI_LITERAL(": "));
    at = put(at, field->value);
    return put(at, SLI_LITERAL("\r\n"));
}

/* RFC 9112 section 4: ours is 1.1, whatever the client's is. */
static char *put_line(char *at, const struct sli_http_response *response)
{
    char number[SLI_ASCII_NUMBER_MAX];
    size_t size = sli_ascii_format_number((uint64_t)response->status, number);

    at = put(at, SLI_LITERAL("HTTP/1.1 "));
    at = put(at, sli_slice(number, size));
    at = put(at, SLI_LITERAL(" "));
    at = put(at, reason_of(response));
    return put(at, SLI_LITERAL("\r\n"));
}

int sli_http_response_write(struct sli_buf *output,
    const struct sli_http_response *response,
    enum sli_http_connection connection, int is_head)
{
    size_t body = is_head ? 0 : response->body.size;
    size_t size = LINE_FRAME + reason_of(response).size + END_SIZE + body +
        field_size(&connections[connection]);
    char *start;
    char *at;

    for (size_t i = 0; i < response->field_count; i++) {
        size += field_size(&response->fields[i]);
    }
    start = sli_buf_reserve(output, size);
    if (start == NULL) {
        return SLIMTA_ENOMEM;
    }
    at = put_line(start, response);
    for (size_t i = 0; i < response->field_count; i++) {
        at = put_field(at, &response->fields[i]);
    }
    if (connection != SLI_HTTP_CONNECTION_DEFAULT) {
        at = put_field(at, &connections[connection]);
    }
    at = put(at, SLI_LITERAL("\r\n"));
    at = put(at, sli_slice(response->body.data, body));
    sli_buf_added(output, (size_t)(at - start));
    return 0;
}
