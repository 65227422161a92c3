/** Header fields in a run of octets (RFC 5322 section 2.2). */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <slimta/slice.h>

/** Whether it is a field name: one or more octets of 33 to 126 but the colon
 * (RFC 5322 section 3.6.8). */
int sli_mail_header_is_name(struct slimta_slice name);

/** Whether a field may have this value: no control octets but HT, and CRLF
 * where a line that is not blank goes on with white space. */
int sli_mail_header_is_value(struct slimta_slice value);

/**
 * Looks for occurrence number `*index`, 0 first, of the field `name` in a
 * header section, whose lines end with CRLF or LF and which ends at an empty
 * line or with `section`. Returns 1 and lends the value without the white
 * space around it; or returns 0, and `*index` is less by the occurrences that
 * were seen.
 */
int sli_mail_header_find(struct slimta_slice section, struct slimta_slice name,
    size_t *index, struct slimta_slice *value);

#endif
