/** Finds how far message text runs on without anything that needs care. */
#ifndef SMTP_NEWLINE_SCAN_H
#define SMTP_NEWLINE_SCAN_H

#include <slimta/slice.h>

/**
 * How many octets at the front of `text` may be taken as they stand: up to, and
 * without, the first dot at a line's start, the first LF that no CR precedes,
 * and the first CR that no LF follows (also when it is merely the last octet).
 * `at_line_start` says whether `text` begins a line.
 */
size_t sli_smtp_newline_scan(struct slimta_slice text, int at_line_start);

/** The same without vector instructions. */
size_t sli_smtp_newline_scan_portable(
    struct slimta_slice text, int at_line_start);

#endif
