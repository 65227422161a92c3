/** AUTH in an SMTP session: from the client's messages to its credentials. */
#include "edge/smtp_auth.h"

#include <string.h>

#include <slimta/auth.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "edge/events.h"
#include "edge/secret.h"
#include "edge/smtp_ask.h"
#include "edge/smtp_tell.h"
#include "io/secure.h"
#include "smtp/replies.h"

#define TEMPORARY 454, "4.7.0 Temporary authentication failure"
#define INVALID 535, "5.7.8 Authentication credentials invalid"

/* One attempt. While a job runs, `sasl` and `secret` are the job's. */
struct sli_edge_smtp_exchange {
    struct sli_edge_smtp_session *session; /* NULL when that has gone */
    struct sli_edge_shard *shard;
    const struct sli_sasl_mechanism *mechanism;
    struct sli_sasl_exchange *sasl;
    struct slimta_credentials *credentials; /* that `auth` is asked about */
    struct sli_edge_secret secret;
    struct sli_io_work work;
    enum sli_sasl_next next; /* of the job */
    unsigned char is_working;
};

static struct sli_edge_shard *shard_of(
    const struct sli_edge_smtp_session *session)
{
    return sli_edge_session_shard(&session->base);
}

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

/* Its life */

static void free_exchange(struct sli_edge_smtp_exchange *exchange)
{
    const struct slimta_alloc *alloc = &exchange->shard->edge->alloc;

    sli_sasl_exchange_free(exchange->sasl);
    slimta_credentials_unref(exchange->credentials);
    sli_edge_secret_drop(&exchange->secret, alloc);
    sli_free(alloc, exchange);
}

void sli_edge_smtp_auth_drop(struct sli_edge_smtp_session *session)
{
    struct sli_edge_smtp_exchange *exchange = session->exchange;

    session->exchange = NULL;
    if (exchange == NULL) {
        return;
    }
    if (exchange->is_working) {
        exchange->session = NULL; /* it goes when the job is over */
    } else {
        free_exchange(exchange);
    }
}

int sli_edge_smtp_auth_is_busy(const struct sli_edge_smtp_session *session)
{
    return session->exchange != NULL && session->exchange->is_working;
}

static int make_exchange(struct sli_edge_smtp_session *session,
    const struct sli_sasl_mechanism *mechanism)
{
    const struct slimta_alloc *alloc = sli_edge_smtp_session_alloc(session);
    struct sli_edge_smtp_exchange *exchange =
        sli_alloc_zero(alloc, sizeof *exchange);
    struct channel channel;

    if (exchange == NULL) {
        return SLIMTA_ENOMEM;
    }
    look_at_channel(session, &channel);
    if (sli_sasl_exchange_new(&exchange->sasl, alloc, session->edge->auth.sasl,
            mechanism, &channel.sasl) != 0) {
        sli_free(alloc, exchange);
        return SLIMTA_ENOMEM;
    }
    exchange->session = session;
    exchange->shard = shard_of(session);
    exchange->mechanism = mechanism;
    session->exchange = exchange;
    return 0;
}

/* The end of an exchange */

static void refuse_with(struct sli_edge_smtp_session *session,
    const struct slimta_reply *reply, const char *reason)
{
    const struct sli_edge_auth_failure failure = {
        .mechanism = session->exchange->mechanism->name,
        .authcid = sli_sasl_exchange_authcid(session->exchange->sasl),
        .code = slimta_reply_code(reply),
        .reason = reason,
    };

    sli_edge_smtp_tell_auth_failed(session, &failure);
    sli_edge_smtp_ask_answer(session, reply);
    sli_edge_smtp_auth_drop(session);
}

static void refuse(struct sli_edge_smtp_session *session, int code,
    const char *text, const char *reason)
{
    refuse_with(
        session, sli_edge_shard_reply(shard_of(session), code, text), reason);
}

static void succeed(
    struct sli_edge_smtp_session *session, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_exchange *exchange = session->exchange;

    if (sli_edge_session_set_auth(&session->base, exchange->credentials) != 0) {
        refuse(session, TEMPORARY, "out of memory");
        return;
    }
    sli_edge_smtp_tell_auth(session);
    sli_edge_smtp_ask_answer(session, reply);
    sli_edge_smtp_auth_drop(session);
}

/* The credentials are judged: by the host, or as the exchange has proved */

static void auth_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);

    if (slimta_reply_code(reply) / 100 == 2) {
        succeed(session, reply);
    } else {
        refuse_with(session, reply, "the validators refuse it");
    }
}

static int acts_as_itself(const struct slimta_credentials *credentials)
{
    const char *authzid = slimta_credentials_authzid(credentials);

    return *authzid == '\0' ||
        strcmp(authzid, slimta_credentials_authcid(credentials)) == 0;
}

/* Whether it passes when no validator says anything. */
static int passes(const struct sli_edge_smtp_session *session)
{
    const struct slimta_credentials *credentials =
        session->exchange->credentials;
    int takes_anyone = (session->edge->auth.flags & SLIMTA_AUTH_ANYONE) != 0 &&
        !sli_edge_smtp_ask_has(session, SLI_EDGE_STEP_AUTH) &&
        !sli_edge_smtp_ask_has(session, SLI_EDGE_STEP_SECRET);

    if (takes_anyone) {
        return 1;
    }
    return slimta_credentials_are_proved(credentials) &&
        acts_as_itself(credentials);
}

static void judge(struct sli_edge_smtp_session *session)
{
    struct sli_edge_smtp_exchange *exchange = session->exchange;
    const struct slimta_reply *reply;

    exchange->credentials = sli_sasl_exchange_credentials(exchange->sasl);
    if (exchange->credentials == NULL) {
        refuse(session, TEMPORARY, "out of memory");
        return;
    }
    reply = passes(session) ? sli_edge_shard_reply(shard_of(session), 235,
                                  "2.7.0 Authentication successful")
                            : sli_edge_shard_reply(shard_of(session), INVALID);
    if (sli_edge_smtp_ask_has(session, SLI_EDGE_STEP_AUTH)) {
        sli_edge_smtp_ask_with(session, SLI_EDGE_STEP_AUTH, reply, auth_done);
    } else if (slimta_reply_code(reply) == 235) {
        succeed(session, reply);
    } else {
        refuse_with(session, reply, "wrong credentials");
    }
}

/* The exchange goes on */

static void act(struct sli_edge_smtp_session *session, enum sli_sasl_next next);

/* Where the client's answer to a challenge is waited for. */
static void challenge(struct sli_edge_smtp_session *session)
{
    struct slimta_slice octets =
        sli_sasl_exchange_challenge(session->exchange->sasl);

    sli_edge_smtp_session_wait(session, session->edge->command_timeout_ms);
    if (sli_smtp_server_challenge(&session->engine, octets) == SLIMTA_EINVAL) {
        refuse(session, INVALID, "the challenge is too long");
    }
}

static void give_secret(struct sli_edge_smtp_exchange *exchange)
{
    exchange->next = sli_sasl_exchange_secret(
        exchange->sasl, exchange->secret.kind, exchange->secret.text);
}

static void run_job(struct sli_io_work *work)
{
    give_secret(SLI_LIST_ITEM(work, struct sli_edge_smtp_exchange, work));
}

static void on_job_done(struct sli_io_work *work)
{
    struct sli_edge_smtp_exchange *exchange =
        SLI_LIST_ITEM(work, struct sli_edge_smtp_exchange, work);
    struct sli_edge_smtp_session *session = exchange->session;
    struct sli_edge_shard *shard = exchange->shard;

    exchange->is_working = 0;
    if (session == NULL) {
        free_exchange(exchange);
    } else {
        sli_edge_secret_drop(&exchange->secret, &shard->edge->alloc);
        act(session, exchange->next);
        sli_edge_smtp_session_pump(session);
    }
    sli_edge_shard_job_ends(shard);
}

/* Keys are made in the pool: that takes milliseconds on purpose. The client has
 * nothing to do meanwhile, so that its time does not run; a job always ends. */
static void use_secret(struct sli_edge_smtp_session *session)
{
    struct sli_edge_smtp_exchange *exchange = session->exchange;

    if (sli_sasl_exchange_is_slow(exchange->sasl, exchange->secret.kind)) {
        exchange->is_working = 1;
        sli_edge_shard_job_begins(exchange->shard);
        sli_edge_smtp_session_wait(session, SLIMTA_UNLIMITED);
        sli_io_work_start(exchange->shard->loop, &exchange->work,
            SLI_IO_WORK_OTHER, run_job, on_job_done);
        return;
    }
    give_secret(exchange);
    sli_edge_secret_drop(&exchange->secret, &exchange->shard->edge->alloc);
    act(session, exchange->next);
}

static void secret_done(
    struct slimta_session *base, const struct slimta_reply *reply)
{
    struct sli_edge_smtp_session *session = sli_edge_smtp_session_of(base);
    struct sli_edge_smtp_exchange *exchange = session->exchange;

    sli_edge_secret_move(&exchange->secret, &base->round.secret);
    if (exchange->secret.has_failed) {
        refuse(session, TEMPORARY, "out of memory");
    } else if (slimta_reply_code(reply) / 100 == 4) {
        refuse_with(session, reply, "the validators have no answer");
    } else {
        use_secret(session);
    }
}

static void ask_secret(struct sli_edge_smtp_session *session)
{
    if (sli_edge_smtp_ask_has(session, SLI_EDGE_STEP_SECRET)) {
        sli_edge_smtp_ask_with(session, SLI_EDGE_STEP_SECRET,
            sli_edge_shard_reply(shard_of(session), INVALID), secret_done);
        return;
    }
    session->exchange->secret.kind = SLI_SASL_SECRET_UNASKED;
    use_secret(session);
}

static void act(struct sli_edge_smtp_session *session, enum sli_sasl_next next)
{
    switch (next) {
    case SLI_SASL_CHALLENGE:
        challenge(session);
        break;
    case SLI_SASL_NEEDS_SECRET:
        ask_secret(session);
        break;
    case SLI_SASL_CREDENTIALS:
        judge(session);
        break;
    case SLI_SASL_REFUSED:
        refuse(
            session, INVALID, sli_sasl_exchange_error(session->exchange->sasl));
        break;
    case SLI_SASL_NO_MEMORY:
        refuse(session, TEMPORARY, "out of memory");
        break;
    }
}

/* What the engine tells */

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
        sli_edge_smtp_ask_answer(
            session, sli_edge_shard_reply(shard_of(session), TEMPORARY));
    } else if (!may_begin(mechanism, event)) {
        refuse(session, 501, "5.5.4 This mechanism has no initial response",
            "an initial response");
    } else {
        act(session,
            sli_sasl_exchange_step(session->exchange->sasl,
                event->auth.has_initial ? &event->auth.initial : NULL));
    }
}

void sli_edge_smtp_auth_on_answer(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    act(session,
        sli_sasl_exchange_step(session->exchange->sasl, &event->auth_answer));
}

void sli_edge_smtp_auth_on_given_up(
    struct sli_edge_smtp_session *session, const struct sli_smtp_event *event)
{
    struct sli_edge_smtp_exchange *exchange = session->exchange;

    if (exchange != NULL) {
        const struct sli_edge_auth_failure failure = {
            .mechanism = exchange->mechanism->name,
            .authcid = sli_sasl_exchange_authcid(exchange->sasl),
            .code = event->given_up.code,
            .reason = "the client gives up",
        };

        sli_edge_smtp_tell_auth_failed(session, &failure);
        sli_edge_smtp_auth_drop(session);
    }
}

void sli_edge_smtp_auth_fill(const struct sli_edge_smtp_session *session,
    enum sli_edge_step step, struct sli_edge_arguments *arguments)
{
    const struct sli_edge_smtp_exchange *exchange = session->exchange;

    if (step == SLI_EDGE_STEP_AUTH) {
        arguments->credentials = exchange->credentials;
    } else {
        arguments->text = exchange->mechanism->name;
        arguments->more = sli_sasl_exchange_authcid(exchange->sasl);
    }
}
