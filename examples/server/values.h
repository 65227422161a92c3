/** The values of the command line's options, from text. */
#ifndef SERVER_VALUES_H
#define SERVER_VALUES_H

#include <stdint.h>

/** Decimal digits alone, from `min` to `max`. 1, or 0 when the text is no such
 * number. */
int value_number(
    const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* The `read` of a flag: each puts into `out`, which is of the type that it
 * names, what `text` says, and returns 1, or 0 when it is no such value. */

/** int: 1. There is no text. */
int value_switch(const char *text, void *out);

/** const char *: anything but nothing. */
int value_text(const char *text, void *out);

/** struct texts: one more of them. */
int value_texts(const char *text, void *out);

/** uint64_t: at least 1. */
int value_count(const char *text, void *out);

/** uint64_t: milliseconds, from seconds, at least 1. */
int value_seconds(const char *text, void *out);

/** uint64_t: the same, or 0. */
int value_seconds_or_none(const char *text, void *out);

/** unsigned: 1 to 256. */
int value_threads(const char *text, void *out);

/** const char *: a name that can stand in a banner. */
int value_name(const char *text, void *out);

/** struct listeners: one more: ADDR:PORT, [ADDR]:PORT, unix:PATH, fd:N,
 * systemd. */
int value_listen(const char *text, void *out);

/** struct listeners: this one alone: ADDR:PORT, [ADDR]:PORT, unix:PATH. */
int value_metrics(const char *text, void *out);

/** const char *: ADDR[:PORT] of name servers, parted by commas. */
int value_servers(const char *text, void *out);

/** struct slimta_proxy_options: v1, v2, auto. */
int value_proxy(const char *text, void *out);

/** struct queue_settings: a URI. */
int value_queue(const char *text, void *out);

/** enum log_level */
int value_log_level(const char *text, void *out);

/** enum slimta_log_format */
int value_log_format(const char *text, void *out);

#endif
