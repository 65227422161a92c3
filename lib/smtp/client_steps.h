/** What each reply means at its step, and every way in which a sending engine's
 * state changes. */
#ifndef SMTP_CLIENT_STEPS_H
#define SMTP_CLIENT_STEPS_H

#include "smtp/client.h"

/** The only function that changes the state. */
void sli_smtp_client_steps_enter(
    struct sli_smtp_client *client, enum sli_smtp_client_state state);

/** A command was sent that is answered at `step`. */
void sli_smtp_client_steps_expect(
    struct sli_smtp_client *client, enum sli_smtp_client_step step);

/** Whether a reply is due. */
int sli_smtp_client_steps_is_due(const struct sli_smtp_client *client);

/** The first step that a reply is due to, or what stands for none. */
enum sli_smtp_client_step sli_smtp_client_steps_due(
    const struct sli_smtp_client *client);

/** Acts on the whole reply in the reader; fills the event, or leaves it NONE
 * when there is nothing to tell. */
void sli_smtp_client_steps_take(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event);

/** Ends the session and says what has become of the message. `id`: what is said
 * of it; NONE: the hop's last reply. The first reason stands. */
void sli_smtp_client_steps_close(struct sli_smtp_client *client,
    enum sli_smtp_client_close reason, enum sli_smtp_reply_id id);

#endif
