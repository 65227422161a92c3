/** Names of hosts, and the patterns in certificates that stand for them. */
#ifndef TLS_NAME_H
#define TLS_NAME_H

#include <slimta/slice.h>

/** What a host name may have in all (RFC 1035 section 2.3.4). */
#define SLI_TLS_NAME_MAX 253

/** Whether it is a host name as it may stand in SNI (RFC 6066 section 3):
 * labels of letters, digits, `-` and `_`, no dot at the end, and no address. */
int sli_tls_name_is_host(struct slimta_slice name);

/** Whether `pattern`, out of a certificate, stands for `name`: the same but for
 * case, or `*` for its whole first label (RFC 9525 section 6.3). */
int sli_tls_name_matches(struct slimta_slice pattern, struct slimta_slice name);

#endif
