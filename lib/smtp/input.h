/** What an engine was fed and has not consumed, cut into lines in place. */
#ifndef SMTP_INPUT_H
#define SMTP_INPUT_H

#include <slimta/slice.h>

#include "base/input.h"

struct sli_smtp_input {
    struct sli_input octets;
    int is_skipping; /* inside a line that was too long */
    int has_cr;      /* the last octet that was skipped is a CR */
};

/** How long a line may be with its CRLF. */
struct sli_smtp_input_limits {
    size_t max;
    struct slimta_slice word; /**< at most 512 octets; "" for none */
    size_t word_max;          /**< of a line that begins with it, in any case */
};

enum sli_smtp_input_result {
    SLI_SMTP_INPUT_LINE,          /**< a line, which is not consumed yet */
    SLI_SMTP_INPUT_MORE,          /**< no whole line is there */
    SLI_SMTP_INPUT_TOO_LONG,      /**< said once for a line above the limit */
    SLI_SMTP_INPUT_WORD_TOO_LONG, /**< the same, and it begins with the word */
    SLI_SMTP_INPUT_NO_MEMORY
};

void sli_smtp_input_init(
    struct sli_smtp_input *input, const struct slimta_alloc *alloc);

/** Forgets everything and frees the memory. */
void sli_smtp_input_fini(struct sli_smtp_input *input);

/**
 * Lends the next line with its CRLF, which is within its limit. It stands at
 * the front and stays there until it is consumed, also across feed and park,
 * which may move it.
 */
enum sli_smtp_input_result sli_smtp_input_line(struct sli_smtp_input *input,
    const struct sli_smtp_input_limits *limits, struct slimta_slice *line);

/** As sli_input_consume, and what we have of them in memory of our own is
 * wiped. */
void sli_smtp_input_wipe(struct sli_smtp_input *input, size_t size);

/** Throws everything away; returns how many octets that were. */
size_t sli_smtp_input_discard(struct sli_smtp_input *input);

#endif
