/** The head of the request that hands a message on. */
#include "http/posting.h"

#include <string.h>

#include <slimta/error.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/secret.h"
#include "base/slice.h"
#include "http/authorization.h"
#include "http/target.h"

/* Nothing that could end a line, or part one in two. */
static int is_sound(const struct sli_http_posting *posting)
{
    struct slimta_slice path = posting->path;
    struct sli_http_target target;

    return sli_http_target_read(path, &target) &&
        target.form == SLI_HTTP_TARGET_ORIGIN &&
        sli_ascii_all(path, SLI_ASCII_PRINT) &&
        memchr(path.data, ' ', path.size) == NULL && posting->host.size > 0 &&
        sli_http_target_is_host(posting->host) &&
        sli_ascii_all(posting->ehlo, SLI_ASCII_PRINT | SLI_ASCII_HIGH);
}

static int put_field(
    struct sli_buf *output, const char *name, struct slimta_slice value)
{
    int err = sli_buf_append_text(output, name);

    if (err == 0) {
        err = sli_buf_append(output, value);
    }
    return err == 0 ? sli_buf_append_text(output, "\r\n") : err;
}

static int put_base64(struct sli_buf *output, struct slimta_slice octets)
{
    char *room = sli_buf_reserve(output, SLI_BASE64_ENCODED_SIZE(octets.size));

    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    sli_buf_added(output, sli_base64_encode(octets, room));
    return 0;
}

static int put_line(
    struct sli_buf *output, const struct sli_http_posting *posting)
{
    int err = sli_buf_append_text(output, "POST ");

    if (err == 0) {
        err = sli_buf_append(output, posting->path);
    }
    if (err == 0) {
        err = sli_buf_append_text(output, " HTTP/1.1\r\n");
    }
    return err == 0 ? put_field(output, "Host: ", posting->host) : err;
}

/* Never chunked, and the type without parameters: python-slimta's edge would
 * take the one for an empty message and refuse the other. */
static int put_body(
    struct sli_buf *output, const struct sli_http_posting *posting)
{
    char number[SLI_ASCII_NUMBER_MAX];
    size_t size = sli_ascii_format_number(posting->body_bytes, number);
    int err = put_field(output, "Content-Length: ", sli_slice(number, size));

    return err == 0
        ? put_field(output, "Content-Type: ", SLI_LITERAL("message/rfc822"))
        : err;
}

static int put_sender(
    struct sli_buf *output, const struct sli_http_posting *posting)
{
    int err = put_field(output, "X-Ehlo: ", posting->ehlo);

    if (err == 0) {
        err = sli_buf_append_text(output, "X-Envelope-Sender: ");
    }
    if (err == 0) {
        err = put_base64(
            output, sli_slice_text(slimta_envelope_sender(posting->envelope)));
    }
    return err == 0 ? sli_buf_append_text(output, "\r\n") : err;
}

/* Whether the next recipient goes into the line that has `size` octets. */
static int shares_line(size_t count, size_t size, struct slimta_slice address)
{
    return count > SLI_HTTP_POSTING_LINES_MAX && size > 0 &&
        size + 1 + SLI_BASE64_ENCODED_SIZE(address.size) <=
        SLI_HTTP_POSTING_LINE_MAX;
}

static int put_recipient(struct sli_buf *output, struct slimta_slice address,
    int shares, size_t *size)
{
    static const char name[] = "X-Envelope-Recipient: ";
    size_t before;
    int err = 0;

    if (!shares && *size > 0) {
        err = sli_buf_append_text(output, "\r\n");
    }
    if (!shares) {
        *size = 0;
    }
    before = sli_buf_size(output);
    if (err == 0) {
        err = sli_buf_append_text(output, shares ? "," : name);
    }
    if (err == 0) {
        err = put_base64(output, address);
    }
    *size += sli_buf_size(output) - before;
    return err;
}

static int put_recipients(
    struct sli_buf *output, const struct slimta_envelope *envelope)
{
    size_t count = slimta_envelope_recipient_count(envelope);
    size_t size = 0;
    int err = 0;

    for (size_t i = 0; i < count && err == 0; i++) {
        struct slimta_slice address =
            sli_slice_text(slimta_envelope_recipient(envelope, i)->address);

        err = put_recipient(
            output, address, shares_line(count, size, address), &size);
    }
    return err == 0 && count > 0 ? sli_buf_append_text(output, "\r\n") : err;
}

/* RFC 7617 section 2: the name has no colon. */
static int put_credentials(
    struct sli_buf *output, const struct sli_http_posting *posting)
{
    char room[SLI_HTTP_BASIC_MAX];
    size_t size = posting->name.size + 1 + posting->password.size;
    int err;

    if (size > sizeof room ||
        (posting->name.size > 0 &&
            memchr(posting->name.data, ':', posting->name.size) != NULL)) {
        return SLIMTA_EINVAL;
    }
    sli_buf_keep_secret(output);
    memcpy(room, posting->name.data, posting->name.size);
    room[posting->name.size] = ':';
    if (posting->password.size > 0) {
        memcpy(room + posting->name.size + 1, posting->password.data,
            posting->password.size);
    }
    err = sli_buf_append_text(output, "Authorization: Basic ");
    if (err == 0) {
        err = put_base64(output, sli_slice(room, size));
    }
    sli_secret_wipe(room, sizeof room);
    return err == 0 ? sli_buf_append_text(output, "\r\n") : err;
}

static int put_end(
    struct sli_buf *output, const struct sli_http_posting *posting)
{
    int err = posting->name.data == NULL ? 0 : put_credentials(output, posting);

    if (err == 0 && posting->closes) {
        err = put_field(output, "Connection: ", SLI_LITERAL("close"));
    }
    return err == 0 ? sli_buf_append_text(output, "\r\n") : err;
}

int sli_http_posting_write(
    struct sli_buf *output, const struct sli_http_posting *posting)
{
    size_t before = sli_buf_size(output);
    int err = is_sound(posting) ? 0 : SLIMTA_EINVAL;

    if (err == 0) {
        err = put_line(output, posting);
    }
    if (err == 0) {
        err = put_body(output, posting);
    }
    if (err == 0) {
        err = put_sender(output, posting);
    }
    if (err == 0) {
        err = put_recipients(output, posting->envelope);
    }
    if (err == 0) {
        err = put_end(output, posting);
    }
    if (err != 0) {
        output->end = output->start + before;
    }
    return err == 0 || err == SLIMTA_EINVAL ? err : SLIMTA_ENOMEM;
}
