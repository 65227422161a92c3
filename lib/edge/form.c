/** Which forms of the queue's contract a queue has. */
#include "edge/form.h"

#include <stddef.h>

/* Up to where every table reaches; what was appended since may be missing. */
#define LEAST_SIZE offsetof(struct slimta_queue_methods, recipient)

int sli_edge_form_has_recipient(const struct slimta_queue *queue)
{
    const struct slimta_queue_methods *methods = queue->methods;

    return methods->size >= LEAST_SIZE + sizeof methods->recipient &&
        methods->recipient != NULL;
}

uint64_t sli_edge_form_capabilities(struct slimta_queue *queue)
{
    const struct slimta_queue_methods *methods = queue->methods;
    size_t end = offsetof(struct slimta_queue_methods, capabilities) +
        sizeof methods->capabilities;

    return methods->size >= end && methods->capabilities != NULL
        ? methods->capabilities(queue)
        : 0;
}

const char *sli_edge_form_flaw(const struct slimta_queue *queue)
{
    const struct slimta_queue_methods *methods =
        queue == NULL ? NULL : queue->methods;

    if (methods == NULL || methods->size < LEAST_SIZE) {
        return "it is missing, or its methods have no valid size";
    }
    if (methods->begin != NULL &&
        (methods->write == NULL || methods->commit == NULL ||
            methods->abort == NULL)) {
        return "begin needs write, commit and abort beside it";
    }
    if (methods->begin == NULL && methods->enqueue == NULL) {
        return "it has neither enqueue nor begin";
    }
    if (methods->begin == NULL && sli_edge_form_has_recipient(queue)) {
        return "recipient needs begin beside it";
    }
    return NULL;
}
