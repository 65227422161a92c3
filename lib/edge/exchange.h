/** One attempt of a client, at either door, to prove who it is: from its
 * messages to its credentials. */
#ifndef EDGE_EXCHANGE_H
#define EDGE_EXCHANGE_H

#include "edge/session.h"
#include "sasl/exchange.h"

/** How it begins. */
struct sli_edge_exchange_facts {
    const struct sli_sasl_mechanism *mechanism;
    struct sli_sasl *sasl;
    struct sli_sasl_channel channel;
    int takes_anyone; /**< any credentials pass when no validator judges */
};

/** The session's exchange, for sli_edge_exchange_step. SLIMTA_ENOMEM. */
int sli_edge_exchange_new(struct slimta_session *session,
    const struct sli_edge_exchange_facts *facts);

/** The client's next message, NULL for none at the beginning. The kind's
 * `challenge` or `proved` follows; behind the latter the exchange is gone. */
void sli_edge_exchange_step(
    struct slimta_session *session, const struct slimta_slice *message);

/** Refuses in the place of a step; `proved` follows. */
void sli_edge_exchange_refuse(struct slimta_session *session, int code,
    const char *text, const char *reason);

/** The client gives up, having heard `code`: told, nothing is answered. */
void sli_edge_exchange_give_up(struct slimta_session *session, int code);

/** What the validators of `auth` and `secret` are told. */
void sli_edge_exchange_fill(const struct slimta_session *session,
    enum sli_edge_step step, struct sli_edge_arguments *arguments);

/** Whether keys are being made from a password, off the loop. */
int sli_edge_exchange_is_busy(const struct slimta_session *session);

/** The exchange is over, or nobody waits for it any more. */
void sli_edge_exchange_drop(struct slimta_session *session);

#endif
