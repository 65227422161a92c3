/** What comes before a session behind a balancer: a connection whose PROXY
 * header is not whole yet. Knows neither SMTP nor HTTP. */
#ifndef EDGE_PROXIED_H
#define EDGE_PROXIED_H

#include <slimta/address.h>
#include <slimta/error.h>
#include <slimta/proxy.h>

#include "base/networks.h"
#include "proxy/decoder.h"

struct sli_edge_shard;

/** Which header is wanted, from whom, and in what time. */
struct sli_edge_proxied_rules {
    int is_on; /* else the rest is nothing */
    int trusts_all;
    struct sli_networks trusted;
    struct sli_proxy_wanted wanted;
    uint64_t timeout_ms;
};

/**
 * Rules from a host's options, NULL for none: no header. `cap_ms` caps their
 * time. Borrows `alloc` until fini. SLIMTA_EINVAL, SLIMTA_ENOMEM.
 */
int sli_edge_proxied_init(struct sli_edge_proxied_rules *rules,
    const struct slimta_alloc *alloc,
    const struct slimta_proxy_options *options, uint64_t cap_ms,
    struct slimta_error *error);

/** All zero is fine too. */
void sli_edge_proxied_fini(struct sli_edge_proxied_rules *rules);

/** Whether a header of this real peer counts. */
int sli_edge_proxied_trusts(const struct sli_edge_proxied_rules *rules,
    const struct slimta_address *peer);

/** Waits for the header of a connection that has a place among all; then
 * sli_edge_shard_begin follows. Takes `fd`. On the shard's loop. */
void sli_edge_proxied_await(
    struct sli_edge_shard *shard, int fd, const struct slimta_address *peer);

/** Closes those that wait: nothing may be said to them. */
void sli_edge_proxied_close_all(struct sli_edge_shard *shard);

#endif
