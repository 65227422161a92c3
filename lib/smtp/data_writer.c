/** Content on its way out after DATA: dots doubled, lines ended by CRLF. */
#include "smtp/data_writer.h"

#include "base/slice.h"
#include "smtp/newline_scan.h"

void sli_smtp_data_writer_init(struct sli_smtp_data_writer *writer)
{
    *writer = (struct sli_smtp_data_writer){.at_line_start = 1};
}

static void lend_newline(
    struct sli_smtp_data_writer *writer, struct slimta_slice *run)
{
    *run = SLI_LITERAL("\r\n");
    writer->at_line_start = 1;
    writer->has_cr = 0;
}

/* The CR that was held back: an LF behind it belongs to it. */
static void end_line(struct sli_smtp_data_writer *writer,
    struct slimta_slice *input, struct slimta_slice *run)
{
    if (input->data[0] == '\n') {
        *input = sli_slice_skip(*input, 1);
    }
    lend_newline(writer, run);
}

/* RFC 5321 section 4.5.2: a dot at a line's start gets another one before it;
 * its own stays in the input. */
static void lend_dot(
    struct sli_smtp_data_writer *writer, struct slimta_slice *run)
{
    *run = SLI_LITERAL(".");
    writer->at_line_start = 0;
}

static void lend_plain(struct sli_smtp_data_writer *writer, size_t size,
    struct slimta_slice *input, struct slimta_slice *run)
{
    *run = sli_slice(input->data, size);
    *input = sli_slice_skip(*input, size);
    /* An LF in a plain run is that of a CRLF. */
    writer->at_line_start = run->data[size - 1] == '\n';
}

int sli_smtp_data_writer_next(struct sli_smtp_data_writer *writer,
    struct slimta_slice *input, struct slimta_slice *run)
{
    while (input->size > 0) {
        size_t plain;

        if (writer->has_cr) {
            end_line(writer, input, run);
            return 1;
        }
        if (writer->at_line_start && input->data[0] == '.') {
            lend_dot(writer, run);
            return 1;
        }
        plain = sli_smtp_newline_scan(*input, writer->at_line_start);
        if (plain > 0) {
            lend_plain(writer, plain, input, run);
            return 1;
        }
        writer->has_cr = input->data[0] == '\r';
        *input = sli_slice_skip(*input, 1);
        if (!writer->has_cr) {
            lend_newline(writer, run);
            return 1;
        }
    }
    return 0;
}

struct slimta_slice sli_smtp_data_writer_end(
    const struct sli_smtp_data_writer *writer)
{
    return writer->at_line_start && !writer->has_cr ? SLI_LITERAL(".\r\n")
                                                    : SLI_LITERAL("\r\n.\r\n");
}
