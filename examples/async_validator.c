/** Asks a slow directory about each recipient, on another thread. */
#include <stdlib.h>
#include <string.h>

#include <slimta/edge.h>

#include "host.h"

/** A recipient that waits for the worker, with what answers it. */
struct question {
    struct job job;
    struct slimta_op *op;
    char address[]; /* the session's own must not be kept */
};

/* The host's directory, which may take its time. */
static int is_known(const char *address)
{
    return strcmp(address, "friend@example.org") == 0;
}

/* On the worker's thread. The client may have left meanwhile: then the work
 * can be saved, but the op must be finished all the same. */
static void look_up(void *user)
{
    struct question *question = user;

    if (!slimta_op_is_cancelled(question->op) && !is_known(question->address)) {
        slimta_reply_set(
            slimta_op_reply(question->op), 550, "5.1.1 No such user here");
    }
    slimta_op_finish(question->op);
    free(question);
}

/* On the loop: hands the question over and returns at once. */
static void check_recipient(struct slimta_session *session,
    struct slimta_reply *reply, const struct slimta_recipient *recipient,
    struct slimta_op *op, void *user)
{
    size_t size = strlen(recipient->address) + 1;
    struct question *question = malloc(sizeof *question + size);

    (void)session, (void)user;
    if (question == NULL) {
        slimta_reply_set(reply, 451, "4.3.0 Try again later");
        return;
    }
    slimta_op_take(op); /* before another thread can see it */
    question->op = op;
    memcpy(question->address, recipient->address, size);
    host_post(&question->job, look_up, question);
}

int main(int argc, char **argv)
{
    static const struct slimta_validators policy = {
        .size = sizeof policy,
        .rcpt = check_recipient,
    };
    struct slimta_queue *queue = NULL;

    return slimta_discard_queue_new(&queue, NULL, NULL) == 0
        ? host_run(argc, argv, queue, NULL, &policy)
        : 1;
}
