/** A table of validators for tests: each does what it is told, and tells what
 * it was asked. */
#include "policy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <slimta/auth.h>

const char *const host_step_names[HOST_STEPS] = {"connect", "banner", "ehlo",
    "helo", "starttls", "tls", "auth", "secret", "mail", "rcpt", "data",
    "chunk", "have_data", "queued", "rset", "noop", "quit", "command",
    "extensions", "header"};

static void cancelled(struct slimta_op *op, void *user)
{
    struct host_policy *policy = user;

    (void)op;
    pthread_mutex_lock(&policy->lock);
    ++policy->cancelled;
    pthread_cond_broadcast(&policy->news);
    pthread_mutex_unlock(&policy->lock);
}

static void note(struct host_policy *policy, enum host_step step,
    const struct slimta_session *session, const struct slimta_reply *reply,
    const char *argument)
{
    struct host_asked *asked = &policy->last[step];

    ++policy->asked[step];
    ++policy->asked_count;
    memset(asked, 0, sizeof *asked);
    asked->step = step;
    asked->session = slimta_session_id(session);
    snprintf(asked->argument, sizeof asked->argument, "%s", argument);
    if (reply != NULL) {
        asked->code = slimta_reply_code(reply);
        snprintf(asked->enhanced, sizeof asked->enhanced, "%s",
            slimta_reply_enhanced(reply));
        snprintf(
            asked->text, sizeof asked->text, "%s", slimta_reply_text(reply));
    }
}

static int say(struct slimta_op *op, struct slimta_reply *reply, int code,
    const char *text)
{
    switch (code) {
    case 0:
        return 0;
    case HOST_PASSWORD:
        return slimta_op_secret(op, text);
    case HOST_STORED:
        return slimta_op_secret_stored(op, text);
    default:
        return slimta_reply_set(reply, code, text);
    }
}

static void act(struct host_policy *policy, enum host_step step,
    const struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_op *op)
{
    const struct host_order *order = &policy->orders[step];

    if (order->deed == HOST_TAKE || order->deed == HOST_FINISH) {
        slimta_op_take(op);
        reply = slimta_op_reply(op);
    }
    if (order->deed == HOST_TAKE) {
        slimta_op_on_cancel(op, cancelled, policy);
        if (policy->taken_count < HOST_PENDING_MAX) {
            policy->taken[policy->taken_count++] =
                (struct host_taken){op, step, slimta_session_id(session)};
        }
        return;
    }
    if (order->deed != HOST_PASS) {
        (void)say(op, reply, order->code, order->text);
    }
    if (order->deed == HOST_FINISH) {
        (void)slimta_op_finish(op);
    }
}

/* `argument` is what `look` gets; `text` what is noted of it. */
static void asked(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_op *op, void *argument, const char *text)
{
    if (policy->look != NULL) {
        policy->look(policy, step, session, argument);
    }
    pthread_mutex_lock(&policy->lock);
    note(policy, step, session, reply, text);
    act(policy, step, session, reply, op);
    pthread_cond_broadcast(&policy->news);
    pthread_mutex_unlock(&policy->lock);
}

#define PLAIN(name, step) \
    static void on_##name(struct slimta_session *session, \
        struct slimta_reply *reply, struct slimta_op *op, void *user) \
    { \
        asked(user, step, session, reply, op, NULL, ""); \
    }

PLAIN(connect, HOST_CONNECT)
PLAIN(banner, HOST_BANNER)
PLAIN(starttls, HOST_STARTTLS)
PLAIN(tls, HOST_TLS)
PLAIN(data, HOST_DATA)
PLAIN(rset, HOST_RSET)
PLAIN(noop, HOST_NOOP)
PLAIN(quit, HOST_QUIT)

static void on_ehlo(struct slimta_session *session, struct slimta_reply *reply,
    const char *name, struct slimta_op *op, void *user)
{
    asked(user, HOST_EHLO, session, reply, op, NULL, name);
}

static void on_helo(struct slimta_session *session, struct slimta_reply *reply,
    const char *name, struct slimta_op *op, void *user)
{
    asked(user, HOST_HELO, session, reply, op, NULL, name);
}

static void on_auth(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_credentials *credentials, struct slimta_op *op, void *user)
{
    const char *password = slimta_credentials_password(credentials);
    char text[512];

    snprintf(text, sizeof text, "%s|%s|%s|%s|%d",
        slimta_credentials_mechanism(credentials),
        slimta_credentials_authcid(credentials),
        slimta_credentials_authzid(credentials),
        password == NULL ? "(none)" : password,
        slimta_credentials_are_proved(credentials));
    asked(user, HOST_AUTH, session, reply, op, credentials, text);
}

static void on_secret(struct slimta_session *session,
    struct slimta_reply *reply, const char *mechanism, const char *authcid,
    struct slimta_op *op, void *user)
{
    char text[512];

    snprintf(text, sizeof text, "%s|%s", mechanism, authcid);
    asked(user, HOST_SECRET, session, reply, op, NULL, text);
}

static void on_mail(struct slimta_session *session, struct slimta_reply *reply,
    const char *sender, const struct slimta_mail_params *params,
    struct slimta_op *op, void *user)
{
    char text[512];

    snprintf(text, sizeof text, "%s size=%llu", sender,
        (unsigned long long)params->size_bytes);
    asked(user, HOST_MAIL, session, reply, op, NULL, text);
}

static void on_rcpt(struct slimta_session *session, struct slimta_reply *reply,
    const struct slimta_recipient *recipient, struct slimta_op *op, void *user)
{
    asked(user, HOST_RCPT, session, reply, op, NULL, recipient->address);
}

static void on_chunk(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_slice octets, struct slimta_op *op, void *user)
{
    char text[512];
    int size =
        octets.size < sizeof text ? (int)octets.size : (int)sizeof text - 1;

    snprintf(text, sizeof text, "%.*s", size, octets.data);
    asked(user, HOST_CHUNK, session, reply, op, &octets, text);
}

static void on_have_data(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_envelope *envelope,
    struct slimta_op *op, void *user)
{
    struct slimta_content *content = slimta_envelope_content(envelope);
    char text[512];

    snprintf(text, sizeof text, "%llu octets",
        content == NULL ? 0ULL
                        : (unsigned long long)slimta_content_size(content));
    asked(user, HOST_HAVE_DATA, session, reply, op, envelope, text);
}

static void on_queued(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_results *results,
    struct slimta_op *op, void *user)
{
    const char *id = slimta_results_id(results, 0);

    asked(user, HOST_QUEUED_STEP, session, reply, op, results,
        id == NULL ? "refused" : id);
}

static void on_command(struct slimta_session *session,
    struct slimta_reply *reply, const char *verb, const char *argument,
    struct slimta_op *op, void *user)
{
    char text[512];

    snprintf(text, sizeof text, "%s|%s", verb, argument);
    asked(user, HOST_COMMAND, session, reply, op, NULL, text);
}

static void on_extensions(struct slimta_session *session,
    struct slimta_extensions *extensions, struct slimta_op *op, void *user)
{
    asked(user, HOST_EXTENSIONS, session, NULL, op, extensions, "");
}

static void on_header(struct slimta_session *session,
    struct slimta_reply *reply, const char *name, const char *value,
    struct slimta_op *op, void *user)
{
    char text[512];

    snprintf(text, sizeof text, "%s: %s", name, value);
    asked(user, HOST_HEADER, session, reply, op, NULL, text);
}

static void on_closed(
    struct slimta_session *session, enum slimta_closed reason, void *user)
{
    struct host_policy *policy = user;

    if (policy->look_closed != NULL) {
        policy->look_closed(policy, session);
    }
    pthread_mutex_lock(&policy->lock);
    ++policy->closed_count;
    ++policy->reasons[reason];
    pthread_cond_broadcast(&policy->news);
    pthread_mutex_unlock(&policy->lock);
}

void host_policy_init(struct host_policy *policy)
{
    memset(policy, 0, sizeof *policy);
    pthread_mutex_init(&policy->lock, NULL);
    pthread_cond_init(&policy->news, NULL);
    policy->table = (struct slimta_validators){.size = sizeof policy->table,
        .user = policy,
        .connect = on_connect,
        .banner = on_banner,
        .ehlo = on_ehlo,
        .helo = on_helo,
        .starttls = on_starttls,
        .tls = on_tls,
        .auth = on_auth,
        .secret = on_secret,
        .mail = on_mail,
        .rcpt = on_rcpt,
        .data = on_data,
        .chunk = on_chunk,
        .have_data = on_have_data,
        .queued = on_queued,
        .rset = on_rset,
        .noop = on_noop,
        .quit = on_quit,
        .command = on_command,
        .extensions = on_extensions,
        .closed = on_closed,
        .header = on_header};
}

void host_policy_fini(struct host_policy *policy)
{
    assert_int_equal(policy->taken_count, 0);
    pthread_cond_destroy(&policy->news);
    pthread_mutex_destroy(&policy->lock);
}

void host_policy_order(struct host_policy *policy, enum host_step step,
    enum host_deed deed, int code, const char *text)
{
    pthread_mutex_lock(&policy->lock);
    policy->orders[step] = (struct host_order){deed, code, text};
    pthread_mutex_unlock(&policy->lock);
}

int host_policy_wait(
    struct host_policy *policy, const size_t *value, size_t wanted)
{
    struct timespec end;
    int is_there = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&policy->lock);
    while (*value < wanted &&
        pthread_cond_timedwait(&policy->news, &policy->lock, &end) == 0) {
    }
    is_there = *value >= wanted;
    pthread_mutex_unlock(&policy->lock);
    return is_there;
}

struct host_taken host_policy_next(struct host_policy *policy)
{
    struct host_taken first;

    assert_true(host_policy_wait(policy, &policy->taken_count, 1));
    pthread_mutex_lock(&policy->lock);
    first = policy->taken[0];
    --policy->taken_count;
    memmove(&policy->taken[0], &policy->taken[1],
        policy->taken_count * sizeof first);
    pthread_mutex_unlock(&policy->lock);
    return first;
}

int host_taken_answer(struct host_taken *taken, int code, const char *text)
{
    struct slimta_op *op = taken->op;

    taken->op = NULL;
    assert_int_equal(say(op, slimta_op_reply(op), code, text), 0);
    return slimta_op_finish(op);
}

size_t host_policy_asked(struct host_policy *policy, enum host_step step)
{
    size_t count;

    pthread_mutex_lock(&policy->lock);
    count = policy->asked[step];
    pthread_mutex_unlock(&policy->lock);
    return count;
}

struct host_asked host_policy_last(
    struct host_policy *policy, enum host_step step)
{
    struct host_asked found;

    pthread_mutex_lock(&policy->lock);
    found = policy->last[step];
    pthread_mutex_unlock(&policy->lock);
    return found;
}

void host_policy_start(struct host_edge *host,
    const struct smtp_edge_options *options, struct slimta_queue *queue,
    struct host_policy *const policies[])
{
    struct slimta_error error = {0};

    host_edge_open(host, options, queue);
    for (; *policies != NULL; ++policies) {
        assert_int_equal(
            smtp_edge_add_validators(host->edge, &(*policies)->table, &error),
            0);
    }
    if (smtp_edge_start(host->edge, NULL, &error) != 0) {
        fail_msg("%s", error.text);
    }
}
