/** LMTP: a reply for each recipient, and the port where it is not spoken. */
#include "edge/smtp/lmtp.h"

#include "base/error.h"
#include "edge/ask.h"
#include "edge/smtp/ask.h"

enum {
    SMTP_PORT = 25,
    /* Of one reply, its lines included; and of one to many recipients. */
    REPLY_MAX = SLI_MAIL_REPLY_TEXT_MAX * 2,
    REPLIES_MAX = 1 << 30
};

static int is_lmtp(const struct sli_edge_smtp_session *session)
{
    return session->edge->smtp.dialect == SLIMTA_DIALECT_LMTP;
}

void sli_edge_smtp_lmtp_part(struct sli_edge_smtp_session *session)
{
    if (is_lmtp(session) && session->base.results != NULL &&
        sli_edge_results_part_replies(session->base.results) != 0) {
        sli_edge_smtp_tell_memory(session, "queued");
    }
}

static const struct slimta_reply *reply_of(void *user, size_t index)
{
    struct sli_edge_smtp_session *session = user;

    return sli_edge_results_reply_of(session->base.results, index,
        sli_edge_shard_reply(sli_edge_session_shard(&session->base), 451,
            "4.3.0 Error queuing message"));
}

/* A yes of the queue that a validator has made a no is one for everybody. */
void sli_edge_smtp_lmtp_answer(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    int is_taken_back =
        !session->base.is_refused && !sli_edge_ask_is_yes(reply);

    if (!is_lmtp(session) || session->base.results == NULL || is_taken_back) {
        sli_edge_smtp_ask_answer(session, reply);
        return;
    }
    sli_edge_smtp_tell_answer(session, reply);
    if (sli_smtp_server_answer_each(&session->engine, reply_of, session) ==
        SLIMTA_ESTATE) {
        /* A chunk in the middle is refused: that is one reply. */
        (void)sli_smtp_server_answer(&session->engine, reply);
    }
    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
}

int sli_edge_smtp_lmtp_check_port(
    const struct smtp_edge *edge, uint16_t port, struct slimta_error *error)
{
    return edge->smtp.dialect == SLIMTA_DIALECT_LMTP && port == SMTP_PORT
        ? sli_error_set(error, SLIMTA_EINVAL,
              "port %d: LMTP is not spoken there (RFC 2033 section 5)",
              SMTP_PORT)
        : 0;
}

size_t sli_edge_smtp_lmtp_replies_max(const struct smtp_edge *edge)
{
    if (edge->smtp.dialect != SLIMTA_DIALECT_LMTP) {
        return 0;
    }
    return edge->smtp.max_recipients < REPLIES_MAX / REPLY_MAX
        ? (size_t)edge->smtp.max_recipients * REPLY_MAX
        : REPLIES_MAX;
}
