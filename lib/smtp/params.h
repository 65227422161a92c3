/** The parameters behind the path of MAIL and RCPT, as typed fields. */
#ifndef SMTP_PARAMS_H
#define SMTP_PARAMS_H

#include <slimta/envelope.h>
#include <slimta/slice.h>

#include "base/buf.h"
#include "smtp/replies.h"

/** RFC 5321 section 4.1.1.1, ehlo-keyword, and section 4.1.2, esmtp-keyword. */
int sli_smtp_params_is_keyword(struct slimta_slice word);

/** What holds for the parameters of one command. */
struct sli_smtp_params_rules {
    /** Or-ed: only parameters of these extensions are known. */
    unsigned offered;
    uint64_t min_by_seconds;   /**< RFC 2852, for what is to be returned */
    uint64_t max_hold_seconds; /**< RFC 4865 */
    int64_t now_ms;            /**< since 1970, for the same */
    int is_utf8;               /**< RCPT: MAIL had SMTPUTF8 */
};

/**
 * Reads what follows the path of MAIL, from its first space on, into `params`,
 * whose fields are zero. Whether a size is too large, who may say AUTH= and
 * whose mail is held, is not asked here. What is decoded replaces what is in
 * `decoded`. Returns the refusal, SYSTEM_ERROR without memory, or NONE.
 */
enum sli_smtp_reply_id sli_smtp_params_mail(struct slimta_slice text,
    const struct sli_smtp_params_rules *rules,
    struct slimta_mail_params *params, struct sli_buf *decoded);

/** The same for RCPT. */
enum sli_smtp_reply_id sli_smtp_params_rcpt(struct slimta_slice text,
    const struct sli_smtp_params_rules *rules, struct slimta_recipient *params,
    struct sli_buf *decoded);

#endif
