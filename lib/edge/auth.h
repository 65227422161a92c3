/** Which SASL mechanisms an edge has, and which of them it offers to whom. */
#ifndef EDGE_AUTH_H
#define EDGE_AUTH_H

#include <slimta/error.h>

#include "sasl/exchange.h"

/** How many mechanisms there are to be configured, each once. */
#define SLI_EDGE_AUTH_MECHANISMS_MAX 8

/** Room for the names of all of them, with spaces. */
#define SLI_EDGE_AUTH_LIST_MAX 160

/** What a connection has that mechanisms may need: flags. */
enum sli_edge_auth_channel {
    SLI_EDGE_AUTH_TLS = 1 << 0,
    SLI_EDGE_AUTH_BINDING = 1 << 1,     /**< tls-exporter */
    SLI_EDGE_AUTH_CERTIFICATE = 1 << 2, /**< a verified one of the client's */
    SLI_EDGE_AUTH_CHANNELS = 1 << 3
};

/** Constant once the edge has started. */
struct sli_edge_auth {
    const struct sli_sasl_mechanism *mechanisms[SLI_EDGE_AUTH_MECHANISMS_MAX];
    size_t count;    /**< 0: AUTH is off */
    unsigned flags;  /**< SLIMTA_AUTH_… */
    int has_secrets; /**< some table has `secret` */
    struct sli_sasl *sasl;
    /** What is offered on each kind of channel, parted by spaces. */
    char lists[SLI_EDGE_AUTH_CHANNELS][SLI_EDGE_AUTH_LIST_MAX];
};

/** As in struct smtp_edge_options. */
struct sli_edge_auth_options {
    const char *mechanisms; /**< NULL: AUTH is off */
    unsigned flags;
    const char *salt_key;
};

/** Reads the options. SLIMTA_EINVAL names what is wrong; SLIMTA_ENOMEM. */
int sli_edge_auth_init(struct sli_edge_auth *auth,
    const struct slimta_alloc *alloc,
    const struct sli_edge_auth_options *options, struct slimta_error *error);

void sli_edge_auth_fini(struct sli_edge_auth *auth);

/** The validators are known: makes the lists. SLIMTA_EINVAL when AUTH is on and
 * could never succeed. */
int sli_edge_auth_start(struct sli_edge_auth *auth, int has_auth,
    int has_secret, struct slimta_error *error);

/** Whether a mechanism that is configured can be used on this channel. */
int sli_edge_auth_can_use(const struct sli_edge_auth *auth,
    const struct sli_sasl_mechanism *mechanism, unsigned channel);

/** Whether a -PLUS is offered on this channel. */
int sli_edge_auth_has_plus(const struct sli_edge_auth *auth, unsigned channel);

#endif
