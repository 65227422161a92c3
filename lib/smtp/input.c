/** What an engine was fed and has not consumed, cut into lines in place. */
#include "smtp/input.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/secret.h"
#include "base/slice.h"

/* The rest has no maximum of its own: a line in it is capped below, and nobody
 * reads from the client while an answer is due. */
void sli_smtp_input_init(
    struct sli_smtp_input *input, const struct slimta_alloc *alloc)
{
    *input = (struct sli_smtp_input){.fed = {"", 0}};
    sli_buf_init(&input->rest, alloc, SIZE_MAX);
}

void sli_smtp_input_fini(struct sli_smtp_input *input)
{
    (void)sli_smtp_input_discard(input);
}

int sli_smtp_input_feed(
    struct sli_smtp_input *input, struct slimta_slice octets)
{
    int err = input->fed.size > 0 ? sli_smtp_input_park(input) : 0;

    if (err == 0) {
        input->fed = octets;
    }
    return err;
}

int sli_smtp_input_park(struct sli_smtp_input *input)
{
    int err = sli_buf_append(&input->rest, input->fed);

    if (err == 0) {
        input->fed = sli_slice("", 0);
        sli_smtp_input_release(input);
    }
    return err;
}

void sli_smtp_input_release(struct sli_smtp_input *input)
{
    if (input->rest.data != NULL && sli_buf_size(&input->rest) == 0) {
        sli_buf_fini(&input->rest);
    }
}

void sli_smtp_input_consume(struct sli_smtp_input *input, size_t size)
{
    if (sli_buf_size(&input->rest) > 0) {
        sli_buf_consume(&input->rest, size);
    } else {
        input->fed = sli_slice_skip(input->fed, size);
    }
}

void sli_smtp_input_wipe(struct sli_smtp_input *input, size_t size)
{
    if (sli_buf_size(&input->rest) > 0) {
        sli_secret_wipe(input->rest.data + input->rest.start, size);
    }
    sli_smtp_input_consume(input, size);
}

size_t sli_smtp_input_discard(struct sli_smtp_input *input)
{
    size_t size = sli_buf_size(&input->rest) + input->fed.size;

    sli_buf_fini(&input->rest);
    input->fed = sli_slice("", 0);
    input->is_skipping = 0;
    input->has_cr = 0;
    return size;
}

/* The size of the line at the front of `text` with its CRLF, 0 when it has no
 * end there. RFC 5321 section 2.3.8: an LF alone ends nothing. */
static size_t line_size(struct slimta_slice text)
{
    size_t at = 0;

    while (at < text.size) {
        const char *lf = memchr(text.data + at, '\n', text.size - at);

        if (lf == NULL) {
            break;
        }
        at = (size_t)(lf - text.data) + 1;
        if (at >= 2 && text.data[at - 2] == '\r') {
            return at;
        }
    }
    return 0;
}

/* Throws the rest of a line that was too long away; 0 when its end has not
 * come yet. */
static int skip_line(struct sli_smtp_input *input)
{
    struct slimta_slice text = sli_smtp_input_front(input);

    for (; text.size > 0; text = sli_smtp_input_front(input)) {
        size_t size =
            input->has_cr && text.data[0] == '\n' ? 1 : line_size(text);

        if (size > 0) {
            sli_smtp_input_consume(input, size);
            input->is_skipping = 0;
            return 1;
        }
        input->has_cr = text.data[text.size - 1] == '\r';
        sli_smtp_input_consume(input, text.size);
    }
    return 0;
}

static int has_word(
    const struct sli_smtp_input_limits *limits, struct slimta_slice text)
{
    struct slimta_slice word = limits->word;

    return word.size > 0 && text.size >= word.size &&
        sli_ascii_same(sli_slice(text.data, word.size), word);
}

/* How long the line that begins with `text` may be: as far as it has come, for
 * the word is shorter than any limit. */
static size_t limit_of(
    const struct sli_smtp_input_limits *limits, struct slimta_slice text)
{
    return has_word(limits, text) ? limits->word_max : limits->max;
}

/* How long a line may be is asked of its first octets alone, up to its limit,
 * so that the answer does not depend on how much of it has come. */
static enum sli_smtp_input_result cut_line(struct sli_smtp_input *input,
    const struct sli_smtp_input_limits *limits, struct slimta_slice *line)
{
    struct slimta_slice text = sli_smtp_input_front(input);
    size_t max = limit_of(limits, text);
    enum sli_smtp_input_result result;
    size_t size;

    if (text.size > max) {
        text.size = max;
    }
    size = line_size(text);
    if (size > 0) {
        *line = sli_slice(text.data, size);
        return SLI_SMTP_INPUT_LINE;
    }
    if (text.size < max) {
        return SLI_SMTP_INPUT_MORE;
    }
    input->is_skipping = 1;
    input->has_cr = text.data[max - 1] == '\r';
    result = has_word(limits, text) ? SLI_SMTP_INPUT_WORD_TOO_LONG
                                    : SLI_SMTP_INPUT_TOO_LONG;
    sli_smtp_input_wipe(input, max);
    return result;
}

/* Moves octets behind the beginning of a line that was parked: up to the next
 * LF, and no more than the line may have. */
static int extend_rest(struct sli_smtp_input *input, size_t max)
{
    size_t room = max - sli_buf_size(&input->rest);
    size_t size = input->fed.size < room ? input->fed.size : room;
    const char *lf = memchr(input->fed.data, '\n', size);
    int err;

    if (lf != NULL) {
        size = (size_t)(lf - input->fed.data) + 1;
    }
    err = sli_buf_append(&input->rest, sli_slice(input->fed.data, size));
    if (err == 0) {
        input->fed = sli_slice_skip(input->fed, size);
    }
    return err;
}

enum sli_smtp_input_result sli_smtp_input_line(struct sli_smtp_input *input,
    const struct sli_smtp_input_limits *limits, struct slimta_slice *line)
{
    enum sli_smtp_input_result result;

    if (input->is_skipping && !skip_line(input)) {
        return SLI_SMTP_INPUT_MORE;
    }
    result = cut_line(input, limits, line);
    while (result == SLI_SMTP_INPUT_MORE && input->fed.size > 0 &&
        sli_buf_size(&input->rest) > 0) {
        size_t max = limit_of(limits, sli_smtp_input_front(input));

        if (extend_rest(input, max) != 0) {
            return SLI_SMTP_INPUT_NO_MEMORY;
        }
        result = cut_line(input, limits, line);
    }
    return result;
}
