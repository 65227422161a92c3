/** Which forms of the queue's contract a queue has. */
#ifndef EDGE_FORM_H
#define EDGE_FORM_H

#include <slimta/queue.h>

/** Why `queue` cannot be used, in static text; NULL when it can. */
const char *sli_edge_form_flaw(const struct slimta_queue *queue);

/** Whether the queue is asked about each recipient. */
int sli_edge_form_has_recipient(const struct slimta_queue *queue);

/** What the queue can honour now: SLIMTA_CAN_… */
uint64_t sli_edge_form_capabilities(struct slimta_queue *queue);

#endif
