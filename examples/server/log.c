/** The log of a demo server: one event a line, on stderr. */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/** What the system writes to a pipe in one piece: lines of several threads do
 * not mix. */
enum { LINE_MAX_OCTETS = PIPE_BUF };

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

static const char *const format_names[] = {
    [SLIMTA_LOG_TEXT] = "text",
    [SLIMTA_LOG_JSON] = "json",
};

static const enum log_level levels[SLIMTA_EVENT_TYPES] = {
    [SLIMTA_EVENT_LISTENING] = LOG_DEBUG, /* is printed anyway */
    [SLIMTA_EVENT_STOPPING] = LOG_INFO,
    [SLIMTA_EVENT_STOPPED] = LOG_INFO,
    [SLIMTA_EVENT_CONNECT] = LOG_DEBUG,
    [SLIMTA_EVENT_REVERSE_NAME] = LOG_DEBUG,
    [SLIMTA_EVENT_REFUSED] = LOG_WARNING,
    [SLIMTA_EVENT_PROXY] = LOG_WARNING,
    [SLIMTA_EVENT_EHLO] = LOG_DEBUG,
    [SLIMTA_EVENT_TLS] = LOG_DEBUG,
    [SLIMTA_EVENT_TLS_FAILED] = LOG_INFO,
    [SLIMTA_EVENT_TLS_DISCARDED] = LOG_WARNING,
    [SLIMTA_EVENT_AUTH] = LOG_INFO,
    [SLIMTA_EVENT_AUTH_FAILED] = LOG_INFO,
    [SLIMTA_EVENT_MAIL] = LOG_DEBUG,
    [SLIMTA_EVENT_RCPT] = LOG_DEBUG,
    [SLIMTA_EVENT_REJECT] = LOG_INFO,
    [SLIMTA_EVENT_REQUEST] = LOG_INFO,
    [SLIMTA_EVENT_MESSAGE] = LOG_INFO,
    [SLIMTA_EVENT_ABORTED] = LOG_INFO,
    [SLIMTA_EVENT_LATE_COMMIT] = LOG_WARNING,
    [SLIMTA_EVENT_UNKNOWN_COMMIT] = LOG_WARNING,
    [SLIMTA_EVENT_HOP_FAILED] = LOG_WARNING,
    [SLIMTA_EVENT_DEADLINE] = LOG_WARNING,
    [SLIMTA_EVENT_LIMIT] = LOG_WARNING,
    [SLIMTA_EVENT_DESCRIPTORS] = LOG_ERROR,
    [SLIMTA_EVENT_MEMORY] = LOG_ERROR,
    [SLIMTA_EVENT_CLOSED] = LOG_DEBUG,
};

/* The index of `text` among the names, or -1. */
static int find(const char *text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

int log_level_of(const char *text, enum log_level *level)
{
    int found = find(text, level_names, LOG_DEBUG + 1);

    *level = found < 0 ? LOG_INFO : (enum log_level)found;
    return found >= 0;
}

int log_format_of(const char *text, enum slimta_log_format *format)
{
    int found = find(text, format_names, SLIMTA_LOG_JSON + 1);

    *format = found < 0 ? SLIMTA_LOG_TEXT : (enum slimta_log_format)found;
    return found >= 0;
}

/* What was refused is worth a line where what was accepted is not. */
static enum log_level level_of(const struct slimta_event *event)
{
    const struct slimta_event_field *code = slimta_event_find(event, "code");
    enum log_level level = levels[event->type];

    return level == LOG_DEBUG && code != NULL && code->number >= 400 ? LOG_INFO
                                                                     : level;
}

/* "2026-01-31T12:00:00.123Z "; JSON has the time inside. */
static size_t put_time(int64_t timestamp_ms, char *out, size_t size)
{
    time_t seconds = (time_t)(timestamp_ms / 1000);
    struct tm tm;
    size_t length = gmtime_r(&seconds, &tm) == NULL
        ? 0
        : strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
    int rest = snprintf(
        out + length, size - length, ".%03dZ ", (int)(timestamp_ms % 1000));

    return length + (rest < 0 ? 0 : (size_t)rest);
}

/* All of it at once, unless a signal or a full pipe cuts it. */
static void write_line(const char *line, size_t size)
{
    while (size > 0) {
        ssize_t count = write(STDERR_FILENO, line, size);

        if (count < 0 && errno != EINTR) {
            return;
        }
        if (count > 0) {
            line += count;
            size -= (size_t)count;
        }
    }
}

void log_event(const struct slimta_event *event, void *user)
{
    const struct log *log = user;
    struct slimta_event bare = *event;
    char line[LINE_MAX_OCTETS];
    size_t room = sizeof line - 1; /* for the LF, where the NUL was */
    size_t begin = 0;
    size_t size;

    if (level_of(event) > log->level) {
        return;
    }
    if (log->format == SLIMTA_LOG_TEXT) {
        begin = put_time(event->timestamp_ms, line, room);
    }
    size = slimta_event_format(event, log->format, line + begin, room - begin);
    if (size >= room - begin) {
        /* Half a line of JSON is none. */
        bare.field_count = 0;
        size =
            slimta_event_format(&bare, log->format, line + begin, room - begin);
    }
    line[begin + size] = '\n';
    write_line(line, begin + size + 1);
}
