/** The state of a receiving engine, and every way in which it changes. */
#include "smtp/machine.h"

void sli_smtp_machine_enter(
    struct sli_smtp_server *server, enum sli_smtp_state state)
{
    server->state = state;
}

int sli_smtp_machine_has_transaction(const struct sli_smtp_server *server)
{
    return server->state == SLI_SMTP_STATE_MAIL ||
        server->state == SLI_SMTP_STATE_RCPT ||
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

void sli_smtp_machine_close(
    struct sli_smtp_server *server, enum sli_smtp_close reason)
{
    if (server->state == SLI_SMTP_STATE_CLOSED) {
        return;
    }
    sli_smtp_machine_reset(server);
    sli_smtp_machine_enter(server, SLI_SMTP_STATE_CLOSED);
    sli_smtp_input_fini(&server->input);
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
