/** Puts replies on the wire: one code, lines of at most 512 octets. */
#ifndef SMTP_OUTPUT_H
#define SMTP_OUTPUT_H

#include <slimta/reply.h>
#include <slimta/slice.h>

#include "base/buf.h"

/** RFC 5321 section 4.5.3.1.5: a reply line with its CRLF. */
#define SLI_SMTP_OUTPUT_LINE_MAX 512

/** Whether more lines of the same reply follow. */
enum sli_smtp_output_more {
    SLI_SMTP_OUTPUT_LAST = ' ',
    SLI_SMTP_OUTPUT_MORE = '-'
};

/** Whether the lines begin with an enhanced code (RFC 2034 section 4). */
enum sli_smtp_output_form {
    SLI_SMTP_OUTPUT_ENHANCED, /**< 2xx, 4xx and 5xx do */
    SLI_SMTP_OUTPUT_PLAIN     /**< the banner, EHLO and HELO: none does */
};

/** Room for the text of any line, NUL included. */
#define SLI_SMTP_OUTPUT_TEXT_MAX SLI_SMTP_OUTPUT_LINE_MAX

/** One line of text in three parts, printable ASCII all of them. */
struct sli_smtp_output_text {
    struct slimta_slice before;
    struct slimta_slice middle;
    struct slimta_slice after;
};

/** Appends one line of `code`; what is too long for it is cut off. On failure
 * (SLIMTA_ENOMEM, SLIMTA_ELIMIT) nothing is. */
int sli_smtp_output_line(struct sli_buf *output, int code,
    enum sli_smtp_output_more more, const struct sli_smtp_output_text *text);

/** Appends all lines of `reply`, under `code` instead of its own. Each begins
 * with the reply's enhanced code, or X.0.0 when it has none of the code's
 * class. `more` is about what follows the last of them. */
int sli_smtp_output_reply(struct sli_buf *output,
    const struct slimta_reply *reply, int code, enum sli_smtp_output_form form,
    enum sli_smtp_output_more more);

#endif
