/** STARTTLS (RFC 3207). */
#include "smtp/cmd_starttls.h"

#include "smtp/extensions.h"
#include "smtp/machine.h"

/* A transaction does not stand in its way: RFC 3207 section 4.2 has it
 * forgotten. It belongs to EHLO, so it needs one (RFC 5321 section 4.1.4). */
enum sli_smtp_reply_id sli_smtp_cmd_starttls_check(
    struct sli_smtp_server *server, struct slimta_slice argument,
    struct sli_smtp_event *event)
{
    unsigned known = sli_smtp_extensions_known(server);

    if (server->is_secure) {
        return SLI_SMTP_REPLY_BAD_SEQUENCE;
    }
    if ((known & SLI_SMTP_EXTENSION_STARTTLS) == 0) {
        return SLI_SMTP_REPLY_NOT_IMPLEMENTED;
    }
    if (argument.size > 0) {
        return SLI_SMTP_REPLY_BAD_ARGUMENT;
    }
    if (!server->is_extended) {
        return SLI_SMTP_REPLY_BAD_SEQUENCE;
    }
    event->type = SLI_SMTP_EVENT_STARTTLS;
    return SLI_SMTP_REPLY_NONE;
}

/* RFC 3207 section 4.2: what came behind the command in the clear was not said
 * by the client that will be known after the handshake. */
void sli_smtp_cmd_starttls_proceed(struct sli_smtp_server *server)
{
    sli_smtp_machine_reset(server);
    server->discarded = sli_smtp_input_discard(&server->input);
    server->owes_start_tls = 1;
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_TLS);
}
