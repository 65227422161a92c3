/** What the client is told: a code, an enhanced code, and a text. */
#ifndef SLIMTA_REPLY_H
#define SLIMTA_REPLY_H

#include <stddef.h>

#include <slimta/export.h>

/**
 * A reply that is about to be sent. It is always lent by the library, filled
 * with a default; to change it is to answer differently. Not safe for two
 * threads at once.
 *
 * The enhanced code (RFC 2034, RFC 3463) is held apart from the text. Replies
 * of class 2, 4 and 5 without one are sent with X.0.0; banner, EHLO and 3xx
 * replies never carry one.
 */
struct slimta_reply;

SLIMTA_BEGIN_DECLS

/**
 * Sets code and text at once. A text that begins with an enhanced code
 * ("5.7.1 Not you") sets that one too, otherwise the reply has none of its
 * own. The text may hold several lines, parted by LF or CRLF. It is copied;
 * NULL keeps the text. Octets that a reply may not hold (RFC 5321 section
 * 4.2, RFC 6531 section 3.7.4: anything but printable ASCII and HT) become
 * '?', and what does not fit a reply line of 512 octets is cut.
 *
 * It never fails towards acceptance, so that a refusal needs no check. Without
 * memory for the text a reply of class 4 or 5 keeps code and enhanced code and
 * gets a fixed text, and another one stays as it was: SLIMTA_ENOMEM. A code
 * that is not 200..599, or an enhanced code of another class, is a fault of
 * the host: the reply becomes "451 4.3.0 Unhandled system error", and
 * SLIMTA_EINVAL is returned.
 */
SLIMTA_API int slimta_reply_set(
    struct slimta_reply *reply, int code, const char *text);

/** The code, 200..599. */
SLIMTA_API int slimta_reply_code(const struct slimta_reply *reply);

/** The enhanced code, "2.1.0", or "" when it has none. Lives as long as the
 * reply and until it is changed. */
SLIMTA_API const char *slimta_reply_enhanced(const struct slimta_reply *reply);

/** The text without codes, lines parted by LF. Lives as long as the reply and
 * until it is changed. */
SLIMTA_API const char *slimta_reply_text(const struct slimta_reply *reply);

SLIMTA_END_DECLS

#endif
