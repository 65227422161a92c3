/** Counts the Received fields of a message while it passes: a loop shows as
 * too many of them. */
#ifndef SMTP_HOPS_H
#define SMTP_HOPS_H

#include <stdint.h>

#include <slimta/slice.h>

/** All zero at the message's start. */
struct sli_smtp_hops {
    uint64_t count;
    unsigned matched; /* octets of "received:" that this line begins with */
    unsigned column;  /* octets of this line, as far as they matter */
    int is_over;      /* past the header section */
};

/** Looks at the next octets. Past the header section it costs nothing. */
void sli_smtp_hops_read(struct sli_smtp_hops *hops, struct slimta_slice octets);

#endif
