/** The inside of a TLS context: certificates, trust and rules. */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <slimta/tls.h>

/** Whether it has a certificate, which an edge needs. */
int sli_tls_context_has_certificate(const struct slimta_tls *tls);

/** Somebody begins to use it: from now on it cannot be changed. Any thread. */
void sli_tls_context_use(struct slimta_tls *tls);

#endif
