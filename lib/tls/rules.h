/** What every connection keeps to: versions, cipher suites, groups. */
#ifndef TLS_RULES_H
#define TLS_RULES_H

#include <slimta/tls.h>

#include "tls/compat.h"

/** Sets up `config`, which was initialised, for MBEDTLS_SSL_IS_SERVER or
 * _IS_CLIENT. 0 or a code of mbedTLS. */
int sli_tls_rules_set(mbedtls_ssl_config *config, int endpoint,
    enum slimta_tls_version min_version);

/** The suite's name as IANA has it; "unknown" for one that is not allowed. */
const char *sli_tls_rules_suite_name(int suite);

#endif
