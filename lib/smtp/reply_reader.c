/** Replies of a next hop, put together line by line. */
#include "smtp/reply_reader.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "mail/reply.h"

void sli_smtp_reply_reader_init(
    struct sli_smtp_reply_reader *reader, const struct slimta_alloc *alloc)
{
    *reader = (struct sli_smtp_reply_reader){.last = {"", 0}};
    sli_buf_init(&reader->text, alloc, SLI_MAIL_REPLY_TEXT_MAX);
}

void sli_smtp_reply_reader_fini(struct sli_smtp_reply_reader *reader)
{
    sli_buf_fini(&reader->text);
}

/* RFC 5321 section 4.2: the first digit is 2 to 5. Older servers send a code
 * alone, without the space. */
static int read_code(struct slimta_slice line)
{
    uint64_t code = 0;

    if (line.size < 3 || !sli_ascii_number(sli_slice(line.data, 3), 3, &code) ||
        code < 200 || code > 599) {
        return 0;
    }
    return line.size == 3 || line.data[3] == ' ' || line.data[3] == '-'
        ? (int)code
        : 0;
}

static void begin(struct sli_smtp_reply_reader *reader, int code)
{
    sli_buf_clear(&reader->text);
    reader->code = code;
    reader->lines = 0;
    reader->size = 0;
    reader->is_whole = 0;
}

/* The text as the reply will have it: without an enhanced code that each line
 * repeats, or that is not the code's (RFC 2034 section 4). */
static struct slimta_slice strip(
    const struct sli_smtp_reply_reader *reader, struct slimta_slice text)
{
    size_t length = sli_mail_reply_enhanced_length(text);
    int is_first = reader->lines == 1;

    while (length > 0) {
        int is_ours = text.data[0] - '0' == reader->code / 100;

        if (is_first == is_ours) {
            break;
        }
        text = sli_slice_skip(text, length < text.size ? length + 1 : length);
        length = is_first ? sli_mail_reply_enhanced_length(text) : 0;
    }
    return text;
}

/* What there is no room for is not said on. */
static void keep_line(struct sli_smtp_reply_reader *reader)
{
    struct slimta_slice text = strip(reader, reader->last);
    size_t room = SLI_MAIL_REPLY_TEXT_MAX - sli_buf_size(&reader->text);
    char *at;

    if (room == 0) {
        return;
    }
    if (text.size > room - 1) {
        text.size = room - 1;
    }
    at = sli_buf_reserve(&reader->text, text.size + 1);
    if (at != NULL) {
        if (text.size > 0) {
            memcpy(at, text.data, text.size);
        }
        at[text.size] = '\n';
        sli_buf_added(&reader->text, text.size + 1);
    }
}

enum sli_smtp_reply_result sli_smtp_reply_reader_take(
    struct sli_smtp_reply_reader *reader, struct slimta_slice line)
{
    int code = read_code(line);

    if (reader->code == 0 || reader->is_whole) {
        begin(reader, code);
    }
    reader->lines++;
    reader->size += line.size;
    /* RFC 5321 section 2.3.8: an LF alone ends no line, and is not in one. */
    if (code == 0 || code != reader->code ||
        memchr(line.data, '\n', line.size) != NULL ||
        reader->lines > SLI_SMTP_REPLY_LINES_MAX ||
        reader->size > SLI_SMTP_REPLY_SIZE_MAX) {
        return SLI_SMTP_REPLY_BROKEN;
    }
    reader->last = sli_slice_skip(line, line.size == 3 ? 3 : 4);
    reader->is_whole = line.size == 3 || line.data[3] == ' ';
    if (!reader->is_whole) {
        keep_line(reader);
    }
    return reader->is_whole ? SLI_SMTP_REPLY_WHOLE : SLI_SMTP_REPLY_MORE;
}

void sli_smtp_reply_reader_finish(
    struct sli_smtp_reply_reader *reader, struct slimta_reply *reply)
{
    struct slimta_slice text = strip(reader, reader->last);

    /* The usual one of a single line stays where it stands. */
    if (reader->lines > 1) {
        keep_line(reader);
        text = sli_buf_slice(&reader->text);
    }
    if (sli_mail_reply_set(reply, reader->code, text) != 0) {
        sli_mail_reply_set_fixed(
            reply, reader->code, reader->code < 400 ? "Ok" : "Refused");
    }
    sli_buf_fini(&reader->text);
}
