/** The rest of a host: an edge on its own thread, and a worker. */
#include "host.h"

#include <pthread.h>
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

int host_run(int argc, char **argv, struct slimta_queue *queue,
    const struct slimta_validators *validators)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    const struct slimta_validators none = {.size = sizeof none};
    struct slimta_address address;
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;

    if (smtp_edge_new(&edge, NULL, queue, &error) == 0 &&
        smtp_edge_add_validators(
            edge, validators == NULL ? &none : validators, &error) == 0 &&
        smtp_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        smtp_edge_start(edge, NULL, &error) == 0 && /* no loop: a thread */
        smtp_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
        work(); /* until the process is ended */
    }
    fprintf(stderr, "cannot receive mail: %s\n", error.text);
    smtp_edge_free(edge);
    return 1;
}
