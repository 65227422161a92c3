/** Feeds sli_sasl_stored_secret_read a text. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "sasl/stored_secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct sli_sasl_keys keys;

    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (sli_sasl_stored_secret_read(&keys, text) == 0) {
        demand(strlen(text) < SLIMTA_STORED_SECRET_MAX);
        demand(keys.iterations >= SLI_SASL_ITERATIONS_MIN);
        demand(keys.iterations <= SLI_SASL_ITERATIONS_MAX);
        demand(keys.salt_size >= SLI_SASL_SALT_MIN);
        demand(keys.salt_size <= SLI_SASL_SALT_MAX);
        demand(sli_sasl_keys_size(keys.hash) <= SLI_SASL_KEY_MAX);
    }
    free(text);
    return 0;
}
