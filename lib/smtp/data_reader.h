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
    enum sli_smtp_data_state state;
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

#endif
