/** Puts replies on the wire: one code, lines of at most 512 octets. */
#include "smtp/output.h"

#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "mail/reply.h"

enum {
    CODE_SIZE = 4, /* "250 " */
    CRLF_SIZE = 2,
    TEXT_MAX = SLI_SMTP_OUTPUT_LINE_MAX - CODE_SIZE - CRLF_SIZE
};

static char *put(char *at, const char *end, struct slimta_slice octets)
{
    size_t room = (size_t)(end - at);
    size_t size = octets.size < room ? octets.size : room;

    if (size > 0) {
        memcpy(at, octets.data, size);
    }
    return at + size;
}

int sli_smtp_output_line(struct sli_buf *output, int code,
    enum sli_smtp_output_more more, const struct sli_smtp_output_text *text)
{
    size_t wanted = text->before.size + text->middle.size + text->after.size;
    size_t size = wanted < TEXT_MAX ? wanted : TEXT_MAX;
    char *line = sli_buf_reserve(output, CODE_SIZE + size + CRLF_SIZE);
    char *end;
    char *at;

    if (line == NULL) {
        return SLIMTA_ENOMEM;
    }
    at = line + CODE_SIZE;
    end = at + size;
    line[0] = (char)('0' + code / 100);
    line[1] = (char)('0' + code / 10 % 10);
    line[2] = (char)('0' + code % 10);
    line[3] = (char)more;
    at = put(at, end, text->before);
    at = put(at, end, text->middle);
    at = put(at, end, text->after);
    at[0] = '\r';
    at[1] = '\n';
    sli_buf_added(output, (size_t)(at - line) + CRLF_SIZE);
    return 0;
}

/* Writes "5.7.1 " to `out` and returns its length, 0 where none is due. */
static size_t enhanced_prefix(const struct slimta_reply *reply, int code,
    enum sli_smtp_output_form form, char out[SLI_MAIL_ENHANCED_MAX + 1])
{
    struct slimta_slice enhanced = sli_slice_text(slimta_reply_enhanced(reply));
    char digit = (char)('0' + code / 100);

    if (form == SLI_SMTP_OUTPUT_PLAIN || digit == '3') {
        return 0;
    }
    if (enhanced.size == 0 || enhanced.data[0] != digit) {
        enhanced = SLI_LITERAL("X.0.0");
    }
    memcpy(out, enhanced.data, enhanced.size);
    out[0] = digit;
    out[enhanced.size] = ' ';
    return enhanced.size + 1;
}

/* Cuts the next line off `text`; 0 when that was the last one. */
static int next_line(struct slimta_slice *text, struct slimta_slice *line)
{
    const char *end =
        text->size == 0 ? NULL : memchr(text->data, '\n', text->size);

    *line = *text;
    if (end == NULL) {
        return 0;
    }
    line->size = (size_t)(end - text->data);
    *text = sli_slice_skip(*text, line->size + 1);
    return 1;
}

int sli_smtp_output_reply(struct sli_buf *output,
    const struct slimta_reply *reply, int code, enum sli_smtp_output_form form,
    enum sli_smtp_output_more more)
{
    char enhanced[SLI_MAIL_ENHANCED_MAX + 1];
    struct slimta_slice text = sli_slice_text(slimta_reply_text(reply));
    struct slimta_slice line = {NULL, 0};
    size_t before = sli_buf_size(output);
    int has_more;
    int err;

    do {
        struct sli_smtp_output_text parts;

        has_more = next_line(&text, &line);
        parts = (struct sli_smtp_output_text){.middle = line};
        parts.before =
            sli_slice(enhanced, enhanced_prefix(reply, code, form, enhanced));
        if (line.size == 0 && parts.before.size > 0) {
            parts.before.size--; /* no space that nothing follows */
        }
        err = sli_smtp_output_line(
            output, code, has_more ? SLI_SMTP_OUTPUT_MORE : more, &parts);
    } while (err == 0 && has_more);
    if (err != 0) {
        output->end = output->start + before;
    }
    return err;
}
