/** The content after DATA: finds its end, takes the dots away, and minds bare
 * CR and LF. */
#include "smtp/data_reader.h"

#include "base/slice.h"
#include "smtp/newline_scan.h"

void sli_smtp_data_reader_init(
    struct sli_smtp_data_reader *reader, enum slimta_bare_newlines policy)
{
    *reader = (struct sli_smtp_data_reader){
        .state = SLI_SMTP_DATA_LINE_START, .policy = policy};
}

static void take(struct slimta_slice *input, size_t count)
{
    *input = sli_slice_skip(*input, count);
}

/*
 * Lends a CR or LF that stands alone, or the CRLF it becomes. The line goes on
 * behind it, whatever is stored: on the wire only CRLF ends one (RFC 5321
 * section 2.3.8), so that no dot behind it is taken away or ends the message.
 */
static int lend_bare(struct sli_smtp_data_reader *reader,
    struct slimta_slice octet, struct slimta_slice *content)
{
    reader->has_bare = 1;
    reader->state = SLI_SMTP_DATA_TEXT;
    *content =
        reader->policy == SLIMTA_BARE_NORMALISE ? SLI_LITERAL("\r\n") : octet;
    return 1;
}

/* Takes the first octet of `input`, at which a clean run has ended. */
static int read_odd(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    char octet = input->data[0];

    take(input, 1);
    if (octet == '\n') {
        return lend_bare(reader, SLI_LITERAL("\n"), content);
    }
    reader->state = octet == '.' ? SLI_SMTP_DATA_DOT : SLI_SMTP_DATA_CR;
    return 0;
}

static int read_text(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    size_t size = sli_smtp_newline_scan(
        *input, reader->state == SLI_SMTP_DATA_LINE_START);

    if (size == 0) {
        return read_odd(reader, input, content);
    }
    *content = sli_slice(input->data, size);
    take(input, size);
    reader->state = content->data[size - 1] == '\n' ? SLI_SMTP_DATA_LINE_START
                                                    : SLI_SMTP_DATA_TEXT;
    return 1;
}

static int read_after_cr(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    if (input->data[0] != '\n') {
        return lend_bare(reader, SLI_LITERAL("\r"), content);
    }
    take(input, 1);
    reader->state = SLI_SMTP_DATA_LINE_START;
    *content = SLI_LITERAL("\r\n");
    return 1;
}

/* RFC 5321 section 4.5.2: a leading dot is removed from each line that has
 * more than the dot. */
static int read_after_dot(
    struct sli_smtp_data_reader *reader, struct slimta_slice *input)
{
    if (input->data[0] == '\r') {
        take(input, 1);
        reader->state = SLI_SMTP_DATA_DOT_CR;
    } else {
        reader->state = SLI_SMTP_DATA_TEXT;
    }
    return 0;
}

/* RFC 5321 section 4.1.1.4: CRLF.CRLF, and nothing else, ends the message. */
static int read_after_dot_cr(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    if (input->data[0] != '\n') {
        return lend_bare(reader, SLI_LITERAL("\r"), content);
    }
    take(input, 1);
    reader->state = SLI_SMTP_DATA_DONE;
    return 1;
}

static int read_step(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    switch (reader->state) {
    case SLI_SMTP_DATA_LINE_START:
    case SLI_SMTP_DATA_TEXT:
        return read_text(reader, input, content);
    case SLI_SMTP_DATA_CR:
        return read_after_cr(reader, input, content);
    case SLI_SMTP_DATA_DOT:
        return read_after_dot(reader, input);
    case SLI_SMTP_DATA_DOT_CR:
        return read_after_dot_cr(reader, input, content);
    case SLI_SMTP_DATA_DONE:
        break;
    }
    return 0;
}

int sli_smtp_data_reader_next(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    *content = (struct slimta_slice){"", 0};
    while (input->size > 0 && reader->state != SLI_SMTP_DATA_DONE) {
        if (read_step(reader, input, content)) {
            return 1;
        }
    }
    return 0;
}

void sli_smtp_data_reader_init_chunks(
    struct sli_smtp_data_reader *reader, enum slimta_bare_newlines policy)
{
    *reader = (struct sli_smtp_data_reader){
        .state = SLI_SMTP_DATA_TEXT, .policy = policy};
}

/* What ends a clean run is a CR or LF; a dot begins the next one. */
static int read_chunk_text(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    size_t size = reader->policy == SLIMTA_BARE_PASS
        ? input->size
        : sli_smtp_newline_scan(*input, 0);

    if (size == 0) {
        return read_odd(reader, input, content);
    }
    *content = sli_slice(input->data, size);
    take(input, size);
    return 1;
}

int sli_smtp_data_reader_chunk(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content)
{
    *content = (struct slimta_slice){"", 0};
    while (input->size > 0) {
        int has_content = reader->state == SLI_SMTP_DATA_CR
            ? read_after_cr(reader, input, content)
            : read_chunk_text(reader, input, content);

        if (reader->state == SLI_SMTP_DATA_LINE_START) {
            reader->state = SLI_SMTP_DATA_TEXT;
        }
        if (has_content) {
            return 1;
        }
    }
    return 0;
}

int sli_smtp_data_reader_end(
    struct sli_smtp_data_reader *reader, struct slimta_slice *content)
{
    *content = (struct slimta_slice){"", 0};
    return reader->state == SLI_SMTP_DATA_CR &&
        lend_bare(reader, SLI_LITERAL("\r"), content);
}
