/** One attempt of a client, at either door, to prove who it is: from its
 * messages to its credentials. */
#include "edge/exchange.h"

#include <string.h>

#include <slimta/auth.h>

#include "base/alloc.h"
#include "edge/ask.h"
#include "edge/edge.h"
#include "edge/events.h"
#include "edge/secret.h"

#define TEMPORARY 454, "4.7.0 Temporary authentication failure"
#define INVALID 535, "5.7.8 Authentication credentials invalid"

/* While a job runs, `sasl` and `secret` are the job's. */
struct sli_edge_exchange {
    struct slimta_session *session; /* NULL when that has gone */
    struct sli_edge_shard *shard;
    const struct sli_sasl_mechanism *mechanism;
    struct sli_sasl_exchange *sasl;
    struct slimta_credentials *credentials; /* that `auth` is asked about */
    struct sli_edge_secret secret;
    struct sli_io_work work;
    enum sli_sasl_next next; /* of the job */
    unsigned char takes_anyone;
    unsigned char is_working;
};

/* Its life */

static void free_exchange(struct sli_edge_exchange *exchange)
{
    const struct slimta_alloc *alloc = &exchange->shard->edge->alloc;

    sli_sasl_exchange_free(exchange->sasl);
    slimta_credentials_unref(exchange->credentials);
    sli_edge_secret_drop(&exchange->secret, alloc);
    sli_free(alloc, exchange);
}

void sli_edge_exchange_drop(struct slimta_session *session)
{
    struct sli_edge_exchange *exchange = session->exchange;

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

int sli_edge_exchange_is_busy(const struct slimta_session *session)
{
    return session->exchange != NULL && session->exchange->is_working;
}

int sli_edge_exchange_new(
    struct slimta_session *session, const struct sli_edge_exchange_facts *facts)
{
    struct sli_edge_shard *shard = sli_edge_session_shard(session);
    const struct slimta_alloc *alloc = &shard->edge->alloc;
    struct sli_edge_exchange *exchange =
        sli_alloc_zero(alloc, sizeof *exchange);

    if (exchange == NULL) {
        return SLIMTA_ENOMEM;
    }
    if (sli_sasl_exchange_new(&exchange->sasl, alloc, facts->sasl,
            facts->mechanism, &facts->channel) != 0) {
        sli_free(alloc, exchange);
        return SLIMTA_ENOMEM;
    }
    exchange->session = session;
    exchange->shard = shard;
    exchange->mechanism = facts->mechanism;
    exchange->takes_anyone = facts->takes_anyone != 0;
    session->exchange = exchange;
    return 0;
}

/* Its end */

static void tell_failed(
    struct slimta_session *session, int code, const char *reason)
{
    const struct sli_edge_auth_failure failure = {
        .mechanism = session->exchange->mechanism->name,
        .authcid = sli_sasl_exchange_authcid(session->exchange->sasl),
        .code = code,
        .reason = reason,
    };

    sli_edge_events_auth_failed(
        sli_edge_session_shard(session), session->id, &failure);
}

static void refuse_with(struct slimta_session *session,
    const struct slimta_reply *reply, const char *reason)
{
    tell_failed(session, slimta_reply_code(reply), reason);
    sli_edge_exchange_drop(session);
    session->kind->proved(session, reply, 1);
}

void sli_edge_exchange_refuse(struct slimta_session *session, int code,
    const char *text, const char *reason)
{
    refuse_with(session,
        sli_edge_shard_reply(sli_edge_session_shard(session), code, text),
        reason);
}

void sli_edge_exchange_give_up(struct slimta_session *session, int code)
{
    if (session->exchange != NULL) {
        tell_failed(session, code, "the client gives up");
        sli_edge_exchange_drop(session);
    }
}

static void succeed(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    if (sli_edge_session_set_auth(session, session->exchange->credentials) !=
        0) {
        sli_edge_exchange_refuse(session, TEMPORARY, "out of memory");
        return;
    }
    sli_edge_events_auth(
        sli_edge_session_shard(session), session->id, session->auth);
    sli_edge_exchange_drop(session);
    session->kind->proved(session, reply, 0);
}

/* The credentials are judged: by the host, or as the exchange has proved */

static void auth_done(
    struct slimta_session *session, const struct slimta_reply *reply)
{
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
static int passes(const struct slimta_session *session)
{
    const struct slimta_credentials *credentials =
        session->exchange->credentials;
    int takes_anyone = session->exchange->takes_anyone &&
        !sli_edge_ask_has(session, SLI_EDGE_STEP_AUTH) &&
        !sli_edge_ask_has(session, SLI_EDGE_STEP_SECRET);

    if (takes_anyone) {
        return 1;
    }
    return slimta_credentials_are_proved(credentials) &&
        acts_as_itself(credentials);
}

static void judge(struct slimta_session *session)
{
    struct sli_edge_shard *shard = sli_edge_session_shard(session);
    struct sli_edge_exchange *exchange = session->exchange;
    const struct slimta_reply *reply;

    exchange->credentials = sli_sasl_exchange_credentials(exchange->sasl);
    if (exchange->credentials == NULL) {
        sli_edge_exchange_refuse(session, TEMPORARY, "out of memory");
        return;
    }
    reply = passes(session)
        ? sli_edge_shard_reply(shard, 235, "2.7.0 Authentication successful")
        : sli_edge_shard_reply(shard, INVALID);
    if (sli_edge_ask_has(session, SLI_EDGE_STEP_AUTH)) {
        sli_edge_ask(session, SLI_EDGE_STEP_AUTH, reply, auth_done);
    } else if (slimta_reply_code(reply) == 235) {
        succeed(session, reply);
    } else {
        refuse_with(session, reply, "wrong credentials");
    }
}

/* It goes on */

static void act(struct slimta_session *session, enum sli_sasl_next next);

static void give_secret(struct sli_edge_exchange *exchange)
{
    exchange->next = sli_sasl_exchange_secret(
        exchange->sasl, exchange->secret.kind, exchange->secret.text);
}

static void run_job(struct sli_io_work *work)
{
    give_secret(SLI_LIST_ITEM(work, struct sli_edge_exchange, work));
}

static void on_job_done(struct sli_io_work *work)
{
    struct sli_edge_exchange *exchange =
        SLI_LIST_ITEM(work, struct sli_edge_exchange, work);
    struct slimta_session *session = exchange->session;
    struct sli_edge_shard *shard = exchange->shard;

    exchange->is_working = 0;
    if (session == NULL) {
        free_exchange(exchange);
    } else {
        sli_edge_secret_drop(&exchange->secret, &shard->edge->alloc);
        act(session, exchange->next);
        session->kind->go_on(session);
    }
    sli_edge_shard_job_ends(shard);
}

/* Keys are made in the pool: that takes milliseconds on purpose. The client has
 * nothing to do meanwhile, so that its time does not run; a job always ends. */
static void use_secret(struct slimta_session *session)
{
    struct sli_edge_exchange *exchange = session->exchange;

    if (sli_sasl_exchange_is_slow(exchange->sasl, exchange->secret.kind)) {
        exchange->is_working = 1;
        sli_edge_shard_job_begins(exchange->shard);
        session->kind->wait(session, SLIMTA_UNLIMITED);
        sli_io_work_start(exchange->shard->loop, &exchange->work,
            SLI_IO_WORK_OTHER, run_job, on_job_done);
        return;
    }
    give_secret(exchange);
    sli_edge_secret_drop(&exchange->secret, &exchange->shard->edge->alloc);
    act(session, exchange->next);
}

static void secret_done(
    struct slimta_session *session, const struct slimta_reply *reply)
{
    struct sli_edge_exchange *exchange = session->exchange;

    sli_edge_secret_move(&exchange->secret, &session->round.secret);
    if (exchange->secret.has_failed) {
        sli_edge_exchange_refuse(session, TEMPORARY, "out of memory");
    } else if (slimta_reply_code(reply) / 100 == 4) {
        refuse_with(session, reply, "the validators have no answer");
    } else {
        use_secret(session);
    }
}

static void ask_secret(struct slimta_session *session)
{
    if (sli_edge_ask_has(session, SLI_EDGE_STEP_SECRET)) {
        sli_edge_ask(session, SLI_EDGE_STEP_SECRET,
            sli_edge_shard_reply(sli_edge_session_shard(session), INVALID),
            secret_done);
        return;
    }
    session->exchange->secret.kind = SLI_SASL_SECRET_UNASKED;
    use_secret(session);
}

static void act(struct slimta_session *session, enum sli_sasl_next next)
{
    struct sli_sasl_exchange *sasl = session->exchange->sasl;

    switch (next) {
    case SLI_SASL_CHALLENGE:
        session->kind->challenge(session, sli_sasl_exchange_challenge(sasl));
        break;
    case SLI_SASL_NEEDS_SECRET:
        ask_secret(session);
        break;
    case SLI_SASL_CREDENTIALS:
        judge(session);
        break;
    case SLI_SASL_REFUSED:
        sli_edge_exchange_refuse(
            session, INVALID, sli_sasl_exchange_error(sasl));
        break;
    case SLI_SASL_NO_MEMORY:
        sli_edge_exchange_refuse(session, TEMPORARY, "out of memory");
        break;
    }
}

void sli_edge_exchange_step(
    struct slimta_session *session, const struct slimta_slice *message)
{
    act(session, sli_sasl_exchange_step(session->exchange->sasl, message));
}

void sli_edge_exchange_fill(const struct slimta_session *session,
    enum sli_edge_step step, struct sli_edge_arguments *arguments)
{
    const struct sli_edge_exchange *exchange = session->exchange;

    if (step == SLI_EDGE_STEP_AUTH) {
        arguments->credentials = exchange->credentials;
    } else {
        arguments->text = exchange->mechanism->name;
        arguments->more = sli_sasl_exchange_authcid(exchange->sasl);
    }
}
