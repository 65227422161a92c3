/** The answer to a question of the receiving engine: what it comes to, and its
 * way into the output. */
#ifndef SMTP_ANSWER_H
#define SMTP_ANSWER_H

#include "smtp/server.h"

/** An answer as it will be sent. */
struct sli_smtp_answer {
    int code;
    const struct slimta_reply *reply; /**< NULL: the default text */
    int is_success;
    int closes;
    uint64_t times; /**< how often it is sent: in LMTP once for each recipient
                         behind the content (RFC 2033 section 4.2) */
};

/** See sli_smtp_server_default. */
int sli_smtp_answer_default(
    const struct sli_smtp_server *server, struct slimta_reply *reply);

/** What the host's reply comes to by the rules of sli_smtp_server_answer; NULL:
 * the default. */
struct sli_smtp_answer sli_smtp_answer_settle(
    const struct sli_smtp_server *server, const struct slimta_reply *reply);

/** How often the answer behind a message is sent. */
uint64_t sli_smtp_answer_times(const struct sli_smtp_server *server);

/** Sends the refusal of a first chunk that the owner has given before its
 * octets were thrown away. */
void sli_smtp_answer_late(struct sli_smtp_server *server,
    const struct slimta_reply *reply, uint64_t times);

/** Writes the answer, or the last word when it makes one error too many: then
 * `reason` says so. SLIMTA_ENOMEM: nothing was written. */
int sli_smtp_answer_write(struct sli_smtp_server *server,
    const struct sli_smtp_answer *answer, enum sli_smtp_close *reason);

#endif
