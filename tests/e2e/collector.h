/** A queue of tests that keeps what came in each form, and its books. */
#ifndef E2E_COLLECTOR_H
#define E2E_COLLECTOR_H

#include "host.h"

struct collector {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    int is_late;    /* takes each op, and finishes it inside the callback */
    size_t begins;  /* answered with slimta_op_begun */
    size_t commits; /* of them */
    size_t aborts;
    size_t enqueues;
    size_t wrong;       /* contents that are not the wanted one */
    size_t recipients;  /* that `recipient` was asked about */
    const char *wanted; /* what a message is to be; NULL: not looked at */
    size_t wanted_size;
};

/** Whole messages; as they arrive; both; the same and each recipient. */
extern const struct slimta_queue_methods collector_whole;
extern const struct slimta_queue_methods collector_streaming;
extern const struct slimta_queue_methods collector_both;
extern const struct slimta_queue_methods collector_recipient;

void collector_init(struct collector *collector,
    const struct slimta_queue_methods *methods, int is_late);

/** Asserts that each begin has its end. */
void collector_fini(struct collector *collector);

/** How many messages were taken. */
size_t collector_taken(struct collector *collector);

#endif
