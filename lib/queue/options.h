/** What the options of all queues that hand mail on have in common. */
#ifndef QUEUE_OPTIONS_H
#define QUEUE_OPTIONS_H

#include <stdint.h>

#include <slimta/error.h>

#include "queue/pool.h"

static inline uint64_t sli_queue_options_or(uint64_t value, uint64_t otherwise)
{
    return value == 0 ? otherwise : value;
}

/* Each fails with SLIMTA_EINVAL or SLIMTA_ENOMEM; errors begin with the name of
 * the option. */

/** A copy of `text`; of NULL: nothing. */
int sli_queue_options_copy_text(const struct slimta_alloc *alloc, char **out,
    const char *text, struct slimta_error *error);

/** What all these queues are told of their connections. */
struct sli_queue_options_links {
    const char *servers;
    uint64_t connect_timeout_ms; /* 0, like the others: the default */
    uint64_t max_connections;
    uint64_t idle_ms;
};

int sli_queue_options_copy_links(struct sli_queue_pool_config *config,
    const struct sli_queue_options_links *links, struct slimta_error *error);

/** Frees what a config has: hops, TLS, name servers. */
void sli_queue_options_free_config(struct sli_queue_pool_config *config);

/** A copy of what EHLO says; of NULL: nothing. */
int sli_queue_options_copy_ehlo_name(const struct slimta_alloc *alloc,
    char **out, const char *name, struct slimta_error *error);

/** A hop with an address and TLS of which `option` says that it is verified: a
 * certificate is checked against a name, and one that anybody has got for a
 * name of theirs must not do for an address. */
int sli_queue_options_check_hop(const struct sli_queue_pool_config *config,
    const struct sli_queue_hop *hop, const char *option,
    struct slimta_error *error);

/** The password is wiped, and both are freed; NULL is accepted. */
void sli_queue_options_free_password(
    const struct slimta_alloc *alloc, char *password);

#endif
