/** The queues that --queue names. */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include <slimta/edge.h>

enum { QUEUE_TARGET_MAX = 4096 };

struct queue_scheme;
struct settings;

/** What a URI of --queue says. */
struct queue_settings {
    const struct queue_scheme *scheme;
    /** what stands between the scheme and a "?" */
    char target[QUEUE_TARGET_MAX];
    enum slimta_newlines newlines; /**< maildir */
};

/** Reads a URI. Returns 1, or 0 when it names no queue. */
int queue_read(const char *text, struct queue_settings *out);

/** Makes the queue of the settings, which it may borrow while it lives. */
int queue_make(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error);

#endif
