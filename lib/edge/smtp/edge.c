/** The SMTP edge's public object: its options and its verbs. */
#include "edge/smtp/edge.h"

#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "edge/adopt.h"
#include "edge/options.h"
#include "edge/policy.h"
#include "edge/smtp/lmtp.h"
#include "edge/smtp/offer.h"
#include "edge/smtp/session.h"

/* The defaults and limits of struct smtp_edge_options. */
#define DEFAULT_MESSAGE_BYTES (UINT64_C(50) << 20)
#define DEFAULT_RECIPIENTS 1000
#define DEFAULT_COMMAND_BYTES 4096
#define COMMAND_BYTES_MIN 512
#define COMMAND_BYTES_MAX 65536
#define DEFAULT_ERRORS 20
#define DEFAULT_IDLE_COMMANDS 100000
#define DEFAULT_RECEIVED 100
#define EHLO_BYTES_MAX 255  /* of a domain: RFC 5321 section 4.5.3.1.2 */
#define LINE_BYTES_MIN 1000 /* RFC 5321 section 4.5.3.1.6 */
#define DEFAULT_UNREAD_BYTES 65536
#define UNREAD_BYTES_MAX 1073741824
#define DEFAULT_COMMAND_TIMEOUT_MS 300000
#define DEFAULT_TLS_TIMEOUT_MS 30000
#define DEFAULT_AUTH_BYTES 12290 /* RFC 4954 section 4 */
#define AUTH_BYTES_MIN 512
#define AUTH_BYTES_MAX 65536

static int check_sizes(
    const struct smtp_edge_options *options, struct slimta_error *error)
{
    int err = sli_edge_options_check_range("max_command_bytes",
        options->max_command_bytes, COMMAND_BYTES_MIN, COMMAND_BYTES_MAX,
        error);

    if (err == 0) {
        err = sli_edge_options_check_range("max_ehlo_bytes",
            options->max_ehlo_bytes, 1, EHLO_BYTES_MAX, error);
    }
    if (err == 0) {
        err = sli_edge_options_check_range("max_auth_bytes",
            options->max_auth_bytes, AUTH_BYTES_MIN, AUTH_BYTES_MAX, error);
    }
    if (err == 0) {
        err = sli_edge_options_check_range("max_line_bytes",
            options->max_line_bytes, LINE_BYTES_MIN, SLIMTA_UNLIMITED, error);
    }
    if (err == 0) {
        err = sli_edge_options_check_range("max_unread_bytes",
            options->max_unread_bytes, 1, UNREAD_BYTES_MAX, error);
    }
    return err;
}

static int check_enums(
    const struct smtp_edge_options *options, struct slimta_error *error)
{
    if ((unsigned)options->bare_newlines > SLIMTA_BARE_PASS) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "bare_newlines: %d is not one of its values",
            (int)options->bare_newlines);
    }
    if ((unsigned)options->greeting > SLIMTA_GREETING_HOSTNAME) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "greeting: %d is not one of its values", (int)options->greeting);
    }
    if ((unsigned)options->tls_mode > SLIMTA_TLS_IMMEDIATE) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "tls_mode: %d is not one of its values", (int)options->tls_mode);
    }
    return 0;
}

/* Whoever asks for TLS at once must not end up without. */
static int check_tls(
    const struct smtp_edge_options *options, struct slimta_error *error)
{
    return options->tls == NULL && options->tls_mode != SLIMTA_TLS_OFFERED
        ? sli_error_set(error, SLIMTA_EINVAL, "tls_mode: it needs `tls`")
        : 0;
}

static int check(const struct smtp_edge_options *options,
    const struct slimta_queue *queue, struct slimta_error *error)
{
    int err = check_sizes(options, error);

    if (err == 0) {
        err = check_enums(options, error);
    }
    if (err == 0) {
        err = check_tls(options, error);
    }
    if (err == 0) {
        err = sli_edge_options_check_queue(queue, error);
    }
    return err;
}

static void copy_numbers(
    struct smtp_edge *edge, const struct smtp_edge_options *options)
{
    edge->smtp.alloc = &edge->edge.alloc;
    edge->smtp.max_message_bytes =
        sli_edge_options_or(options->max_message_bytes, DEFAULT_MESSAGE_BYTES);
    edge->smtp.max_recipients =
        sli_edge_options_or(options->max_recipients, DEFAULT_RECIPIENTS);
    edge->smtp.max_command_bytes =
        sli_edge_options_or(options->max_command_bytes, DEFAULT_COMMAND_BYTES);
    edge->smtp.max_ehlo_bytes =
        sli_edge_options_or(options->max_ehlo_bytes, EHLO_BYTES_MAX);
    edge->smtp.max_line_bytes =
        sli_edge_options_or(options->max_line_bytes, SLIMTA_UNLIMITED);
    edge->max_unread_bytes =
        sli_edge_options_or(options->max_unread_bytes, DEFAULT_UNREAD_BYTES);
    edge->smtp.max_errors =
        sli_edge_options_or(options->max_errors, DEFAULT_ERRORS);
    edge->smtp.max_received =
        sli_edge_options_or(options->max_received, DEFAULT_RECEIVED);
    edge->smtp.max_idle_commands =
        sli_edge_options_or(options->max_idle_commands, DEFAULT_IDLE_COMMANDS);
    edge->smtp.bare_newlines = options->bare_newlines;
    edge->smtp.greeting = options->greeting;
    edge->smtp.max_auth_bytes =
        sli_edge_options_or(options->max_auth_bytes, DEFAULT_AUTH_BYTES);
    edge->command_timeout_ms = sli_edge_options_or(
        options->command_timeout_ms, DEFAULT_COMMAND_TIMEOUT_MS);
    edge->tls_timeout_ms =
        sli_edge_options_or(options->tls_timeout_ms, DEFAULT_TLS_TIMEOUT_MS);
    if (edge->tls_timeout_ms > edge->command_timeout_ms) {
        edge->tls_timeout_ms = edge->command_timeout_ms;
    }
    edge->edge.text_bytes = (size_t)edge->smtp.max_command_bytes + 2;
}

static void release(struct sli_edge *base)
{
    struct smtp_edge *edge = (struct smtp_edge *)base;
    struct slimta_alloc alloc = base->alloc;

    sli_edge_fini(base);
    sli_edge_auth_fini(&edge->auth);
    sli_networks_fini(&edge->xclient_from);
    sli_free(&alloc, edge);
}

/* The type of smtp_edge_stop's `stopped`. */
typedef void (*stopped_function)(struct smtp_edge *edge, void *user);

static void tell_stopped(
    struct sli_edge *base, sli_edge_any_function stopped, void *user)
{
    ((stopped_function)stopped)((struct smtp_edge *)base, user);
}

static const struct sli_edge_kind kind = {
    .door = &sli_edge_smtp_door,
    .tell_stopped = tell_stopped,
    .release = release,
};

static int take_tls(struct smtp_edge *edge,
    const struct smtp_edge_options *options, struct slimta_error *error)
{
    static const enum sli_smtp_tls modes[] = {
        [SLIMTA_TLS_OFFERED] = SLI_SMTP_TLS_OFFERED,
        [SLIMTA_TLS_REQUIRED] = SLI_SMTP_TLS_REQUIRED,
        [SLIMTA_TLS_IMMEDIATE] = SLI_SMTP_TLS_IMMEDIATE,
    };

    if (options->tls == NULL) {
        return 0;
    }
    edge->smtp.tls = modes[options->tls_mode];
    return sli_edge_set_tls(&edge->edge, options->tls, error);
}

static int apply_common(struct smtp_edge *edge,
    const struct smtp_edge_options *options, struct slimta_error *error)
{
    const struct sli_edge_options common = {
        .hostname = options->hostname,
        .threads = options->threads,
        .max_connections = options->max_connections,
        .max_connections_per_ip = options->max_connections_per_ip,
        .validator_timeout_ms = options->validator_timeout_ms,
        .queue_timeout_ms = options->queue_timeout_ms,
        .queue_write_timeout_ms = options->queue_write_timeout_ms,
        .data_timeout_ms = options->data_timeout_ms,
        .min_data_rate = options->min_data_rate,
        .spill_bytes = options->spill_bytes,
        .spill_directory = options->spill_directory,
        .proxy = options->proxy,
        .proxy_cap_ms = edge->command_timeout_ms,
        .reverse_names = options->reverse_names,
        .dns_servers = options->dns_servers,
        .event = options->event,
        .event_user = options->event_user,
    };
    int err = sli_edge_options_apply(&edge->edge, &common, error);

    edge->smtp.hostname = edge->edge.hostname;
    return err;
}

static int make(struct smtp_edge **out, const struct smtp_edge_options *options,
    const struct slimta_alloc *alloc, struct slimta_queue *queue,
    struct slimta_error *error)
{
    struct smtp_edge *edge = sli_alloc_zero(alloc, sizeof *edge);
    int err;

    if (edge == NULL || sli_edge_init(&edge->edge, &kind, alloc, queue) != 0) {
        sli_free(alloc, edge);
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    copy_numbers(edge, options);
    err = apply_common(edge, options, error);
    if (err == 0) {
        err = sli_edge_smtp_offer_take_options(edge, options, error);
    }
    if (err == 0) {
        err = sli_networks_init(&edge->xclient_from, &edge->edge.alloc,
            "xclient_from", options->xclient_from, error);
    }
    if (err == 0) {
        err = take_tls(edge, options, error);
    }
    if (err == 0) {
        err = sli_edge_auth_init(&edge->auth, &edge->edge.alloc,
            &(struct sli_edge_auth_options){options->auth_mechanisms,
                options->auth_flags, options->auth_salt_key},
            error);
    }
    if (err != 0) {
        release(&edge->edge);
        return err;
    }
    *out = edge;
    return 0;
}

int smtp_edge_new(struct smtp_edge **out,
    const struct smtp_edge_options *options, struct slimta_queue *queue,
    struct slimta_error *error)
{
    struct smtp_edge_options known = {.size = sizeof known};
    struct slimta_alloc alloc;
    int err;

    if (out == NULL) {
        return sli_error_set(error, SLIMTA_EINVAL, "out: it is NULL");
    }
    err = SLI_OPTIONS_TAKE("options", &known, options, error);
    if (err == 0) {
        err = sli_alloc_take(&alloc, known.alloc, error);
    }
    if (err == 0) {
        err = check(&known, queue, error);
    }
    return err != 0 ? err : make(out, &known, &alloc, queue, error);
}

int smtp_edge_add_validators(struct smtp_edge *edge,
    const struct slimta_validators *validators, struct slimta_error *error)
{
    return sli_edge_policy_add_public(&edge->edge, validators, error);
}

int smtp_edge_listen(struct smtp_edge *edge, const char *host, uint16_t port,
    struct slimta_error *error)
{
    int err = sli_edge_smtp_lmtp_check_port(edge, port, error);

    return err != 0 ? err : sli_edge_listen(&edge->edge, host, port, error);
}

int smtp_edge_listen_unix(
    struct smtp_edge *edge, const char *path, struct slimta_error *error)
{
    return sli_edge_listen_unix(&edge->edge, path, error);
}

/* Of a descriptor that the host has: a listener's or a connection's. */
static int check_port_of(
    const struct smtp_edge *edge, int fd, struct slimta_error *error)
{
    struct slimta_address address = {.port = 0};

    /* What it is, the edge says better. */
    (void)sli_io_socket_local_address(fd, &address);
    return sli_edge_smtp_lmtp_check_port(edge, address.port, error);
}

int smtp_edge_listen_fd(
    struct smtp_edge *edge, int fd, struct slimta_error *error)
{
    int err = check_port_of(edge, fd, error);

    return err != 0 ? err : sli_edge_listen_fd(&edge->edge, fd, error);
}

int smtp_edge_address(
    const struct smtp_edge *edge, size_t index, struct slimta_address *address)
{
    return sli_edge_address(&edge->edge, index, address);
}

int smtp_edge_start(struct smtp_edge *edge, struct slimta_loop *loop,
    struct slimta_error *error)
{
    int err = sli_edge_auth_start(&edge->auth,
        sli_edge_policy_has(&edge->edge, SLI_EDGE_STEP_AUTH),
        sli_edge_policy_has(&edge->edge, SLI_EDGE_STEP_SECRET), error);

    return err != 0 ? err : sli_edge_start(&edge->edge, loop, error);
}

int smtp_edge_set_tls(
    struct smtp_edge *edge, struct slimta_tls *tls, struct slimta_error *error)
{
    return sli_edge_replace_tls(&edge->edge, tls, error);
}

void smtp_edge_count(
    const struct smtp_edge *edge, struct slimta_counters *counters)
{
    sli_edge_sum(&edge->edge, counters);
}

int smtp_edge_adopt(struct smtp_edge *edge, int fd, struct slimta_error *error)
{
    int err = check_port_of(edge, fd, error);

    return err != 0 ? err : sli_edge_adopt(&edge->edge, fd, error);
}

int smtp_edge_stop(struct smtp_edge *edge, uint64_t drain_ms,
    void (*stopped)(struct smtp_edge *edge, void *user), void *user)
{
    return sli_edge_stop(
        &edge->edge, drain_ms, (sli_edge_any_function)stopped, user);
}

void smtp_edge_free(struct smtp_edge *edge)
{
    if (edge != NULL) {
        sli_edge_free(&edge->edge);
    }
}
