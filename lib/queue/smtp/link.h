/** One connection to a next hop over SMTP or LMTP: greeting, TLS, AUTH, then
 * one message after the other. */
#ifndef QUEUE_SMTP_LINK_H
#define QUEUE_SMTP_LINK_H

#include "queue/smtp/queue.h"

struct sli_queue_smtp_auth;
struct sli_queue_smtp_message;

struct sli_queue_smtp_link {
    struct sli_queue_link link; /* first */
    struct sli_queue_smtp *queue;
    struct sli_smtp_client engine;
    struct sli_buf output;
    struct sli_queue_smtp_auth *auth;       /* an exchange, or NULL */
    struct sli_queue_smtp_message *message; /* that has it, or NULL */
    const char *reason;       /* why TLS has failed; lives as `link.conn` */
    unsigned char is_private; /* TLS, with a certificate verified for the hop's
                                 name */
    unsigned char is_known;   /* AUTH is done */
    unsigned char is_open;    /* it was ready once */
    unsigned char is_idle;    /* the pool has it */
    unsigned char is_over;    /* failed or closed: nothing may follow */
    unsigned char is_pumping;
    unsigned char has_moved; /* something was said or heard since the timer was
                                set */
};

/** How such links behave. */
extern const struct sli_queue_link_kind sli_queue_smtp_link_kind;

static inline struct sli_queue_smtp_link *sli_queue_smtp_link_of(
    struct sli_queue_link *link)
{
    return (struct sli_queue_smtp_link *)link;
}

/** Commands were given to the engine: sends them, tells the message what comes
 * of it, sets the timer, and gives the link back when nobody has it any more
 * (last thing to do; inside an event: done behind that). */
void sli_queue_smtp_link_act(struct sli_queue_smtp_link *link);

/** Sends octets behind what stands in the output; sli_queue_smtp_link_act
 * follows. */
void sli_queue_smtp_link_send(
    struct sli_queue_smtp_link *link, struct slimta_slice octets);

/** Whether all that was sent has left. */
int sli_queue_smtp_link_is_drained(const struct sli_queue_smtp_link *link);

/** The engine is in a state that it cannot leave, or there is no memory: ends
 * it for `id`; sli_queue_smtp_link_act follows. */
void sli_queue_smtp_link_give_up(
    struct sli_queue_smtp_link *link, enum sli_smtp_reply_id id);

/** The message has the link no more, which takes its transaction back where
 * there is one (in the midst of a content it has to close). */
void sli_queue_smtp_link_leave(struct sli_queue_smtp_link *link);

/* For smtp_auth.c */

/** It was not ready yet and never will be, for a reason of ours. */
void sli_queue_smtp_link_fail(struct sli_queue_smtp_link *link,
    enum sli_smtp_reply_id id, const char *reason);

#endif
