/** Counts the Received fields of a message while it passes. */
#include "smtp/hops.h"

#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"

static const char name[] = "received:";

enum { NAME_SIZE = sizeof name - 1 };

/* An empty line, with its CR or without, ends the header section (RFC 5322
 * section 2.1). */
static void end_line(struct sli_smtp_hops *hops)
{
    hops->is_over = hops->column == 0;
    hops->count += hops->matched == NAME_SIZE;
    hops->matched = 0;
    hops->column = 0;
}

/* Reads up to where the line can no more matter; returns how much that is. */
static size_t read_name(struct sli_smtp_hops *hops, struct slimta_slice octets)
{
    size_t at = 0;

    while (at < octets.size && hops->column < NAME_SIZE &&
        octets.data[at] != '\n') {
        char octet = octets.data[at++];

        if (octet == '\r' && hops->column == 0) {
            continue;
        }
        if (hops->matched == hops->column &&
            sli_ascii_lower(octet) == name[hops->column]) {
            hops->matched++;
        }
        hops->column++;
    }
    return at;
}

void sli_smtp_hops_read(struct sli_smtp_hops *hops, struct slimta_slice octets)
{
    while (octets.size > 0 && !hops->is_over) {
        const char *end;

        octets = sli_slice_skip(octets, read_name(hops, octets));
        end = octets.size == 0 ? NULL : memchr(octets.data, '\n', octets.size);
        if (end == NULL) {
            return;
        }
        end_line(hops);
        octets = sli_slice_skip(octets, (size_t)(end - octets.data) + 1);
    }
}
