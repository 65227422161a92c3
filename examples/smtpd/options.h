/** What the command line of slimta-smtpd says. */
#ifndef SMTPD_OPTIONS_H
#define SMTPD_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/edge.h>

#include "log.h"

/** The name that every message of this program begins with. */
#define PROGRAM "slimta-smtpd"

/** Exit codes. */
enum {
    EXIT_FINE = 0,
    EXIT_FAILED = 1, /**< the machine refused: a port in use, a bad file */
    EXIT_USAGE = 2   /**< the command line is at fault */
};

enum { MAX_LISTENERS = 64, MAX_CERTIFICATES = 64 };

enum listen_kind { LISTEN_TCP, LISTEN_UNIX, LISTEN_FD, LISTEN_SYSTEMD };

/** One --listen. */
struct listen_at {
    enum listen_kind kind;
    char host[64];    /**< TCP: "" means all addresses */
    uint16_t port;    /**< TCP */
    const char *path; /**< UNIX: points into the command line */
    int fd;           /**< FD */
};

enum queue_kind { QUEUE_MAILDIR, QUEUE_DISCARD };

struct settings {
    struct smtp_edge_options edge;
    struct listen_at listeners[MAX_LISTENERS];
    size_t listener_count;
    enum queue_kind queue;
    char directory[4096]; /**< maildir */
    enum slimta_newlines newlines;
    const char *certs[MAX_CERTIFICATES];
    size_t cert_count;
    const char *keys[MAX_CERTIFICATES]; /**< one for each certificate */
    size_t key_count;
    const char *users;    /**< NULL: none */
    const char *new_user; /**< --make-user */
    int requires_auth;
    uint64_t drain_ms;
    struct log log;
};

/** What is to be done after the command line was read. */
enum verdict {
    VERDICT_SERVE,     /**< go on with the settings */
    VERDICT_DONE,      /**< --help or --version: was printed */
    VERDICT_MAKE_USER, /**< --make-user: to be done, then an end */
    VERDICT_USAGE      /**< one line on stderr has told what is wrong */
};

/** Reads the command line into `settings`, the defaults first. Strings in there
 * borrow `argv`. */
enum verdict options_read(struct settings *settings, int argc, char **argv);

/** Prints one line to stderr: "slimta-smtpd: " and the text. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
