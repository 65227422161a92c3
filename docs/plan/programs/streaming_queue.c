/** A queue that stores each message while it arrives, no faster than it can. */
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

/** The host's worker: runs jobs on its thread, in the order of posting. */
struct worker;
void worker_post(struct worker *worker, void (*run)(void *job), void *job);

/** The host's store. The last three block; after the last two the entry is
 * gone; what was kept has a name, NULL when keeping failed. */
struct entry;
struct entry *entry_new(void);
int entry_append(struct entry *entry, const char *data, size_t size);
const char *entry_keep(struct entry *entry);
void entry_drop(struct entry *entry);

struct store {
    struct slimta_queue queue; /* first: its address is the store's */
    struct worker *worker;
};

struct message {
    struct worker *worker;
    struct entry *entry;
    struct slimta_op *op; /* the open question: there is one at a time */
    char *octets;         /* of a write */
    size_t size;
};

static void run_abort(void *job)
{
    struct message *message = job;

    entry_drop(message->entry);
    free(message);
}

static void run_write(void *job)
{
    struct message *message = job;
    int err = entry_append(message->entry, message->octets, message->size);

    free(message->octets);
    if (err != 0) {
        slimta_op_refused(message->op, NULL, 452, "4.3.1 The store is full");
    }
    slimta_op_finish(message->op); /* now more is read from the client */
}

static void run_commit(void *job)
{
    struct message *message = job;
    const char *name = entry_keep(message->entry);

    if (name != NULL) { /* else 451 */
        slimta_op_queued(message->op, NULL, name);
    }
    slimta_op_finish(message->op);
    free(message);
}

static void post(
    struct message *message, struct slimta_op *op, void (*run)(void *job))
{
    slimta_op_take(op); /* before another thread can see it */
    message->op = op;
    worker_post(message->worker, run, message);
}

static void store_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct message *message = calloc(1, sizeof *message);

    slimta_envelope_unref(envelope); /* a real queue stores its facts too */
    if (message != NULL && (message->entry = entry_new()) != NULL) {
        message->worker = ((struct store *)queue)->worker;
        slimta_op_begun(op, message);
    } else {
        free(message); /* without a yes: 451 */
    }
}

static void store_write(struct slimta_queue *queue, void *user,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct message *message = user;

    (void)queue;
    message->octets = malloc(octets.size);
    if (message->octets == NULL) {
        slimta_op_refused(op, NULL, 452, "4.3.1 Out of memory");
        return;
    }
    memcpy(message->octets, octets.data, octets.size); /* ours until done */
    message->size = octets.size;
    post(message, op, run_write);
}

static void store_commit(
    struct slimta_queue *queue, void *user, struct slimta_op *op)
{
    (void)queue;
    post(user, op, run_commit);
}

static void store_abort(struct slimta_queue *queue, void *user)
{
    struct message *message = user;

    (void)queue; /* a cancelled write may still run: this comes after it */
    worker_post(message->worker, run_abort, message);
}

const struct slimta_queue_methods store_methods = {
    .size = sizeof store_methods,
    .begin = store_begin,
    .write = store_write,
    .commit = store_commit,
    .abort = store_abort,
};
