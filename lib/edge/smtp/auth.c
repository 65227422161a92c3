/** AUTH in an SMTP session: what is offered, and the engine's part in an
 * exchange. */
#include "edge/smtp/auth.h"

#include "base/slice.h"
#include "edge/exchange.h"
#include "edge/smtp/ask.h"
#include "edge/smtp/tell.h"
#include "io/secure.h"

#define TEMPORARY 454, "4.7.0 Temporary authentication failure"
#define INVALID 535, "5.7.8 Authentication credentials invalid"

/* The channel: what mechanisms may need of the connection */

struct channel {
    unsigned flags;
    struct sli_sasl_channel sasl;
    unsigned char exporter[SLI_TLS_EXPORTER_SIZE];
};

static void look_at_channel(
    const struct sli_edge_smtp_session *session, struct channel *channel)
{
    const struct sli_tls_stream *stream = sli_io_secure_stream(&session->conn);
    const struct slimta_tls_info *info = session->base.tls;

    *channel = (struct channel){.flags = 0};
    if (info == NULL || stream == NULL) {
        return;
    }
    channel->flags = SLI_EDGE_AUTH_TLS;
    if (sli_tls_stream_exporter(stream, channel->exporter)) {
        channel->flags |= SLI_EDGE_AUTH_BINDING;
        channel->sasl.exporter = channel->exporter;
    }
    if (info->peer_is_verified && info->peer_name != NULL) {
        channel->flags |= SLI_EDGE_AUTH_CERTIFICATE;
        channel->sasl.certificate_name = info->peer_name;
    }
    channel->sasl.offers_plus =
        sli_edge_auth_has_plus(&session->edge->auth, channel->flags);
}

void sli_edge_smtp_auth_offer(struct sli_edge_smtp_session *session)
{
    const struct sli_edge_auth *auth = &session->edge->auth;
    struct channel channel;
    const char *secure = NULL;

    if (auth->count == 0) {
        return;
    }
    look_at_channel(session, &channel);
    if (session->edge->smtp.tls != SLI_SMTP_TLS_OFF) {
        secure = auth->lists[SLI_EDGE_AUTH_CHANNELS - 1];
    }
    sli_smtp_server_set_mechanisms(
        &session->engine, auth->lists[channel.flags], secure);
}

static int make_exchange(struct sli_edge_smtp_session *session,
    const struct sli_sasl_mechanism *mechanism)
{
    const struct sli_edge_auth *auth = &session->edge->auth;
    struct sli_edge_exchange_facts facts = {
        .mechanism = mechanism,
        .sasl = auth->sasl,
        .takes_anyone = (auth->flags & SLIMTA_AUTH_ANYONE) != 0,
    };
    struct channel channel;

    look_at_channel(session, &channel);
    facts.channel = channel.sasl;
    return sli_edge_exchange_new(&session->base, &facts);
}

/* Where the client's answer to a challenge is waited for. */
void sli_edge_smtp_auth_challenge(
    struct slimta_session *base, struct slimta_slice octets)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
    if (sli_smtp_server_challenge(&session->engine, octets) == SLIMTA_EINVAL) {
        sli_edge_exchange_refuse(base, INVALID, "the challenge is too long");
    }
}

/* RFC 4954 section 4: a mechanism in which the server speaks first has no
 * initial response. */
static int may_begin(const struct sli_sasl_mechanism *mechanism,
    const struct sli_smtp_event *event)
{
    return !event->auth.has_initial ||
        (mechanism->traits & SLI_SASL_SERVER_FIRST) == 0;
}

void sli_edge_smtp_auth_on_auth(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    const struct sli_sasl_mechanism *mechanism =
        sli_sasl_mechanism_find(sli_slice_text(event->auth.mechanism));

    if (make_exchange(session, mechanism) != 0) {
        sli_edge_smtp_tell_memory(session, "auth");
        sli_edge_smtp_ask_answer(session,
            sli_edge_shard_reply(
                sli_edge_session_shard(&session->base), TEMPORARY));
    } else if (!may_begin(mechanism, event)) {
        sli_edge_exchange_refuse(&session->base, 501,
            "5.5.4 This mechanism has no initial response",
            "an initial response");
    } else {
        sli_edge_exchange_step(&session->base,
            event->auth.has_initial ? &event->auth.initial : NULL);
    }
}

void sli_edge_smtp_auth_on_answer(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    sli_edge_exchange_step(&session->base, &event->auth_answer);
}

void sli_edge_smtp_auth_on_given_up(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    sli_edge_exchange_give_up(&session->base, event->given_up.code);
}
