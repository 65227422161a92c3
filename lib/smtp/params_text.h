/** The parameters of MAIL and RCPT as text, each with a space before it. */
#ifndef SMTP_PARAMS_TEXT_H
#define SMTP_PARAMS_TEXT_H

#include <slimta/envelope.h>

#include "base/buf.h"

/** What is put together; the first error stays, and nothing follows it. */
struct sli_smtp_params_text {
    struct sli_buf *out;
    int err;
};

/** Plain text. */
void sli_smtp_params_text_put(
    struct sli_smtp_params_text *text, const char *words);

/* Each puts nothing where nothing was asked for. */

/** RFC 3461: RET and ENVID. */
void sli_smtp_params_text_reports(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params);

/** RFC 2852: BY. */
void sli_smtp_params_text_by(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params);

/** RFC 4865: HOLDUNTIL, whichever way it was asked for. */
void sli_smtp_params_text_hold(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params);

/** RFC 6710: MT-PRIORITY. */
void sli_smtp_params_text_priority(
    struct sli_smtp_params_text *text, const struct slimta_mail_params *params);

/** RFC 3461: NOTIFY and ORCPT. `is_utf8`: an address of type utf-8 is written
 * as it is (RFC 6533 section 3), else in ASCII. */
void sli_smtp_params_text_recipient(struct sli_smtp_params_text *text,
    const struct slimta_recipient *recipient, int is_utf8);

#endif
