/** The values of the command line's options, from text. */
#ifndef SMTPD_VALUES_H
#define SMTPD_VALUES_H

#include <stdint.h>

#include "options.h"

/* Each returns 1, or 0 when the text is no such value. */

/** Decimal digits alone, from `min` to `max`. */
int value_number(
    const char *text, uint64_t min, uint64_t max, uint64_t *number);

/** A name that can stand in a banner. */
int value_name(const char *text);

/** ADDR:PORT, [ADDR]:PORT, unix:PATH, fd:N, systemd. */
int value_listen(const char *text, struct listen_at *out);

/** ADDR[:PORT] of name servers, parted by commas. */
int value_servers(const char *text);

/** The name of a DNS block list. */
int value_zone(const char *text);

/** RESULT=CODE[:MESSAGE], a rule of SPF. */
int value_spf_rule(const char *text, struct spf_rule *out);

/** v1, v2, auto. */
int value_proxy_version(const char *text, enum slimta_proxy_version *out);

/** maildir:DIR[?newlines=lf|crlf], discard: */
int value_queue(const char *text, struct settings *out);

#endif
