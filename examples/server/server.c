/** A demo server: from its command line to its exit status. */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "complain.h"
#include "listen.h"
#include "machine.h"
#include "metrics.h"
#include "security.h"
#include "users.h"

/** Exit codes. */
enum {
    EXIT_FINE = 0,
    EXIT_FAILED = 1, /**< the machine refused: a port in use, a bad file */
    EXIT_USAGE = 2   /**< the command line is at fault */
};

/** All that there is while it serves. The edges serve on threads of their own.
 */
struct server {
    const struct program *program;
    struct settings *settings;
    int signals;            /**< readable: a signal came */
    int stopped;            /**< readable: the edge has stopped */
    struct slimta_tls *tls; /**< of the start; NULL: no TLS */
    struct users *users;    /**< NULL: nobody authenticates */
    struct slimta_queue *queue;
    struct door mail;
    struct door metrics; /**< has no edge without --metrics */
};

static int open_events(struct server *server)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return 0;
    }
    server->signals = signalfd(-1, &set, SFD_CLOEXEC);
    server->stopped = eventfd(0, EFD_CLOEXEC);
    return server->signals >= 0 && server->stopped >= 0;
}

/* Reads one signal and returns its number. */
static int next_signal(const struct server *server)
{
    struct signalfd_siginfo info;

    if (read(server->signals, &info, sizeof info) != sizeof info) {
        return 0;
    }
    return (int)info.ssi_signo;
}

static void reload(const struct server *server)
{
    struct slimta_error error = {0};

    security_reload(&server->mail, server->settings);
    if (server->users != NULL && users_reload(server->users, &error) != 0) {
        complain("%s; the old users stay", error.text);
    }
}

/* The first signal lets what runs come to its end, the second does not. */
static void handle_signal(const struct server *server, uint64_t *drain_ms)
{
    int number = next_signal(server);

    if (number == SIGTERM || number == SIGINT) {
        (void)server->mail.methods->stop(
            server->mail.edge, *drain_ms, server->stopped);
        *drain_ms = 0;
    } else if (number == SIGHUP) {
        reload(server);
    }
}

static void serve_until_stopped(const struct server *server)
{
    uint64_t drain_ms = server->settings->drain_ms;
    struct pollfd polled[] = {
        {.fd = server->signals, .events = POLLIN},
        {.fd = server->stopped, .events = POLLIN},
    };

    while (polled[1].revents == 0) {
        if (poll(polled, 2, -1) > 0 && polled[0].revents != 0) {
            handle_signal(server, &drain_ms);
        }
    }
}

/* What is read from files. */
static int read_files(struct server *server, struct slimta_error *error)
{
    int err = security_load(&server->tls, server->settings, error);

    if (err == 0 && server->settings->users != NULL) {
        err = users_new(&server->users, server->settings->users, error);
    }
    return err;
}

static int add_users(const struct server *server, struct slimta_error *error)
{
    const struct door *mail = &server->mail;
    int err = 0;

    if (server->users != NULL) {
        const struct slimta_validators validators =
            users_validators(server->users);

        err = mail->methods->add_validators(mail->edge, &validators, error);
    }
    if (err == 0 && server->settings->requires_auth) {
        err = mail->methods->add_validators(
            mail->edge, slimta_require_auth(), error);
    }
    return err;
}

static int make_edges(struct server *server, struct slimta_error *error)
{
    struct settings *settings = server->settings;
    int err = queue_make(&server->queue, settings, error);

    if (err == 0) {
        /* The edge takes a reference of its own to the certificates. */
        err = server->program->make(
            &server->mail.edge, settings, server->queue, server->tls, error);
    }
    if (err == 0) {
        err = add_users(server, error);
    }
    if (err == 0 && settings->metrics.count > 0) {
        err = metrics_make(
            &server->metrics, &server->mail, settings->hostname, error);
    }
    return err;
}

/* Every listener is bound before any serves. */
static int open_doors(const struct server *server, struct slimta_error *error)
{
    const struct door *doors[] = {&server->mail, &server->metrics};
    const struct listeners *listeners[] = {
        &server->settings->listeners, &server->settings->metrics};
    int count = server->metrics.edge == NULL ? 1 : 2;
    int err = 0;

    for (int i = 0; err == 0 && i < count; i++) {
        err = listen_all(doors[i], listeners[i], error);
    }
    for (int i = 0; err == 0 && i < count; i++) {
        err = doors[i]->methods->start(doors[i]->edge, error);
    }
    for (int i = 0; err == 0 && i < count; i++) {
        listen_tell(doors[i], listeners[i]);
    }
    return err;
}

/* A file that cannot be used is not the command line's fault. */
static int exit_of(int err)
{
    return err == 0            ? EXIT_FINE
        : err == SLIMTA_EINVAL ? EXIT_USAGE
                               : EXIT_FAILED;
}

static int start(struct server *server, struct slimta_error *error)
{
    int err;

    if (read_files(server, error) != 0) {
        return EXIT_FAILED;
    }
    err = make_edges(server, error);
    if (err == 0) {
        err = open_doors(server, error);
    }
    return exit_of(err);
}

/* Counters can be read until the mail's edge is gone. */
static void clean(struct server *server)
{
    door_free(&server->metrics);
    door_free(&server->mail);
    if (server->program->clean != NULL) {
        server->program->clean(server->settings);
    }
    slimta_queue_free(server->queue);
    users_free(server->users);
    slimta_tls_unref(server->tls);
}

static int serve(struct server *server)
{
    struct slimta_error error = {0};
    int status = start(server, &error);

    if (status == EXIT_FINE) {
        serve_until_stopped(server);
    } else {
        complain("%s", error.text);
    }
    clean(server);
    return status;
}

/* --make-user */
static int make_user(const char *name)
{
    struct slimta_error error = {0};
    int err = users_make_line(name, stdin, stdout, &error);

    if (err != 0) {
        complain("%s", error.text);
    }
    return exit_of(err);
}

static int prepare_and_serve(
    const struct program *program, struct settings *settings)
{
    struct server server = {
        .program = program,
        .settings = settings,
        .mail = {.methods = program->methods},
    };
    char name[256];

    if (!open_events(&server)) {
        complain("signals cannot be waited for: %s", strerror(errno));
        return EXIT_FAILED;
    }
    settings->max_connections = machine_connections(settings->max_connections);
    if (settings->hostname == NULL && machine_name(name, sizeof name)) {
        settings->hostname = name;
    }
    return serve(&server);
}

int server_main(const struct program *program, struct settings *settings,
    int argc, char **argv)
{
    complain_as(program->usage.name);
    switch (options_read(settings, &program->usage, argc, argv)) {
    case VERDICT_DONE:
        return fflush(stdout) == 0 ? EXIT_FINE : EXIT_FAILED;
    case VERDICT_USAGE:
        return EXIT_USAGE;
    case VERDICT_MAKE_USER:
        return make_user(settings->new_user);
    case VERDICT_SERVE:
    default:
        return prepare_and_serve(program, settings);
    }
}
