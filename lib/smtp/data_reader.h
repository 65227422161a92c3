/** The content after DATA: finds its end, takes the dots away, and minds bare
 * CR and LF. */
#ifndef SMTP_DATA_READER_H
#define SMTP_DATA_READER_H

#include <slimta/slice.h>
#include <slimta/smtp_edge.h>

enum sli_smtp_data_state {
    SLI_SMTP_DATA_LINE_START, /**< a CRLF (or the 354) came last */
    SLI_SMTP_DATA_TEXT,       /**< inside a line */
    SLI_SMTP_DATA_CR,         /**< a CR inside a line, not yet given out */
    SLI_SMTP_DATA_DOT,        /**< a dot at a line's start, not given out */
    SLI_SMTP_DATA_DOT_CR,     /**< that dot and a CR, not given out */
    SLI_SMTP_DATA_DONE
};

struct sli_smtp_data_reader {
    enum sli_smtp_data_state state; /**< in chunks TEXT or CR */
    enum slimta_bare_newlines policy;
    int has_bare; /**< a bare CR or LF came */
};

void sli_smtp_data_reader_init(
    struct sli_smtp_data_reader *reader, enum slimta_bare_newlines policy);

/**
 * Consumes the front of `input` and lends in `content` the next run of message
 * octets: a part of `input` itself, or static text where octets had been held
 * back at a cut. Returns 1 while there is something to take (content may be
 * empty at the end), 0 when `input` is used up and more is needed. When the
 * state is DONE, `input` is what follows the end mark.
 */
int sli_smtp_data_reader_next(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content);

/** For content in chunks (RFC 3030), where dots mean nothing. */
void sli_smtp_data_reader_init_chunks(
    struct sli_smtp_data_reader *reader, enum slimta_bare_newlines policy);

/** The same as sli_smtp_data_reader_next for octets of a chunk. A line may go
 * on in the next one. */
int sli_smtp_data_reader_chunk(struct sli_smtp_data_reader *reader,
    struct slimta_slice *input, struct slimta_slice *content);

/** The last chunk is over: 1 when something was held back, which `content` is
 * now. */
int sli_smtp_data_reader_end(
    struct sli_smtp_data_reader *reader, struct slimta_slice *content);

#endif
