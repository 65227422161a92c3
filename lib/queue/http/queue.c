/** The queue that hands mail on over HTTP: options and table. */
#include "queue/http/queue.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "http/authorization.h"
#include "queue/http/message.h"
#include "queue/options.h"
#include "tls/context.h"

#define DEFAULT_REPLY_TIMEOUT_MS 240000

/* The head of a response: room for a line about each of many recipients. */
#define HEAD_MAX (UINT64_C(1) << 20)
#define FIELDS_MAX 10000

/* The table */

static void http_free(struct slimta_queue *queue)
{
    struct sli_queue_http *http = (struct sli_queue_http *)queue;
    struct slimta_alloc alloc = http->pools.config.alloc;

    sli_queue_pool_fini(&http->pools);
    sli_queue_options_free_config(&http->pools.config);
    sli_queue_options_free_password(&alloc, http->password);
    sli_free(&alloc, http->user);
    sli_free(&alloc, http->ehlo_name);
    sli_free(&alloc, http);
}

static int http_attach(struct slimta_queue *queue, struct slimta_loop *loop)
{
    return sli_queue_pool_attach(
        &((struct sli_queue_http *)queue)->pools, loop);
}

static void http_detach(
    struct slimta_queue *queue, struct slimta_loop *loop, struct slimta_op *op)
{
    sli_queue_pool_detach(&((struct sli_queue_http *)queue)->pools, loop, op);
}

static void http_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    sli_queue_http_message_enqueue(
        (struct sli_queue_http *)queue, envelope, op);
}

/* The protocol carries addresses and octets, and no parameters: nothing more is
 * claimed. */
static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .free = http_free,
    .attach = http_attach,
    .detach = http_detach,
    .enqueue = http_enqueue,
};

/* Options */

/* Whether all URLs are https ones, or any. */
static size_t count_https(const struct sli_queue_hops *hops)
{
    size_t count = 0;

    for (size_t i = 0; i < hops->count; i++) {
        count += hops->items[i].is_https != 0;
    }
    return count;
}

static int check_user(const struct sli_queue_http *http,
    const struct slimta_http_queue_options *options, struct slimta_error *error)
{
    const struct sli_queue_hops *hops = &http->pools.config.hops;

    if (options->user == NULL || options->password == NULL) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "user: it needs a password, and that a user");
    }
    if (count_https(hops) < hops->count) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "user: nobody is told who we are but with https");
    }
    /* RFC 7617 section 2. */
    if (strchr(options->user, ':') != NULL ||
        strlen(options->user) + 1 + strlen(options->password) >
            SLI_HTTP_BASIC_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "user: it has a colon, or is longer than %d octets with its "
            "password",
            SLI_HTTP_BASIC_MAX);
    }
    return 0;
}

static int copy_user(struct sli_queue_http *http,
    const struct slimta_http_queue_options *options, struct slimta_error *error)
{
    const struct slimta_alloc *alloc = &http->pools.config.alloc;
    int err;

    if (options->user == NULL && options->password == NULL) {
        return 0;
    }
    err = check_user(http, options, error);
    if (err == 0) {
        err = sli_queue_options_copy_text(
            alloc, &http->user, options->user, error);
    }
    return err == 0 ? sli_queue_options_copy_text(
                          alloc, &http->password, options->password, error)
                    : err;
}

static int check_names(
    const struct sli_queue_http *http, struct slimta_error *error)
{
    const struct sli_queue_pool_config *config = &http->pools.config;
    int err = 0;

    for (size_t i = 0; i < config->hops.count && err == 0; i++) {
        const struct sli_queue_hop *hop = &config->hops.items[i];

        if (hop->is_https) {
            err = sli_queue_options_check_hop(config, hop, "urls", error);
        }
    }
    return err;
}

static int copy_tls(struct sli_queue_http *http,
    const struct slimta_http_queue_options *options, struct slimta_error *error)
{
    struct sli_queue_pool_config *config = &http->pools.config;
    const struct slimta_tls_options defaults = {
        .size = sizeof defaults, .alloc = &config->alloc};
    int err = 0;

    if (count_https(&config->hops) == 0) {
        return 0;
    }
    if (options->tls != NULL) {
        config->tls = slimta_tls_ref(options->tls);
    } else {
        err = slimta_tls_new(&config->tls, &defaults, error);
    }
    if (err == 0) {
        err = check_names(http, error);
    }
    return err == 0 ? sli_tls_context_use_as_client(config->tls, error) : err;
}

static int copy_options(struct sli_queue_http *http,
    const struct slimta_http_queue_options *options, struct slimta_error *error)
{
    struct sli_queue_pool_config *config = &http->pools.config;
    const struct sli_queue_options_links links = {
        .servers = options->servers,
        .connect_timeout_ms = options->connect_timeout_ms,
        .max_connections = options->max_connections,
        .idle_ms = options->idle_ms,
    };
    int err = sli_queue_hop_read_urls(
        &config->hops, &config->alloc, options->urls, "urls", error);

    if (err == 0) {
        err = sli_queue_options_copy_links(config, &links, error);
    }
    if (err == 0) {
        err = sli_queue_options_copy_ehlo_name(
            &config->alloc, &http->ehlo_name, options->ehlo_name, error);
    }
    if (err == 0) {
        err = copy_user(http, options, error);
    }
    if (err == 0) {
        err = copy_tls(http, options, error);
    }
    http->reply_timeout_ms = sli_queue_options_or(
        options->reply_timeout_ms, DEFAULT_REPLY_TIMEOUT_MS);
    config->kind = &sli_queue_http_link_kind;
    config->tell = (struct sli_queue_tell){options->event, options->event_user,
        http->ehlo_name == NULL ? "" : http->ehlo_name};
    http->engine = (struct sli_http_client_config){.alloc = &config->alloc,
        .head = {.max_bytes = HEAD_MAX, .max_fields = FIELDS_MAX}};
    return err;
}

int slimta_http_queue_new(struct slimta_queue **out,
    const struct slimta_http_queue_options *options, struct slimta_error *error)
{
    struct slimta_http_queue_options known = {0};
    struct slimta_alloc alloc;
    struct sli_queue_http *http;
    int err;

    err = SLI_OPTIONS_TAKE("options", &known, options, error);
    if (err == 0) {
        err = sli_alloc_take(&alloc, known.alloc, error);
    }
    if (err != 0) {
        return err;
    }
    http = sli_alloc_zero(&alloc, sizeof *http);
    if (http == NULL) {
        return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
    }
    http->queue.methods = &methods;
    http->pools.config.alloc = alloc;
    err = copy_options(http, &known, error);
    if (err != 0) {
        http_free(&http->queue);
        return err;
    }
    *out = &http->queue;
    return 0;
}
