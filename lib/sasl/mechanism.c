/** The mechanisms that are spoken here, what each needs, and how it goes. */
#include "sasl/mechanism.h"

#include <stddef.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "sasl/state.h"

static const struct sli_sasl_mechanism mechanisms[] = {
    {"PLAIN", SLI_SASL_IS_PLAINTEXT, &sli_sasl_plain_way},
    {"LOGIN", SLI_SASL_IS_PLAINTEXT, &sli_sasl_login_way},
    {"CRAM-MD5", SLI_SASL_IS_CHALLENGE | SLI_SASL_SERVER_FIRST,
        &sli_sasl_cram_way},
    {"SCRAM-SHA-1", SLI_SASL_IS_CHALLENGE, &sli_sasl_scram_way},
    {"SCRAM-SHA-256", SLI_SASL_IS_CHALLENGE, &sli_sasl_scram_way},
    {"SCRAM-SHA-1-PLUS", SLI_SASL_IS_CHALLENGE | SLI_SASL_NEEDS_BINDING,
        &sli_sasl_scram_way},
    {"SCRAM-SHA-256-PLUS", SLI_SASL_IS_CHALLENGE | SLI_SASL_NEEDS_BINDING,
        &sli_sasl_scram_way},
    {"EXTERNAL", SLI_SASL_NEEDS_CERTIFICATE, &sli_sasl_external_way},
};

const struct sli_sasl_mechanism sli_sasl_mechanism_basic = {
    "BASIC", SLI_SASL_IS_PLAINTEXT, &sli_sasl_plain_way};

const struct sli_sasl_mechanism sli_sasl_mechanism_bearer = {
    "BEARER", SLI_SASL_IS_PLAINTEXT, &sli_sasl_bearer_way};

const struct sli_sasl_mechanism *sli_sasl_mechanism_find(
    struct slimta_slice name)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        if (sli_ascii_same(name, sli_slice_text(mechanisms[i].name))) {
            return &mechanisms[i];
        }
    }
    return NULL;
}
