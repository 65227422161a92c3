/** The state of a receiving engine, and every way in which it changes. */
#ifndef SMTP_MACHINE_H
#define SMTP_MACHINE_H

#include "smtp/server.h"

/** The only function that changes the state. */
void sli_smtp_machine_enter(
    struct sli_smtp_server *server, enum sli_smtp_state state);

/** Whether a sender was accepted and its message is not done. */
int sli_smtp_machine_has_transaction(const struct sli_smtp_server *server);

/** The message was accepted: the transaction is done. */
void sli_smtp_machine_deliver(struct sli_smtp_server *server);

/** The transaction, if there is one, is gone and RESET tells so. */
void sli_smtp_machine_reset(struct sli_smtp_server *server);

/** The exchange of AUTH, if there is one, is over, and AUTH_GIVEN_UP tells so
 * with `code`. */
void sli_smtp_machine_give_up_auth(struct sli_smtp_server *server, int code);

/** What is left of a refused chunk is not waited for any more. */
void sli_smtp_machine_drop_skip(struct sli_smtp_server *server);

/** Whether the client now expects, or has begun, a handshake: what is said
 * would stand in the clear. */
int sli_smtp_machine_is_handshaking(const struct sli_smtp_server *server);

/** Resets, forgets all input, and says CLOSE from now on. The first reason
 * stands. */
void sli_smtp_machine_close(
    struct sli_smtp_server *server, enum sli_smtp_close reason);

/** Counts a command; whether it is one too many without a message. */
int sli_smtp_machine_count_command(struct sli_smtp_server *server);

/** Counts a refused command; whether the limit of errors is reached by it. */
int sli_smtp_machine_count_error(struct sli_smtp_server *server);

#endif
