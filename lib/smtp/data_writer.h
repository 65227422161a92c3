/** Content on its way out after DATA: dots doubled, lines ended by CRLF. */
#ifndef SMTP_DATA_WRITER_H
#define SMTP_DATA_WRITER_H

#include <slimta/slice.h>

struct sli_smtp_data_writer {
    int at_line_start;
    int has_cr; /* a CR came last, and was not given out */
};

void sli_smtp_data_writer_init(struct sli_smtp_data_writer *writer);

/**
 * Consumes the front of `input` and lends in `run` the next octets for the
 * wire: a part of `input` itself, as long as nothing in it needs care, or
 * static text. Returns 1 when there are some, 0 when the input is used up.
 *
 * A CR or LF that is no part of a CRLF goes out as CRLF, so that no next hop,
 * however lenient, sees an end of the content, or a line's start with a dot,
 * that was not meant as one (RFC 5321 section 2.3.8).
 */
int sli_smtp_data_writer_next(struct sli_smtp_data_writer *writer,
    struct slimta_slice *input, struct slimta_slice *run);

/** What ends the content, its last line ended if that was not. Static. */
struct slimta_slice sli_smtp_data_writer_end(
    const struct sli_smtp_data_writer *writer);

#endif
