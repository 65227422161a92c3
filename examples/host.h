/** The rest of a host, for the examples that are about something else: what
 * receive.c does, and a worker, which most hosts have already. */
#ifndef HOST_H
#define HOST_H

#include <slimta/edge.h>

/** Lets `edge` listen on 127.0.0.1 and serve on a thread of its own; says where
 * on stderr. 0 or a code. */
int host_start(
    struct smtp_edge *edge, const char *port, struct slimta_error *error);

/** From now on SIGHUP, SIGINT and SIGTERM do nothing but end host_wait, which
 * returns which came. Before any thread is started. */
void host_hold_signals(void);
int host_wait(void);

/** Receives mail on 127.0.0.1 for as long as the process lives, on a thread of
 * the edge's. The calling thread becomes the worker. The port is argv[1], or
 * 2525. NULL for no options, no validators. Returns 1 when it cannot. */
int host_run(int argc, char **argv, struct slimta_queue *queue,
    const struct smtp_edge_options *options,
    const struct slimta_validators *validators);

/** A job on its way to the worker, which does not free it. */
struct job {
    struct job *next;
    void (*run)(void *user);
    void *user;
};

/** Lets the worker call run(user), after all that was posted before. Any
 * thread; cannot fail, and does not wait. */
void host_post(struct job *job, void (*run)(void *user), void *user);

#endif
