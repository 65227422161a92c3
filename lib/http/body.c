/** The body of a request: its end found, its chunks taken apart in place. */
#include "http/body.h"

#include "base/ascii.h"
#include "base/slice.h"

void sli_http_body_init(
    struct sli_http_body *body, const struct sli_http_request *request)
{
    int is_chunked = request->framing == SLI_HTTP_FRAMING_CHUNKED;

    *body = (struct sli_http_body){
        .state = is_chunked ? SLI_HTTP_BODY_SIZE : SLI_HTTP_BODY_DATA,
        .is_chunked = is_chunked,
    };
    if (request->framing == SLI_HTTP_FRAMING_SIZED) {
        body->left = request->body_bytes;
    }
    if (!is_chunked && body->left == 0) {
        body->state = SLI_HTTP_BODY_DONE;
    }
}

static void refuse(struct sli_http_body *body, enum sli_http_refusal refusal)
{
    body->refusal = refusal;
    body->state = SLI_HTTP_BODY_REFUSED;
}

/* Each take function judges one octet in its state, and does not return
 * anything: what is wrong stands in the state. */

static void take_exactly(struct sli_http_body *body, char octet, char wanted,
    enum sli_http_body_state next)
{
    if (octet == wanted) {
        body->state = next;
    } else {
        refuse(body, SLI_HTTP_REFUSAL_BAD_CHUNK);
    }
}

static void take_digit(struct sli_http_body *body, char octet)
{
    unsigned digit = sli_ascii_is(octet, SLI_ASCII_DIGIT)
        ? (unsigned)(octet - '0')
        : (unsigned)(sli_ascii_lower(octet) - 'a') + 10;

    /* Sixteen digits fit the number. */
    if (body->digits == SLI_HTTP_CHUNK_DIGITS_MAX) {
        refuse(body, SLI_HTTP_REFUSAL_BAD_CHUNK);
        return;
    }
    body->digits++;
    body->left = body->left << 4 | digit;
}

/* RFC 9112 section 7.1: digits, then an extension or the line's end, and no
 * white space between them. */
static void take_size(struct sli_http_body *body, char octet)
{
    if (sli_ascii_is(octet, SLI_ASCII_HEX)) {
        take_digit(body, octet);
    } else if (body->digits == 0 || (octet != ';' && octet != '\r')) {
        refuse(body, SLI_HTTP_REFUSAL_BAD_CHUNK);
    } else {
        body->extension = 1;
        body->state =
            octet == ';' ? SLI_HTTP_BODY_EXTENSION : SLI_HTTP_BODY_SIZE_LF;
    }
}

/* They are ignored, but for the octets that no field may hold either. */
static void take_extension(struct sli_http_body *body, char octet)
{
    if (octet == '\r') {
        body->extensions += body->extension;
        body->state = SLI_HTTP_BODY_SIZE_LF;
    } else if (octet != '\t' &&
        !sli_ascii_is(octet, SLI_ASCII_PRINT | SLI_ASCII_HIGH)) {
        refuse(body, SLI_HTTP_REFUSAL_BAD_CHUNK);
    } else if (body->extension == SLI_HTTP_EXTENSION_MAX ||
        body->extensions + body->extension == SLI_HTTP_EXTENSIONS_MAX) {
        refuse(body, SLI_HTTP_REFUSAL_BAD_CHUNK);
    } else {
        body->extension++;
    }
}

static void take_size_lf(struct sli_http_body *body, char octet)
{
    const struct sli_http_scan_limits limits = {
        SLI_HTTP_TRAILER_MAX, SLI_HTTP_TRAILER_FIELDS_MAX};

    body->digits = 0;
    if (body->left == 0) {
        sli_http_scan_init_trailer(&body->trailer, limits);
    }
    take_exactly(body, octet, '\n',
        body->left == 0 ? SLI_HTTP_BODY_TRAILER : SLI_HTTP_BODY_DATA);
}

static void take(struct sli_http_body *body, char octet)
{
    switch (body->state) {
    case SLI_HTTP_BODY_DATA_CR:
        take_exactly(body, octet, '\r', SLI_HTTP_BODY_DATA_LF);
        break;
    case SLI_HTTP_BODY_DATA_LF:
        take_exactly(body, octet, '\n', SLI_HTTP_BODY_SIZE);
        break;
    case SLI_HTTP_BODY_SIZE:
        take_size(body, octet);
        break;
    case SLI_HTTP_BODY_EXTENSION:
        take_extension(body, octet);
        break;
    default:
        take_size_lf(body, octet);
        break;
    }
}

static size_t read_trailer(
    struct sli_http_body *body, struct slimta_slice input)
{
    size_t used;
    enum sli_http_refusal refusal =
        sli_http_scan_next(&body->trailer, input, &used);

    if (refusal != SLI_HTTP_REFUSAL_NONE) {
        refuse(body, refusal);
    } else if (body->trailer.state == SLI_HTTP_SCAN_DONE) {
        body->state = SLI_HTTP_BODY_DONE;
    }
    return used;
}

static size_t read_data(struct sli_http_body *body, struct slimta_slice input)
{
    size_t size = input.size < body->left ? input.size : (size_t)body->left;

    body->left -= size;
    if (body->left == 0) {
        body->state =
            body->is_chunked ? SLI_HTTP_BODY_DATA_CR : SLI_HTTP_BODY_DONE;
    }
    return size;
}

int sli_http_body_next(struct sli_http_body *body, struct slimta_slice *input,
    struct slimta_slice *content)
{
    while (input->size > 0 && body->state < SLI_HTTP_BODY_DONE) {
        size_t used = 1;

        if (body->state == SLI_HTTP_BODY_DATA) {
            used = read_data(body, *input);
            *content = sli_slice(input->data, used);
            *input = sli_slice_skip(*input, used);
            return 1;
        }
        if (body->state == SLI_HTTP_BODY_TRAILER) {
            used = read_trailer(body, *input);
        } else {
            take(body, input->data[0]);
        }
        *input = sli_slice_skip(*input, used);
    }
    return 0;
}
