/** The commands of SMTP: where each is legal, and how its line is checked. */
#ifndef SMTP_COMMANDS_H
#define SMTP_COMMANDS_H

#include <stdint.h>

#include "smtp/replies.h"
#include "smtp/server.h"

enum sli_smtp_command_flags {
    SLI_SMTP_COMMAND_NO_ARGUMENT = 1 << 0, /**< it stands alone */
    SLI_SMTP_COMMAND_UTF8 = 1 << 1,        /**< RFC 6531 allows UTF-8 in it */
    SLI_SMTP_COMMAND_GREETING = 1 << 2, /**< its reply has no enhanced code */
    SLI_SMTP_COMMAND_CLEAR = 1 << 3, /**< taken also where TLS is required, and
                                         not there yet */
};

struct sli_smtp_command {
    uint32_t key;     /**< its first four letters */
    const char *verb; /**< all of it, upper case */
    unsigned states;  /**< one bit for each state in which it is legal */
    unsigned flags;
    /**
     * Reads the argument and fills the event that asks about it; the slices of
     * the event stand in the argument. Returns NONE, or what is replied
     * instead of asking.
     */
    enum sli_smtp_reply_id (*check)(struct sli_smtp_server *server,
        struct slimta_slice argument, struct sli_smtp_event *event);
    unsigned extension; /**< without it nobody knows the verb; 0: none */
};

/** Number `index` of the table, NULL past its end. Static. */
const struct sli_smtp_command *sli_smtp_commands_get(size_t index);

/**
 * Checks one line without its CRLF: octets, verb, order, argument. Returns
 * NONE when `event` is a question, else the reply.
 */
enum sli_smtp_reply_id sli_smtp_commands_check(struct sli_smtp_server *server,
    struct slimta_slice line, struct sli_smtp_event *event);

/** The reply to a line above its limit; `is_auth`: one of AUTH. */
enum sli_smtp_reply_id sli_smtp_commands_too_long(
    const struct sli_smtp_server *server, int is_auth);

#endif
