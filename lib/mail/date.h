/** Dates as text, without the locale and without the clock. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stddef.h>
#include <stdint.h>

/** Room for "Sun, 22 Nov 2026 16:21:14 +0000", NUL included. */
#define SLI_MAIL_DATE_MAX 40

/** Writes the date-time of RFC 5322 section 3.3 in UTC; returns its length.
 * `out` has room for SLI_MAIL_DATE_MAX. */
size_t sli_mail_date_format(int64_t timestamp_ms, char *out);

#endif
