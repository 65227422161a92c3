/** The rest of a host: an edge on its own thread, and a worker. */
#include "host.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct job *first;
static struct job **last = &first; /* where the next job is hung in */

void host_post(struct job *job, void (*run)(void *user), void *user)
{
    *job = (struct job){.run = run, .user = user};
    pthread_mutex_lock(&lock);
    *last = job;
    last = &job->next;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&lock);
}

static struct job next_job(void)
{
    struct job job;

    pthread_mutex_lock(&lock);
    while (first == NULL) {
        pthread_cond_wait(&filled, &lock);
    }
    job = *first;
    first = job.next;
    if (first == NULL) {
        last = &first;
    }
    pthread_mutex_unlock(&lock);
    return job;
}

static void work(void)
{
    for (;;) {
        struct job job = next_job();

        job.run(job.user); /* may free the job */
    }
}

int host_start(
    struct smtp_edge *edge, const char *port, struct slimta_error *error)
{
    uint16_t number = (uint16_t)strtoul(port, NULL, 10);
    struct slimta_address address;

    if (smtp_edge_listen(edge, "127.0.0.1", number, error) != 0 ||
        smtp_edge_start(edge, NULL, error) != 0 || /* no loop: a thread */
        !smtp_edge_address(edge, 0, &address)) {
        return error->code;
    }
    fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
    return 0;
}

static sigset_t held_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

void host_hold_signals(void)
{
    sigset_t signals = held_signals();

    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

int host_wait(void)
{
    sigset_t signals = held_signals();
    int number = 0;

    return sigwait(&signals, &number) == 0 ? number : 0;
}

int host_run(int argc, char **argv, struct slimta_queue *queue,
    const struct smtp_edge_options *options,
    const struct slimta_validators *validators)
{
    const struct slimta_validators none = {.size = sizeof none};
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;

    if (smtp_edge_new(&edge, options, queue, &error) == 0 &&
        smtp_edge_add_validators(
            edge, validators == NULL ? &none : validators, &error) == 0 &&
        host_start(edge, argc > 1 ? argv[1] : "2525", &error) == 0) {
        work(); /* until the process is ended */
    }
    fprintf(stderr, "cannot receive mail: %s\n", error.text);
    smtp_edge_free(edge);
    return 1;
}
