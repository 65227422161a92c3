/** An exchange of ours with libgsasl's own client, written down. */
#ifndef SASL_TALK_H
#define SASL_TALK_H

#include <gsasl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/slice.h"
#include "fail_alloc.h"
#include "sasl/exchange.h"

static const unsigned char talk_exporter[32] =
    "an exporter's thirty-two octets";

/** Who knows what; `secret` belongs to `kind`. */
struct talk {
    struct fail_alloc memory;
    struct sli_sasl *sasl;
    const struct slimta_alloc *alloc; /**< that memory's */
    struct sli_sasl_channel channel;
    enum sli_sasl_secret_kind kind;
    const char *secret;

    const char *authzid;           /**< the client's, or NULL */
    const unsigned char *exporter; /**< the client's, or NULL */

    char log[2048]; /**< what was said, without nonces */
    char error[64];
    struct slimta_credentials *credentials; /**< of the last exchange */
};

static inline void talk_init(struct talk *talk)
{
    *talk = (struct talk){.sasl = NULL};
    fail_alloc_init(&talk->memory, 0, FAIL_ALLOC_ONCE);
    talk->alloc = &talk->memory.table;
    assert_int_equal(sli_sasl_new(&talk->sasl, talk->alloc, "salt key"), 0);
}

/** All memory is given back. */
static inline void talk_fini(struct talk *talk)
{
    slimta_credentials_unref(talk->credentials);
    talk->credentials = NULL;
    sli_sasl_free(talk->sasl);
    assert_int_equal(talk->memory.live, 0);
}

static inline struct sli_sasl_exchange *talk_start(
    struct talk *talk, const char *mechanism)
{
    struct sli_sasl_exchange *exchange = NULL;

    assert_int_equal(
        sli_sasl_exchange_new(&exchange, talk->alloc, talk->sasl,
            sli_sasl_mechanism_find(sli_slice_text(mechanism)), &talk->channel),
        0);
    return exchange;
}

/** The exchange's answer to a message, its question for a secret answered. */
static inline enum sli_sasl_next talk_step(struct talk *talk,
    struct sli_sasl_exchange *exchange, const struct slimta_slice *message)
{
    enum sli_sasl_next next = sli_sasl_exchange_step(exchange, message);

    if (next == SLI_SASL_NEEDS_SECRET) {
        (void)strncat(
            talk->log, "secret\n", sizeof talk->log - strlen(talk->log) - 1);
        next = sli_sasl_exchange_secret(exchange, talk->kind, talk->secret);
    }
    return next;
}

/* Writes a challenge down; what changes with each exchange is left out. */
static inline void talk_note(struct talk *talk, struct slimta_slice challenge)
{
    char line[512];
    char *comma;

    assert_true(challenge.size < sizeof line - 1);
    (void)snprintf(
        line, sizeof line, "S: %.*s\n", (int)challenge.size, challenge.data);
    comma = strchr(line, ',');
    if (line[3] == '<') {
        (void)strcpy(line, "S: <nonce>\n");
    } else if (strncmp(line, "S: r=", 5) == 0 && comma != NULL) {
        memmove(line + 5, comma, strlen(comma) + 1);
    } else if (strncmp(line, "S: v=", 5) == 0) {
        (void)strcpy(line, "S: v=\n");
    }
    (void)strncat(talk->log, line, sizeof talk->log - strlen(talk->log) - 1);
}

static inline Gsasl_session *talk_client(struct talk *talk, Gsasl *gsasl,
    const char *mechanism, const char *name, const char *password)
{
    Gsasl_session *client = NULL;
    char text[64];

    assert_int_equal(gsasl_client_start(gsasl, mechanism, &client), GSASL_OK);
    (void)gsasl_property_set(client, GSASL_AUTHID, name);
    (void)gsasl_property_set(client, GSASL_PASSWORD, password);
    if (talk->authzid != NULL) {
        (void)gsasl_property_set(client, GSASL_AUTHZID, talk->authzid);
    }
    if (talk->exporter != NULL) {
        text[sli_base64_encode(sli_slice(talk->exporter, 32), text)] = '\0';
        (void)gsasl_property_set(client, GSASL_CB_TLS_EXPORTER, text);
    }
    return client;
}

/* Keeps what the exchange came to, and frees it. */
static inline void talk_end(struct talk *talk,
    struct sli_sasl_exchange *exchange, enum sli_sasl_next next)
{
    (void)snprintf(talk->error, sizeof talk->error, "%s",
        sli_sasl_exchange_error(exchange));
    slimta_credentials_unref(talk->credentials);
    talk->credentials = next == SLI_SASL_CREDENTIALS
        ? sli_sasl_exchange_credentials(exchange)
        : NULL;
    sli_sasl_exchange_free(exchange);
}

/** Runs a whole exchange; its end. */
static inline enum sli_sasl_next talk_run(struct talk *talk,
    const char *mechanism, const char *name, const char *password)
{
    struct sli_sasl_exchange *exchange = talk_start(talk, mechanism);
    Gsasl *gsasl = NULL;
    Gsasl_session *client;
    enum sli_sasl_next next;

    assert_int_equal(gsasl_init(&gsasl), GSASL_OK);
    client = talk_client(talk, gsasl, mechanism, name, password);
    talk->log[0] = '\0';
    next = talk_step(talk, exchange, NULL);
    while (next == SLI_SASL_CHALLENGE) {
        struct slimta_slice challenge = sli_sasl_exchange_challenge(exchange);
        char *output = NULL;
        size_t size = 0;
        struct slimta_slice message;
        int rc;

        talk_note(talk, challenge);
        rc = gsasl_step(client, challenge.data, challenge.size, &output, &size);
        assert_true(rc == GSASL_OK || rc == GSASL_NEEDS_MORE);
        message = sli_slice(output, size);
        next = talk_step(talk, exchange, &message);
        gsasl_free(output);
    }
    talk_end(talk, exchange, next);
    gsasl_finish(client);
    gsasl_done(gsasl);
    return next;
}

/** Where the messages, `count` of them, end; for one that no client sends.
 * `first` NULL: no initial response. */
static inline enum sli_sasl_next talk_feed(struct talk *talk,
    const char *mechanism, const struct slimta_slice *messages, size_t count)
{
    struct sli_sasl_exchange *exchange = talk_start(talk, mechanism);
    enum sli_sasl_next next = SLI_SASL_CHALLENGE;

    talk->log[0] = '\0';
    for (size_t i = 0; i < count && next == SLI_SASL_CHALLENGE; i++) {
        next = talk_step(talk, exchange, &messages[i]);
    }
    talk_end(talk, exchange, next);
    return next;
}

#endif
