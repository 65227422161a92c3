/** The inside of a reply. */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include <slimta/reply.h>
#include <slimta/slice.h>

#include "base/buf.h"

/** Room for "5.999.999". */
#define SLI_MAIL_ENHANCED_MAX 12

/** The most text a reply holds, all lines together. */
#define SLI_MAIL_REPLY_TEXT_MAX 4096

struct slimta_reply {
    int code;
    char enhanced[SLI_MAIL_ENHANCED_MAX]; /* "" for none */
    struct sli_buf text; /* printable, lines parted by LF, NUL-terminated */
    const char *fixed;   /* static, stands in for `text`; or NULL */
};

void sli_mail_reply_init(
    struct slimta_reply *reply, const struct slimta_alloc *alloc);

void sli_mail_reply_fini(struct slimta_reply *reply);

/** The text that will be said. Lives until the reply is changed. */
struct slimta_slice sli_mail_reply_text(const struct slimta_reply *reply);

/** Sets code and text, or leaves the reply as it was: SLIMTA_EINVAL,
 * SLIMTA_ENOMEM. Foreign octets are made printable here and nowhere else. */
int sli_mail_reply_set(
    struct slimta_reply *reply, int code, struct slimta_slice text);

/** Sets a static text of one line, which may begin with an enhanced code of the
 * code's class. Needs no memory and cannot fail. */
void sli_mail_reply_set_fixed(
    struct slimta_reply *reply, int code, const char *text);

/** Makes `to` say what `from` says. SLIMTA_ENOMEM: `to` is as it was. */
int sli_mail_reply_copy(
    struct slimta_reply *to, const struct slimta_reply *from);

/** A copy in memory of its own; NULL without memory. */
struct slimta_reply *sli_mail_reply_clone(
    const struct slimta_alloc *alloc, const struct slimta_reply *from);

/** Frees a clone. NULL is accepted. */
void sli_mail_reply_free(
    const struct slimta_alloc *alloc, struct slimta_reply *reply);

/**
 * Reads an enhanced code (RFC 3463 section 2: class 2, 4 or 5, subject and
 * detail of one to three digits without leading zeros) that begins `text` and
 * is followed by a space or the end. Returns its length without the space, 0
 * when there is none.
 */
size_t sli_mail_reply_enhanced_length(struct slimta_slice text);

#endif
