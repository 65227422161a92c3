/** Minds how long the lines of a message are while it passes. */
#include "smtp/text_line.h"

#include <string.h>

#include "base/slice.h"

/* Up to the next LF, and with it. */
static struct slimta_slice next_part(struct slimta_slice octets)
{
    const char *end = memchr(octets.data, '\n', octets.size);

    return end == NULL
        ? octets
        : sli_slice(octets.data, (size_t)(end - octets.data) + 1);
}

/* RFC 5321 section 2.3.8: a bare LF, where one may pass, ends no line. */
static int ends_line(struct slimta_slice part)
{
    return part.size >= 2 && part.data[part.size - 1] == '\n' &&
        part.data[part.size - 2] == '\r';
}

size_t sli_smtp_text_line_fit(
    uint64_t *size, uint64_t max, struct slimta_slice octets)
{
    size_t at = 0;

    while (at < octets.size) {
        struct slimta_slice part = next_part(sli_slice_skip(octets, at));

        if (part.size > max - *size) {
            return at + (size_t)(max - *size);
        }
        *size = ends_line(part) ? 0 : *size + part.size;
        at += part.size;
    }
    return at;
}
