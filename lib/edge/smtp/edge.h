/** The inside of the SMTP edge's public object. */
#ifndef EDGE_SMTP_EDGE_H
#define EDGE_SMTP_EDGE_H

#include <slimta/smtp_edge.h>

#include "base/networks.h"
#include "edge/auth.h"
#include "edge/edge.h"
#include "smtp/server.h"

/** Constant once it is made: sessions of all threads read it. */
struct smtp_edge {
    struct sli_edge edge; /* first: the two are cast into each other */
    struct sli_smtp_config smtp;
    struct sli_edge_auth auth;
    uint64_t capabilities;     /* beside the queue's */
    uint64_t max_unread_bytes; /* below UNREAD_BYTES_MAX */
    uint64_t tls_timeout_ms;
    uint64_t command_timeout_ms;
    struct sli_networks xclient_from;
};

#endif
