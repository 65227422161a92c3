/** EHLO, HELO and LHLO. */
#include "smtp/cmd_greeting.h"

#include "base/ascii.h"

/* Any printable name will do: what real clients call themselves is often in no
 * grammar, and is no reason to refuse mail (RFC 5321 section 4.1.4). It is
 * ASCII (RFC 6531 section 3.7.1). */
static enum sli_smtp_reply_id check_greeting(struct slimta_slice name,
    int is_extended, struct sli_smtp_server *server,
    struct sli_smtp_event *event)
{
    if (name.size == 0 || name.size > server->config->max_ehlo_bytes) {
        return SLI_SMTP_REPLY_BAD_GREETING;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == ' ' ||
            !sli_ascii_is(name.data[i], SLI_ASCII_PRINT)) {
            return SLI_SMTP_REPLY_BAD_GREETING;
        }
    }
    server->asks_extended = is_extended;
    event->type = SLI_SMTP_EVENT_EHLO;
    event->greeting.extended = is_extended;
    event->greeting.name = name;
    return SLI_SMTP_REPLY_NONE;
}

/* RFC 2033 section 4.1: LMTP has LHLO, and neither of the others. */
enum sli_smtp_reply_id sli_smtp_cmd_greeting_check_ehlo(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    return server->config->dialect == SLIMTA_DIALECT_LMTP
        ? SLI_SMTP_REPLY_UNKNOWN_COMMAND
        : check_greeting(argument, 1, server, event);
}

enum sli_smtp_reply_id sli_smtp_cmd_greeting_check_helo(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    return server->config->dialect == SLIMTA_DIALECT_LMTP
        ? SLI_SMTP_REPLY_UNKNOWN_COMMAND
        : check_greeting(argument, 0, server, event);
}

enum sli_smtp_reply_id sli_smtp_cmd_greeting_check_lhlo(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    return server->config->dialect == SLIMTA_DIALECT_LMTP
        ? check_greeting(argument, 1, server, event)
        : SLI_SMTP_REPLY_NOT_IMPLEMENTED;
}
