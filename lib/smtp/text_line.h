/** Minds how long the lines of a message are while it passes. */
#ifndef SMTP_TEXT_LINE_H
#define SMTP_TEXT_LINE_H

#include <stdint.h>

#include <slimta/slice.h>

/**
 * How many octets at the front of `octets` may pass: all of them, or those
 * before the first that makes a line longer than `max` with its CRLF. `size` is
 * that of the line which has begun, 0 at the message's start, and is brought up
 * to date. No CRLF may be cut apart: the data reader lends none so.
 */
size_t sli_smtp_text_line_fit(
    uint64_t *size, uint64_t max, struct slimta_slice octets);

#endif
