/** Replies of a next hop, put together line by line (RFC 5321 section 4.2). */
#ifndef SMTP_REPLY_READER_H
#define SMTP_REPLY_READER_H

#include <slimta/reply.h>
#include <slimta/slice.h>

#include "base/buf.h"

enum {
    /** A line with its CRLF; RFC 5321 section 4.5.3.1.5 asks for 512. */
    SLI_SMTP_REPLY_LINE_MAX = 2048,
    /** The same of a challenge (RFC 4954 section 4). */
    SLI_SMTP_REPLY_CHALLENGE_MAX = 12288 + 6,
    /** Lines of one reply, and octets of all of them without their CRLFs. */
    SLI_SMTP_REPLY_LINES_MAX = 128,
    SLI_SMTP_REPLY_SIZE_MAX = 32768
};

struct sli_smtp_reply_reader {
    int code; /**< of the reply that has begun or is whole; 0 before */
    unsigned lines;
    size_t size;         /* octets of all its lines */
    int is_whole;        /* the next line begins another one */
    struct sli_buf text; /* of the lines before the last, each with its LF */
    struct slimta_slice last; /**< the text of the line taken last, as it came;
                                   lives as long as that line */
};

enum sli_smtp_reply_result {
    SLI_SMTP_REPLY_MORE,  /**< another line follows */
    SLI_SMTP_REPLY_WHOLE, /**< that was the last one */
    SLI_SMTP_REPLY_BROKEN /**< not a line of a reply, or one too many */
};

void sli_smtp_reply_reader_init(
    struct sli_smtp_reply_reader *reader, const struct slimta_alloc *alloc);

void sli_smtp_reply_reader_fini(struct sli_smtp_reply_reader *reader);

/**
 * Takes a line without its CRLF. Codes are those of RFC 5321, 200 to 599, the
 * same in all lines; the text may be missing, and the space before it too. Text
 * that there is no room or no memory for is left out.
 */
enum sli_smtp_reply_result sli_smtp_reply_reader_take(
    struct sli_smtp_reply_reader *reader, struct slimta_slice line);

/**
 * Fills `reply` with what is whole: the enhanced code of its first line, and
 * the text without those that stand in other lines (RFC 2034 section 4). One of
 * another class than the code's is none. Never fails: without memory the reply
 * has its code and a text of ours.
 */
void sli_smtp_reply_reader_finish(
    struct sli_smtp_reply_reader *reader, struct slimta_reply *reply);

#endif
