/** The queues that hand mail on over SMTP and LMTP: options and table. */
#include "queue/smtp/queue.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "queue/options.h"
#include "queue/smtp/message.h"
#include "sasl/mechanism.h"
#include "tls/context.h"

#define DEFAULT_COMMAND_TIMEOUT_MS 60000
#define DEFAULT_DATA_TIMEOUT_MS 240000
#define MACHINE_MAX 255

/* The table */

static void smtp_free(struct slimta_queue *queue)
{
    struct sli_queue_smtp *smtp = (struct sli_queue_smtp *)queue;
    struct slimta_alloc alloc = smtp->pools.config.alloc;

    sli_queue_pool_fini(&smtp->pools);
    sli_queue_options_free_config(&smtp->pools.config);
    sli_sasl_free(smtp->sasl);
    sli_queue_options_free_password(&alloc, smtp->password);
    sli_free(&alloc, smtp->user);
    sli_free(&alloc, smtp->mechanism);
    sli_free(&alloc, smtp->ehlo_name);
    sli_free(&alloc, smtp);
}

static int smtp_attach(struct slimta_queue *queue, struct slimta_loop *loop)
{
    return sli_queue_pool_attach(
        &((struct sli_queue_smtp *)queue)->pools, loop);
}

static void smtp_detach(
    struct slimta_queue *queue, struct slimta_loop *loop, struct slimta_op *op)
{
    sli_queue_pool_detach(&((struct sli_queue_smtp *)queue)->pools, loop, op);
}

static void smtp_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    sli_queue_smtp_message_begin((struct sli_queue_smtp *)queue, envelope, op);
}

static void smtp_recipient(struct slimta_queue *queue, void *message,
    const struct slimta_recipient *recipient, struct slimta_op *op)
{
    (void)queue;
    sli_queue_smtp_message_recipient(message, recipient, op);
}

static void smtp_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    (void)queue;
    sli_queue_smtp_message_write(message, octets, op);
}

static void smtp_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    (void)queue;
    sli_queue_smtp_message_commit(message, op);
}

static void smtp_abort(struct slimta_queue *queue, void *message)
{
    (void)queue;
    sli_queue_smtp_message_abort(message);
}

static uint64_t smtp_capabilities(struct slimta_queue *queue)
{
    return atomic_load_explicit(
        &((struct sli_queue_smtp *)queue)->capabilities, memory_order_relaxed);
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .free = smtp_free,
    .attach = smtp_attach,
    .detach = smtp_detach,
    .begin = smtp_begin,
    .write = smtp_write,
    .commit = smtp_commit,
    .abort = smtp_abort,
    .recipient = smtp_recipient,
    .capabilities = smtp_capabilities,
};

/* Options */

static int copy_ehlo_name(struct sli_queue_smtp *smtp,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    char machine[MACHINE_MAX + 1] = "";
    const char *name = options->ehlo_name;

    if (name == NULL) {
        if (gethostname(machine, sizeof machine - 1) != 0) {
            machine[0] = '\0';
        }
        name = machine[0] == '\0' ? "localhost" : machine;
    }
    return sli_queue_options_copy_ehlo_name(
        &smtp->pools.config.alloc, &smtp->ehlo_name, name, error);
}

static int check_mechanism(const char *name, struct slimta_error *error)
{
    return name == NULL || sli_sasl_mechanism_find(sli_slice_text(name)) != NULL
        ? 0
        : sli_error_set(error, SLIMTA_EINVAL, "mechanism: it is not known");
}

static int check_user(
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    if (options->user == NULL || options->password == NULL) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "user: it needs a password, and that a user");
    }
    if (options->tls_policy == SLIMTA_HOP_TLS_OFF) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "user: nobody is told who we are without TLS");
    }
    return check_mechanism(options->mechanism, error);
}

static int copy_user(struct sli_queue_smtp *smtp,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    const struct slimta_alloc *alloc = &smtp->pools.config.alloc;
    int err;

    if (options->user == NULL && options->password == NULL) {
        return 0;
    }
    err = check_user(options, error);
    if (err == 0) {
        err = sli_queue_options_copy_text(
            alloc, &smtp->user, options->user, error);
    }
    if (err == 0) {
        err = sli_queue_options_copy_text(
            alloc, &smtp->password, options->password, error);
    }
    if (err == 0) {
        err = sli_queue_options_copy_text(
            alloc, &smtp->mechanism, options->mechanism, error);
    }
    if (err == 0) {
        err = sli_sasl_new(&smtp->sasl, alloc, NULL);
        err = err == 0 ? 0 : sli_error_set(error, err, "AUTH cannot be used");
    }
    return err;
}

static int make_tls(struct sli_queue_smtp *smtp, enum slimta_tls_verify verify,
    struct slimta_error *error)
{
    struct sli_queue_pool_config *config = &smtp->pools.config;
    const struct slimta_tls_options options = {
        .size = sizeof options, .alloc = &config->alloc, .verify = verify};
    int err = slimta_tls_new(&config->tls, &options, error);

    return err == 0 ? sli_tls_context_use_as_client(config->tls, error) : err;
}

/* RFC 7435 section 3: what is merely offered goes on without a certificate that
 * holds, since otherwise it would be in the clear, and also where the machine
 * has nobody to trust. */
static int make_opportunistic_tls(
    struct sli_queue_smtp *smtp, struct slimta_error *error)
{
    int err = make_tls(smtp, SLIMTA_TLS_VERIFY_OPTIONAL, error);

    if (err != 0 && err != SLIMTA_ENOMEM) {
        slimta_tls_unref(smtp->pools.config.tls);
        smtp->pools.config.tls = NULL;
        err = make_tls(smtp, SLIMTA_TLS_VERIFY_NONE, error);
    }
    return err;
}

/* What is insisted on is looked at by name. */
static int check_names(
    const struct sli_queue_smtp *smtp, struct slimta_error *error)
{
    const struct sli_queue_pool_config *config = &smtp->pools.config;
    int err = 0;

    for (size_t i = 0; i < config->hops.count && err == 0 &&
         smtp->tls_policy != SLIMTA_HOP_TLS_OFFERED;
         i++) {
        err = sli_queue_options_check_hop(
            config, &config->hops.items[i], "hosts", error);
    }
    return err;
}

static int use_tls(struct sli_queue_smtp *smtp,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    if (options->tls != NULL) {
        smtp->pools.config.tls = slimta_tls_ref(options->tls);
        return sli_tls_context_use_as_client(options->tls, error);
    }
    return smtp->tls_policy == SLIMTA_HOP_TLS_OFFERED
        ? make_opportunistic_tls(smtp, error)
        : make_tls(smtp, SLIMTA_TLS_VERIFY_DEFAULT, error);
}

static int copy_tls(struct sli_queue_smtp *smtp,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    int err;

    smtp->tls_policy = options->tls_policy;
    if ((unsigned)options->tls_policy > SLIMTA_HOP_TLS_OFF) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "tls_policy: it is not known");
    }
    if (options->tls_policy == SLIMTA_HOP_TLS_OFF) {
        return 0;
    }
    err = use_tls(smtp, options, error);
    return err == 0 ? check_names(smtp, error) : err;
}

static int copy_hops(struct sli_queue_smtp *smtp,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    struct sli_queue_pool_config *config = &smtp->pools.config;
    uint16_t port = smtp->engine.is_lmtp ? 24 : 25;

    if (options->tls_policy == SLIMTA_HOP_TLS_IMMEDIATE) {
        port = 465;
    }
    return sli_queue_hop_read_hosts(
        &config->hops, &config->alloc, options->hosts, port, "hosts", error);
}

static void copy_timeouts(struct sli_queue_smtp *smtp,
    const struct slimta_smtp_queue_options *options)
{
    smtp->command_timeout_ms = sli_queue_options_or(
        options->command_timeout_ms, DEFAULT_COMMAND_TIMEOUT_MS);
    smtp->data_timeout_ms =
        sli_queue_options_or(options->data_timeout_ms, DEFAULT_DATA_TIMEOUT_MS);
}

static int copy_options(struct sli_queue_smtp *smtp,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    struct sli_queue_pool_config *config = &smtp->pools.config;
    const struct sli_queue_options_links links = {
        .servers = options->servers,
        .connect_timeout_ms = options->connect_timeout_ms,
        .max_connections = options->max_connections,
        .idle_ms = options->idle_ms,
    };
    int err = copy_hops(smtp, options, error);

    if (err == 0) {
        err = sli_queue_options_copy_links(config, &links, error);
    }
    if (err == 0) {
        err = copy_ehlo_name(smtp, options, error);
    }
    if (err == 0) {
        err = copy_user(smtp, options, error);
    }
    if (err == 0) {
        err = copy_tls(smtp, options, error);
    }
    copy_timeouts(smtp, options);
    config->kind = &sli_queue_smtp_link_kind;
    config->tell = (struct sli_queue_tell){
        options->event, options->event_user, smtp->ehlo_name};
    smtp->engine.alloc = &config->alloc;
    smtp->engine.ehlo_name = smtp->ehlo_name;
    return err;
}

static int make(struct slimta_queue **out,
    const struct slimta_smtp_queue_options *options, int is_lmtp,
    struct slimta_error *error)
{
    struct slimta_smtp_queue_options known = {0};
    struct slimta_alloc alloc;
    struct sli_queue_smtp *smtp;
    int err;

    err = SLI_OPTIONS_TAKE("options", &known, options, error);
    if (err == 0) {
        err = sli_alloc_take(&alloc, known.alloc, error);
    }
    if (err != 0) {
        return err;
    }
    smtp = sli_alloc_zero(&alloc, sizeof *smtp);
    if (smtp == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    smtp->queue.methods = &methods;
    smtp->pools.config.alloc = alloc;
    smtp->engine.is_lmtp = is_lmtp;
    err = copy_options(smtp, &known, error);
    if (err != 0) {
        smtp_free(&smtp->queue);
        return err;
    }
    *out = &smtp->queue;
    return 0;
}

int slimta_smtp_queue_new(struct slimta_queue **out,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    return make(out, options, 0, error);
}

int slimta_lmtp_queue_new(struct slimta_queue **out,
    const struct slimta_smtp_queue_options *options, struct slimta_error *error)
{
    return make(out, options, 1, error);
}
