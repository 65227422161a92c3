/** The list of name servers in options. */
#ifndef IO_RESOLVER_SERVERS_H
#define IO_RESOLVER_SERVERS_H

#include <stddef.h>

#include <slimta/address.h>
#include <slimta/error.h>

#define SLI_IO_RESOLVER_SERVERS_MAX 16
#define SLI_IO_RESOLVER_PORT 53

struct sli_io_resolver_servers {
    size_t count; /* 0: those of the machine */
    struct slimta_address addresses[SLI_IO_RESOLVER_SERVERS_MAX];
};

/** Reads "192.0.2.1,[::1]:5353"; NULL and "" are none. SLIMTA_EINVAL: the error
 * begins with the name of the `option`. */
int sli_io_resolver_servers_read(struct sli_io_resolver_servers *out,
    const char *text, const char *option, struct slimta_error *error);

#endif
