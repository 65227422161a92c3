/** Tells what happens as lines of JSON, and how often at SIGUSR1. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <slimta/edge.h>

/* On the edge's thread: must not wait for anything. */
static void tell(const struct slimta_event *event, void *user)
{
    char line[2048];

    (void)slimta_event_format(event, SLIMTA_LOG_JSON, line, sizeof line);
    fprintf(user, "%s\n", line);
}

static void print_counters(const struct smtp_edge *edge)
{
    struct slimta_counters counters = {.size = sizeof counters};
    char text[8192];

    smtp_edge_count(edge, &counters);
    (void)slimta_counters_format(&counters, "edge=\"mx\"", text, sizeof text);
    fputs(text, stdout);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    const struct smtp_edge_options options = {
        .size = sizeof options,
        .hostname = "mx.example.org",
        .max_connections = 100,
        .max_message_bytes = 10 << 20,
        .event = tell,
        .event_user = stderr,
    };
    struct slimta_error error = {0};
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;
    sigset_t signals;
    int number = 0;

    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        smtp_edge_new(&edge, &options, queue, &error) == 0 &&
        smtp_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        smtp_edge_start(edge, NULL, &error) == 0) { /* no loop: a thread */
        while (sigwait(&signals, &number) == 0 && number == SIGUSR1) {
            print_counters(edge);
        }
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge); /* stops at once, and waits until it has */
    slimta_queue_free(queue);
    return error.code == 0 ? 0 : 1;
}
