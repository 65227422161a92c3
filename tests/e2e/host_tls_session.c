/** A host with certificates: what sessions and envelopes know of TLS, contexts
 * that change, sessions that resume, and others that do not wait. */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* --- Facts ---------------------------------------------------------------- */

/** What a `look` has seen of the session in `tls` and in `mail`. */
struct facts {
    int has_tls;
    char version[32];
    char cipher[64];
    char server_name[64];
    char subject[128];
    unsigned char sha256[32];
    int has_certificate;
    int is_verified;
    char protocol[16];
};

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text == NULL ? "(none)" : text);
}

static void look(struct host_policy *policy, enum host_step step,
    struct slimta_session *session, void *argument)
{
    const struct slimta_tls_info *info = slimta_session_tls(session);
    struct facts *facts = policy->user;

    (void)argument;
    if (step == HOST_CONNECT || step == HOST_STARTTLS) {
        facts->has_tls = info != NULL;
    }
    if (step == HOST_MAIL) {
        copy(facts->protocol, sizeof facts->protocol,
            slimta_session_protocol(session));
    }
    if (step == HOST_TLS) {
        assert_non_null(info);
        assert_string_equal(slimta_session_ehlo_as(session), "");
        copy(facts->version, sizeof facts->version, info->version);
        copy(facts->cipher, sizeof facts->cipher, info->cipher);
        copy(facts->server_name, sizeof facts->server_name, info->server_name);
        copy(facts->subject, sizeof facts->subject, info->peer_subject);
        memcpy(facts->sha256, info->peer_sha256, 32);
        facts->has_certificate = info->has_peer_certificate;
        facts->is_verified = info->peer_is_verified;
    }
}

static struct scene *facts_scene(struct facts *facts,
    enum slimta_tls_verify verify, enum slimta_tls_mode mode)
{
    const struct slimta_tls_options asks = {
        .size = sizeof asks, .verify = verify};
    struct slimta_tls *tls = host_tls(&asks, "server", "ca");
    struct scene *scene = scene_prepare(
        &(struct smtp_edge_options){.tls = tls, .tls_mode = mode}, 0);

    memset(facts, 0, sizeof *facts);
    slimta_tls_unref(tls); /* the edge has its own reference */
    scene->policy.look = look;
    scene->policy.user = facts;
    scene_start(scene);
    scene_connect(scene);
    return scene;
}

/* The suite has another spelling on the client's side. */
static void expect_agreement(
    const struct facts *facts, const struct tls_client *client)
{
    char cipher[64];
    char *at = cipher;

    snprintf(cipher, sizeof cipher, "%s", tls_client_cipher(client));
    while ((at = strchr(at, '-')) != NULL) {
        *at = '_';
    }
    if (strncmp(cipher, "TLS1_3_", 7) == 0) {
        cipher[3] = '_';
        memmove(cipher + 4, cipher + 7, strlen(cipher + 7) + 1);
    }
    assert_string_equal(facts->cipher, cipher);
    assert_string_equal(facts->version, tls_client_version(client));
}

static void test_facts_without_certificate(void **state)
{
    const struct tls_client_options named = {.server_name = "mx.example.com"};
    struct facts facts;
    struct scene *scene =
        facts_scene(&facts, SLIMTA_TLS_VERIFY_NONE, SLIMTA_TLS_OFFERED);

    (void)state;
    assert_int_equal(host_client_starttls(&scene->client, &named), 0);
    scene_ask(scene, SCENE_EHLO, "250");
    scene_deliver(scene);
    expect_agreement(&facts, scene->client.tls);
    assert_false(facts.has_tls);
    assert_string_equal(facts.server_name, "mx.example.com");
    assert_string_equal(facts.subject, "(none)");
    assert_false(facts.has_certificate);
    assert_string_equal(facts.protocol, "ESMTPS");
    scene_await(scene, "tls session=");
    scene_await(scene, "server_name=mx.example.com");
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void test_facts_of_tls_at_once(void **state)
{
    struct facts facts;
    struct scene *scene =
        facts_scene(&facts, SLIMTA_TLS_VERIFY_NONE, SLIMTA_TLS_IMMEDIATE);

    (void)state;
    scene_secure(scene);
    scene_greet(scene);
    scene_deliver(scene);
    assert_true(facts.has_tls); /* in `connect` */
    assert_string_equal(facts.server_name, "(none)");
    assert_string_equal(facts.protocol, "ESMTPS");
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void expect_certificate(enum slimta_tls_verify verify, const char *name,
    const char *subject, int is_verified)
{
    const struct tls_client_options options = {.certificate = name};
    unsigned char sha256[32] = {0};
    struct facts facts;
    struct scene *scene = facts_scene(&facts, verify, SLIMTA_TLS_OFFERED);

    assert_int_equal(host_client_starttls(&scene->client, &options), 0);
    scene_ask(scene, SCENE_EHLO, "250");
    if (name != NULL) {
        assert_int_equal(tls_client_fingerprint(name, sha256), 0);
    }
    assert_string_equal(facts.subject, subject);
    assert_int_equal(facts.has_certificate, name != NULL);
    assert_int_equal(facts.is_verified, is_verified);
    assert_memory_equal(facts.sha256, sha256, 32);
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void test_client_certificates(void **state)
{
    (void)state;
    expect_certificate(SLIMTA_TLS_VERIFY_OPTIONAL, NULL, "(none)", 0);
    expect_certificate(SLIMTA_TLS_VERIFY_OPTIONAL, "client",
        "CN=client,O=Acme\\, Inc.,C=DE", 1);
    expect_certificate(
        SLIMTA_TLS_VERIFY_OPTIONAL, "stranger", "CN=stranger", 0);
    expect_certificate(SLIMTA_TLS_VERIFY_OPTIONAL, "expired", "CN=expired", 0);
    expect_certificate(SLIMTA_TLS_VERIFY_REQUIRED, "client",
        "CN=client,O=Acme\\, Inc.,C=DE", 1);
}

/* Under TLS 1.3 the client learns of it with its first reading. */
static void expect_no_handshake(const char *name)
{
    const struct tls_client_options options = {.certificate = name};
    struct facts facts;
    struct scene *scene =
        facts_scene(&facts, SLIMTA_TLS_VERIFY_REQUIRED, SLIMTA_TLS_OFFERED);

    if (host_client_starttls(&scene->client, &options) == 0) {
        assert_true(host_client_reply(&scene->client) < 0);
    }
    /* A client without any may get none, RFC 5246 section 7.4.6. */
    assert_true(name == NULL || tls_client_alert(scene->client.tls) > 0);
    scene_await(scene, "tls_failed session=");
    assert_int_equal(scene_counters(scene).tls_errors, 1);
    assert_int_equal(scene_counters(scene).tls_handshakes, 0);
    assert_int_equal(host_policy_asked(&scene->policy, HOST_TLS), 0);
    scene_close(scene, SLIMTA_CLOSED_TLS);
}

static void test_required_certificates(void **state)
{
    (void)state;
    expect_no_handshake(NULL);
    expect_no_handshake("stranger");
    expect_no_handshake("expired");
}

/* RFC 3848 and RFC 8314 section 4.3: the trace field and the envelope. */
static void test_envelope(void **state)
{
    struct scene *scene = scene_new(&(struct smtp_edge_options){0}, 1);
    const struct slimta_client *facts = NULL;
    struct host_pending pending;
    char clause[160];
    char *content = NULL;
    size_t size = 0;

    (void)state;
    host_queue_answers(&scene->queue, HOST_LATER);
    assert_int_equal(host_client_starttls(&scene->client, NULL), 0);
    scene_ask(scene, SCENE_EHLO, "250");
    scene_ask(scene,
        "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
        "250");
    scene_hear(scene, "250");
    scene_hear(scene, "354");
    assert_int_equal(host_client_send(&scene->client, HOST_MESSAGE ".\r\n",
                         sizeof HOST_MESSAGE ".\r\n" - 1),
        0);
    pending = host_queue_next(&scene->queue);
    facts = slimta_envelope_client(pending.envelope);
    assert_string_equal(facts->protocol, "ESMTPS");
    assert_string_equal(
        facts->tls_version, tls_client_version(scene->client.tls));
    assert_null(facts->tls_peer_subject);
    assert_null(facts->authcid);
    snprintf(clause, sizeof clause, "tls %s", facts->tls_cipher);
    content = malloc(4096);
    assert_non_null(content);
    size = slimta_envelope_received(pending.envelope, NULL, content, 4096);
    assert_true(size < 4096);
    assert_non_null(strstr(content, "with ESMTPS"));
    assert_non_null(strstr(content, clause));
    free(content);
    assert_int_equal(host_pending_accept(&pending), 0);
    scene_hear(scene, "250");
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* --- Contexts that change ------------------------------------------------- */

static void expect_name(struct host_client *client, const char *name)
{
    char out[256];

    assert_string_equal(tls_client_peer_name(client->tls, out, 256), name);
}

#define FIRST_NAME "CN=not-a-name.example.com"
#define SECOND_NAME "CN=other.example.org"

/* Sessions that run keep the context that they began with, also one that says
 * STARTTLS only later gets what is there then. */
static void test_set_tls_while_sessions_run(void **state)
{
    struct scene *scene = scene_new(&(struct smtp_edge_options){0}, 1);
    struct slimta_tls *next = host_tls(NULL, "second", NULL);
    struct host_client late;

    (void)state;
    assert_int_equal(host_client_starttls(&scene->client, NULL), 0);
    expect_name(&scene->client, FIRST_NAME);
    assert_int_equal(host_client_open(&late, &scene->host.address), 0);
    assert_int_equal(smtp_edge_set_tls(scene->host.edge, next, NULL), 0);
    slimta_tls_unref(next);
    assert_int_equal(host_client_starttls(&late, NULL), 0);
    expect_name(&late, SECOND_NAME);
    scene_ask(scene, SCENE_EHLO, "250");
    scene_deliver(scene);
    scene_quit(scene);
    assert_int_equal(host_client_ask(&late, "QUIT\r\n"), 221);
    host_client_close(&late);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

static void test_set_tls_that_is_refused(void **state)
{
    const struct slimta_tls_options options = {.size = sizeof options};
    struct scene *scene = scene_new(&(struct smtp_edge_options){0}, 1);
    struct slimta_error error = {0};
    struct slimta_tls *empty = NULL;

    (void)state;
    assert_int_equal(slimta_tls_new(&empty, &options, NULL), 0);
    assert_int_equal(
        smtp_edge_set_tls(scene->host.edge, empty, &error), SLIMTA_EINVAL);
    assert_int_equal(error.code, SLIMTA_EINVAL);
    slimta_tls_unref(empty);
    assert_int_equal(host_client_starttls(&scene->client, NULL), 0);
    expect_name(&scene->client, FIRST_NAME);
    scene_quit(scene);
    scene_close(scene, SLIMTA_CLOSED_QUIT);

    scene = scene_new(&(struct smtp_edge_options){0}, 0);
    empty = host_tls(NULL, "server", NULL);
    assert_int_equal(
        smtp_edge_set_tls(scene->host.edge, empty, &error), SLIMTA_EINVAL);
    slimta_tls_unref(empty);
    scene_hear(scene, "220");
    scene_ask(scene, "STARTTLS\r\n", "502 5.5.1");
    scene_close(scene, SLIMTA_CLOSED_CLIENT);
}

/* Another thread changes the context again and again under load; the thread
 * sanitizer looks at it. */
static void *change(void *user)
{
    struct scene *scene = user;

    for (int i = 0; i < 20; i++) {
        struct slimta_tls *tls =
            host_tls(NULL, i % 2 == 0 ? "second" : "server", NULL);

        assert_int_equal(smtp_edge_set_tls(scene->host.edge, tls, NULL), 0);
        slimta_tls_unref(tls);
    }
    return NULL;
}

static void test_set_tls_under_load(void **state)
{
    struct scene *scene =
        scene_new(&(struct smtp_edge_options){.threads = 2}, 1);
    pthread_t changer;

    (void)state;
    assert_int_equal(pthread_create(&changer, NULL, change, scene), 0);
    for (int i = 0; i < 12; i++) {
        scene_connect(scene);
        assert_int_equal(host_client_starttls(&scene->client, NULL), 0);
        scene_quit(scene);
    }
    assert_int_equal(pthread_join(changer, NULL), 0);
    assert_int_equal(scene_counters(scene).tls_handshakes, 12);
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* --- Resumption ----------------------------------------------------------- */

/** One of several clients at once. */
struct caller {
    pthread_t thread;
    const struct slimta_address *address;
    int calls;
    int done;
};

/* Calls again and again, with the ticket of the call before. */
static void *call(void *user)
{
    struct caller *caller = user;
    struct tls_ticket *ticket = NULL;

    for (int i = 0; i < caller->calls; i++) {
        const struct tls_client_options options = {.ticket = ticket};
        struct host_client client;

        if (host_client_open(&client, caller->address) != 0) {
            break;
        }
        if (host_client_secure(&client, &options) == 0 &&
            host_client_reply(&client) == 220) {
            tls_ticket_free(ticket);
            ticket = tls_client_keep(client.tls);
            caller->done += host_client_ask(&client, "QUIT\r\n") == 221;
        }
        host_client_close(&client);
    }
    tls_ticket_free(ticket);
    return NULL;
}

/* Which thread of the edge a connection comes to is the kernel's choice: a
 * ticket of one is good at all. */
static void test_resumption_over_threads(void **state)
{
    enum { CALLERS = 4, CALLS = 8 };
    struct scene *scene = scene_new(&(struct smtp_edge_options){.threads = 3,
                                        .tls_mode = SLIMTA_TLS_IMMEDIATE},
        1);
    struct caller callers[CALLERS];

    (void)state;
    memset(callers, 0, sizeof callers);
    for (int i = 0; i < CALLERS; i++) {
        callers[i].address = &scene->host.address;
        callers[i].calls = CALLS;
        assert_int_equal(
            pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_int_equal(callers[i].done, CALLS);
    }
    assert_int_equal(scene_counters(scene).tls_handshakes, CALLERS * CALLS);
    assert_int_equal(
        scene_counters(scene).tls_resumptions, CALLERS * (CALLS - 1));
    scene_await(scene, "is_resumed=1");
    scene_close(scene, SLIMTA_CLOSED_QUIT);
}

/* --- Others --------------------------------------------------------------- */

/* Clients that stand still in the middle of their handshakes, more of them than
 * jobs of a kind may run at once, and one that must not notice. */
static void test_handshakes_hold_nobody_up(void **state)
{
    enum { STILL = 12 };
    const struct tls_client_options little = {.most = 100};
    struct scene *scene = scene_new(&(struct smtp_edge_options){0}, 1);
    struct host_client still[STILL];

    (void)state;
    for (int i = 0; i < STILL; i++) {
        assert_int_equal(host_client_open(&still[i], &scene->host.address), 0);
        assert_int_equal(host_client_starttls(&still[i], &little), -1);
    }
    scene_greet(scene);
    scene_deliver(scene);
    scene_ask(scene, "STARTTLS\r\n", "220");
    scene_secure(scene);
    scene_ask(scene, SCENE_EHLO, "250");
    scene_deliver(scene);
    /* The order of events: all this before any of the others has ended. */
    scene_await(scene, "tls session=");
    assert_false(scene_has_told(scene, "tls_failed"));
    assert_false(scene_has_told(scene, "closed session="));
    for (int i = 0; i < STILL; i++) {
        host_client_close(&still[i]);
    }
    scene_quit(scene);
    assert_true(host_policy_wait(
        &scene->policy, &scene->policy.closed_count, STILL + 1));
    assert_int_equal(scene_counters(scene).tls_errors, STILL);
    scene_close(scene, SLIMTA_CLOSED_TLS);
}

/* --- Streaming ------------------------------------------------------------ */

/** A queue that takes the first `write` later, and counts. */
struct stream {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct slimta_op *op;
    size_t writes;
    size_t octets;
    size_t commits;
    size_t wrong;
    const char *text; /* what comes */
};

static void stream_begin(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    slimta_envelope_unref(envelope);
    slimta_op_begun(op, queue);
}

static void stream_write(struct slimta_queue *queue, void *message,
    struct slimta_slice octets, struct slimta_op *op)
{
    struct stream *stream = message;

    (void)queue;
    pthread_mutex_lock(&stream->lock);
    stream->wrong +=
        memcmp(stream->text + stream->octets, octets.data, octets.size) != 0;
    stream->octets += octets.size;
    if (stream->writes++ == 0) {
        slimta_op_take(op);
        stream->op = op;
    }
    pthread_cond_broadcast(&stream->news);
    pthread_mutex_unlock(&stream->lock);
}

static void stream_commit(
    struct slimta_queue *queue, void *message, struct slimta_op *op)
{
    struct stream *stream = message;

    (void)queue;
    ++stream->commits;
    (void)slimta_op_queued(op, NULL, "streamed");
}

static void stream_abort(struct slimta_queue *queue, void *message)
{
    (void)queue;
    (void)message;
}

static const struct slimta_queue_methods streaming = {
    .size = sizeof streaming,
    .begin = stream_begin,
    .write = stream_write,
    .commit = stream_commit,
    .abort = stream_abort,
};

/** A message that another thread sends, as much of it as goes. */
struct sender {
    pthread_t thread;
    struct host_client *client;
    const char *text;
    size_t size;
    int err;
};

static void *send_all(void *user)
{
    struct sender *sender = user;

    sender->err = host_client_send(sender->client, sender->text, sender->size);
    return NULL;
}

static void wait_for_write(struct stream *stream)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOST_PATIENCE_S;
    pthread_mutex_lock(&stream->lock);
    while (stream->op == NULL &&
        pthread_cond_timedwait(&stream->news, &stream->lock, &end) == 0) {
    }
    pthread_mutex_unlock(&stream->lock);
    assert_non_null(stream->op);
}

/* A queue that says "later" stops the reading: what is not read stays with the
 * client, whatever was decrypted already. */
static void test_streaming_with_back_pressure(void **state)
{
    static struct stream stream = {.queue = {&streaming},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .news = PTHREAD_COND_INITIALIZER};
    struct slimta_tls *tls = host_tls(NULL, "server", NULL);
    const struct smtp_edge_options options = {
        .size = sizeof options, .tls = tls};
    struct slimta_counters counters = {.size = sizeof counters};
    struct sender sender = {0};
    struct host_client client;
    struct host_edge host;
    char *text = host_message(200000, &sender.size); /* 12 MB */

    (void)state;
    stream.text = text;
    host_edge_start(&host, &options, &stream.queue);
    assert_int_equal(host_client_open(&client, &host.address), 0);
    assert_int_equal(host_client_starttls(&client, NULL), 0);
    assert_int_equal(
        host_client_ask(&client,
            "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
            "DATA\r\n"),
        250);
    assert_int_equal(host_client_reply(&client), 250);
    assert_int_equal(host_client_reply(&client), 250);
    assert_int_equal(host_client_reply(&client), 354);
    sender.client = &client;
    sender.text = text;
    assert_int_equal(
        pthread_create(&sender.thread, NULL, send_all, &sender), 0);
    wait_for_write(&stream);
    assert_int_equal(stream.writes, 1);
    assert_int_equal(slimta_op_finish(stream.op), 0);
    assert_int_equal(pthread_join(sender.thread, NULL), 0);
    assert_int_equal(sender.err, 0);
    assert_int_equal(host_client_ask(&client, ".\r\n"), 250);
    assert_int_equal(stream.octets, sender.size);
    assert_int_equal(stream.wrong, 0);
    assert_int_equal(stream.commits, 1);
    smtp_edge_count(host.edge, &counters);
    assert_int_equal(counters.message_bytes_held, 0);
    host_client_close(&client);
    host_edge_stop(&host, 1000);
    slimta_tls_unref(tls);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_without_certificate),
        cmocka_unit_test(test_facts_of_tls_at_once),
        cmocka_unit_test(test_client_certificates),
        cmocka_unit_test(test_required_certificates),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_set_tls_while_sessions_run),
        cmocka_unit_test(test_set_tls_that_is_refused),
        cmocka_unit_test(test_set_tls_under_load),
        cmocka_unit_test(test_resumption_over_threads),
        cmocka_unit_test(test_handshakes_hold_nobody_up),
        cmocka_unit_test(test_streaming_with_back_pressure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
