/** The queues that --queue names. */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include <slimta/edge.h>

struct queue_scheme;
struct settings;

/** What a URI of --queue says. */
struct queue_settings {
    const struct queue_scheme *scheme;
    const char *uri;   /**< all of it; as long as the command line */
    char target[4096]; /**< what stands between the scheme and a "?" */
    enum slimta_newlines newlines; /**< maildir */
};

/** Reads a URI. Returns 1, or 0 when it names no queue. */
int queue_read(const char *text, struct queue_settings *out);

/** Makes the queue of the settings, which it borrows: its events go to their
 * log. */
int queue_make(struct slimta_queue **out, struct settings *settings,
    struct slimta_error *error);

#endif
