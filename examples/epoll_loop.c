/** An edge in an epoll loop of the host's, which SIGTERM stops. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <slimta/edge.h>

static int watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* The host's loop: it would handle its own descriptors here too. */
static void run(struct slimta_loop *loop, struct smtp_edge *edge)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int signals = open_signals();
    struct signalfd_siginfo signal;
    struct epoll_event event;

    (void)watch(epoll, signals);
    (void)watch(epoll, slimta_loop_fd(loop));
    while (slimta_loop_turn(loop) == 1) { /* 0 when the edge has stopped */
        int wait_ms = slimta_loop_timeout_ms(loop);

        if (epoll_wait(epoll, &event, 1, wait_ms) == 1 &&
            event.data.fd == signals &&
            read(signals, &signal, sizeof signal) == sizeof signal) {
            smtp_edge_stop(edge, 10000, NULL, NULL); /* at most 10 s more */
        }
    }
    close(signals);
    close(epoll);
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 2525;
    struct slimta_address address;
    struct slimta_error error = {0};
    struct slimta_loop *loop = NULL;
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;

    if (slimta_loop_new(&loop, NULL, &error) == 0 &&
        slimta_discard_queue_new(&queue, NULL, &error) == 0 &&
        smtp_edge_new(&edge, NULL, queue, &error) == 0 &&
        smtp_edge_listen(edge, "127.0.0.1", port, &error) == 0 &&
        smtp_edge_start(edge, loop, &error) == 0 &&
        smtp_edge_address(edge, 0, &address)) {
        fprintf(stderr, "listening on 127.0.0.1:%u\n", address.port);
        run(loop, edge);
    } else {
        fprintf(stderr, "cannot receive mail: %s\n", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    slimta_loop_free(loop);
    return error.code == 0 ? 0 : 1;
}
