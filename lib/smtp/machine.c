/** The state of a receiving engine, and every way in which it changes. */
#include "smtp/machine.h"

#include "mail/reply.h"

void sli_smtp_machine_enter(
    struct sli_smtp_server *server, enum sli_smtp_state state)
{
    server->state = state;
}

int sli_smtp_machine_has_transaction(const struct sli_smtp_server *server)
{
    return server->state == SLI_SMTP_STATE_MAIL ||
        server->state == SLI_SMTP_STATE_RCPT ||
        server->state == SLI_SMTP_STATE_CHUNKS ||
        server->state == SLI_SMTP_STATE_CONTENT;
}

void sli_smtp_machine_deliver(struct sli_smtp_server *server)
{
    server->transaction = (struct sli_smtp_transaction){0};
    server->idle_commands = 0;
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_READY);
}

void sli_smtp_machine_reset(struct sli_smtp_server *server)
{
    if (sli_smtp_machine_has_transaction(server)) {
        server->owes_reset = 1;
        sli_smtp_machine_enter(server, SLI_SMTP_STATE_READY);
    }
    server->transaction = (struct sli_smtp_transaction){0};
}

/* An exchange is known to the owner from the moment that AUTH is asked. */
void sli_smtp_machine_give_up_auth(struct sli_smtp_server *server, int code)
{
    if (server->state == SLI_SMTP_STATE_AUTH) {
        sli_smtp_machine_enter(server, SLI_SMTP_STATE_READY);
    } else if (server->question != SLI_SMTP_EVENT_AUTH) {
        return;
    }
    server->auth.is_given_up = 1;
    server->auth.given_up_code = code;
}

void sli_smtp_machine_drop_skip(struct sli_smtp_server *server)
{
    sli_mail_reply_free(server->config->alloc, server->skip.reply);
    server->skip = (struct sli_smtp_skip){0};
}

int sli_smtp_machine_is_handshaking(const struct sli_smtp_server *server)
{
    return server->state == SLI_SMTP_STATE_TLS ||
        (server->state == SLI_SMTP_STATE_START && !server->is_secure &&
            server->config->tls == SLI_SMTP_TLS_IMMEDIATE);
}

void sli_smtp_machine_close(
    struct sli_smtp_server *server, enum sli_smtp_close reason)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return;
    }
    sli_smtp_machine_reset(server);
    sli_smtp_machine_give_up_auth(server, 0);
    sli_smtp_machine_drop_skip(server);
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_CLOSED);
    sli_smtp_input_fini(&server->input);
    sli_buf_fini(&server->decoded);
    server->owes_start_tls = 0;
    server->question = SLI_SMTP_EVENT_NONE;
    server->close = reason;
}

int sli_smtp_machine_count_command(struct sli_smtp_server *server)
{
    uint64_t max = server->config->max_idle_commands;

    server->commands++;
    server->idle_commands++;
    return max != 0 && server->idle_commands > max;
}

int sli_smtp_machine_count_error(struct sli_smtp_server *server)
{
    server->errors++;
    return server->errors >= server->config->max_errors;
}
