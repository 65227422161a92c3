/** The inside of a queue that hands mail on over HTTP. */
#ifndef QUEUE_HTTP_H
#define QUEUE_HTTP_H

#include <slimta/queue.h>

#include "http/client.h"
#include "queue/pool.h"

/** Constant from the first attach on, but for the pools. */
struct sli_queue_http {
    struct slimta_queue queue; /* first: the methods get its address */
    struct sli_queue_pools pools;
    struct sli_http_client_config engine;
    char *ehlo_name; /* NULL: the client's own */
    char *user;      /* NULL: no credentials */
    char *password;
    uint64_t reply_timeout_ms;
};

#endif
