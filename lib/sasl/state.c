/** The inside of an exchange, and what each mechanism does with it. */
#include "sasl/state.h"

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "sasl/prepare.h"
#include "sasl/shared.h"

enum sli_sasl_next sli_sasl_state_refuse(
    struct sli_sasl_exchange *exchange, const char *error)
{
    exchange->error = error;
    return SLI_SASL_REFUSED;
}

enum sli_sasl_next sli_sasl_state_ask(struct sli_sasl_exchange *exchange,
    const char *challenge, enum sli_sasl_stage stage)
{
    exchange->challenge = sli_slice_text(challenge);
    exchange->stage = stage;
    return SLI_SASL_CHALLENGE;
}

enum sli_sasl_next sli_sasl_state_fail(
    struct sli_sasl_exchange *exchange, int err, const char *error)
{
    return err == SLIMTA_EINVAL ? sli_sasl_state_refuse(exchange, error)
                                : SLI_SASL_NO_MEMORY;
}

int sli_sasl_state_name(struct sli_sasl_exchange *exchange,
    struct slimta_slice authzid, struct slimta_slice authcid)
{
    if (!sli_sasl_prepare_is_text(authzid) ||
        !sli_sasl_prepare_is_text(authcid)) {
        return SLIMTA_EINVAL;
    }
    exchange->authzid = sli_alloc_text(exchange->alloc, authzid);
    exchange->authcid = sli_alloc_text(exchange->alloc, authcid);
    if (exchange->authzid == NULL || exchange->authcid == NULL) {
        return SLIMTA_ENOMEM;
    }
    return sli_sasl_prepare_check(exchange->authcid);
}

enum sli_sasl_next sli_sasl_state_await(
    struct sli_sasl_exchange *exchange, struct slimta_slice message)
{
    exchange->message = sli_alloc_text(exchange->alloc, message);
    exchange->message_size = message.size;
    return exchange->message == NULL ? SLI_SASL_NO_MEMORY
                                     : SLI_SASL_NEEDS_SECRET;
}

int sli_sasl_state_start(struct sli_sasl_exchange *exchange)
{
    int rc = gsasl_server_start(
        exchange->sasl->gsasl, exchange->mechanism->name, &exchange->session);

    if (rc != GSASL_OK) {
        exchange->session = NULL;
    }
    return rc == GSASL_OK ? 0 : SLIMTA_ENOMEM;
}

int sli_sasl_state_set(struct sli_sasl_exchange *exchange,
    Gsasl_property property, const char *text)
{
    return gsasl_property_set(exchange->session, property, text) == GSASL_OK
        ? 0
        : SLIMTA_ENOMEM;
}

int sli_sasl_state_run(
    struct sli_sasl_exchange *exchange, struct slimta_slice message)
{
    char *output = NULL;
    size_t size = 0;
    int rc = gsasl_step(
        exchange->session, message.data, message.size, &output, &size);

    gsasl_free(exchange->output);
    exchange->output = output;
    exchange->challenge = sli_slice(output, output == NULL ? 0 : size);
    return rc;
}
