/** What holds for every queue: its end. */
#include <slimta/queue.h>

void slimta_queue_free(struct slimta_queue *queue)
{
    if (queue != NULL && queue->methods->free != NULL) {
        queue->methods->free(queue);
    }
}
