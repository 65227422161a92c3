/** The HTTP edge's public object: its options and its verbs. */
#include "edge/http/edge.h"

#include <slimta/queue.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/error.h"
#include "base/options.h"
#include "base/slice.h"
#include "base/text.h"
#include "edge/adopt.h"
#include "edge/http/conn.h"
#include "edge/options.h"
#include "edge/policy.h"
#include "http/authorization.h"

/* The defaults and limits of struct http_edge_options. */
#define DEFAULT_MESSAGE_BYTES (UINT64_C(50) << 20)
#define DEFAULT_RECIPIENTS 1000
#define HEAD_BYTES 16384    /* what a head needs without recipients, */
#define HEAD_BYTES_EACH 400 /* and for each: base64 of the longest address */
#define HEAD_BYTES_MIN 1024
#define HEAD_BYTES_MAX (UINT64_C(1) << 30)
#define HEAD_FIELDS 64 /* the same in lines */
#define DEFAULT_RECEIVED 100
#define DEFAULT_HEAD_TIMEOUT_MS 30000
#define DEFAULT_IDLE_TIMEOUT_MS 60000
#define DEFAULT_TLS_TIMEOUT_MS 30000
#define DEFAULT_IDEMPOTENCY_MS 86400000
#define KEYS_MAX (UINT64_C(1) << 32)
#define RETRY_AFTER_MAX 86400
#define WORD_MAX 255
#define CHALLENGE_MAX 768
#define FLAGS \
    (SLIMTA_HTTP_NEEDS_SENDER | SLIMTA_HTTP_PARTIAL | SLIMTA_HTTP_NO_REPEATS | \
        SLIMTA_HTTP_ALLOW_EMPTY | SLIMTA_HTTP_NAMES_ID | \
        SLIMTA_HTTP_OPTIONS_204 | SLIMTA_HTTP_CLOSES)

/* Checking */

static int check_numbers(
    const struct http_edge_options *options, struct slimta_error *error)
{
    int err = sli_edge_options_check_range("max_head_bytes",
        options->max_head_bytes, HEAD_BYTES_MIN, HEAD_BYTES_MAX, error);

    if (err == 0) {
        err = sli_edge_options_check_range("max_recipients",
            options->max_recipients, 1, HEAD_BYTES_MAX / HEAD_BYTES_EACH,
            error);
    }
    if (err == 0) {
        err = sli_edge_options_check_range(
            "retry_after_s", options->retry_after_s, 1, RETRY_AFTER_MAX, error);
    }
    if (err == 0) {
        err = sli_edge_options_check_range(
            "idempotency_keys", options->idempotency_keys, 1, KEYS_MAX, error);
    }
    return err;
}

static int check_rest(
    const struct http_edge_options *options, struct slimta_error *error)
{
    if ((options->flags & ~FLAGS) != 0) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "flags: 0x%x has unknown flags", options->flags);
    }
    if ((unsigned)options->permanent > SLIMTA_HTTP_PERMANENT_422) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "permanent: %d is not one of its values", (int)options->permanent);
    }
    if ((options->metrics_path == NULL) != (options->metrics == NULL)) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "metrics_path: it goes together with `metrics`");
    }
    return 0;
}

static int check(const struct http_edge_options *options,
    const struct slimta_queue *queue, struct slimta_error *error)
{
    int err = check_numbers(options, error);

    if (err == 0) {
        err = check_rest(options, error);
    }
    if (err == 0 && queue != NULL) {
        err = sli_edge_options_check_queue(queue, error);
    }
    return err;
}

/* Copying */

static int out_of_memory(struct slimta_error *error)
{
    return sli_error_set(error, SLIMTA_ENOMEM, "out of memory");
}

static int copy_text(struct http_edge *edge, const char *text,
    struct slimta_slice *out, struct slimta_error *error)
{
    const char *copy = sli_arena_text(&edge->words, sli_slice_text(text));

    *out = sli_slice_text(copy);
    return copy == NULL ? out_of_memory(error) : 0;
}

/* RFC 9110 section 5.6.2: method and field names are tokens. */
static int copy_token(struct http_edge *edge, const char *name,
    const char *text, struct slimta_slice *out, struct slimta_error *error)
{
    struct slimta_slice token = sli_slice_text(text);

    if (token.size == 0 || token.size > WORD_MAX ||
        !sli_ascii_all(token, SLI_ASCII_TCHAR)) {
        return sli_error_set(
            error, SLIMTA_EINVAL, "%s: it is no token of HTTP", name);
    }
    return copy_text(edge, text, out, error);
}

static const char *or_word(const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

static int copy_names(struct http_edge *edge,
    const struct http_edge_options *options, struct slimta_error *error)
{
    struct sli_http_rules *rules = &edge->rules;
    int err = copy_token(edge, "method", or_word(options->method, "POST"),
        &rules->method, error);

    if (err == 0) {
        err = copy_token(edge, "sender_header",
            or_word(options->sender_header, "X-Envelope-Sender"),
            &rules->sender, error);
    }
    if (err == 0) {
        err = copy_token(edge, "recipient_header",
            or_word(options->recipient_header, "X-Envelope-Recipient"),
            &rules->recipient, error);
    }
    if (err == 0) {
        err = copy_token(edge, "ehlo_header",
            or_word(options->ehlo_header, "X-Ehlo"), &rules->ehlo, error);
    }
    return err;
}

static size_t count_members(struct slimta_slice list)
{
    struct slimta_slice member;
    size_t count = 0;

    while (sli_http_fields_member(&list, SLI_LITERAL(","), &member)) {
        count++;
    }
    return count;
}

static int copy_custom(
    struct http_edge *edge, const char *names, struct slimta_error *error)
{
    struct slimta_slice list = sli_slice_text(names);
    struct slimta_slice member;
    size_t count = count_members(list);

    if (count == 0) {
        return 0;
    }
    edge->custom = sli_arena_get(&edge->words, count * sizeof *edge->custom);
    if (edge->custom == NULL) {
        return out_of_memory(error);
    }
    while (sli_http_fields_member(&list, SLI_LITERAL(","), &member)) {
        const char *copy;

        if (member.size == 0 || !sli_ascii_all(member, SLI_ASCII_TCHAR)) {
            return sli_error_set(error, SLIMTA_EINVAL,
                "custom_headers: '%.*s' is no name of a field",
                (int)(member.size > WORD_MAX ? WORD_MAX : member.size),
                member.data);
        }
        copy = sli_arena_text(&edge->words, member);
        if (copy == NULL) {
            return out_of_memory(error);
        }
        edge->custom[edge->custom_count++] = sli_slice_text(copy);
    }
    return 0;
}

/* Python's re.match, which the protocol grew up with, is anchored at the start
 * alone; regexec is not at all. */
static int compile_pattern(
    struct http_edge *edge, const char *pattern, struct slimta_error *error)
{
    struct slimta_slice text = sli_slice_text(pattern);
    char reason[128];
    char *anchored;
    int code;

    if (pattern == NULL) {
        return 0;
    }
    anchored = sli_arena_get(&edge->words, text.size + sizeof "^()");
    if (anchored == NULL) {
        return out_of_memory(error);
    }
    memcpy(anchored, "^(", 2);
    memcpy(anchored + 2, text.data, text.size);
    anchored[text.size + 2] = ')';
    code = regcomp(&edge->pattern, anchored, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        (void)regerror(code, &edge->pattern, reason, sizeof reason);
        return sli_error_set(error,
            code == REG_ESPACE ? SLIMTA_ENOMEM : SLIMTA_EINVAL,
            "uri_pattern: %s", reason);
    }
    edge->has_pattern = 1;
    return 0;
}

static int copy_path(struct http_edge *edge, const char *name, const char *path,
    struct slimta_slice *out, struct slimta_error *error)
{
    *out = SLI_LITERAL("");
    if (path == NULL) {
        return 0;
    }
    if (path[0] != '/') {
        return sli_error_set(
            error, SLIMTA_EINVAL, "%s: it begins with a slash", name);
    }
    return copy_text(edge, path, out, error);
}

static int copy_paths(struct http_edge *edge,
    const struct http_edge_options *options, struct slimta_error *error)
{
    int err = compile_pattern(edge, options->uri_pattern, error);

    if (err == 0) {
        err = copy_path(edge, "health_path", options->health_path,
            &edge->health_path, error);
    }
    if (err == 0) {
        err = copy_path(edge, "metrics_path", options->metrics_path,
            &edge->metrics_path, error);
    }
    edge->metrics = options->metrics;
    edge->metrics_user = options->metrics_user;
    return err;
}

static int make_challenge(struct http_edge *edge,
    enum sli_http_authorization_scheme scheme, const char *realm,
    struct slimta_slice *out)
{
    char text[CHALLENGE_MAX];
    const char *copy;

    (void)sli_http_authorization_challenge(
        scheme, sli_slice_text(realm), text, sizeof text);
    copy = sli_arena_text(&edge->words, sli_slice_text(text));
    *out = sli_slice_text(copy);
    return copy == NULL ? SLIMTA_ENOMEM : 0;
}

/* What only a start can tell: whether tokens are judged. */
static int copy_realm(struct http_edge *edge,
    const struct http_edge_options *options, struct slimta_error *error)
{
    const char *realm = or_word(options->realm, edge->edge.hostname);

    if (strlen(realm) > WORD_MAX) {
        return sli_error_set(error, SLIMTA_EINVAL,
            "realm: it is longer than %d octets", WORD_MAX);
    }
    return make_challenge(edge, SLI_HTTP_AUTHORIZATION_BASIC, realm,
               &edge->rules.challenges[0]) != 0 ||
            make_challenge(edge, SLI_HTTP_AUTHORIZATION_BEARER, realm,
                &edge->rules.challenges[1]) != 0
        ? out_of_memory(error)
        : 0;
}

static int copy_retry_after(
    struct http_edge *edge, unsigned retry_after_s, struct slimta_error *error)
{
    char number[SLI_ASCII_NUMBER_MAX];

    if (retry_after_s == 0) {
        return 0;
    }
    (void)sli_ascii_format_number(retry_after_s, number);
    return copy_text(edge, number, &edge->rules.retry_after, error);
}

static void copy_numbers(
    struct http_edge *edge, const struct http_edge_options *options)
{
    struct sli_http_rules *rules = &edge->rules;

    edge->flags = options->flags;
    rules->max_recipients =
        sli_edge_options_or(options->max_recipients, DEFAULT_RECIPIENTS);
    rules->max_message_bytes =
        sli_edge_options_or(options->max_message_bytes, DEFAULT_MESSAGE_BYTES);
    rules->needs_sender = (options->flags & SLIMTA_HTTP_NEEDS_SENDER) != 0;
    rules->allows_empty = (options->flags & SLIMTA_HTTP_ALLOW_EMPTY) != 0;
    rules->permanent =
        options->permanent == SLIMTA_HTTP_PERMANENT_422 ? 422 : 500;
    edge->http.alloc = &edge->edge.alloc;
    edge->http.closes = (options->flags & SLIMTA_HTTP_CLOSES) != 0;
    edge->http.head = (struct sli_http_scan_limits){
        .max_bytes = sli_edge_options_or(options->max_head_bytes,
            HEAD_BYTES + HEAD_BYTES_EACH * rules->max_recipients),
        .max_fields = HEAD_FIELDS + rules->max_recipients,
    };
    edge->max_received =
        sli_edge_options_or(options->max_received, DEFAULT_RECEIVED);
    edge->head_timeout_ms =
        sli_edge_options_or(options->head_timeout_ms, DEFAULT_HEAD_TIMEOUT_MS);
    edge->idle_timeout_ms =
        sli_edge_options_or(options->idle_timeout_ms, DEFAULT_IDLE_TIMEOUT_MS);
    edge->tls_timeout_ms =
        sli_edge_options_or(options->tls_timeout_ms, DEFAULT_TLS_TIMEOUT_MS);
    edge->edge.text_bytes = SLI_HTTP_TARGET_MAX + 1;
}

static int apply_common(struct http_edge *edge,
    const struct http_edge_options *options, struct slimta_error *error)
{
    const struct sli_edge_options common = {
        .hostname = options->hostname,
        .threads = options->threads,
        .max_connections = options->max_connections,
        .max_connections_per_ip = options->max_connections_per_ip,
        .validator_timeout_ms = options->validator_timeout_ms,
        .queue_timeout_ms = options->queue_timeout_ms,
        .queue_write_timeout_ms = options->queue_write_timeout_ms,
        .data_timeout_ms = options->body_timeout_ms,
        .min_data_rate = options->min_data_rate,
        .spill_bytes = options->spill_bytes,
        .spill_directory = options->spill_directory,
        .proxy = options->proxy,
        .proxy_cap_ms = edge->head_timeout_ms,
        .reverse_names = options->reverse_names,
        .dns_servers = options->dns_servers,
        .event = options->event,
        .event_user = options->event_user,
    };

    return sli_edge_options_apply(&edge->edge, &common, error);
}

static int copy_words(struct http_edge *edge,
    const struct http_edge_options *options, struct slimta_error *error)
{
    int err = copy_names(edge, options, error);

    if (err == 0) {
        err = copy_custom(edge, options->custom_headers, error);
    }
    if (err == 0) {
        err = copy_paths(edge, options, error);
    }
    if (err == 0) {
        err = copy_realm(edge, options, error);
    }
    if (err == 0) {
        err = copy_retry_after(edge, options->retry_after_s, error);
    }
    edge->page_rules = edge->rules;
    edge->page_rules.method = SLI_LITERAL("GET, HEAD");
    return err;
}

static int take_tls(struct http_edge *edge,
    const struct http_edge_options *options, struct slimta_error *error)
{
    if (options->tls == NULL) {
        return 0;
    }
    edge->has_tls = 1;
    return sli_edge_set_tls(&edge->edge, options->tls, error);
}

static int make_keys(struct http_edge *edge,
    const struct http_edge_options *options, struct slimta_error *error)
{
    if (options->idempotency_keys == 0) {
        return 0;
    }
    return sli_edge_http_keys_init(&edge->keys, &edge->edge.alloc,
               options->idempotency_keys,
               sli_edge_options_or(
                   options->idempotency_ms, DEFAULT_IDEMPOTENCY_MS)) != 0
        ? out_of_memory(error)
        : 0;
}

static void release(struct sli_edge *base)
{
    struct http_edge *edge = (struct http_edge *)base;
    struct slimta_alloc alloc = base->alloc;

    sli_edge_fini(base);
    sli_edge_http_keys_fini(&edge->keys);
    sli_sasl_free(edge->sasl);
    if (edge->has_pattern) {
        regfree(&edge->pattern);
    }
    sli_arena_fini(&edge->words);
    sli_free(&alloc, edge);
}

/* The type of http_edge_stop's `stopped`. */
typedef void (*stopped_function)(struct http_edge *edge, void *user);

static void tell_stopped(
    struct sli_edge *base, sli_edge_any_function stopped, void *user)
{
    ((stopped_function)stopped)((struct http_edge *)base, user);
}

static const struct sli_edge_kind kind = {
    .door = &sli_edge_http_door,
    .tell_stopped = tell_stopped,
    .release = release,
};

static int fill(struct http_edge *edge, const struct http_edge_options *options,
    struct slimta_error *error)
{
    int err;

    copy_numbers(edge, options);
    err = apply_common(edge, options, error);
    if (err == 0) {
        err = copy_words(edge, options, error);
    }
    if (err == 0) {
        err = take_tls(edge, options, error);
    }
    if (err == 0) {
        err = make_keys(edge, options, error);
    }
    return err;
}

static int make(struct http_edge **out, const struct http_edge_options *options,
    const struct slimta_alloc *alloc, struct slimta_queue *queue,
    struct slimta_error *error)
{
    struct http_edge *edge = sli_alloc_zero(alloc, sizeof *edge);
    int err;

    if (edge == NULL || sli_edge_init(&edge->edge, &kind, alloc, queue) != 0) {
        sli_free(alloc, edge);
        return out_of_memory(error);
    }
    sli_arena_init(&edge->words, &edge->edge.alloc, 1024);
    err = fill(edge, options, error);
    if (err != 0) {
        release(&edge->edge);
        return err;
    }
    *out = edge;
    return 0;
}

int http_edge_new(struct http_edge **out,
    const struct http_edge_options *options, struct slimta_queue *queue,
    struct slimta_error *error)
{
    struct http_edge_options known = {.size = sizeof known};
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

int http_edge_add_validators(struct http_edge *edge,
    const struct slimta_validators *validators, struct slimta_error *error)
{
    return sli_edge_policy_add_public(&edge->edge, validators, error);
}

int http_edge_listen(struct http_edge *edge, const char *host, uint16_t port,
    struct slimta_error *error)
{
    return sli_edge_listen(&edge->edge, host, port, error);
}

int http_edge_listen_unix(
    struct http_edge *edge, const char *path, struct slimta_error *error)
{
    return sli_edge_listen_unix(&edge->edge, path, error);
}

int http_edge_listen_fd(
    struct http_edge *edge, int fd, struct slimta_error *error)
{
    return sli_edge_listen_fd(&edge->edge, fd, error);
}

int http_edge_address(
    const struct http_edge *edge, size_t index, struct slimta_address *address)
{
    return sli_edge_address(&edge->edge, index, address);
}

/* Who judges credentials is known only now. */
static int start_auth(struct http_edge *edge, struct slimta_error *error)
{
    int has_auth = sli_edge_policy_has(&edge->edge, SLI_EDGE_STEP_AUTH);
    int err = 0;

    if (!has_auth) {
        edge->rules.challenges[1] = SLI_LITERAL("");
    }
    if (edge->sasl == NULL &&
        (has_auth || sli_edge_policy_has(&edge->edge, SLI_EDGE_STEP_SECRET))) {
        err = sli_sasl_new(&edge->sasl, &edge->edge.alloc, NULL);
    }
    return err == 0
        ? 0
        : sli_error_set(error, err, "auth: %s", slimta_strerror(err));
}

int http_edge_start(struct http_edge *edge, struct slimta_loop *loop,
    struct slimta_error *error)
{
    int err = start_auth(edge, error);

    return err != 0 ? err : sli_edge_start(&edge->edge, loop, error);
}

int http_edge_adopt(struct http_edge *edge, int fd, struct slimta_error *error)
{
    return sli_edge_adopt(&edge->edge, fd, error);
}

int http_edge_set_tls(
    struct http_edge *edge, struct slimta_tls *tls, struct slimta_error *error)
{
    return sli_edge_replace_tls(&edge->edge, tls, error);
}

void http_edge_count(
    const struct http_edge *edge, struct slimta_counters *counters)
{
    sli_edge_sum(&edge->edge, counters);
}

int http_edge_stop(struct http_edge *edge, uint64_t drain_ms,
    void (*stopped)(struct http_edge *edge, void *user), void *user)
{
    return sli_edge_stop(
        &edge->edge, drain_ms, (sli_edge_any_function)stopped, user);
}

void http_edge_free(struct http_edge *edge)
{
    if (edge != NULL) {
        sli_edge_free(&edge->edge);
    }
}
