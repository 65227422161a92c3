/** A queue that writes each message to a file while it arrives. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <slimta/edge.h>

/** The host's worker: runs jobs on its thread, in the order of posting. */
struct worker;
void worker_post(struct worker *worker, void (*run)(void *job), void *job);

struct spool {
    struct slimta_queue queue; /* first: its address is the spool's */
    struct worker *worker;
};

struct message {
    struct worker *worker;
    struct slimta_op *op; /* the open question: there is one at a time */
    struct slimta_slice octets;
    int file;
    char name[sizeof "spool/mail-XXXXXX"];
};

static void run_drop(void *job)
{
    struct message *message = job;

    remove(message->name);
    close(message->file);
    free(message);
}

static void run_open(void *job)
{
    struct message *message = job;
    struct slimta_op *op = message->op;

    message->file = mkstemp(message->name);
    if (message->file < 0) { /* no yes: 451 */
        free(message);
        slimta_op_finish(op);
        return;
    }
    slimta_op_begun(op, message);
    if (slimta_op_finish(op) != 0) { /* the loop is gone: no abort comes */
        run_drop(message);
    }
}

static void run_write(void *job)
{
    struct message *message = job;
    ssize_t size = (ssize_t)message->octets.size;

    if (write(message->file, message->octets.data, size) != size) {
        slimta_op_refused(message->op, NULL, 452, "4.3.1 The disk is full");
    }
    slimta_op_finish(message->op); /* now more is read from the client */
}

static void run_commit(void *job)
{
    struct message *message = job;
    struct slimta_op *op = message->op;

    if (fsync(message->file) == 0) {
        slimta_op_queued(op, NULL, message->name);
        close(message->file);
        free(message);
    } else { /* no yes: 451 */
        run_drop(message);
    }
    slimta_op_finish(op);
}

static void spool_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct worker *worker = ((struct spool *)queue)->worker;
    struct message *message = malloc(sizeof *message);

    slimta_envelope_unref(envelope); /* a real queue stores its facts too */
    if (message != NULL) {           /* else not taken and no yes: 451 */
        *message = (struct message){worker, op, {0}, -1, "spool/mail-XXXXXX"};
        slimta_op_take(op);
        worker_post(worker, run_open, message);
    }
}

static void spool_write(struct slimta_queue *queue, void *user,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct message *message = user;

    (void)queue;
    slimta_op_take(op);
    message->op = op;
    message->octets = octets; /* stay until the op is finished */
    worker_post(message->worker, run_write, message);
}

static void spool_commit(
    struct slimta_queue *queue, void *user, struct slimta_op *op)
{
    struct message *message = user;

    (void)queue;
    slimta_op_take(op);
    message->op = op;
    worker_post(message->worker, run_commit, message);
}

static void spool_abort(struct slimta_queue *queue, void *user)
{
    struct message *message = user;

    (void)queue; /* a cancelled write may still run: this comes after it */
    worker_post(message->worker, run_drop, message);
}

const struct slimta_queue_methods spool_methods = {
    .size = sizeof spool_methods,
    .begin = spool_begin,
    .write = spool_write,
    .commit = spool_commit,
    .abort = spool_abort,
};
