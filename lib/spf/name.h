/** Names of the DNS as an SPF check meets them. */
#ifndef SPF_NAME_H
#define SPF_NAME_H

#include <slimta/slice.h>

/** The longest name in text form, without a final dot. */
#define SLI_SPF_NAME_MAX 253

/** Without the one final dot that it may have. */
struct slimta_slice sli_spf_name_trim(struct slimta_slice name);

/** Whether it can be asked for: labels of 1 to 63 printable octets, at most
 * SLI_SPF_NAME_MAX in all. A backslash is refused, because resolvers read it as
 * an escape. */
int sli_spf_name_can_be_asked(struct slimta_slice name);

/** Whether it can also be what a check is about: several labels of letters,
 * digits, hyphens and underscores, no address. RFC 7208 section 4.3. */
int sli_spf_name_is_domain(struct slimta_slice name);

/** Whether it is `domain` or below it; case does not matter. */
int sli_spf_name_is_in(struct slimta_slice name, struct slimta_slice domain);

#endif
