/** Two doors with one policy in a foreign epoll loop, stopped by a thread. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>

#include <slimta/edge.h>

struct doors {
    struct smtp_edge *smtp;
    struct http_edge *http;
};

static void check_recipient(struct slimta_session *session,
    struct slimta_reply *reply, const struct slimta_recipient *recipient,
    struct slimta_op *op, void *user)
{
    (void)recipient, (void)op, (void)user;
    if (slimta_session_client(session)->family == SLIMTA_FAMILY_IPV6) {
        slimta_reply_set(reply, 550, "5.7.1 Not over IPv6");
    }
}

static void *stop_on_signal(void *argument)
{
    struct doors *doors = argument;
    sigset_t signals;
    int number;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigwait(&signals, &number);
    smtp_edge_stop(doors->smtp, 10000, NULL, NULL);
    http_edge_stop(doors->http, 10000, NULL, NULL);
    return NULL;
}

/** The host's loop: it would poll its own descriptors here too. */
static void run(struct slimta_loop *loop, int epoll)
{
    struct epoll_event event = {.events = EPOLLIN};

    epoll_ctl(epoll, EPOLL_CTL_ADD, slimta_loop_fd(loop), &event);
    while (slimta_loop_turn(loop)) {
        epoll_wait(epoll, &event, 1, slimta_loop_timeout_ms(loop));
    }
}

static int open_doors(struct doors *doors, struct slimta_loop *loop,
    struct slimta_queue *queue, struct slimta_error *error)
{
    static const struct slimta_validators policy = {
        .size = sizeof policy,
        .rcpt = check_recipient,
    };
    if (smtp_edge_new(&doors->smtp, NULL, queue, error) == 0 &&
        smtp_edge_add_validators(doors->smtp, &policy, error) == 0 &&
        smtp_edge_listen(doors->smtp, NULL, 2525, error) == 0 &&
        smtp_edge_start(doors->smtp, loop, error) == 0 &&
        http_edge_new(&doors->http, NULL, queue, error) == 0 &&
        http_edge_add_validators(doors->http, &policy, error) == 0 &&
        http_edge_listen(doors->http, NULL, 8025, error) == 0 &&
        http_edge_start(doors->http, loop, error) == 0) {
        return 0;
    }
    return error->code;
}

int serve(struct slimta_queue *queue, int epoll, struct slimta_error *error)
{
    struct doors doors = {NULL, NULL};
    struct slimta_loop *loop = NULL;
    pthread_t stopper;
    int err = slimta_loop_new(&loop, NULL, error);

    if (err == 0) {
        err = open_doors(&doors, loop, queue, error);
    }
    if (err == 0) { /* SIGTERM is blocked in every thread of the host */
        err = pthread_create(&stopper, NULL, stop_on_signal, &doors);
    }
    if (err == 0) {
        run(loop, epoll);
        pthread_join(stopper, NULL); /* before what it stops is freed */
    }
    http_edge_free(doors.http);
    smtp_edge_free(doors.smtp);
    if (loop != NULL) {
        slimta_loop_run(loop); /* what a start that was given up has left */
    }
    slimta_loop_free(loop);
    return err;
}
