/** What the client is told: a code, an enhanced code, and a text. */
#include "mail/reply.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/slice.h"

enum {
    /* RFC 5321 section 4.5.3.1.5: a reply line with its CRLF. */
    LINE_MAX_OCTETS = 512,
    /* What every line has around its text: "250-" and CRLF. */
    LINE_FRAME = 6,
    /* "5.0.0 ": what a reply without an enhanced code gets when it is sent. */
    DEFAULT_ENHANCED = 6
};

void sli_mail_reply_init(
    struct slimta_reply *reply, const struct slimta_alloc *alloc)
{
    *reply = (struct slimta_reply){0};
    sli_buf_init(&reply->text, alloc, SLI_MAIL_REPLY_TEXT_MAX + 1);
}

void sli_mail_reply_fini(struct slimta_reply *reply)
{
    sli_buf_fini(&reply->text);
    reply->code = 0;
    reply->enhanced[0] = '\0';
    reply->fixed = NULL;
}

/* One to three digits without leading zeros at `*at`. */
static int skip_number(struct slimta_slice text, size_t *at)
{
    size_t first = *at;

    while (*at < text.size && sli_ascii_is(text.data[*at], SLI_ASCII_DIGIT)) {
        (*at)++;
    }
    return *at > first && *at - first <= 3 &&
        (text.data[first] != '0' || *at - first == 1);
}

static int skip_dot(struct slimta_slice text, size_t *at)
{
    return *at < text.size && text.data[(*at)++] == '.';
}

/* RFC 3463 section 2. */
size_t sli_mail_reply_enhanced_length(struct slimta_slice text)
{
    size_t at = 1;

    if (text.size == 0 ||
        (text.data[0] != '2' && text.data[0] != '4' && text.data[0] != '5')) {
        return 0;
    }
    if (!skip_dot(text, &at) || !skip_number(text, &at) ||
        !skip_dot(text, &at) || !skip_number(text, &at)) {
        return 0;
    }
    return at == text.size || text.data[at] == ' ' ? at : 0;
}

/* How many octets of text a line has room for. */
static size_t line_room(size_t enhanced_length)
{
    size_t enhanced = enhanced_length < DEFAULT_ENHANCED ? DEFAULT_ENHANCED
                                                         : enhanced_length + 1;

    return LINE_MAX_OCTETS - LINE_FRAME - enhanced;
}

/* 1 or 2 octets that part two lines at `at`, or 0: a CR alone parts nothing
 * (RFC 5321 section 2.3.8). */
static size_t line_end_at(struct slimta_slice text, size_t at)
{
    if (text.data[at] == '\n') {
        return 1;
    }
    return text.data[at] == '\r' && at + 1 < text.size &&
            text.data[at + 1] == '\n'
        ? 2
        : 0;
}

static char clean_octet(char octet)
{
    return octet == '\t' || sli_ascii_is(octet, SLI_ASCII_PRINT) ? octet : '?';
}

/* Writes the text as a reply may hold it; returns its length, at most `size`.
 * What is written never passes what was read, so `out` may be where the text
 * itself stands. */
static size_t clean(
    char *out, size_t size, struct slimta_slice text, size_t room)
{
    size_t length = 0;
    size_t column = 0;

    for (size_t i = 0; i < text.size && length < size; i++) {
        size_t line_end = line_end_at(text, i);

        if (line_end > 0) {
            i += line_end - 1;
            column = 0;
            /* One that ends the text parts it from nothing. */
            if (i + 1 < text.size) {
                out[length++] = '\n';
            }
        } else if (column < room) {
            out[length++] = clean_octet(text.data[i]);
            column++;
        }
    }
    return length;
}

static void set_enhanced(
    struct slimta_reply *reply, struct slimta_slice enhanced)
{
    if (enhanced.size > 0) {
        memcpy(reply->enhanced, enhanced.data, enhanced.size);
    }
    reply->enhanced[enhanced.size] = '\0';
}

/* Room for `size` octets and the NUL where the text stands now; what is in the
 * buffer stays there octet for octet unless it has to grow. */
static char *make_room(struct slimta_reply *reply, size_t size)
{
    struct sli_buf *text = &reply->text;
    size_t start = text->start;
    size_t end = text->end;
    char *room;

    sli_buf_clear(text);
    room = sli_buf_reserve(text, size + 1);
    if (room == NULL) {
        text->start = start;
        text->end = end;
    }
    return room;
}

static void end_text(struct slimta_reply *reply, char *room, size_t length)
{
    room[length] = '\0';
    sli_buf_added(&reply->text, length);
    reply->fixed = NULL;
}

static int is_code(int code)
{
    return code >= 200 && code <= 599;
}

int sli_mail_reply_set(
    struct slimta_reply *reply, int code, struct slimta_slice text)
{
    struct slimta_slice enhanced = {
        text.data, sli_mail_reply_enhanced_length(text)};
    size_t size;
    char *room;

    /* RFC 2034 section 4: the class is the code's. No class is that of a 3xx
     * code. */
    if (!is_code(code) ||
        (enhanced.size > 0 && enhanced.data[0] - '0' != code / 100)) {
        return SLIMTA_EINVAL;
    }
    text = sli_slice_skip(text, enhanced.size);
    if (enhanced.size > 0 && text.size > 0) {
        text = sli_slice_skip(text, 1);
    }
    size = text.size < SLI_MAIL_REPLY_TEXT_MAX ? text.size
                                               : SLI_MAIL_REPLY_TEXT_MAX;
    room = make_room(reply, size);
    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    reply->code = code;
    set_enhanced(reply, enhanced);
    end_text(reply, room, clean(room, size, text, line_room(enhanced.size)));
    return 0;
}

int sli_mail_reply_copy(
    struct slimta_reply *to, const struct slimta_reply *from)
{
    struct slimta_slice text = sli_mail_reply_text(from);
    char *room;

    if (to == from) {
        return 0;
    }
    room = make_room(to, text.size);
    if (room == NULL) {
        return SLIMTA_ENOMEM;
    }
    memcpy(room, text.data, text.size);
    end_text(to, room, text.size);
    to->code = from->code;
    memcpy(to->enhanced, from->enhanced, sizeof to->enhanced);
    return 0;
}

struct slimta_reply *sli_mail_reply_clone(
    const struct slimta_alloc *alloc, const struct slimta_reply *from)
{
    struct slimta_reply *copy = sli_alloc(alloc, sizeof *copy);

    if (copy == NULL) {
        return NULL;
    }
    sli_mail_reply_init(copy, alloc);
    if (sli_mail_reply_copy(copy, from) != 0) {
        sli_mail_reply_free(alloc, copy);
        copy = NULL;
    }
    return copy;
}

void sli_mail_reply_free(
    const struct slimta_alloc *alloc, struct slimta_reply *reply)
{
    if (reply != NULL) {
        sli_mail_reply_fini(reply);
        sli_free(alloc, reply);
    }
}

/* Keeps the text, and the enhanced code when its class still fits. */
static int set_code(struct slimta_reply *reply, int code)
{
    if (!is_code(code)) {
        return SLIMTA_EINVAL;
    }
    reply->code = code;
    if (reply->enhanced[0] - '0' != code / 100) {
        reply->enhanced[0] = '\0';
    }
    return 0;
}

/* What needs no memory to be said. */
static void set_fixed(struct slimta_reply *reply, int code,
    struct slimta_slice enhanced, const char *text)
{
    reply->code = code;
    set_enhanced(reply, enhanced);
    reply->fixed = text;
}

void sli_mail_reply_set_fixed(
    struct slimta_reply *reply, int code, const char *text)
{
    struct slimta_slice enhanced = sli_slice_text(text);

    enhanced.size = sli_mail_reply_enhanced_length(enhanced);
    text += enhanced.size;
    set_fixed(reply, code, enhanced,
        enhanced.size > 0 && text[0] == ' ' ? text + 1 : text);
}

/* A refusal stays one without the memory for its text. */
static void refuse_without_text(
    struct slimta_reply *reply, int code, const char *text)
{
    struct slimta_slice enhanced = sli_slice_text(text);

    enhanced.size = sli_mail_reply_enhanced_length(enhanced);
    if (code >= 400) {
        set_fixed(reply, code, enhanced, "Refused");
    }
}

int slimta_reply_set(struct slimta_reply *reply, int code, const char *text)
{
    int err = text == NULL
        ? set_code(reply, code)
        : sli_mail_reply_set(reply, code, sli_slice_text(text));

    if (err == SLIMTA_EINVAL) {
        sli_mail_reply_set_fixed(reply, 451, "4.3.0 Unhandled system error");
    } else if (err != 0) {
        refuse_without_text(reply, code, text);
    }
    return err;
}

int slimta_reply_code(const struct slimta_reply *reply)
{
    return reply->code;
}

const char *slimta_reply_enhanced(const struct slimta_reply *reply)
{
    return reply->enhanced;
}

struct slimta_slice sli_mail_reply_text(const struct slimta_reply *reply)
{
    return reply->fixed != NULL ? sli_slice_text(reply->fixed)
                                : sli_buf_slice(&reply->text);
}

const char *slimta_reply_text(const struct slimta_reply *reply)
{
    return sli_mail_reply_text(reply).data;
}
