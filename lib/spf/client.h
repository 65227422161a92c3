/** The client as the DNS knows it: its reverse names (RFC 7208 section 5.5). */
#ifndef SPF_CLIENT_H
#define SPF_CLIENT_H

#include "spf/step.h"

/** Which of the client's names are looked for. */
enum sli_spf_client_names {
    SLI_SPF_CLIENT_IS, /**< the domain itself */
    SLI_SPF_CLIENT_IN, /**< the domain, or a name below it */
    SLI_SPF_CLIENT_ANY
};

/** The first of the client's first ten reverse names that is wanted and leads
 * back to the client's address. Errors of the DNS are as no name. `name` lives
 * as long as the table. */
enum sli_spf_step sli_spf_client_name(struct sli_spf_check *check,
    enum sli_spf_client_names wanted, struct slimta_slice domain,
    struct slimta_slice *name);

/** Room for the texts below, NUL included. */
#define SLI_SPF_CLIENT_TEXT_MAX 80

/** %{i}: "192.0.2.1"; for IPv6 32 digits with dots between them. Returns its
 * length. */
size_t sli_spf_client_dotted(
    const struct slimta_address *client, char out[SLI_SPF_CLIENT_TEXT_MAX]);

/** %{v}: "in-addr", or "ip6". */
const char *sli_spf_client_zone(const struct slimta_address *client);

#endif
