/** The fixed replies of the SMTP engines: what they say, and nothing else. */
#ifndef SMTP_REPLIES_H
#define SMTP_REPLIES_H

#include <slimta/reply.h>
#include <slimta/slice.h>

/**
 * Name, code, text. RFC 2034 section 4: a text begins with its enhanced code,
 * but for the answers to EHLO and HELO.
 */
#define SLI_SMTP_REPLY_MAP(X) \
    X(HELP, 214, "2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP") \
    /* RFC 4954 section 6. */ \
    X(AUTHENTICATED, 235, "2.7.0 Authentication successful") \
    /* RFC 5321 section 3.5.3: nothing was verified, so never 250. */ \
    X(CANNOT_VERIFY, 252, "2.5.0 Cannot VRFY user, send some mail") \
    X(SYSTEM_ERROR, 421, "4.3.0 Unhandled system error") \
    /* Where the next command begins cannot be known any more. */ \
    X(LOST_CHUNK, 421, "4.5.2 Closing: the size of a chunk cannot be read") \
    X(TOO_MANY_ERRORS, 421, "4.7.0 Too many errors") \
    X(TOO_MANY_COMMANDS, 421, "4.7.0 Too many commands") \
    /* What the sending engine says for a next hop. */ \
    X(HOP_NO_MEMORY, 451, "4.3.0 Unhandled system error") \
    X(HOP_BROKEN, 451, "4.4.0 Next hop does not keep to the protocol") \
    X(HOP_LOST, 451, "4.4.2 Connection to next hop lost") \
    X(HOP_TIMEOUT, 451, "4.4.2 Next hop timed out") \
    X(HOP_UNKNOWN, 451, "4.4.2 Reply of next hop lost") \
    X(HOP_NO_TLS, 451, "4.7.10 Next hop does not offer TLS") \
    X(HOP_TLS_FAILED, 451, "4.7.5 TLS with next hop failed") \
    X(HOP_NO_MECHANISM, 451, \
        "4.7.4 No way to authenticate that next hop offers") \
    X(HOP_AUTH_FAILED, 451, "4.7.0 Authentication with next hop failed") \
    X(TOO_MANY_RECIPIENTS, 452, "4.5.3 Too many recipients") \
    X(UNKNOWN_COMMAND, 500, "5.5.2 Syntax error, command unrecognized") \
    X(BAD_OCTETS, 500, "5.5.2 Syntax error, invalid octets in command") \
    X(LINE_TOO_LONG, 500, "5.5.2 Syntax error, command line too long") \
    X(AUTH_TOO_LONG, 500, "5.5.6 Authentication exchange line too long") \
    X(BAD_ARGUMENT, 501, "5.5.4 Syntax error in parameters or arguments") \
    X(BAD_BASE64, 501, "5.5.2 Base64 decoding failed") \
    X(AUTH_CANCELLED, 501, "5.7.0 Authentication cancelled by client") \
    X(BAD_GREETING, 501, "Syntax error in parameters or arguments") \
    X(BAD_SENDER, 501, "5.1.7 Syntax error in sender address") \
    X(BAD_RECIPIENT, 501, "5.1.3 Syntax error in recipient address") \
    X(LONG_SENDER, 501, "5.1.7 Sender address too long") \
    X(LONG_RECIPIENT, 501, "5.1.3 Recipient address too long") \
    X(SENDER_NOT_UTF8, 501, "5.1.7 Sender address is not valid UTF-8") \
    X(RECIPIENT_NOT_UTF8, 501, "5.1.3 Recipient address is not valid UTF-8") \
    X(SENDER_TAG, 501, "5.1.7 Unknown address literal in sender") \
    X(RECIPIENT_TAG, 501, "5.1.3 Unknown address literal in recipient") \
    X(NOT_IMPLEMENTED, 502, "5.5.1 Command not implemented") \
    X(BAD_SEQUENCE, 503, "5.5.1 Bad sequence of commands") \
    X(BAD_SEQUENCE_GREETING, 503, "Bad sequence of commands") \
    X(BAD_MECHANISM, 504, "5.5.4 Unrecognized authentication mechanism") \
    /* RFC 3207 section 4. */ \
    X(TLS_REQUIRED, 530, "5.7.0 Must issue a STARTTLS command first") \
    /* RFC 4954 section 6. */ \
    X(AUTH_REQUIRED, 530, "5.7.0 Authentication required") \
    X(AUTH_NEEDS_TLS, 538, \
        "5.7.11 Encryption required for requested authentication mechanism") \
    /* RFC 2852 section 3: permanently, with 55z. */ \
    X(BY_TOO_SOON, 550, "5.4.7 Delivery time is below our minimum") \
    X(BARE_NEWLINE, 550, "5.5.2 Message contains a bare CR or LF") \
    /* RFC 6531 section 3.5. */ \
    X(SENDER_NEEDS_UTF8, 550, "5.6.7 Sender address needs SMTPUTF8") \
    /* RFC 6531 section 3.5: so is a sender or a message that needs it. */ \
    X(HOP_NEEDS_UTF8, 550, "5.6.7 Next hop does not offer SMTPUTF8") \
    /* RFC 8689 section 4.2.1. */ \
    X(HOP_NO_REQUIRETLS, 550, "5.7.30 Next hop does not offer REQUIRETLS") \
    X(MESSAGE_TOO_LARGE, 552, "5.3.4 Message exceeded size limit") \
    /* RFC 1870 section 6. */ \
    X(HOP_TOO_LARGE, 552, "5.3.4 Message too large for next hop") \
    X(RECIPIENT_NEEDS_UTF8, 553, "5.6.7 Recipient address needs SMTPUTF8") \
    X(HOP_NO_RECIPIENTS, 554, "5.5.1 No valid recipients") \
    X(HOP_NO_DELIVERBY, 554, "5.3.3 Next hop does not offer DELIVERBY") \
    X(HOP_NO_FUTURERELEASE, 554, \
        "5.3.3 Next hop does not offer FUTURERELEASE") \
    /* RFC 6152 section 3. */ \
    X(HOP_NEEDS_8BIT, 554, "5.6.3 Next hop does not take 8-bit content") \
    X(TOO_MANY_HOPS, 554, "5.4.6 Too many hops") \
    X(TEXT_LINE_TOO_LONG, 554, "5.6.0 Message has a line that is too long") \
    /* RFC 3207 section 4.1; stands in for the reply of the owner. */ \
    X(NOT_SECURE, 554, "5.7.0 Transport is not secure enough") \
    X(UNKNOWN_PARAMETER, 555, "5.5.4 Parameter not recognized")

enum sli_smtp_reply_id {
    SLI_SMTP_REPLY_NONE, /**< no reply: all is well so far */
#define SLI_SMTP_REPLY_ENUM(name, code, text) SLI_SMTP_REPLY_##name,
    SLI_SMTP_REPLY_MAP(SLI_SMTP_REPLY_ENUM)
#undef SLI_SMTP_REPLY_ENUM
        SLI_SMTP_REPLY_COUNT
};

struct sli_smtp_reply {
    int code;
    const char *text;         /**< with its enhanced code */
    struct slimta_slice wire; /**< the whole line, with CRLF */
};

/** The fixed reply `id`, which is not NONE. Static. */
const struct sli_smtp_reply *sli_smtp_replies_get(enum sli_smtp_reply_id id);

/** Makes `reply` say `250 2.6.0 Message queued as ID`, or without the last two
 * words when `id` is NULL or "". SLIMTA_ENOMEM. */
int sli_smtp_replies_set_queued(struct slimta_reply *reply, const char *id);

#endif
