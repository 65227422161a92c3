/** One SASL exchange, the side that asks for proof: messages in, challenges
 * out, credentials at the end. */
#include "sasl/exchange.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sasl/credentials.h"
#include "sasl/shared.h"
#include "sasl/state.h"

static int copy_channel(
    struct sli_sasl_exchange *exchange, const struct sli_sasl_channel *channel)
{
    exchange->offers_plus = channel->offers_plus;
    if (channel->exporter != NULL) {
        memcpy(exchange->exporter, channel->exporter, SLI_SASL_EXPORTER_SIZE);
        exchange->has_exporter = 1;
    }
    if (channel->certificate_name != NULL) {
        exchange->certificate_name = sli_alloc_text(
            exchange->alloc, sli_slice_text(channel->certificate_name));
        if (exchange->certificate_name == NULL) {
            return SLIMTA_ENOMEM;
        }
    }
    return 0;
}

int sli_sasl_exchange_new(struct sli_sasl_exchange **out,
    const struct slimta_alloc *alloc, struct sli_sasl *sasl,
    const struct sli_sasl_mechanism *mechanism,
    const struct sli_sasl_channel *channel)
{
    int err = SLIMTA_ENOMEM;
    struct sli_sasl_exchange *exchange =
        sli_alloc_zero(alloc, sizeof *exchange);

    if (exchange == NULL) {
        goto done;
    }
    exchange->alloc = alloc;
    exchange->sasl = sasl;
    exchange->mechanism = mechanism;
    exchange->error = "";
    err = copy_channel(exchange, channel);
    if (err != 0) {
        goto done;
    }
    *out = exchange;
    exchange = NULL;
done:
    sli_sasl_exchange_free(exchange);
    return err;
}

static void wipe_text(struct sli_sasl_exchange *exchange, char *text)
{
    if (text != NULL) {
        sli_secret_wipe(text, strlen(text));
        sli_free(exchange->alloc, text);
    }
}

/* What libgsasl holds, and what it was given. */
static void drop_session(struct sli_sasl_exchange *exchange)
{
    gsasl_free(exchange->output);
    exchange->output = NULL;
    exchange->challenge = sli_slice(NULL, 0);
    if (exchange->session != NULL) {
        gsasl_finish(exchange->session);
        exchange->session = NULL;
    }
}

void sli_sasl_exchange_free(struct sli_sasl_exchange *exchange)
{
    const struct slimta_alloc *alloc;

    if (exchange == NULL) {
        return;
    }
    alloc = exchange->alloc;
    drop_session(exchange);
    wipe_text(exchange, exchange->password);
    sli_free(alloc, exchange->message);
    sli_free(alloc, exchange->authcid);
    sli_free(alloc, exchange->authzid);
    sli_free(alloc, exchange->certificate_name);
    sli_secret_wipe(exchange, sizeof *exchange);
    sli_free(alloc, exchange);
}

/* An unknown user is taken for one of the kind that was met last. */
static int takes_unknown_long(const struct sli_sasl_exchange *exchange)
{
    int last =
        atomic_load_explicit(&exchange->sasl->last_kind, memory_order_relaxed);

    return exchange->mechanism->way->slow != SLI_SASL_SECRET_NONE &&
        (last == SLI_SASL_SECRET_NONE ||
            last == (int)exchange->mechanism->way->slow);
}

/* What the next call may be. */
static enum sli_sasl_next settle(
    struct sli_sasl_exchange *exchange, enum sli_sasl_next next)
{
    switch (next) {
    case SLI_SASL_CHALLENGE:
        break;
    case SLI_SASL_NEEDS_SECRET:
        exchange->stage = SLI_SASL_STAGE_SECRET;
        exchange->is_unknown_slow = takes_unknown_long(exchange);
        break;
    case SLI_SASL_NO_MEMORY:
        exchange->error = slimta_strerror(SLIMTA_ENOMEM);
        exchange->stage = SLI_SASL_STAGE_OVER;
        break;
    case SLI_SASL_CREDENTIALS:
    case SLI_SASL_REFUSED:
        exchange->stage = SLI_SASL_STAGE_OVER;
        break;
    }
    return next;
}

static int may_be_empty(const struct sli_sasl_exchange *exchange)
{
    return exchange->stage == SLI_SASL_STAGE_END ||
        exchange->mechanism->way->may_be_empty;
}

enum sli_sasl_next sli_sasl_exchange_step(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    if (exchange->stage == SLI_SASL_STAGE_OVER ||
        exchange->stage == SLI_SASL_STAGE_SECRET ||
        (message == NULL && exchange->stage != SLI_SASL_STAGE_START)) {
        return settle(exchange,
            sli_sasl_state_refuse(exchange, "no message was asked for"));
    }
    /* libgsasl would ask again for an empty one. */
    if (message != NULL && message->size == 0 && !may_be_empty(exchange)) {
        return settle(
            exchange, sli_sasl_state_refuse(exchange, "empty message"));
    }
    return settle(exchange, exchange->mechanism->way->step(exchange, message));
}

enum sli_sasl_next sli_sasl_exchange_secret(struct sli_sasl_exchange *exchange,
    enum sli_sasl_secret_kind kind, const char *text)
{
    if (exchange->stage != SLI_SASL_STAGE_SECRET) {
        return settle(exchange,
            sli_sasl_state_refuse(exchange, "no secret was asked for"));
    }
    if (kind == SLI_SASL_SECRET_PASSWORD || kind == SLI_SASL_SECRET_STORED) {
        if (text == NULL) {
            kind = SLI_SASL_SECRET_NONE;
        } else {
            atomic_store_explicit(
                &exchange->sasl->last_kind, (int)kind, memory_order_relaxed);
        }
    }
    return settle(
        exchange, exchange->mechanism->way->secret(exchange, kind, text));
}

int sli_sasl_exchange_is_slow(
    const struct sli_sasl_exchange *exchange, enum sli_sasl_secret_kind kind)
{
    enum sli_sasl_secret_kind slow = exchange->mechanism->way->slow;

    if (slow == SLI_SASL_SECRET_NONE) {
        return 0;
    }
    if (kind == SLI_SASL_SECRET_UNASKED &&
        exchange->mechanism->traits & SLI_SASL_IS_PLAINTEXT) {
        return 0;
    }
    /* Keys of another hash are as good as none (<slimta/auth.h>). */
    return kind == slow ||
        (kind != SLI_SASL_SECRET_PASSWORD && exchange->is_unknown_slow);
}

struct slimta_slice sli_sasl_exchange_challenge(
    const struct sli_sasl_exchange *exchange)
{
    return exchange->challenge;
}

const char *sli_sasl_exchange_authcid(const struct sli_sasl_exchange *exchange)
{
    return exchange->authcid == NULL ? "" : exchange->authcid;
}

struct slimta_credentials *sli_sasl_exchange_credentials(
    struct sli_sasl_exchange *exchange)
{
    struct slimta_credentials *credentials = NULL;
    const struct sli_sasl_credentials_facts facts = {
        .mechanism = exchange->mechanism->name,
        .authcid = exchange->authcid,
        .authzid = exchange->authzid,
        .password = exchange->password,
        .are_proved = exchange->is_proved,
    };

    (void)sli_sasl_credentials_new(&credentials, exchange->alloc, &facts);
    return credentials;
}

const char *sli_sasl_exchange_error(const struct sli_sasl_exchange *exchange)
{
    return exchange->error;
}
