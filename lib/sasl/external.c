/** EXTERNAL (RFC 4422 appendix A): what the client's certificate has proved. */
#include <slimta/error.h>

#include "base/slice.h"
#include "sasl/state.h"

static enum sli_sasl_next step(
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    int err;

    if (message == NULL) {
        return sli_sasl_state_ask(exchange, "", SLI_SASL_STAGE_FIRST);
    }
    if (exchange->certificate_name == NULL) {
        return sli_sasl_state_refuse(
            exchange, "no verified client certificate");
    }
    /* Empty: whom the certificate names acts as itself. */
    err = sli_sasl_state_name(
        exchange, *message, sli_slice_text(exchange->certificate_name));
    if (err != 0) {
        return sli_sasl_state_fail(exchange, err, "malformed name");
    }
    exchange->is_proved = 1;
    return SLI_SASL_CREDENTIALS;
}

const struct sli_sasl_way sli_sasl_external_way = {
    .step = step,
    .may_be_empty = 1,
};
