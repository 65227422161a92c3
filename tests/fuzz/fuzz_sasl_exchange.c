/** Feeds an exchange of any mechanism: an octet picks the mechanism, one the
 * channel and the secret, then come the messages, each with two octets of size
 * before it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "sasl/exchange.h"
#include "sasl/prepare.h"

static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5",
    "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
    "EXTERNAL"};

/* "pencil" of RFC 5802 and RFC 7677. */
static const char *const stored[] = {
    "{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,"
    "D+CSWLOshSulAsxiupA+qs2/fTE=",
    "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="};

/* Making keys is slow: no input leads there. */
static enum sli_sasl_next give_secret(
    struct sli_sasl_exchange *exchange, size_t mechanism, unsigned choice)
{
    if (mechanism >= 3) {
        return sli_sasl_exchange_secret(
            exchange, SLI_SASL_SECRET_STORED, stored[(mechanism + 1) % 2]);
    }
    return choice & 4
        ? sli_sasl_exchange_secret(exchange, SLI_SASL_SECRET_UNASKED, NULL)
        : sli_sasl_exchange_secret(
              exchange, SLI_SASL_SECRET_PASSWORD, "pencil");
}

/* What no message may bring about. */
static void check_end(struct sli_sasl_exchange *exchange,
    enum sli_sasl_next next, size_t mechanism)
{
    struct slimta_credentials *credentials;

    demand(next != SLI_SASL_NO_MEMORY);
    if (next == SLI_SASL_REFUSED) {
        demand(*sli_sasl_exchange_error(exchange) != '\0');
    }
    if (next != SLI_SASL_CREDENTIALS) {
        return;
    }
    credentials = sli_sasl_exchange_credentials(exchange);
    demand(credentials != NULL);
    /* Nobody can know the nonce. */
    demand(mechanism < 2 || mechanism == 7);
    demand(
        sli_sasl_prepare_check(slimta_credentials_authcid(credentials)) == 0);
    demand(sli_sasl_prepare_is_text(
        sli_slice_text(slimta_credentials_authzid(credentials))));
    if (mechanism < 2 && slimta_credentials_are_proved(credentials)) {
        demand(slimta_credentials_match(credentials, "pencil"));
    }
    slimta_credentials_unref(credentials);
}

static void play(struct sli_sasl_exchange *exchange, size_t mechanism,
    unsigned choice, struct slimta_slice rest)
{
    enum sli_sasl_next next = SLI_SASL_CHALLENGE;

    if (choice & 1) {
        next = sli_sasl_exchange_step(exchange, NULL);
    }
    while (next == SLI_SASL_CHALLENGE && rest.size >= 2) {
        size_t size =
            (unsigned char)rest.data[0] * 256U + (unsigned char)rest.data[1];
        char *copy;
        struct slimta_slice message;

        rest = sli_slice_skip(rest, 2);
        size = size > rest.size ? rest.size : size;
        copy = malloc(size == 0 ? 1 : size); /* its end is watched */
        demand(copy != NULL);
        memcpy(copy, rest.data, size);
        rest = sli_slice_skip(rest, size);
        message = sli_slice(copy, size);
        next = sli_sasl_exchange_step(exchange, &message);
        free(copy);
        if (next == SLI_SASL_NEEDS_SECRET) {
            next = give_secret(exchange, mechanism, choice);
        }
    }
    check_end(exchange, next, mechanism);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct slimta_alloc alloc;
    static struct sli_sasl *sasl;
    static const unsigned char exporter[32];
    struct sli_sasl_channel channel = {.exporter = exporter};
    struct sli_sasl_exchange *exchange = NULL;
    size_t mechanism;

    if (size < 2) {
        return 0;
    }
    if (sasl == NULL) {
        demand(sli_alloc_init(&alloc, NULL) == 0);
        demand(sli_sasl_new(&sasl, &alloc, "salt key") == 0);
    }
    mechanism = data[0] % (sizeof mechanisms / sizeof *mechanisms);
    channel.offers_plus = (data[1] & 2) != 0;
    channel.certificate_name = data[1] & 8 ? NULL : "tim";
    demand(sli_sasl_exchange_new(&exchange, &alloc, sasl,
               sli_sasl_mechanism_find(sli_slice_text(mechanisms[mechanism])),
               &channel) == 0);
    play(exchange, mechanism, data[1], sli_slice(data + 2, size - 2));
    sli_sasl_exchange_free(exchange);
    return 0;
}
