/** What the options of both edges have in common: checked, copied, with their
 * defaults. */
#include "edge/options.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/slice.h"
#include "edge/form.h"
#include "io/resolver_servers.h"

#define DEFAULT_THREADS 1
#define DEFAULT_CONNECTIONS 10000
#define DEFAULT_CONNECTIONS_PER_IP 100
#define DEFAULT_DATA_RATE 1024
#define DEFAULT_DATA_TIMEOUT_MS 600000
#define DEFAULT_VALIDATOR_TIMEOUT_MS 30000
#define DEFAULT_QUEUE_TIMEOUT_MS 300000
#define DEFAULT_QUEUE_WRITE_TIMEOUT_MS 60000
#define DEFAULT_SPILL_BYTES 65536
#define DEFAULT_SPILL_DIRECTORY "/var/tmp"
#define HOSTNAME_MAX 255

int sli_edge_options_check_range(const char *name, uint64_t value,
    uint64_t least, uint64_t most, struct slimta_error *error)
{
    if (value == 0 || (value >= least && value <= most)) {
        return 0;
    }
    if (most == SLIMTA_UNLIMITED) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "%s: %" PRIu64 " is below %" PRIu64, name, value, least);
    }
    return sli_error_set(error, SLIMTA_EINVAL,
        "%s: %" PRIu64 " is not between %" PRIu64 " and %" PRIu64, name, value,
        least, most);
}

int sli_edge_options_check_queue(
    const struct slimta_queue *queue, struct slimta_error *error)
{
    const char *flaw = sli_edge_form_flaw(queue);

    return flaw == NULL
        ? 0
        : sli_error_set(error, SLIMTA_EINVAL, "queue: %s", flaw);
}

/* A name that can stand in a banner and in a trace field. */
static int is_hostname(struct slimta_slice name)
{
    if (name.size == 0 || name.size > HOSTNAME_MAX ||
        !sli_ascii_all(name, SLI_ASCII_PRINT)) {
        return 0;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == ' ') {
            return 0;
        }
    }
    return 1;
}

static int copy_hostname(
    struct sli_edge *edge, const char *hostname, struct slimta_error *error)
{
    char machine[HOSTNAME_MAX + 1] = "";
    struct slimta_slice name = sli_slice_text(hostname);

    if (hostname == NULL) {
        if (gethostname(machine, sizeof machine - 1) != 0) {
            machine[0] = '\0';
        }
        name = sli_slice_text(machine[0] == '\0' ? "localhost" : machine);
    }
    if (!is_hostname(name)) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "hostname: 1 to %d printable octets without spaces are needed",
            HOSTNAME_MAX);
    }
    edge->hostname = sli_alloc_text(&edge->alloc, name);
    edge->events.hostname = edge->hostname;
    return edge->hostname == NULL
        ? sli_error_set(error, SLIMTA_ENOMEM, "out of memory")
        : 0;
}

static int copy_spill(struct sli_edge *edge,
    const struct sli_edge_options *options, struct slimta_error *error)
{
    const char *directory = options->spill_directory != NULL
        ? options->spill_directory
        : DEFAULT_SPILL_DIRECTORY;

    edge->spill_directory =
        sli_alloc_text(&edge->alloc, sli_slice_text(directory));
    edge->handoff.spill_directory = edge->spill_directory;
    edge->handoff.spill_bytes =
        sli_edge_options_or(options->spill_bytes, DEFAULT_SPILL_BYTES);
    return edge->spill_directory == NULL
        ? sli_error_set(error, SLIMTA_ENOMEM, "out of memory")
        : 0;
}

static int copy_dns(struct sli_edge *edge,
    const struct sli_edge_options *options, struct slimta_error *error)
{
    struct sli_io_resolver_servers servers;
    int err = sli_io_resolver_servers_read(
        &servers, options->dns_servers, "dns_servers", error);

    if (err == 0 &&
        (unsigned)options->reverse_names > SLIMTA_REVERSE_NAMES_ON) {
        err = sli_error_set(error, SLIMTA_EINVAL,
            "reverse_names: %d is not one of its values",
            (int)options->reverse_names);
    }
    edge->wants_reverse_names =
        options->reverse_names == SLIMTA_REVERSE_NAMES_ON;
    if (err != 0 || options->dns_servers == NULL) {
        return err;
    }
    edge->dns_servers =
        sli_alloc_text(&edge->alloc, sli_slice_text(options->dns_servers));
    return edge->dns_servers == NULL
        ? sli_error_set(error, SLIMTA_ENOMEM, "out of memory")
        : 0;
}

static void copy_times(
    struct sli_edge *edge, const struct sli_edge_options *options)
{
    edge->times = (struct sli_edge_times){
        .validator_ms = sli_edge_options_or(
            options->validator_timeout_ms, DEFAULT_VALIDATOR_TIMEOUT_MS),
        .queue_ms = sli_edge_options_or(
            options->queue_timeout_ms, DEFAULT_QUEUE_TIMEOUT_MS),
        .queue_write_ms = sli_edge_options_or(
            options->queue_write_timeout_ms, DEFAULT_QUEUE_WRITE_TIMEOUT_MS),
        .data = {.min_rate = sli_edge_options_or(
                     options->min_data_rate, DEFAULT_DATA_RATE),
            .max_ms = sli_edge_options_or(
                options->data_timeout_ms, DEFAULT_DATA_TIMEOUT_MS)},
    };
}

int sli_edge_options_apply(struct sli_edge *edge,
    const struct sli_edge_options *options, struct slimta_error *error)
{
    int err;

    if (options->threads > SLI_EDGE_THREADS_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "threads: %u is more than %d", options->threads,
            SLI_EDGE_THREADS_MAX);
    }
    edge->threads = options->threads == 0 ? DEFAULT_THREADS : options->threads;
    sli_edge_places_limit(&edge->places,
        sli_edge_options_or(options->max_connections, DEFAULT_CONNECTIONS),
        sli_edge_options_or(
            options->max_connections_per_ip, DEFAULT_CONNECTIONS_PER_IP));
    copy_times(edge, options);
    edge->events.tell = options->event;
    edge->events.user = options->event_user;
    err = copy_hostname(edge, options->hostname, error);
    if (err == 0) {
        err = copy_spill(edge, options, error);
    }
    if (err == 0) {
        err = copy_dns(edge, options, error);
    }
    return err != 0 ? err
                    : sli_edge_proxied_init(&edge->proxied, &edge->alloc,
                          options->proxy, options->proxy_cap_ms, error);
}
