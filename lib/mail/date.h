/** Dates as text, without the locale and without the clock. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/slice.h>

/** Room for "Sun, 22 Nov 2026 16:21:14 +0000", NUL included. */
#define SLI_MAIL_DATE_MAX 40

/** Writes the date-time of RFC 5322 section 3.3 in UTC; returns its length.
 * `out` has room for SLI_MAIL_DATE_MAX. */
size_t sli_mail_date_format(int64_t timestamp_ms, char *out);

/** Room for "2026-11-22T16:21:14Z", NUL included. */
#define SLI_MAIL_DATE_INTERNET_MAX 40

/** Writes the date-time of RFC 3339 section 5.6 in UTC, without a fraction;
 * returns its length. `out` has room for SLI_MAIL_DATE_INTERNET_MAX. */
size_t sli_mail_date_format_internet(int64_t timestamp_ms, char *out);

/** Reads a date-time of RFC 3339 section 5.6, of the year 1970 or later; a
 * fraction of a second is left out. Returns 1, or 0 when it is none. */
int sli_mail_date_parse_internet(
    struct slimta_slice text, int64_t *timestamp_ms);

#endif
