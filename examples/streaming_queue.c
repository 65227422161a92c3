/** A queue that stores each message in a file while it arrives, and lets the
 * client send no faster than the disk takes it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slimta/edge.h>

#include "host.h"

struct message {
    struct job job;       /* of the open question: */
    struct slimta_op *op; /* there is one at a time */
    struct job abort;     /* may be posted while a write is open */
    int fd;
    char path[16];
    size_t size; /* of the write */
    char octets[SLIMTA_WRITE_MAX];
};

static int directory; /* which holds the files */

/* What the worker runs may block. Each question is finished exactly once. */
static void run_abort(void *user)
{
    struct message *message = user;

    close(message->fd);
    unlink(message->path);
    free(message);
}

static void run_begin(void *user)
{
    struct message *message = user;

    message->fd = mkstemp(message->path);
    if (message->fd < 0) {
        slimta_op_finish(message->op); /* without a yes: 451 */
        free(message);
        return;
    }
    slimta_op_begun(message->op, message);
    if (slimta_op_finish(message->op) != 0) {
        run_abort(message); /* the edge is gone and will not ask for it */
    }
}

static void run_write(void *user)
{
    struct message *message = user;

    if (write(message->fd, message->octets, message->size) !=
        (ssize_t)message->size) {
        slimta_op_refused(message->op, NULL, 452, "4.3.1 The disk is full");
    }
    slimta_op_finish(message->op); /* now more is read from the client */
}

static void run_commit(void *user)
{
    struct message *message = user;
    char name[sizeof message->path + 1];

    (void)snprintf(name, sizeof name, "mail%s", strchr(message->path, '-'));
    if (fsync(message->fd) == 0 && rename(message->path, name) == 0 &&
        fsync(directory) == 0) {
        slimta_op_queued(message->op, NULL, name);
    } else {
        unlink(message->path); /* without a yes: 451 */
    }
    slimta_op_finish(message->op);
    close(message->fd);
    free(message);
}

static void post(
    struct message *message, struct slimta_op *op, void (*run)(void *user))
{
    slimta_op_take(op); /* before another thread can see it */
    message->op = op;
    host_post(&message->job, run, message);
}

/* What the library calls runs on the loop and returns at once. */
static void queue_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct message *message = calloc(1, sizeof *message);

    (void)queue;
    slimta_envelope_unref(envelope); /* a real queue stores its facts too */
    if (message != NULL) {           /* else 451 */
        memcpy(message->path, "tmp-XXXXXX", sizeof "tmp-XXXXXX");
        post(message, op, run_begin);
    }
}

static void queue_write(struct slimta_queue *queue, void *user,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct message *message = user;

    (void)queue;
    memcpy(message->octets, octets.data, octets.size); /* borrowed till now */
    message->size = octets.size;
    post(message, op, run_write);
}

static void queue_commit(
    struct slimta_queue *queue, void *user, struct slimta_op *op)
{
    (void)queue;
    post(user, op, run_commit);
}

static void queue_abort(struct slimta_queue *queue, void *user)
{
    struct message *message = user;

    (void)queue; /* a cancelled write may still run: this comes after it */
    host_post(&message->abort, run_abort, message);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .begin = queue_begin,
    .write = queue_write,
    .commit = queue_commit,
    .abort = queue_abort,
};

int main(int argc, char **argv)
{
    struct slimta_queue queue = {.methods = &methods};

    directory = open(".", O_RDONLY | O_CLOEXEC);
    return host_run(argc, argv, &queue, NULL);
}
