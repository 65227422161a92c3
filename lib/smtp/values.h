/** The values of the parameters of MAIL and RCPT: their grammar, nothing else.
 */
#ifndef SMTP_VALUES_H
#define SMTP_VALUES_H

#include <slimta/envelope.h>
#include <slimta/slice.h>

/* Each returns 1, or 0 when the value is not a right one. What is decoded goes
 * to `out`, which has room for as much as the value, with its length in `size`:
 * text that holds nothing which could end a line or a string. */

/** RFC 3461 section 4.3: "FULL" or "HDRS". */
int sli_smtp_values_ret(struct slimta_slice value, enum slimta_ret *ret);

/** RFC 3461 section 4.1: "NEVER", or a list of the others. */
int sli_smtp_values_notify(struct slimta_slice value, unsigned *notify);

/** RFC 3461 section 4.4: xtext for printable ASCII, at most 100 octets. */
int sli_smtp_values_envid(struct slimta_slice value, char *out, size_t *size);

/** RFC 3461 section 4.2 and RFC 6533 section 3: an address type, ";" and the
 * address. Both are written to `out`, first the type. `is_utf8`: the message
 * has SMTPUTF8, so that an address of type utf-8 may be written as it is, and
 * UTF-8 may stand in the xtext of any other. */
int sli_smtp_values_orcpt(struct slimta_slice value, int is_utf8, char *out,
    size_t *type_size, size_t *size);

/** RFC 2852 section 4. */
int sli_smtp_values_by(
    struct slimta_slice value, struct slimta_mail_params *params);

/** RFC 6710 section 4.1: -9 to 9. */
int sli_smtp_values_priority(struct slimta_slice value, int *priority);

/** RFC 4865 section 4: seconds, one at least. */
int sli_smtp_values_hold_for(struct slimta_slice value, int64_t *seconds);

#endif
