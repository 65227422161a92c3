/** The inside of a queue that hands mail on over SMTP or LMTP. */
#ifndef QUEUE_SMTP_H
#define QUEUE_SMTP_H

#include <stdatomic.h>

#include <slimta/queue.h>

#include "queue/pool.h"
#include "sasl/sasl.h"
#include "smtp/client.h"

/** Constant from the first attach on, but for the pools and `capabilities`. */
struct sli_queue_smtp {
    struct slimta_queue queue; /* first: the methods get its address */
    struct sli_queue_pools pools;
    struct sli_smtp_client_config engine;
    enum slimta_hop_tls tls_policy;
    char *ehlo_name;
    struct sli_sasl *sasl; /* NULL without a user */
    char *user;            /* NULL: no AUTH */
    char *password;
    char *mechanism; /* NULL: the best */
    uint64_t command_timeout_ms;
    uint64_t data_timeout_ms;
    /* SLIMTA_CAN_…, as the hop that was greeted last can; of all loops. */
    _Atomic(uint64_t) capabilities;
};

#endif
