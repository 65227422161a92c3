/** Messages that are stored together and share their syncs. */
#ifndef QUEUE_MAILDIR_BATCH_H
#define QUEUE_MAILDIR_BATCH_H

#include <slimta/queue.h>

#include "base/list.h"
#include "queue/maildir/file.h"
#include "queue/maildir/name.h"

/** The most messages of one batch; each holds a descriptor meanwhile. */
#define SLI_QUEUE_MAILDIR_BATCH_MAX 64

/** One message on its way to the disk. */
struct sli_queue_maildir_item {
    struct sli_list link;
    struct slimta_envelope *envelope;
    struct slimta_op *op; /* NULL: nobody can cancel it */
    int fd;               /* open while it is written, else -1 */
    int err;              /* why it is not stored; 0: it is */
    char name[SLI_QUEUE_MAILDIR_NAME_MAX];
};

struct sli_queue_maildir_batch {
    struct sli_queue_maildir_item *items[SLI_QUEUE_MAILDIR_BATCH_MAX];
    size_t count;
};

/** What all batches of a queue have in common. */
struct sli_queue_maildir_store {
    const struct slimta_alloc *alloc;
    int root; /* the maildir */
    enum slimta_newlines newlines;
    struct sli_queue_maildir_names names;
};

/**
 * Stores every item of the batch and writes into each why it was not: a
 * negative code, SLIMTA_ECANCELED for one that nobody waits for. After return
 * an item with `err` 0 stands in `new`, on the disk with its directory entry;
 * of any other nothing is left. Blocks; several threads may each store a batch
 * at once.
 */
void sli_queue_maildir_batch_store(struct sli_queue_maildir_store *store,
    struct sli_queue_maildir_batch *batch);

#endif
