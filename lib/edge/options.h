/** What the options of both edges have in common: checked, copied, with their
 * defaults. */
#ifndef EDGE_OPTIONS_H
#define EDGE_OPTIONS_H

#include <slimta/error.h>
#include <slimta/events.h>
#include <slimta/resolver.h>

#include "edge/edge.h"

/** The members that have one name and one meaning in both structs. */
struct sli_edge_options {
    const char *hostname;
    unsigned threads;
    uint64_t max_connections;
    uint64_t max_connections_per_ip;
    uint64_t validator_timeout_ms;
    uint64_t queue_timeout_ms;
    uint64_t queue_write_timeout_ms;
    uint64_t data_timeout_ms; /**< HTTP: body_timeout_ms */
    uint64_t min_data_rate;
    uint64_t spill_bytes;
    const char *spill_directory;
    const struct slimta_proxy_options *proxy;
    uint64_t proxy_cap_ms; /**< the most that its `timeout_ms` comes to */
    enum slimta_reverse_names reverse_names;
    const char *dns_servers;
    slimta_event_fn event;
    void *event_user;
};

static inline uint64_t sli_edge_options_or(uint64_t value, uint64_t otherwise)
{
    return value == 0 ? otherwise : value;
}

/** What a number may be beside 0. SLIMTA_EINVAL names it. */
int sli_edge_options_check_range(const char *name, uint64_t value,
    uint64_t least, uint64_t most, struct slimta_error *error);

/** Whether a queue can be used. SLIMTA_EINVAL. */
int sli_edge_options_check_queue(
    const struct slimta_queue *queue, struct slimta_error *error);

/** Fills what both edges have. SLIMTA_EINVAL names the option at fault;
 * SLIMTA_ENOMEM. */
int sli_edge_options_apply(struct sli_edge *edge,
    const struct sli_edge_options *options, struct slimta_error *error);

#endif
