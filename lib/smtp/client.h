/**
 * The sending SMTP and LMTP engine: octets in, events and octets out.
 *
 * It does no I/O and knows no time. Its owner calls a command when one may be
 * sent, sends what stands in the output buffer, feeds what it has read, and
 * pulls events until there is none. What comes of a session does not depend on
 * how the input was cut.
 *
 * A session: GREETED comes by itself; then perhaps starttls (and GREETED
 * again), perhaps auth, then for each message mail, rcpt for each recipient,
 * data, content, end_content; END tells what came of it. As many of mail, rcpt
 * and data as may_send allows go out at once; the events tell the replies in
 * the order of the commands.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <slimta/reply.h>
#include <slimta/slice.h>

#include "base/buf.h"
#include "mail/reply.h"
#include "smtp/capabilities.h"
#include "smtp/data_writer.h"
#include "smtp/input.h"
#include "smtp/replies.h"
#include "smtp/reply_reader.h"

/** How all engines of one queue behave. Borrowed by each of them. */
struct sli_smtp_client_config {
    const struct slimta_alloc *alloc;
    const char *ehlo_name; /**< a domain or an address literal */
    int is_lmtp;           /**< RFC 2033 */
};

enum sli_smtp_client_event_type {
    SLI_SMTP_CLIENT_NONE,      /**< nothing more in what was fed */
    SLI_SMTP_CLIENT_GREETED,   /**< the hop has accepted our greeting: its
                                    capabilities are there */
    SLI_SMTP_CLIENT_STARTTLS,  /**< accepted: do the handshake, then call
                                    secured, or give up */
    SLI_SMTP_CLIENT_CHALLENGE, /**< `challenge`: auth_answer or auth_cancel */
    SLI_SMTP_CLIENT_AUTH,      /**< the exchange is over. Accepted: only if the
                                    mechanism agrees, see sasl/initiate.h */
    SLI_SMTP_CLIENT_MAIL,
    SLI_SMTP_CLIENT_RCPT, /**< recipient number `index` */
    SLI_SMTP_CLIENT_DATA, /**< accepted: content is waited for */
    SLI_SMTP_CLIENT_END,  /**< the message was taken, or not. LMTP: for number
                               `index` of the accepted recipients, one event for
                               each of them, in their order */
    SLI_SMTP_CLIENT_RSET, /**< another message may begin */
    SLI_SMTP_CLIENT_CLOSE /**< close the connection: `close`. Comes again at
                               each further call */
};

enum sli_smtp_client_close {
    SLI_SMTP_CLIENT_CLOSE_QUIT,     /**< QUIT was answered */
    SLI_SMTP_CLIENT_CLOSE_REFUSED,  /**< no banner, no greeting, or a refusal
                                         amidst the content: the hop's reply */
    SLI_SMTP_CLIENT_CLOSE_GOODBYE,  /**< 421 came: the hop's reply */
    SLI_SMTP_CLIENT_CLOSE_LOST,     /**< sli_smtp_client_lost */
    SLI_SMTP_CLIENT_CLOSE_GIVEN_UP, /**< sli_smtp_client_give_up */
    SLI_SMTP_CLIENT_CLOSE_BROKEN,   /**< what came is no reply, or one to
                                         nothing that was asked */
    SLI_SMTP_CLIENT_CLOSE_INJECTED, /**< octets in the clear came behind the
                                         220 of STARTTLS (RFC 3207 section 6) */
    SLI_SMTP_CLIENT_CLOSE_UNFIT,    /**< the content is 8-bit, the hop not */
    SLI_SMTP_CLIENT_CLOSE_MEMORY    /**< no memory to go on */
};

/** What has become of the message under way when the session ends. */
enum sli_smtp_client_outcome {
    SLI_SMTP_CLIENT_OUTCOME_NONE,      /**< there was none, or all is told */
    SLI_SMTP_CLIENT_OUTCOME_NOT_TAKEN, /**< for certain */
    SLI_SMTP_CLIENT_OUTCOME_UNKNOWN    /**< the end of the content was sent, and
                                            no reply came that says */
};

/** What next() tells. A 421 of the hop's stands in `reply` as 451: said on as
 * it came it would end another session. Everything lives until the next call of
 * any function. */
struct sli_smtp_client_event {
    enum sli_smtp_client_event_type type;
    int is_accepted; /**< of all from STARTTLS to END but
                          CHALLENGE */
    const struct slimta_reply
        *reply; /**< what the hop has said, CHALLENGE: NULL;
                     with CLOSE what can be said for it,
                     of class 4 or 5, but for QUIT: NULL */
    size_t index;
    struct slimta_slice challenge; /**< decoded */
    struct {
        enum sli_smtp_client_close reason;
        enum sli_smtp_client_outcome outcome;
        size_t unknown; /**< how many of the last accepted recipients have no
                             reply */
    } close;
};

/** The machine's states. */
enum sli_smtp_client_state {
    SLI_SMTP_CLIENT_STATE_START, /**< before the greeting is accepted */
    SLI_SMTP_CLIENT_STATE_READY, /**< no transaction */
    SLI_SMTP_CLIENT_STATE_TLS,   /**< 220 to STARTTLS came */
    SLI_SMTP_CLIENT_STATE_AUTH,  /**< in an exchange */
    SLI_SMTP_CLIENT_STATE_MAIL,  /**< a transaction, up to the reply to DATA */
    SLI_SMTP_CLIENT_STATE_CONTENT, /**< after 354, up to the end mark */
    SLI_SMTP_CLIENT_STATE_END,     /**< after it */
    SLI_SMTP_CLIENT_STATE_LEAVING, /**< QUIT was sent */
    SLI_SMTP_CLIENT_STATE_CLOSED
};

/** What a reply answers: those that may be due at the same time stand in the
 * order in which they come. */
enum sli_smtp_client_step {
    SLI_SMTP_CLIENT_STEP_BANNER,
    SLI_SMTP_CLIENT_STEP_EHLO, /**< LHLO, too */
    SLI_SMTP_CLIENT_STEP_HELO,
    SLI_SMTP_CLIENT_STEP_STARTTLS,
    SLI_SMTP_CLIENT_STEP_AUTH, /**< a line of an exchange */
    SLI_SMTP_CLIENT_STEP_AUTH_CANCEL,
    SLI_SMTP_CLIENT_STEP_MAIL,
    SLI_SMTP_CLIENT_STEP_RCPT,
    SLI_SMTP_CLIENT_STEP_DATA,
    SLI_SMTP_CLIENT_STEP_EMPTY, /**< the end of a content for nobody */
    SLI_SMTP_CLIENT_STEP_END,
    SLI_SMTP_CLIENT_STEP_RSET,
    SLI_SMTP_CLIENT_STEP_QUIT,
    /* Nothing is due: */
    SLI_SMTP_CLIENT_STEP_CONTENT, /**< in the midst of the content */
    SLI_SMTP_CLIENT_STEP_IDLE,
    SLI_SMTP_CLIENT_STEPS
};

/** What is known of the message on its way. */
struct sli_smtp_client_transaction {
    int is_accepted; /* by the reply to MAIL */
    int is_refused;
    int has_utf8;    /* MAIL has said SMTPUTF8 */
    size_t answered; /* recipients that have a reply */
    size_t accepted; /* those that were accepted */
    size_t ended;    /* replies to the end of the content */
    struct sli_smtp_data_writer writer;
};

/** One session's engine, held by value; no memory of its own while the session
 * is idle. */
struct sli_smtp_client {
    /* Its fields are its own. */
    const struct sli_smtp_client_config *config;
    struct sli_buf *output;
    enum sli_smtp_client_state state;
    size_t due[SLI_SMTP_CLIENT_STEPS]; /* replies to each */
    struct sli_smtp_input input;
    struct sli_smtp_reply_reader reader;
    struct slimta_reply reply; /* the last one */
    struct sli_smtp_capabilities capabilities;
    int is_extended;        /* the greeting was EHLO or LHLO */
    int is_secure;          /* TLS is on */
    int is_authenticated;   /* the hop says so */
    int owes_rset;          /* it is sent once nothing is due */
    int is_leaving;         /* 421 came while other replies were due */
    struct sli_buf initial; /* the response of AUTH that its line has no room
                               for; a secret */
    struct sli_buf challenge;
    int has_ended; /* no more input will come */
    size_t unsent; /* octets of the output that never left */
    enum sli_smtp_client_close close;
    enum sli_smtp_reply_id close_reply; /* or NONE: the hop's last one */
    enum sli_smtp_client_outcome outcome;
    size_t unknown;
    struct sli_smtp_client_transaction transaction;
};

/**
 * `config` and `output` are borrowed; the output may be shared like that of
 * smtp/server.h. `known` is what another connection to the same hop has learnt,
 * and stands in for the capabilities until GREETED; NULL: nothing.
 */
void sli_smtp_client_init(struct sli_smtp_client *client,
    const struct sli_smtp_client_config *config, struct sli_buf *output,
    const struct sli_smtp_capabilities *known);

void sli_smtp_client_fini(struct sli_smtp_client *client);

/** Gives input, borrowed until park (or all is consumed). Without memory the
 * engine is closed. */
void sli_smtp_client_feed(
    struct sli_smtp_client *client, struct slimta_slice input);

/** Keeps a copy of what was not consumed. The same. */
void sli_smtp_client_park(struct sli_smtp_client *client);

/** The next event. */
void sli_smtp_client_next(
    struct sli_smtp_client *client, struct sli_smtp_client_event *event);

/** The connection is gone, in whichever way: what was fed is served, then CLOSE
 * comes. `unsent`: octets of the output that were not handed to the system; the
 * end of a content that was not sent whole was not sent. */
void sli_smtp_client_lost(struct sli_smtp_client *client, size_t unsent);

/** The owner gives the session up, for `id` (SLI_SMTP_REPLY_HOP_…), without a
 * word; CLOSE comes next. */
void sli_smtp_client_give_up(
    struct sli_smtp_client *client, size_t unsent, enum sli_smtp_reply_id id);

/* Commands. 0; SLIMTA_ESTATE: it may not be sent now, and nothing was done;
 * SLIMTA_ENOMEM: the engine is closed. */

/** Whether mail (when there is no transaction), rcpt and data, starttls, auth,
 * or quit may be sent now: nothing is due, or the hop takes commands ahead of
 * its replies (RFC 2920). */
int sli_smtp_client_may_send(const struct sli_smtp_client *client);

/** RFC 3207. When it is refused the session goes on in the clear. */
int sli_smtp_client_starttls(struct sli_smtp_client *client);

/** The handshake is done: after STARTTLS was accepted (all that was known is
 * forgotten, and EHLO sent again, section 4.2), or before anything was fed,
 * with TLS at once. */
int sli_smtp_client_secured(struct sli_smtp_client *client);

/** RFC 4954. `initial` NULL: no initial response. One that a command line has
 * no room for goes behind the hop's first challenge. */
int sli_smtp_client_auth(struct sli_smtp_client *client, const char *mechanism,
    const struct slimta_slice *initial);

/** Answers a CHALLENGE. */
int sli_smtp_client_auth_answer(
    struct sli_smtp_client *client, struct slimta_slice octets);
int sli_smtp_client_auth_cancel(struct sli_smtp_client *client);

/** With every parameter that the hop offers. Also SLIMTA_EINVAL: no mailbox, or
 * sli_smtp_capabilities_check has something against it. */
int sli_smtp_client_mail(
    struct sli_smtp_client *client, const struct sli_smtp_mail *mail);

/** Why this recipient cannot be sent after the last mail(), or NONE. */
enum sli_smtp_reply_id sli_smtp_client_check_rcpt(
    const struct sli_smtp_client *client, struct slimta_slice address);

/** The same of rcpt. Its address and its parameters are borrowed. */
int sli_smtp_client_rcpt(
    struct sli_smtp_client *client, const struct slimta_recipient *recipient);

/** Also SLIMTA_ESTATE: every recipient has been refused. If that turns out
 * later the event says refused, whatever the hop has answered. */
int sli_smtp_client_data(struct sli_smtp_client *client);

/**
 * Consumes the front of `octets`, the next of the content, and lends in `run`
 * what follows on the wire behind the output and the runs before: octets of
 * `octets` itself where nothing has to be done to them. 1; 0 when all is
 * consumed, when no content is waited for, or when the octets cannot be sent
 * (CLOSE comes next).
 */
int sli_smtp_client_content(struct sli_smtp_client *client,
    struct slimta_slice *octets, struct slimta_slice *run);

/** The content is whole: ends it, with a CRLF where there was none. */
int sli_smtp_client_end_content(struct sli_smtp_client *client);

/** Gives the transaction up, once what is due has come: in the state MAIL, as
 * after a refusal of DATA, unless DATA is due. Behind a refusal of MAIL, and
 * behind END, there is none, and the state is READY. */
int sli_smtp_client_rset(struct sli_smtp_client *client);

/** CLOSE follows the reply; nobody has to wait for it. */
int sli_smtp_client_quit(struct sli_smtp_client *client);

enum sli_smtp_client_state sli_smtp_client_state(
    const struct sli_smtp_client *client);

/** Whether a reply is due, for which the owner has a time limit. */
int sli_smtp_client_is_waiting(const struct sli_smtp_client *client);

const struct sli_smtp_capabilities *sli_smtp_client_capabilities(
    const struct sli_smtp_client *client);

#endif
