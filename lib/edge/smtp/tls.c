/** TLS in an SMTP session: STARTTLS, TLS at once, and what comes after. */
#include "edge/smtp/tls.h"

#include "base/slice.h"
#include "edge/ask.h"
#include "edge/smtp/ask.h"
#include "edge/smtp/auth.h"
#include "edge/smtp/tell.h"
#include "io/secure.h"

void sli_edge_smtp_tls_begin(
    struct sli_edge_smtp_session *session, struct slimta_slice received)
{
    struct slimta_tls *tls = sli_edge_ref_tls(&session->edge->edge);
    const struct sli_io_secure_options options = {
        .tls = tls,
        .role = SLI_TLS_SERVER,
        .received = received,
    };
    int err = sli_io_secure_start(&session->conn, &options);

    slimta_tls_unref(tls);
    session->is_securing = 1;
    if (err != 0) {
        /* RFC 3207 section 4: 220 was said, so no word in the clear follows. */
        sli_edge_smtp_tell_memory(session, "tls");
        session->base.reason = SLIMTA_CLOSED_FAILURE;
        sli_edge_smtp_session_close(session, SLI_IO_CONN_FLUSH);
        return;
    }
    sli_edge_smtp_session_wait(session, session->edge->tls_timeout_ms);
}

void sli_edge_smtp_tls_on_starttls(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    (void)event;
    sli_edge_smtp_ask(
        session, SLI_EDGE_STEP_STARTTLS, sli_edge_smtp_ask_answer_done);
}

void sli_edge_smtp_tls_on_start_tls(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    if (event->start_tls.discarded > 0) {
        sli_edge_smtp_tell_discarded(session, event->start_tls.discarded);
    }
    sli_edge_smtp_tls_begin(session, SLI_LITERAL(""));
}

/* RFC 3207 section 4.1: when what TLS has come to is not enough, every command
 * hears so. */
static void tls_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);
    int code = reply == NULL ? 220 : slimta_reply_code(reply);

    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
    if (code == 421 || code == 221) {
        base->reason = SLIMTA_CLOSED_REPLY;
        sli_smtp_server_terminate_with(&session->engine, reply);
    } else if (code >= 400 &&
        sli_smtp_server_refuse_all(&session->engine, reply) != 0) {
        sli_edge_smtp_ask_out_of_memory(session);
    }
}

void sli_edge_smtp_tls_secured(struct sli_edge_smtp_session *session)
{
    struct slimta_session *base = &session->base;

    session->is_securing = 0;
    sli_edge_session_forget(base);
    base->tls = sli_tls_stream_info(sli_io_secure_stream(&session->conn));
    sli_edge_smtp_tell_tls(session);
    (void)sli_smtp_server_secured(&session->engine); /* it waits for that */
    sli_edge_smtp_auth_offer(session);
    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
    sli_edge_ask(&session->base, SLI_EDGE_STEP_TLS,
        sli_edge_shard_reply(
            sli_edge_session_shard(base), 220, "2.7.0 TLS is on"),
        tls_done);
    sli_edge_smtp_session_pump(session);
}

void sli_edge_smtp_tls_failed(
    struct sli_edge_smtp_session *session, const char *reason)
{
    sli_edge_smtp_tell_tls_failed(session, reason);
    session->base.reason = SLIMTA_CLOSED_TLS;
    /* The alert that says why is still to be read. */
    sli_edge_smtp_session_close(session, SLI_IO_CONN_LINGER);
}

void sli_edge_smtp_tls_time_out(struct sli_edge_smtp_session *session)
{
    sli_edge_smtp_tell_tls_failed(session, "it took too long");
    session->base.reason = SLIMTA_CLOSED_TIMEOUT;
    sli_edge_smtp_session_close(session, SLI_IO_CONN_NOW);
}
