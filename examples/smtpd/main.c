/** slimta-smtpd: an SMTP server over the public headers of slimta-edge. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "listen.h"
#include "machine.h"
#include "options.h"
#include "security.h"
#include "users.h"

/** What main waits for. The edge serves on threads of its own. */
struct events {
    int signals; /**< readable: a signal came */
    int stopped; /**< readable: the edge has stopped */
};

/** What is read from files, and again at SIGHUP. */
struct files {
    const struct settings *settings; /**< the certificates' names */
    struct slimta_tls *tls;          /**< of the start; NULL: no TLS */
    struct users *users;             /**< NULL: nobody authenticates */
};

static int events_open(struct events *events)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return 0;
    }
    events->signals = signalfd(-1, &set, SFD_CLOEXEC);
    events->stopped = eventfd(0, EFD_CLOEXEC);
    return events->signals >= 0 && events->stopped >= 0;
}

/* On a thread of the edge's. */
static void on_stopped(struct smtp_edge *edge, void *user)
{
    const struct events *events = user;
    uint64_t one = 1;

    (void)edge;
    while (write(events->stopped, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* Reads one signal and returns its number. */
static int next_signal(const struct events *events)
{
    struct signalfd_siginfo info;

    if (read(events->signals, &info, sizeof info) != sizeof info) {
        return 0;
    }
    return (int)info.ssi_signo;
}

static int files_read(struct files *files, struct slimta_error *error)
{
    int err = security_load(&files->tls, files->settings, error);

    if (err == 0 && files->settings->users != NULL) {
        err = users_new(&files->users, files->settings->users, error);
    }
    return err;
}

static void reload(struct smtp_edge *edge, const struct files *files)
{
    struct slimta_error error = {0};

    security_reload(edge, files->settings);
    if (files->users != NULL && users_reload(files->users, &error) != 0) {
        complain("%s; the old users stay", error.text);
    }
}

/* The first signal lets what runs come to its end, the second does not. */
static void handle_signal(struct smtp_edge *edge, struct events *events,
    const struct files *files, uint64_t *drain_ms)
{
    int number = next_signal(events);

    if (number == SIGTERM || number == SIGINT) {
        (void)smtp_edge_stop(edge, *drain_ms, on_stopped, events);
        *drain_ms = 0;
    } else if (number == SIGHUP) {
        reload(edge, files);
    }
}

static void serve_until_stopped(
    struct smtp_edge *edge, struct events *events, const struct files *files)
{
    uint64_t drain_ms = files->settings->drain_ms;
    struct pollfd polled[] = {
        {.fd = events->signals, .events = POLLIN},
        {.fd = events->stopped, .events = POLLIN},
    };

    while (polled[1].revents == 0) {
        if (poll(polled, 2, -1) > 0 && polled[0].revents != 0) {
            handle_signal(edge, events, files, &drain_ms);
        }
    }
}

static int make_queue(struct slimta_queue **out,
    const struct settings *settings, struct slimta_error *error)
{
    const struct slimta_maildir_options maildir = {
        .size = sizeof maildir,
        .directory = settings->directory,
        .newlines = settings->newlines,
    };

    if (settings->queue == QUEUE_DISCARD) {
        return slimta_discard_queue_new(out, NULL, error);
    }
    return slimta_maildir_queue_new(out, &maildir, error);
}

static int add_policy(struct smtp_edge *edge, const struct files *files,
    struct slimta_error *error)
{
    int err = 0;

    if (files->users != NULL) {
        const struct slimta_validators validators =
            users_validators(files->users);

        err = smtp_edge_add_validators(edge, &validators, error);
    }
    if (err == 0 && files->settings->requires_auth) {
        err = smtp_edge_add_validators(edge, slimta_require_auth(), error);
    }
    return err;
}

static int start(struct smtp_edge **out, struct slimta_queue *queue,
    const struct files *files, struct slimta_error *error)
{
    const struct settings *settings = files->settings;
    struct smtp_edge_options options = settings->edge;
    int err;

    options.tls = files->tls; /* the edge takes a reference of its own */
    err = smtp_edge_new(out, &options, queue, error);
    if (err == 0) {
        err = add_policy(*out, files, error);
    }
    if (err == 0) {
        err = listen_all(*out, settings, error);
    }
    if (err == 0) {
        err = smtp_edge_start(*out, NULL, error);
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

static int serve(const struct settings *settings, struct events *events)
{
    struct slimta_queue *queue = NULL;
    struct smtp_edge *edge = NULL;
    struct files files = {.settings = settings};
    struct slimta_error error = {0};
    int status = EXIT_FAILED;

    if (files_read(&files, &error) == 0) {
        int err = make_queue(&queue, settings, &error);

        if (err == 0) {
            err = start(&edge, queue, &files, &error);
        }
        status = exit_of(err);
    }
    if (status == EXIT_FINE) {
        listen_tell(edge, settings);
        serve_until_stopped(edge, events, &files);
    } else {
        complain("%s", error.text);
    }
    smtp_edge_free(edge);
    slimta_queue_free(queue);
    users_free(files.users);
    slimta_tls_unref(files.tls);
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

int main(int argc, char **argv)
{
    static struct settings settings;
    struct events events = {.signals = -1, .stopped = -1};
    char name[256];

    switch (options_read(&settings, argc, argv)) {
    case VERDICT_DONE:
        return fflush(stdout) == 0 ? EXIT_FINE : EXIT_FAILED;
    case VERDICT_USAGE:
        return EXIT_USAGE;
    case VERDICT_MAKE_USER:
        return make_user(settings.new_user);
    case VERDICT_SERVE:
        break;
    }
    if (!events_open(&events)) {
        complain("signals cannot be waited for: %s", strerror(errno));
        return EXIT_FAILED;
    }
    settings.edge.max_connections =
        machine_connections(settings.edge.max_connections);
    if (settings.edge.hostname == NULL && machine_name(name, sizeof name)) {
        settings.edge.hostname = name;
    }
    return serve(&settings, &events);
}
