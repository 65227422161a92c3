/** Asking the validators of a session of either door, and what is kept while
 * an answer is waited for. */
#include "edge/ask.h"

#include "base/alloc.h"
#include "edge/edge.h"
#include "edge/events.h"

static struct sli_edge *edge_of(const struct slimta_session *session)
{
    return sli_edge_session_shard(session)->edge;
}

int sli_edge_ask_has(
    const struct slimta_session *session, enum sli_edge_step step)
{
    return sli_edge_policy_has(edge_of(session), step);
}

void sli_edge_ask(struct slimta_session *session, enum sli_edge_step step,
    const struct slimta_reply *reply, sli_edge_round_done done)
{
    sli_edge_policy_ask(session, step, reply, done);
    if (sli_edge_policy_is_waiting(&session->round)) {
        session->kind->wait(session, edge_of(session)->times.validator_ms);
    }
}

int sli_edge_ask_is_yes(const struct slimta_reply *reply)
{
    return reply == NULL ||
        (slimta_reply_code(reply) < 400 && slimta_reply_code(reply) != 221);
}

void sli_edge_ask_drop_kept(struct slimta_session *session)
{
    sli_mail_reply_free(&edge_of(session)->alloc, session->kept);
    session->kept = NULL;
}

void sli_edge_ask_keep(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    sli_edge_ask_drop_kept(session);
    if (reply != NULL) {
        session->kept = sli_mail_reply_clone(&edge_of(session)->alloc, reply);
    }
}

void sli_edge_ask_drop_results(struct slimta_session *session)
{
    sli_edge_op_give_back(
        &sli_edge_session_shard(session)->ops, session->results);
    session->results = NULL;
}

void sli_edge_ask_forget(struct slimta_session *session)
{
    sli_edge_policy_cancel(session);
    sli_edge_ask_drop_kept(session);
    sli_free(&edge_of(session)->alloc, session->held);
    session->held = NULL;
    session->octets = (struct slimta_slice){NULL, 0};
    sli_edge_ask_drop_results(session);
}

/* Deadlines */

static const char *question_of(const struct slimta_session *session)
{
    static const char *const steps[SLI_EDGE_STEPS] = {
        [SLI_EDGE_STEP_CONNECT] = "connect",
        [SLI_EDGE_STEP_BANNER] = "banner",
        [SLI_EDGE_STEP_EHLO] = "ehlo",
        [SLI_EDGE_STEP_HELO] = "helo",
        [SLI_EDGE_STEP_STARTTLS] = "starttls",
        [SLI_EDGE_STEP_TLS] = "tls",
        [SLI_EDGE_STEP_AUTH] = "auth",
        [SLI_EDGE_STEP_SECRET] = "secret",
        [SLI_EDGE_STEP_MAIL] = "mail",
        [SLI_EDGE_STEP_RCPT] = "rcpt",
        [SLI_EDGE_STEP_DATA] = "data",
        [SLI_EDGE_STEP_CHUNK] = "chunk",
        [SLI_EDGE_STEP_HAVE_DATA] = "have_data",
        [SLI_EDGE_STEP_QUEUED] = "queued",
        [SLI_EDGE_STEP_RSET] = "rset",
        [SLI_EDGE_STEP_NOOP] = "noop",
        [SLI_EDGE_STEP_QUIT] = "quit",
        [SLI_EDGE_STEP_COMMAND] = "command",
        [SLI_EDGE_STEP_EXTENSIONS] = "extensions",
        [SLI_EDGE_STEP_HEADER] = "header",
    };

    if (sli_edge_policy_is_waiting(&session->round)) {
        return steps[session->round.step];
    }
    switch (session->handoff.state) {
    case SLI_EDGE_HANDOFF_OPENING:
    case SLI_EDGE_HANDOFF_BEGINNING:
    case SLI_EDGE_HANDOFF_SWITCHING:
        return "begin";
    case SLI_EDGE_HANDOFF_ASKING:
        return "recipient";
    case SLI_EDGE_HANDOFF_SPILLING:
        return "spill";
    case SLI_EDGE_HANDOFF_FINISHING:
        return session->handoff.message != NULL ? "commit" : "enqueue";
    default:
        return "write";
    }
}

static uint64_t deadline_of(const struct slimta_session *session)
{
    const struct sli_edge_times *times = &edge_of(session)->times;

    if (sli_edge_policy_is_waiting(&session->round)) {
        return times->validator_ms;
    }
    return session->handoff.state == SLI_EDGE_HANDOFF_FINISHING
        ? times->queue_ms
        : times->queue_write_ms;
}

int sli_edge_ask_time_out(struct slimta_session *session)
{
    int is_asking = sli_edge_policy_is_waiting(&session->round);

    if (!is_asking && !sli_edge_handoff_is_waiting(&session->handoff)) {
        return 0;
    }
    sli_edge_events_deadline(sli_edge_session_shard(session), session->id,
        question_of(session), deadline_of(session));
    if (is_asking) {
        sli_edge_policy_time_out(session);
    } else {
        sli_edge_handoff_time_out(&session->handoff);
    }
    return 1;
}
