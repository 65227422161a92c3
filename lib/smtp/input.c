/** What an engine was fed and has not consumed, cut into lines in place. */
#include "smtp/input.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/secret.h"
#include "base/slice.h"

void sli_smtp_input_init(
    struct sli_smtp_input *input, const struct slimta_alloc *alloc)
{
    *input = (struct sli_smtp_input){.is_skipping = 0};
    sli_input_init(&input->octets, alloc);
}

void sli_smtp_input_fini(struct sli_smtp_input *input)
{
    (void)sli_smtp_input_discard(input);
}

void sli_smtp_input_wipe(struct sli_smtp_input *input, size_t size)
{
    if (sli_buf_size(&input->octets.rest) > 0) {
        sli_secret_wipe(
            input->octets.rest.data + input->octets.rest.start, size);
    }
    sli_input_consume(&input->octets, size);
}

size_t sli_smtp_input_discard(struct sli_smtp_input *input)
{
    size_t size = sli_input_size(&input->octets);

    sli_input_fini(&input->octets);
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
    struct slimta_slice text = sli_input_front(&input->octets);

    for (; text.size > 0; text = sli_input_front(&input->octets)) {
        size_t size =
            input->has_cr && text.data[0] == '\n' ? 1 : line_size(text);

        if (size > 0) {
            sli_input_consume(&input->octets, size);
            input->is_skipping = 0;
            return 1;
        }
        input->has_cr = text.data[text.size - 1] == '\r';
        sli_input_consume(&input->octets, text.size);
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
    struct slimta_slice text = sli_input_front(&input->octets);
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
    size_t room = max - sli_buf_size(&input->octets.rest);
    size_t size = input->octets.fed.size < room ? input->octets.fed.size : room;
    const char *lf = memchr(input->octets.fed.data, '\n', size);
    int err;

    if (lf != NULL) {
        size = (size_t)(lf - input->octets.fed.data) + 1;
    }
    err = sli_buf_append(
        &input->octets.rest, sli_slice(input->octets.fed.data, size));
    if (err == 0) {
        input->octets.fed = sli_slice_skip(input->octets.fed, size);
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
    while (result == SLI_SMTP_INPUT_MORE && input->octets.fed.size > 0 &&
        sli_buf_size(&input->octets.rest) > 0) {
        size_t max = limit_of(limits, sli_input_front(&input->octets));

        if (extend_rest(input, max) != 0) {
            return SLI_SMTP_INPUT_NO_MEMORY;
        }
        result = cut_line(input, limits, line);
    }
    return result;
}
