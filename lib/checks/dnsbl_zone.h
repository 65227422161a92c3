/** One zone of a block list: its name, and which answers count. */
#ifndef CHECKS_DNSBL_ZONE_H
#define CHECKS_DNSBL_ZONE_H

#include <slimta/address.h>
#include <slimta/dnsbl.h>
#include <slimta/resolver.h>

/** What is left of a name for the zone, behind 32 hexadecimal digits with their
 * dots (RFC 5782 section 2.4). */
#define SLI_CHECKS_DNSBL_ZONE_MAX 189

/** Room for a name that is asked for, NUL included. */
#define SLI_CHECKS_DNSBL_NAME_SIZE 254

/** Ranges in one list of codes. */
#define SLI_CHECKS_DNSBL_RANGES_MAX 32

struct sli_checks_dnsbl_range {
    uint32_t first;
    uint32_t last;
};

struct sli_checks_dnsbl_codes {
    size_t count;
    struct sli_checks_dnsbl_range ranges[SLI_CHECKS_DNSBL_RANGES_MAX];
};

struct sli_checks_dnsbl_zone {
    struct sli_checks_dnsbl_zone *next;
    struct sli_checks_dnsbl_codes listed; /* none: all */
    struct sli_checks_dnsbl_codes ignored;
    char name[SLI_CHECKS_DNSBL_ZONE_MAX + 1];
};

enum sli_checks_dnsbl_verdict {
    SLI_CHECKS_DNSBL_NOT_LISTED,
    SLI_CHECKS_DNSBL_LISTED,
    SLI_CHECKS_DNSBL_ERROR /* not known */
};

/** Fills `zone` from what a host has given. SLIMTA_EINVAL says what is wrong.
 */
int sli_checks_dnsbl_zone_read(struct sli_checks_dnsbl_zone *zone,
    const struct slimta_dnsbl_zone *given, struct slimta_error *error);

/** What the answer for an A record says. */
enum sli_checks_dnsbl_verdict sli_checks_dnsbl_zone_judge(
    const struct sli_checks_dnsbl_zone *zone,
    const struct slimta_answer *answer);

/** The name of an address in the zone. */
void sli_checks_dnsbl_zone_name(const struct sli_checks_dnsbl_zone *zone,
    const struct slimta_address *address, char out[SLI_CHECKS_DNSBL_NAME_SIZE]);

/** The address that no list has, in the family of `address`: RFC 5782 section
 * 5. */
struct slimta_address sli_checks_dnsbl_zone_never_listed(
    const struct slimta_address *address);

/** Whether lists can know anything of the address: not of private, loopback,
 * link-local and multicast ones, nor of what is no IP address. */
int sli_checks_dnsbl_zone_is_public(const struct slimta_address *address);

#endif
