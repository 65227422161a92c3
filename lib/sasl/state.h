/** The inside of an exchange, and what each mechanism does with it. */
#ifndef SASL_STATE_H
#define SASL_STATE_H

#include <gsasl.h>

#include "sasl/exchange.h"
#include "sasl/keys.h"

/** tls-exporter: RFC 9266 section 2. */
enum { SLI_SASL_EXPORTER_SIZE = 32 };

/** What the exchange waits for. */
enum sli_sasl_stage {
    SLI_SASL_STAGE_START,    /**< the initial response, or none */
    SLI_SASL_STAGE_FIRST,    /**< the first message, which was asked for */
    SLI_SASL_STAGE_PASSWORD, /**< LOGIN: the second one */
    SLI_SASL_STAGE_SECRET,   /**< the host's secret */
    SLI_SASL_STAGE_PROOF,    /**< SCRAM: the client's final message */
    SLI_SASL_STAGE_END,      /**< SCRAM: the empty answer to ours */
    SLI_SASL_STAGE_OVER      /**< nothing */
};

struct sli_sasl_exchange {
    const struct slimta_alloc *alloc; /* borrowed: outlives this */
    struct sli_sasl *sasl;
    const struct sli_sasl_mechanism *mechanism;
    enum sli_sasl_stage stage;
    const char *error;

    /* Of the channel. */
    char exporter[SLI_SASL_EXPORTER_SIZE];
    int has_exporter;
    int offers_plus;
    char *certificate_name;

    /* What the client has shown; NULL before. */
    char *authcid;
    char *authzid;
    char *password;
    int is_proved;
    char *message; /* kept until the secret is there */
    size_t message_size;
    size_t gs2_size; /* SCRAM: of the header at its front */

    /* Whether an unknown user's way is the slow one. */
    int is_unknown_slow;
    Gsasl_session *session;
    char *output; /* libgsasl's */
    struct slimta_slice challenge;
};

/** How a mechanism goes. */
struct sli_sasl_way {
    /** `message` is NULL at the start only. It is not empty but in the stage
     * END, and for one that `may_be_empty`. */
    enum sli_sasl_next (*step)(
        struct sli_sasl_exchange *exchange, const struct slimta_slice *message);

    /** NULL: none is ever needed. `text` is there when the kind has one. */
    enum sli_sasl_next (*secret)(struct sli_sasl_exchange *exchange,
        enum sli_sasl_secret_kind kind, const char *text);

    /** The kind that is slow; NONE: no kind. */
    enum sli_sasl_secret_kind slow;
    int may_be_empty;
};

extern const struct sli_sasl_way sli_sasl_plain_way;
extern const struct sli_sasl_way sli_sasl_login_way;
extern const struct sli_sasl_way sli_sasl_bearer_way;
extern const struct sli_sasl_way sli_sasl_cram_way;
extern const struct sli_sasl_way sli_sasl_scram_way;
extern const struct sli_sasl_way sli_sasl_external_way;

/** Why, for the host's eyes. */
enum sli_sasl_next sli_sasl_state_refuse(
    struct sli_sasl_exchange *exchange, const char *error);

/** `challenge` is static. */
enum sli_sasl_next sli_sasl_state_ask(struct sli_sasl_exchange *exchange,
    const char *challenge, enum sli_sasl_stage stage);

/** What an error of ours means: ENOMEM and ESYSTEM are none of the client's. */
enum sli_sasl_next sli_sasl_state_fail(
    struct sli_sasl_exchange *exchange, int err, const char *error);

/** Keeps the names; 0, SLIMTA_EINVAL when they are no names, SLIMTA_ENOMEM. */
int sli_sasl_state_name(struct sli_sasl_exchange *exchange,
    struct slimta_slice authzid, struct slimta_slice authcid);

/** Keeps the message and waits for the secret. */
enum sli_sasl_next sli_sasl_state_await(
    struct sli_sasl_exchange *exchange, struct slimta_slice message);

/** Starts libgsasl's side; 0, SLIMTA_ENOMEM. */
int sli_sasl_state_start(struct sli_sasl_exchange *exchange);

/** Sets a property of libgsasl's side; 0, SLIMTA_ENOMEM. */
int sli_sasl_state_set(struct sli_sasl_exchange *exchange,
    Gsasl_property property, const char *text);

/** Gives libgsasl a message; what it says becomes the challenge. Its code. */
int sli_sasl_state_run(
    struct sli_sasl_exchange *exchange, struct slimta_slice message);

#endif
