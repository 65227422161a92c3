/** What extensions do between a client and a host: chunks, LMTP, what a queue
 * claims, and peers that speak for others. */
#include "host.h"

#include "fail_alloc.h"

#include <stdio.h>
#include <string.h>

#include <slimta/error.h>

#define MAIL "MAIL FROM:<a@example.com>\r\n"
#define RCPT "RCPT TO:<b@example.net>\r\n"

/** A queue that keeps what it was given, and splits it. */
struct box {
    struct slimta_queue queue;
    pthread_mutex_t lock;
    int splits; /* each second recipient is refused, the third one forgotten */
    uint64_t claims;
    char content[4096];
    size_t size;
    size_t messages;
    char protocol[16];
    char envid[128];
    char orcpt[128];
    char forwarded[128];
    char client[SLIMTA_ADDRESS_TEXT_MAX];
    unsigned notify;
    enum slimta_body body;
};

static void keep(char *to, size_t size, const char *text)
{
    (void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static void keep_facts(struct box *box, const struct slimta_envelope *envelope)
{
    const struct slimta_client *client = slimta_envelope_client(envelope);
    const struct slimta_mail_params *params = slimta_envelope_params(envelope);
    const struct slimta_recipient *first =
        slimta_envelope_recipient(envelope, 0);

    keep(box->protocol, sizeof box->protocol, client->protocol);
    keep(box->envid, sizeof box->envid, params->envid);
    keep(box->orcpt, sizeof box->orcpt, first->orcpt);
    keep(box->forwarded, sizeof box->forwarded, client->forwarded_name);
    (void)slimta_address_format(
        &client->address, box->client, sizeof box->client);
    box->notify = first->notify;
    box->body = params->body;
}

static void answer_parts(
    struct box *box, struct slimta_envelope *envelope, struct slimta_op *op)
{
    size_t count = slimta_envelope_recipient_count(envelope);

    for (size_t i = 0; i < count && box->splits; i++) {
        struct slimta_envelope *part = NULL;

        if (i % 3 == 2 || slimta_envelope_split(&part, envelope, i, 1) != 0) {
            continue;
        }
        if (i % 3 == 0) {
            (void)slimta_op_queued(op, part, "part");
        } else {
            (void)slimta_op_refused(op, part, 550, "5.1.1 Not there");
        }
        slimta_envelope_unref(part);
    }
    if (!box->splits) {
        (void)slimta_op_queued(op, NULL, "whole");
    }
}

static void box_enqueue(struct slimta_queue *queue,
    struct slimta_envelope *envelope, struct slimta_op *op)
{
    struct box *box = (struct box *)queue;
    size_t size = 0;

    pthread_mutex_lock(&box->lock);
    if (slimta_content_read(slimta_envelope_content(envelope), 0, box->content,
            sizeof box->content, &size) == 0) {
        box->size = size;
    }
    box->messages++;
    keep_facts(box, envelope);
    answer_parts(box, envelope, op);
    pthread_mutex_unlock(&box->lock);
    slimta_envelope_unref(envelope);
}

static uint64_t box_capabilities(struct slimta_queue *queue)
{
    return ((struct box *)queue)->claims;
}

static const struct slimta_queue_methods methods = {
    .size = sizeof methods,
    .enqueue = box_enqueue,
    .capabilities = box_capabilities,
};

struct scene {
    struct box box;
    struct host_edge host;
    struct host_client client;
};

static void start(struct scene *scene, const struct smtp_edge_options *options,
    const struct slimta_validators *table, uint64_t claims)
{
    memset(scene, 0, sizeof *scene);
    scene->box.queue.methods = &methods;
    scene->box.claims = claims;
    pthread_mutex_init(&scene->box.lock, NULL);
    host_edge_open(&scene->host, options, &scene->box.queue);
    if (table != NULL) {
        assert_int_equal(
            smtp_edge_add_validators(scene->host.edge, table, NULL), 0);
    }
    assert_int_equal(smtp_edge_start(scene->host.edge, NULL, NULL), 0);
    assert_int_equal(host_client_open(&scene->client, &scene->host.address), 0);
}

static int ask(struct scene *scene, const char *text)
{
    return host_client_ask(&scene->client, text);
}

static void greet(struct scene *scene, const char *line)
{
    assert_int_equal(host_client_reply(&scene->client), 220);
    assert_int_equal(ask(scene, line), 250);
}

static void stop(struct scene *scene)
{
    host_client_close(&scene->client);
    host_edge_stop(&scene->host, 0);
    pthread_mutex_destroy(&scene->box.lock);
}

static void expect_content(struct scene *scene, const char *octets, size_t size)
{
    pthread_mutex_lock(&scene->box.lock);
    assert_int_equal(scene->box.size, size);
    assert_memory_equal(scene->box.content, octets, size);
    pthread_mutex_unlock(&scene->box.lock);
}

/* RFC 3030: pipelined chunks, octet for octet, and DATA still works. */
static void test_chunks_make_a_message(void **state)
{
    static const char chunks[] = MAIL RCPT
        "BDAT 9\r\nA: b\r\n\r\n."
        "BDAT 0\r\n"
        "BDAT 3 LAST\r\n\r\n.";
    static const char binary[] =
        "MAIL FROM:<a@example.com> BODY=BINARYMIME\r\n" RCPT
        "BDAT 5 LAST\r\n\n\0\r.\xff";
    static const char wanted[] = "A: b\r\n\r\n.\r\n.";
    struct scene scene;

    (void)state;
    start(&scene, NULL, NULL, SLIMTA_CAN_BINARYMIME);
    greet(&scene, "EHLO client\r\n");
    assert_int_equal(
        host_client_send(&scene.client, chunks, sizeof chunks - 1), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(host_client_reply(&scene.client), 250);
    }
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_string_equal(scene.client.line, "250 2.6.0 Message queued as whole");
    expect_content(&scene, wanted, sizeof wanted - 1);
    assert_int_equal(
        host_client_send(&scene.client, binary, sizeof binary - 1), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(host_client_reply(&scene.client), 250);
    }
    expect_content(&scene, "\n\0\r.\xff", 5);
    assert_int_equal(scene.box.body, SLIMTA_BODY_BINARYMIME);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, RCPT), 250);
    assert_int_equal(ask(&scene, "DATA\r\n"), 354);
    assert_int_equal(ask(&scene, "x\r\n.\r\n"), 250);
    expect_content(&scene, "x\r\n", 3);
    assert_int_equal(scene.box.messages, 3);
    stop(&scene);
}

struct policy {
    struct slimta_validators table;
    int data_asked;
    int refuses_data;
    int refuses_chunk;
};

static void on_data(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_op *op, void *user)
{
    struct policy *policy = user;

    (void)session;
    (void)op;
    policy->data_asked++;
    assert_int_equal(slimta_reply_code(reply), 354);
    if (policy->refuses_data) {
        (void)slimta_reply_set(reply, 451, "4.7.1 Later");
    }
}

static void on_chunk(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_slice octets, struct slimta_op *op, void *user)
{
    struct policy *policy = user;

    (void)session;
    (void)octets;
    (void)op;
    if (policy->refuses_chunk) {
        (void)slimta_reply_set(reply, 550, "5.7.1 Bad words");
    }
}

/* The `data` validator is asked before the first chunk; what it refuses is
 * thrown away, and what was sent ahead behind it. */
static void test_validators_refuse_chunks(void **state)
{
    struct policy policy = {.refuses_data = 1};
    struct scene scene;

    (void)state;
    policy.table = (struct slimta_validators){.size = sizeof policy.table,
        .user = &policy,
        .data = on_data,
        .chunk = on_chunk};
    start(&scene, NULL, &policy.table, 0);
    greet(&scene, "EHLO client\r\n");
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, RCPT), 250);
    assert_int_equal(
        ask(&scene, "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"), 451);
    assert_int_equal(host_client_reply(&scene.client), 503);
    assert_int_equal(host_client_reply(&scene.client), 250);
    assert_int_equal(policy.data_asked, 1);
    policy.refuses_data = 0;
    policy.refuses_chunk = 1;
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, RCPT), 250);
    assert_int_equal(ask(&scene, "BDAT 1\r\nxBDAT 1 LAST\r\ny"), 550);
    assert_int_equal(host_client_reply(&scene.client), 503);
    policy.refuses_chunk = 0;
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, RCPT), 250);
    assert_int_equal(ask(&scene, "BDAT 1\r\nx"), 250);
    assert_int_equal(ask(&scene, "BDAT 1 LAST\r\ny"), 250);
    assert_int_equal(policy.data_asked, 3);
    assert_int_equal(scene.box.messages, 1);
    stop(&scene);
}

/* What is claimed by nobody is not known; the option claims beside the queue.
 */
static void test_capabilities(void **state)
{
    static const char mail[] =
        "MAIL FROM:<a@example.com> RET=HDRS ENVID=a+2Bb\r\n";
    static const char rcpt[] =
        "RCPT TO:<b@example.net> NOTIFY=DELAY ORCPT=rfc822;x@example.net\r\n";
    const struct smtp_edge_options options = {
        .size = sizeof options, .capabilities = SLIMTA_CAN_MT_PRIORITY};
    struct scene scene;

    (void)state;
    start(&scene, &options, NULL, 0);
    greet(&scene, "EHLO client\r\n");
    assert_int_equal(ask(&scene, mail), 555);
    assert_int_equal(
        ask(&scene, "MAIL FROM:<a@example.com> MT-PRIORITY=3\r\n"), 250);
    stop(&scene);
    start(&scene, &options, NULL, SLIMTA_CAN_DSN);
    greet(&scene, "EHLO client\r\n");
    assert_int_equal(ask(&scene, mail), 250);
    assert_int_equal(ask(&scene, rcpt), 250);
    assert_int_equal(ask(&scene, "BDAT 1 LAST\r\nx"), 250);
    assert_string_equal(scene.box.envid, "a+b");
    assert_string_equal(scene.box.orcpt, "x@example.net");
    assert_int_equal(scene.box.notify, SLIMTA_NOTIFY_DELAY);
    stop(&scene);
}

static void take_off(struct slimta_session *session,
    struct slimta_extensions *extensions, struct slimta_op *op, void *user)
{
    (void)session;
    (void)op;
    (void)user;
    assert_int_equal(slimta_extensions_remove(extensions, "DSN"), 1);
    assert_int_equal(slimta_extensions_remove(extensions, "CHUNKING"), 1);
    assert_string_equal(
        slimta_extensions_params(extensions, "LIMITS"), "RCPTMAX=1000");
}

static void test_validator_takes_extensions_off(void **state)
{
    const struct slimta_validators table = {
        .size = sizeof table, .extensions = take_off};
    struct scene scene;

    (void)state;
    start(&scene, NULL, &table, SLIMTA_CAN_DSN | SLIMTA_CAN_BINARYMIME);
    greet(&scene, "EHLO client\r\n");
    assert_int_equal(
        ask(&scene, "MAIL FROM:<a@example.com> RET=FULL\r\n"), 555);
    assert_int_equal(
        ask(&scene, "MAIL FROM:<a@example.com> BODY=BINARYMIME\r\n"), 501);
    assert_int_equal(ask(&scene, MAIL), 250);
    assert_int_equal(ask(&scene, RCPT), 250);
    assert_int_equal(ask(&scene, "BDAT 0 LAST\r\n"), 502);
    stop(&scene);
}

static void take_one_off(struct slimta_session *session,
    struct slimta_extensions *extensions, struct slimta_op *op, void *user)
{
    (void)session;
    (void)op;
    if (user != NULL) {
        assert_int_equal(slimta_extensions_remove(extensions, user), 1);
        assert_null(slimta_extensions_params(extensions, user));
    }
}

/* Each by itself: what it brings works with it, and is unknown without. */
static void test_each_is_taken_off(void **state)
{
    static const struct {
        const char *keyword;
        const char *before; /* NULL: nothing */
        const char *use;
        int code; /* of the refusal */
    } cases[] = {
        {"SIZE", NULL, "MAIL FROM:<a@example.com> SIZE=1\r\n", 555},
        {"8BITMIME", NULL, "MAIL FROM:<a@example.com> BODY=8BITMIME\r\n", 555},
        {"BINARYMIME", NULL, "MAIL FROM:<a@example.com> BODY=BINARYMIME\r\n",
            501},
        {"SMTPUTF8", NULL, "MAIL FROM:<a@example.com> SMTPUTF8\r\n", 555},
        {"DSN", NULL, "MAIL FROM:<a@example.com> ENVID=x\r\n", 555},
        {"DSN", MAIL, "RCPT TO:<b@example.net> NOTIFY=NEVER\r\n", 555},
        {"DELIVERBY", NULL, "MAIL FROM:<a@example.com> BY=60;R\r\n", 555},
        {"MT-PRIORITY", NULL, "MAIL FROM:<a@example.com> MT-PRIORITY=1\r\n",
            555},
        {"CHUNKING", MAIL RCPT, "BDAT 1 LAST\r\nx", 502},
        {"XFORWARD", NULL, "XFORWARD NAME=x\r\n", 500},
        {"XCLIENT", NULL, "XCLIENT NAME=x\r\n", 500},
    };
    const struct smtp_edge_options options = {
        .size = sizeof options, .xclient_from = "127.0.0.1"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] * 2; i++) {
        int is_off = i % 2 != 0;
        const struct slimta_validators table = {.size = sizeof table,
            .user = is_off ? (void *)(uintptr_t)cases[i / 2].keyword : NULL,
            .extensions = take_one_off};
        struct scene scene;
        int code;

        start(&scene, &options, &table, UINT64_C(0x3f));
        greet(&scene, "EHLO client\r\n");
        if (cases[i / 2].before != NULL) {
            assert_int_equal(ask(&scene, cases[i / 2].before), 250);
        }
        if (cases[i / 2].code == 502) {
            assert_int_equal(host_client_reply(&scene.client), 250);
        }
        code = ask(&scene, cases[i / 2].use);
        if (is_off) {
            assert_int_equal(code, cases[i / 2].code);
        } else {
            assert_true(code == 250 || code == 220);
        }
        stop(&scene);
    }
}

static void edit_replies(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_results *results,
    struct slimta_op *op, void *user)
{
    (void)session;
    (void)op;
    (void)user;
    assert_int_equal(slimta_reply_code(reply), 250);
    assert_null(slimta_results_recipient_reply(results, 4));
    (void)slimta_reply_set(
        slimta_results_recipient_reply(results, 3), 552, "5.2.2 Full");
    (void)slimta_reply_set(
        slimta_results_recipient_reply(results, 1), 250, "2.0.0 Lost");
}

static const struct smtp_edge_options lmtp = {
    .size = sizeof lmtp, .dialect = SLIMTA_DIALECT_LMTP};

static void send_four(struct scene *scene)
{
    assert_int_equal(ask(scene, MAIL), 250);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(scene, RCPT), 250);
    }
}

/* RFC 2033 section 4.2: one reply for each recipient, from what the queue has
 * said of it, and what a validator makes of that. */
static void test_lmtp_replies(void **state)
{
    const struct slimta_validators table = {
        .size = sizeof table, .queued = edit_replies};
    struct scene scene;

    (void)state;
    start(&scene, &lmtp, &table, 0);
    assert_int_equal(host_client_reply(&scene.client), 220);
    assert_int_equal(ask(&scene, "EHLO client\r\n"), 500);
    assert_int_equal(ask(&scene, "LHLO client\r\n"), 250);
    scene.box.splits = 1;
    send_four(&scene);
    assert_int_equal(ask(&scene, "DATA\r\n"), 354);
    assert_int_equal(ask(&scene, "x\r\n.\r\n"), 250);
    assert_string_equal(scene.client.line, "250 2.6.0 Message queued as part");
    assert_int_equal(host_client_reply(&scene.client), 550);
    assert_string_equal(scene.client.line, "550 5.1.1 Not there");
    assert_int_equal(host_client_reply(&scene.client), 451);
    assert_int_equal(host_client_reply(&scene.client), 552);
    assert_string_equal(scene.client.line, "552 5.2.2 Full");
    assert_int_equal(ask(&scene, "NOOP\r\n"), 250);
    assert_string_equal(scene.box.protocol, "LMTP");
    stop(&scene);
}

static void refuse_all(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_results *results,
    struct slimta_op *op, void *user)
{
    (void)session;
    (void)results;
    (void)op;
    (void)user;
    (void)slimta_reply_set(reply, 554, "5.6.0 No");
}

/* A refusal in `reply` is for everybody; so is that of a limit. */
static void test_lmtp_refusals(void **state)
{
    const struct slimta_validators table = {
        .size = sizeof table, .queued = refuse_all};
    struct smtp_edge_options options = lmtp;
    struct scene scene;

    (void)state;
    options.max_message_bytes = 10;
    start(&scene, &options, &table, 0);
    greet(&scene, "LHLO client\r\n");
    send_four(&scene);
    assert_int_equal(ask(&scene, "BDAT 1\r\nx"), 250);
    assert_int_equal(ask(&scene, "BDAT 0 LAST\r\n"), 554);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(host_client_reply(&scene.client), 554);
    }
    send_four(&scene);
    assert_int_equal(ask(&scene, "BDAT 11 LAST\r\n12345678901"), 552);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(host_client_reply(&scene.client), 552);
    }
    assert_int_equal(ask(&scene, "NOOP\r\n"), 250);
    stop(&scene);
}

/* RFC 2033 section 5; with a number that the machine does not even look at. */
static void test_lmtp_is_not_on_port_25(void **state)
{
    struct slimta_error error = {0};
    struct smtp_edge *edge = NULL;
    struct box box = {.queue = {&methods}};

    (void)state;
    assert_int_equal(smtp_edge_new(&edge, &lmtp, &box.queue, &error), 0);
    assert_int_equal(
        smtp_edge_listen(edge, "192.0.2.1", 25, &error), SLIMTA_EINVAL);
    assert_non_null(strstr(error.text, "port 25"));
    assert_int_equal(smtp_edge_listen(edge, "127.0.0.1", 0, &error), 0);
    smtp_edge_free(edge);
}

static void refuses_bad_options(void **state)
{
    struct smtp_edge_options bad[4];
    struct box box = {.queue = {&methods}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct smtp_edge *edge = NULL;
        struct slimta_error error;

        bad[i] = (struct smtp_edge_options){.size = sizeof bad[i]};
        bad[0].capabilities = UINT64_C(1) << 40;
        bad[i].min_by_seconds = i == 1 ? 1000000000 : 0;
        bad[i].max_hold_seconds = i == 2 ? 1000000000 : 0;
        bad[i].xclient_from = i == 3 ? "10.0.0.1/8" : NULL;
        assert_int_equal(
            smtp_edge_new(&edge, &bad[i], &box.queue, &error), SLIMTA_EINVAL);
    }
}

struct seen {
    size_t connects;
    char client[SLIMTA_ADDRESS_TEXT_MAX];
    char peer[SLIMTA_ADDRESS_TEXT_MAX];
    char name[64];
    char login[64];
};

static void on_connect(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_op *op, void *user)
{
    struct seen *seen = user;
    const struct slimta_auth *auth = slimta_session_auth(session);

    (void)reply;
    (void)op;
    seen->connects++;
    (void)slimta_address_format(
        slimta_session_client(session), seen->client, sizeof seen->client);
    (void)slimta_address_format_ip(
        slimta_session_peer(session), seen->peer, sizeof seen->peer);
    keep(seen->name, sizeof seen->name, slimta_session_reverse_name(session));
    keep(seen->login, sizeof seen->login, auth == NULL ? NULL : auth->authcid);
}

/* The session begins anew with what the peer has said. */
static void test_xclient(void **state)
{
    const struct smtp_edge_options options = {.size = sizeof options,
        .max_connections_per_ip = 1,
        .xclient_from = "192.0.2.1,127.0.0.0/8"};
    struct seen seen = {0};
    const struct slimta_validators table = {
        .size = sizeof table, .user = &seen, .connect = on_connect};
    struct scene scene;
    int delivered = 0;

    (void)state;
    start(&scene, &options, &table, 0);
    greet(&scene, "EHLO proxy\r\n");
    assert_int_equal(ask(&scene,
                         "XCLIENT ADDR=192.0.2.9 PORT=77 NAME=c.example "
                         "LOGIN=joe\r\n"),
        220);
    assert_int_equal(seen.connects, 2);
    assert_string_equal(seen.client, "192.0.2.9:77");
    assert_string_equal(seen.peer, "127.0.0.1");
    assert_string_equal(seen.name, "c.example");
    assert_string_equal(seen.login, "joe");
    assert_int_equal(ask(&scene, MAIL), 503);
    assert_int_equal(ask(&scene, "EHLO client\r\n"), 250);
    assert_int_equal(ask(&scene, "XFORWARD NAME=far.example\r\n"), 250);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(&scene, MAIL), 250);
        assert_int_equal(ask(&scene, RCPT), 250);
        assert_int_equal(ask(&scene, "BDAT 0 LAST\r\n"), 250);
        assert_string_equal(scene.box.client, "192.0.2.9:77");
        assert_string_equal(scene.box.protocol, "ESMTPA");
        /* It is for one message. */
        assert_string_equal(scene.box.forwarded, i == 0 ? "far.example" : "");
    }
    host_client_close(&scene.client);
    /* The place that becomes free is the peer's. */
    for (int i = 0; i < 100000 && delivered != 250; i++) {
        delivered = host_deliver(&scene.host.address);
    }
    assert_int_equal(delivered, 250);
    assert_int_equal(host_client_open(&scene.client, &scene.host.address), 0);
    stop(&scene);
}

static void test_xclient_of_nobody(void **state)
{
    const struct smtp_edge_options options = {
        .size = sizeof options, .xclient_from = "192.0.2.1"};
    struct scene scene;

    (void)state;
    start(&scene, &options, NULL, 0);
    greet(&scene, "EHLO proxy\r\n");
    assert_int_equal(ask(&scene, "XCLIENT ADDR=192.0.2.9\r\n"), 500);
    assert_int_equal(ask(&scene, "XFORWARD NAME=x\r\n"), 500);
    stop(&scene);
}

/* What a client says that uses all of it; 0: it has come to the end. */
static int say_all(struct host_client *client)
{
    static const char *const lines[] = {"LHLO proxy\r\n",
        "XCLIENT ADDR=192.0.2.9 NAME=c.example HELO=h LOGIN=joe\r\n",
        "LHLO client\r\n", "XFORWARD NAME=far.example ADDR=192.0.2.8\r\n",
        "MAIL FROM:<a@example.com> ENVID=x RET=FULL\r\n",
        "RCPT TO:<b@example.net> ORCPT=rfc822;x@example.net\r\n",
        "RCPT TO:<c@example.net> NOTIFY=DELAY\r\n",
        "RCPT TO:<d@example.net>\r\n", "BDAT 1\r\nx", "BDAT 1 LAST\r\ny"};

    if (host_client_reply(client) <= 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (host_client_ask(client, lines[i]) <= 0) {
            return -1;
        }
    }
    return 0;
}

/* Returns whether an allocation has failed. */
static int live_without(size_t n, enum fail_alloc_mode mode)
{
    struct fail_alloc alloc;
    struct smtp_edge_options options = lmtp;
    struct box box = {
        .queue = {&methods}, .claims = SLIMTA_CAN_DSN, .splits = 1};
    struct slimta_address address;
    struct host_client client;
    struct smtp_edge *edge = NULL;
    int has_failed;

    fail_alloc_init(&alloc, n, mode);
    options.alloc = &alloc.table;
    options.xclient_from = "127.0.0.1,unix";
    pthread_mutex_init(&box.lock, NULL);
    if (smtp_edge_new(&edge, &options, &box.queue, NULL) == 0 &&
        smtp_edge_listen(edge, "127.0.0.1", 0, NULL) == 0 &&
        smtp_edge_start(edge, NULL, NULL) == 0 &&
        smtp_edge_address(edge, 0, &address) == 1 &&
        host_client_open(&client, &address) == 0) {
        int said = say_all(&client);

        has_failed = fail_alloc_has_failed(&alloc);
        assert_true(said == 0 || has_failed);
        assert_true(box.messages <= 1);
        host_client_reset(&client);
    }
    smtp_edge_free(edge);
    has_failed = fail_alloc_has_failed(&alloc);
    assert_int_equal(atomic_load(&alloc.live), 0);
    pthread_mutex_destroy(&box.lock);
    return has_failed;
}

static void test_without_memory(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        size_t n = 1;

        while (n < 1000 &&
            live_without(n, mode == 0 ? FAIL_ALLOC_ONCE : FAIL_ALLOC_ONWARD)) {
            n++;
        }
        assert_in_range(n, 20, 999);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks_make_a_message),
        cmocka_unit_test(test_validators_refuse_chunks),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_validator_takes_extensions_off),
        cmocka_unit_test(test_each_is_taken_off),
        cmocka_unit_test(test_lmtp_replies),
        cmocka_unit_test(test_lmtp_refusals),
        cmocka_unit_test(test_lmtp_is_not_on_port_25),
        cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(test_xclient),
        cmocka_unit_test(test_xclient_of_nobody),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
