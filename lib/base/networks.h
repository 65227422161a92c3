/** A list of networks, and whether an address is in it. */
#ifndef BASE_NETWORKS_H
#define BASE_NETWORKS_H

#include <stddef.h>

#include <slimta/address.h>
#include <slimta/alloc.h>
#include <slimta/error.h>

struct sli_network;

struct sli_networks {
    const struct slimta_alloc *alloc; /* borrowed: outlives the list */
    struct sli_network *items;
    size_t count;
};

/**
 * Reads members parted by commas, without spaces: addresses, networks as
 * "10.0.0.0/8" with no bit behind the prefix, and "unix" for every UNIX socket.
 * An IPv4-mapped one counts as the IPv4 one that it is. Empty or NULL: a list
 * that nobody is in. Borrows `alloc` until fini.
 *
 * SLIMTA_ENOMEM; SLIMTA_EINVAL, and `error` names `option` and the member that
 * is wrong.
 */
int sli_networks_init(struct sli_networks *networks,
    const struct slimta_alloc *alloc, const char *option, const char *text,
    struct slimta_error *error);

/** All zero is fine too. */
void sli_networks_fini(struct sli_networks *networks);

/** Whether the address is in one of them. Ports and scopes do not count; an
 * IPv4-mapped address is IPv4, so that it is not in "::/0"; an unknown one is
 * in none. */
int sli_networks_has(
    const struct sli_networks *networks, const struct slimta_address *address);

#endif
