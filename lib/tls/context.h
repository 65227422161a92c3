/** The inside of a TLS context: certificates, trust and rules. */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <slimta/tls.h>

#include "tls/stream.h"

struct mbedtls_ssl_config;

/** Why no edge can use it, static; NULL when one can. */
const char *sli_tls_context_flaw(const struct slimta_tls *tls);

/** Somebody begins to use it: from now on it cannot be changed. Any thread. */
void sli_tls_context_use(struct slimta_tls *tls);

/** The same for somebody who will be a client: where no CA was given, reads
 * those of the system, once. May block. Errors name the file. Any thread. */
int sli_tls_context_use_as_client(
    struct slimta_tls *tls, struct slimta_error *error);

/** Whether it asks those for a certificate who speak to one in that role. */
int sli_tls_context_verifies(
    const struct slimta_tls *tls, enum sli_tls_role role);

/** What a server's stream is set up with. Lives as long as the context. */
const struct mbedtls_ssl_config *sli_tls_context_server(
    const struct slimta_tls *tls);

/** The same for a client's; NULL before sli_tls_context_use_as_client. */
const struct mbedtls_ssl_config *sli_tls_context_client(
    const struct slimta_tls *tls);

#endif
