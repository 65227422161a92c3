/** Version 1 of the PROXY header: a line of text. */
#ifndef PROXY_V1_H
#define PROXY_V1_H

#include <stddef.h>

#include "proxy/header.h"

/** The longest line, CRLF included (PROXY protocol 2.1). */
#define SLI_PROXY_V1_MAX 107

/** All zero at first. */
struct sli_proxy_v1 {
    char line[SLI_PROXY_V1_MAX];
    size_t size; /* octets of the line that have come */
};

/** Reads the next octet of the line, while the header needs more. */
void sli_proxy_v1_read(
    struct sli_proxy_v1 *v1, char octet, struct sli_proxy_header *header);

#endif
