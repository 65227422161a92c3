/** The octets of a request's head, or of the trailer of a chunked body, judged
 * one by one as they come. */
#include "http/scan.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"

void sli_http_scan_init(
    struct sli_http_scan *scan, struct sli_http_scan_limits limits)
{
    *scan =
        (struct sli_http_scan){.limits = limits, .state = SLI_HTTP_SCAN_START};
}

void sli_http_scan_init_trailer(
    struct sli_http_scan *scan, struct sli_http_scan_limits limits)
{
    *scan = (struct sli_http_scan){
        .limits = limits, .state = SLI_HTTP_SCAN_LINE_START};
}

/* Each take function judges one octet in its state. */

static enum sli_http_refusal move_if(struct sli_http_scan *scan, int is_right,
    enum sli_http_scan_state state, enum sli_http_refusal refusal)
{
    if (!is_right) {
        return refusal;
    }
    scan->state = state;
    return SLI_HTTP_REFUSAL_NONE;
}

/* RFC 9112 section 2.2: an empty line before the request line is borne, since
 * old clients send one behind a body. One, and no other white space. */
static enum sli_http_refusal take_start(struct sli_http_scan *scan, char octet)
{
    if (octet == '\r' && scan->method_at == 0) {
        scan->method_at = 2;
        scan->state = SLI_HTTP_SCAN_BLANK_LF;
        return SLI_HTTP_REFUSAL_NONE;
    }
    scan->method_size = 1;
    return move_if(scan, sli_ascii_is(octet, SLI_ASCII_TCHAR),
        SLI_HTTP_SCAN_METHOD, SLI_HTTP_REFUSAL_BAD_LINE);
}

static enum sli_http_refusal take_method(struct sli_http_scan *scan, char octet)
{
    if (octet == ' ') {
        scan->state = SLI_HTTP_SCAN_TARGET;
        return SLI_HTTP_REFUSAL_NONE;
    }
    if (!sli_ascii_is(octet, SLI_ASCII_TCHAR)) {
        return SLI_HTTP_REFUSAL_BAD_LINE;
    }
    if (scan->method_size == SLI_HTTP_METHOD_MAX) {
        return SLI_HTTP_REFUSAL_UNKNOWN_METHOD;
    }
    scan->method_size++;
    return SLI_HTTP_REFUSAL_NONE;
}

/* RFC 3986 section 2: reserved but for '#', and unreserved. */
static int is_uri(char octet)
{
    static const char marks[] = "/-._~?=&%:@!$'()*+,;[]";

    return sli_ascii_is(octet, SLI_ASCII_ALNUM) ||
        memchr(marks, octet, sizeof marks - 1) != NULL;
}

static enum sli_http_refusal take_target(struct sli_http_scan *scan, char octet)
{
    if (octet == ' ') {
        return move_if(scan, scan->target_size > 0, SLI_HTTP_SCAN_VERSION,
            SLI_HTTP_REFUSAL_BAD_LINE);
    }
    if (!is_uri(octet)) {
        return SLI_HTTP_REFUSAL_BAD_LINE;
    }
    if (scan->target_size == SLI_HTTP_TARGET_MAX) {
        return SLI_HTTP_REFUSAL_LONG_TARGET;
    }
    scan->target_size++;
    if (octet == '%') {
        scan->state = SLI_HTTP_SCAN_PERCENT;
    }
    return SLI_HTTP_REFUSAL_NONE;
}

static enum sli_http_refusal take_percent(
    struct sli_http_scan *scan, char octet)
{
    enum sli_http_scan_state next = scan->state == SLI_HTTP_SCAN_PERCENT
        ? SLI_HTTP_SCAN_PERCENT_2
        : SLI_HTTP_SCAN_TARGET;

    if (!sli_ascii_is(octet, SLI_ASCII_HEX)) {
        return SLI_HTTP_REFUSAL_BAD_LINE;
    }
    if (scan->target_size == SLI_HTTP_TARGET_MAX) {
        return SLI_HTTP_REFUSAL_LONG_TARGET;
    }
    scan->target_size++;
    scan->state = next;
    return SLI_HTTP_REFUSAL_NONE;
}

/* RFC 9112 section 2.3: HTTP, in capitals, and one digit on each side of the
 * dot. Other versions than 1.0 and 1.1, the preface of HTTP/2 among them, are
 * not spoken here. */
static enum sli_http_refusal take_version(
    struct sli_http_scan *scan, char octet)
{
    static const char version[] = "HTTP/1.";
    int is_minor = scan->version == sizeof version - 1;

    if (is_minor ? octet == '0' || octet == '1'
                 : octet == version[scan->version]) {
        scan->version++;
        if (is_minor) {
            scan->minor = octet - '0';
            scan->state = SLI_HTTP_SCAN_LINE_CR;
        }
        return SLI_HTTP_REFUSAL_NONE;
    }
    return (is_minor || version[scan->version] == '1') &&
            sli_ascii_is(octet, SLI_ASCII_DIGIT)
        ? SLI_HTTP_REFUSAL_BAD_VERSION
        : SLI_HTTP_REFUSAL_BAD_LINE;
}

/* RFC 9112 sections 2.2 and 5.2: no white space begins a line. */
static enum sli_http_refusal take_line_start(
    struct sli_http_scan *scan, char octet)
{
    if (scan->fields_at == 0) {
        scan->fields_at = (size_t)scan->size;
    }
    if (octet == '\r') {
        scan->state = SLI_HTTP_SCAN_END_LF;
        return SLI_HTTP_REFUSAL_NONE;
    }
    if (!sli_ascii_is(octet, SLI_ASCII_TCHAR)) {
        return SLI_HTTP_REFUSAL_BAD_FIELD;
    }
    if (scan->fields == scan->limits.max_fields) {
        return SLI_HTTP_REFUSAL_HEAD_TOO_LARGE;
    }
    scan->fields++;
    scan->state = SLI_HTTP_SCAN_NAME;
    return SLI_HTTP_REFUSAL_NONE;
}

/* RFC 9112 section 5.1: no white space before the colon. */
static enum sli_http_refusal take_name(struct sli_http_scan *scan, char octet)
{
    if (octet == ':') {
        scan->state = SLI_HTTP_SCAN_VALUE;
        return SLI_HTTP_REFUSAL_NONE;
    }
    return sli_ascii_is(octet, SLI_ASCII_TCHAR) ? SLI_HTTP_REFUSAL_NONE
                                                : SLI_HTTP_REFUSAL_BAD_FIELD;
}

/* RFC 9110 section 5.5: no CR, LF, NUL or other control octet. */
static int is_value(char octet)
{
    return octet == '\t' ||
        sli_ascii_is(octet, SLI_ASCII_PRINT | SLI_ASCII_HIGH);
}

static enum sli_http_refusal take_value(struct sli_http_scan *scan, char octet)
{
    if (octet == '\r') {
        scan->state = SLI_HTTP_SCAN_LINE_LF;
        return SLI_HTTP_REFUSAL_NONE;
    }
    return is_value(octet) ? SLI_HTTP_REFUSAL_NONE : SLI_HTTP_REFUSAL_BAD_FIELD;
}

/* The LF that ends a line: only CRLF does (RFC 9112 section 2.2). */
static enum sli_http_refusal take_lf(struct sli_http_scan *scan, char octet)
{
    int is_lf = octet == '\n';

    switch (scan->state) {
    case SLI_HTTP_SCAN_BLANK_LF:
        return move_if(
            scan, is_lf, SLI_HTTP_SCAN_START, SLI_HTTP_REFUSAL_BAD_LINE);
    case SLI_HTTP_SCAN_END_LF:
        return move_if(
            scan, is_lf, SLI_HTTP_SCAN_DONE, SLI_HTTP_REFUSAL_BAD_FIELD);
    default:
        return move_if(scan, is_lf, SLI_HTTP_SCAN_LINE_START,
            scan->fields == 0 ? SLI_HTTP_REFUSAL_BAD_LINE
                              : SLI_HTTP_REFUSAL_BAD_FIELD);
    }
}

static enum sli_http_refusal take(struct sli_http_scan *scan, char octet)
{
    switch (scan->state) {
    case SLI_HTTP_SCAN_START:
        return take_start(scan, octet);
    case SLI_HTTP_SCAN_METHOD:
        return take_method(scan, octet);
    case SLI_HTTP_SCAN_TARGET:
        return take_target(scan, octet);
    case SLI_HTTP_SCAN_PERCENT:
    case SLI_HTTP_SCAN_PERCENT_2:
        return take_percent(scan, octet);
    case SLI_HTTP_SCAN_VERSION:
        return take_version(scan, octet);
    case SLI_HTTP_SCAN_LINE_CR:
        return move_if(scan, octet == '\r', SLI_HTTP_SCAN_LINE_LF,
            SLI_HTTP_REFUSAL_BAD_LINE);
    case SLI_HTTP_SCAN_LINE_START:
        return take_line_start(scan, octet);
    case SLI_HTTP_SCAN_NAME:
        return take_name(scan, octet);
    case SLI_HTTP_SCAN_VALUE:
        return take_value(scan, octet);
    default:
        return take_lf(scan, octet);
    }
}

/* How many octets at the front change nothing: the inside of names and values,
 * which is nearly all that a head has. */
static size_t plain_run(
    const struct sli_http_scan *scan, struct slimta_slice text)
{
    size_t at = 0;

    if (scan->state == SLI_HTTP_SCAN_NAME) {
        while (at < text.size && sli_ascii_is(text.data[at], SLI_ASCII_TCHAR)) {
            at++;
        }
    } else if (scan->state == SLI_HTTP_SCAN_VALUE) {
        while (at < text.size && is_value(text.data[at])) {
            at++;
        }
    }
    return at;
}

static enum sli_http_refusal too_large(const struct sli_http_scan *scan)
{
    return scan->state <= SLI_HTTP_SCAN_LINE_CR
        ? SLI_HTTP_REFUSAL_LONG_TARGET
        : SLI_HTTP_REFUSAL_HEAD_TOO_LARGE;
}

enum sli_http_refusal sli_http_scan_next(
    struct sli_http_scan *scan, struct slimta_slice octets, size_t *used)
{
    enum sli_http_refusal refusal = SLI_HTTP_REFUSAL_NONE;
    uint64_t room = scan->limits.max_bytes - scan->size;
    struct slimta_slice left = octets;

    if (left.size > room) {
        left.size = (size_t)room;
    }
    while (left.size > 0 && scan->state != SLI_HTTP_SCAN_DONE &&
        refusal == SLI_HTTP_REFUSAL_NONE) {
        size_t run = plain_run(scan, left);

        if (run == 0) {
            refusal = take(scan, left.data[0]);
            run = 1;
        }
        left = sli_slice_skip(left, run);
        scan->size += run;
    }
    *used = octets.size == 0 ? 0 : (size_t)(left.data - octets.data);
    /* Whether there is room for the end is known before it comes. */
    if (refusal == SLI_HTTP_REFUSAL_NONE && scan->state != SLI_HTTP_SCAN_DONE &&
        scan->size == scan->limits.max_bytes) {
        refusal = too_large(scan);
    }
    return refusal;
}
