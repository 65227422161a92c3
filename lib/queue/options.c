/** What the options of all queues that hand mail on have in common. */
#include "queue/options.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/slice.h"
#include "io/resolver_servers.h"
#include "tls/context.h"

enum {
    EHLO_NAME_MAX = 255,
    DEFAULT_CONNECT_TIMEOUT_MS = 30000,
    DEFAULT_CONNECTIONS = 100,
    DEFAULT_IDLE_MS = 10000
};

int sli_queue_options_copy_text(const struct slimta_alloc *alloc, char **out,
    const char *text, struct slimta_error *error)
{
    if (text == NULL) {
        return 0;
    }
    *out = sli_alloc_text(alloc, sli_slice_text(text));
    return *out == NULL ? sli_error_set(error, SLIMTA_ENOMEM, "out of memory")
                        : 0;
}

int sli_queue_options_copy_links(struct sli_queue_pool_config *config,
    const struct sli_queue_options_links *links, struct slimta_error *error)
{
    struct sli_io_resolver_servers known;
    int err =
        sli_io_resolver_servers_read(&known, links->servers, "servers", error);

    config->connect_timeout_ms = sli_queue_options_or(
        links->connect_timeout_ms, DEFAULT_CONNECT_TIMEOUT_MS);
    config->max_connections =
        sli_queue_options_or(links->max_connections, DEFAULT_CONNECTIONS);
    config->idle_ms = sli_queue_options_or(links->idle_ms, DEFAULT_IDLE_MS);
    return err == 0 ? sli_queue_options_copy_text(&config->alloc,
                          &config->servers, links->servers, error)
                    : err;
}

void sli_queue_options_free_config(struct sli_queue_pool_config *config)
{
    sli_queue_hop_fini(&config->hops);
    slimta_tls_unref(config->tls);
    sli_free(&config->alloc, config->servers);
}

int sli_queue_options_copy_ehlo_name(const struct slimta_alloc *alloc,
    char **out, const char *name, struct slimta_error *error)
{
    struct slimta_slice text = sli_slice_text(name);

    if (name != NULL &&
        (text.size == 0 || text.size > EHLO_NAME_MAX ||
            memchr(text.data, ' ', text.size) != NULL ||
            !sli_ascii_all(text, SLI_ASCII_PRINT))) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "ehlo_name: 1 to %d printable octets without spaces are needed",
            EHLO_NAME_MAX);
    }
    return sli_queue_options_copy_text(alloc, out, name, error);
}

int sli_queue_options_check_hop(const struct sli_queue_pool_config *config,
    const struct sli_queue_hop *hop, const char *option,
    struct slimta_error *error)
{
    if (hop->name != NULL ||
        !sli_tls_context_verifies(config->tls, SLI_TLS_CLIENT)) {
        return 0;
    }
    return sli_error_set(error, SLIMTA_EINVAL,
        "%s: '%s' has an address, whose certificate cannot be verified: a "
        "name is needed",
        option, hop->text);
}

void sli_queue_options_free_password(
    const struct slimta_alloc *alloc, char *password)
{
    if (password != NULL) {
        sli_secret_wipe(password, strlen(password));
    }
    sli_free(alloc, password);
}
