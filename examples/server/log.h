/** The log of a demo server: one event a line, on stderr. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <slimta/events.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
    enum log_level level; /**< what is less important is not told */
    enum slimta_log_format format;
};

/** Reads "error", "warning", "info" or "debug". Returns 1 or 0. */
int log_level_of(const char *text, enum log_level *level);

/** Reads "text" or "json". Returns 1 or 0. */
int log_format_of(const char *text, enum slimta_log_format *format);

/** An edge's `event`; `user` is a struct log. Any thread. */
void log_event(const struct slimta_event *event, void *user);

#endif
