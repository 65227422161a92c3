/** Connections that begin with a PROXY header: nothing happens before it is
 * whole, and then the session is the client's. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slimta/edge.h>

#include "base/slice.h"
#include "edge/proxied.h"
#include "fail_alloc.h"
#include "io/loop.h"

/* PROXY protocol 2.2. */
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V1 "PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n"
#define V2 \
    SIGNATURE \
    "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x67\x00" \
    "\x19"
#define V2_AUTHORITY \
    SIGNATURE \
    "\x21\x11\x00\x11\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x67\x00\x19" \
    "\x02\x00\x02mx"
#define LOCAL SIGNATURE "\x20\x00\x00\x00"
#define UNKNOWN "PROXY UNKNOWN whatever\r\n"

#define COMMANDS "NOOP\r\nRSET\r\nQUIT\r\n"
#define REPLIES \
    "220 mx.example.net ESMTP Mail Gateway\r\n250 2.0.0 Ok\r\n" \
    "250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"

enum { REPLY_MAX = 4096 };

/* An edge behind a balancer, in a loop of the test's own. */
struct fixture {
    struct fail_alloc memory;
    struct slimta_queue *queue;
    struct slimta_loop *loop;
    struct smtp_edge *edge;
    int fd; /* our end of the connection */
    char log[1024];
    unsigned begun;
    unsigned closed;
    int connect_code; /* 0: passes */
    char client[SLIMTA_ADDRESS_TEXT_MAX];
    char peer[SLIMTA_ADDRESS_TEXT_MAX];
    char local[SLIMTA_ADDRESS_TEXT_MAX];
    struct slimta_proxy proxy;
    char authority[64];
};

/* What concerns connections; one line for each. */
static void tell(const struct slimta_event *event, void *user)
{
    struct fixture *f = user;
    size_t size = strlen(f->log);

    if (event->type == SLIMTA_EVENT_PROXY ||
        event->type == SLIMTA_EVENT_REFUSED ||
        event->type == SLIMTA_EVENT_CONNECT) {
        struct slimta_event bare = *event;

        bare.session_id = 0;
        size += slimta_event_format(
            &bare, SLIMTA_LOG_TEXT, f->log + size, sizeof f->log - size);
        assert_true(size + 1 < sizeof f->log);
        strcpy(f->log + size, "\n");
    }
}

static void look(struct slimta_session *session, struct slimta_reply *reply,
    struct slimta_op *op, void *user)
{
    struct fixture *f = user;
    const struct slimta_proxy *proxy = slimta_session_proxy(session);

    (void)op;
    f->begun++;
    slimta_address_format(
        slimta_session_client(session), f->client, sizeof f->client);
    slimta_address_format(
        slimta_session_peer(session), f->peer, sizeof f->peer);
    slimta_address_format(
        slimta_session_local(session), f->local, sizeof f->local);
    assert_non_null(proxy);
    f->proxy = *proxy;
    strcpy(f->authority, proxy->authority == NULL ? "" : proxy->authority);
    if (f->connect_code != 0) {
        (void)slimta_reply_set(reply, f->connect_code, "Not now");
    }
}

/* The queue is told both too. */
static void look_at_message(struct slimta_session *session,
    struct slimta_reply *reply, struct slimta_envelope *envelope,
    struct slimta_op *op, void *user)
{
    const struct slimta_client *facts = slimta_envelope_client(envelope);
    struct fixture *f = user;

    (void)session, (void)reply, (void)op;
    slimta_address_format(&facts->address, f->client, sizeof f->client);
    slimta_address_format(&facts->peer, f->peer, sizeof f->peer);
}

/* What the header told lives to the end of the session. */
static void closed(
    struct slimta_session *session, enum slimta_closed reason, void *user)
{
    struct fixture *f = user;

    (void)reason;
    f->closed++;
    if (f->begun > 0) {
        assert_int_equal(
            slimta_session_proxy(session)->version, f->proxy.version);
    }
}

static int open_edge(struct fixture *f, struct smtp_edge_options options,
    struct slimta_proxy_options proxy)
{
    const struct slimta_validators policy = {.size = sizeof policy,
        .user = f,
        .connect = look,
        .have_data = look_at_message,
        .closed = closed};
    int err;

    proxy.size = sizeof proxy;
    options.size = sizeof options;
    options.alloc = &f->memory.table;
    options.hostname = "mx.example.net";
    options.event = tell;
    options.event_user = f;
    options.proxy = &proxy;
    err = slimta_loop_new(&f->loop, &f->memory.table, NULL);
    if (err == 0) {
        err = smtp_edge_new(&f->edge, &options, f->queue, NULL);
    }
    if (err == 0) {
        err = smtp_edge_add_validators(f->edge, &policy, NULL);
    }
    return err == 0 ? smtp_edge_start(f->edge, f->loop, NULL) : err;
}

static void close_edge(struct fixture *f)
{
    smtp_edge_free(f->edge);
    if (f->loop != NULL) {
        assert_int_equal(slimta_loop_run(f->loop), 0);
        assert_int_equal(slimta_loop_free(f->loop), 0);
    }
    f->edge = NULL;
    f->loop = NULL;
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.fd = -1};
    fail_alloc_init(&fixture.memory, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(slimta_discard_queue_new(&fixture.queue, NULL, NULL), 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_edge(f);
    if (f->fd >= 0) {
        assert_int_equal(close(f->fd), 0);
    }
    slimta_queue_free(f->queue);
    assert_int_equal(atomic_load(&f->memory.live), 0);
    return 0;
}

static void start(struct fixture *f, struct smtp_edge_options options,
    struct slimta_proxy_options proxy)
{
    assert_int_equal(open_edge(f, options, proxy), 0);
}

static void start_plain(struct fixture *f)
{
    start(f, (struct smtp_edge_options){0}, (struct slimta_proxy_options){0});
}

/* Whatever is due has been done after it. */
static void settle(struct fixture *f)
{
    for (int i = 0; i < 8; i++) {
        (void)slimta_loop_turn(f->loop);
    }
}

/* A new connection; the one before is closed. 0 or a code. */
static int arrive(struct fixture *f)
{
    int fds[2];
    int err;

    if (f->fd >= 0) {
        assert_int_equal(close(f->fd), 0);
    }
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    f->fd = fds[0];
    f->log[0] = '\0';
    f->begun = 0;
    f->closed = 0;
    err = smtp_edge_adopt(f->edge, fds[1], NULL);
    if (err != 0) {
        (void)close(fds[1]);
    }
    return err;
}

static void connect_to(struct fixture *f)
{
    assert_int_equal(arrive(f), 0);
}

static void say(struct fixture *f, const char *octets, size_t size)
{
    assert_int_equal(send(f->fd, octets, size, MSG_NOSIGNAL), (ssize_t)size);
    settle(f);
}

#define SAY(f, text) say((f), text, sizeof(text) - 1)

/* All that has been said; "" when nothing was. */
static const char *hear_from(int fd)
{
    static char text[REPLY_MAX];
    size_t size = 0;
    ssize_t got;

    while ((got = recv(fd, text + size, sizeof text - 1 - size, MSG_DONTWAIT)) >
        0) {
        size += (size_t)got;
    }
    text[size] = '\0';
    return text;
}

static const char *hear(struct fixture *f)
{
    settle(f);
    return hear_from(f->fd);
}

static int is_closed(struct fixture *f)
{
    char octet;

    settle(f);
    return recv(f->fd, &octet, 1, MSG_DONTWAIT) == 0;
}

/* Closed, without a word and without a session, and its place is free. */
static void check_refused(struct fixture *f, const char *log)
{
    struct slimta_counters counters = {.size = sizeof counters};

    assert_string_equal(hear(f), "");
    assert_true(is_closed(f));
    assert_string_equal(f->log, log);
    assert_int_equal(f->begun + f->closed, 0);
    smtp_edge_count(f->edge, &counters);
    assert_int_equal(counters.connections_open, 0);
    assert_int_equal(counters.connections, 0);
}

static uint64_t count_errors(struct fixture *f)
{
    struct slimta_counters counters = {.size = sizeof counters};

    smtp_edge_count(f->edge, &counters);
    return counters.proxy_errors;
}

/* Lets time pass for our timers alone. */
static void pass_time(struct fixture *f, uint64_t ms)
{
    sli_io_wheel_turn(
        &f->loop->wheel, sli_io_loop_now(f->loop) + ms + SLI_IO_TICK_MS);
    settle(f);
}

/* Cuts: nothing is said before the header is whole, and the outcome is the same
 * with commands behind it. */
static void play_cut(
    struct fixture *f, struct slimta_slice header, size_t first, size_t step)
{
    char octets[256];
    char replies[REPLY_MAX] = "";
    size_t size = header.size + sizeof COMMANDS - 1;
    size_t at = 0;

    memcpy(octets, header.data, header.size);
    memcpy(octets + header.size, COMMANDS, sizeof COMMANDS - 1);
    connect_to(f);
    while (at < size) {
        size_t piece = at == 0 && first > 0 ? first : step;

        piece = piece < size - at ? piece : size - at;
        say(f, octets + at, piece);
        at += piece;
        strcat(replies, hear(f));
        assert_int_equal(replies[0] != '\0', at >= header.size);
    }
    assert_string_equal(replies, REPLIES);
    assert_true(is_closed(f));
    assert_int_equal(f->begun, 1);
    assert_int_equal(f->closed, 1);
}

static void cut_anywhere(void **state)
{
    static const struct slimta_slice headers[] = {{V1, sizeof V1 - 1},
        {V2, sizeof V2 - 1}, {V2_AUTHORITY, sizeof V2_AUTHORITY - 1},
        {LOCAL, sizeof LOCAL - 1}, {UNKNOWN, sizeof UNKNOWN - 1}};
    struct fixture *f = *state;

    start_plain(f);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        size_t size = headers[i].size + sizeof COMMANDS - 1;

        for (size_t first = 1; first <= size; first++) {
            play_cut(f, headers[i], first, size);
        }
        play_cut(f, headers[i], 0, 1);
    }
    assert_int_equal(count_errors(f), 0);
}

static void ends_anywhere(void **state)
{
    static const struct slimta_slice headers[] = {
        {V1, sizeof V1 - 1}, {V2_AUTHORITY, sizeof V2_AUTHORITY - 1}};
    struct fixture *f = *state;

    start_plain(f);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        for (size_t size = 0; size < headers[i].size; size++) {
            uint64_t errors = count_errors(f);

            connect_to(f);
            say(f, headers[i].data, size);
            assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
            check_refused(f,
                size == 0 ? "" : "proxy peer=unix reason=\"header is cut\"\n");
            assert_int_equal(count_errors(f), errors + (size > 0));
        }
    }
}

/* Facts */

static void check_facts(struct fixture *f, const char *client,
    const char *local, int version, int is_local)
{
    assert_string_equal(f->client, client);
    assert_string_equal(f->peer, "unix");
    assert_string_equal(f->local, local);
    assert_int_equal(f->proxy.version, version);
    assert_int_equal(f->proxy.is_local, is_local);
    assert_string_equal(f->authority, "");
}

static void tells_whom_it_serves(void **state)
{
    struct fixture *f = *state;

    start_plain(f);
    connect_to(f);
    SAY(f, V1);
    check_facts(f, "192.0.2.7:4711", "198.51.100.1:25", 1, 0);
    assert_string_equal(f->log,
        "connect client=192.0.2.7:4711 peer=unix local=198.51.100.1:25\n");
    connect_to(f);
    SAY(f, V2);
    check_facts(f, "192.0.2.7:4711", "198.51.100.1:25", 2, 0);
    connect_to(f);
    SAY(f, LOCAL);
    check_facts(f, "unix", "unix", 2, 1);
    assert_string_equal(f->log, "connect client=unix peer=unix local=unix\n");
    connect_to(f);
    SAY(f, UNKNOWN);
    check_facts(f, "unix", "unix", 1, 1);
    connect_to(f);
    SAY(f, V2_AUTHORITY);
    assert_string_equal(f->authority, "mx");
}

static void notes_both_in_the_envelope(void **state)
{
    struct fixture *f = *state;

    start_plain(f);
    connect_to(f);
    SAY(f,
        V1
        "EHLO a\r\nMAIL FROM:<a@example.com>\r\n"
        "RCPT TO:<b@example.net>\r\nDATA\r\n");
    f->client[0] = f->peer[0] = '\0';
    SAY(f, "x\r\n.\r\n");
    assert_string_equal(f->client, "192.0.2.7:4711");
    assert_string_equal(f->peer, "unix");
}

/* 5 octets hold "mx" and its head, 4 do not. */
static void limits_tlvs(void **state)
{
    struct fixture *f = *state;

    for (uint64_t max = 4; max <= 6; max++) {
        start(f, (struct smtp_edge_options){0},
            (struct slimta_proxy_options){.max_tlv_bytes = max});
        connect_to(f);
        SAY(f, V2_AUTHORITY);
        assert_string_equal(f->authority, max < 5 ? "" : "mx");
        close_edge(f);
    }
}

/* The session may close while octets are still to be handed on. */
static void refused_with_octets_behind(void **state)
{
    struct fixture *f = *state;

    start_plain(f);
    f->connect_code = 421;
    connect_to(f);
    SAY(f, V2 COMMANDS);
    assert_string_equal(hear(f), "421 Not now\r\n");
    assert_true(is_closed(f));
    f->connect_code = 554;
    connect_to(f);
    SAY(f, V2 COMMANDS);
    assert_string_equal(hear(f),
        "554 Not now\r\n503 5.5.1 Bad sequence of commands\r\n"
        "503 5.5.1 Bad sequence of commands\r\n221 2.0.0 Bye\r\n");
}

/* What is refused */

static void refuses_what_is_wrong(void **state)
{
    static const struct {
        enum slimta_proxy_version version;
        struct slimta_slice octets;
        const char *log;
    } rows[] = {
        {SLIMTA_PROXY_AUTO, {"EHLO a\r\n", 8},
            "proxy peer=unix reason=\"no PROXY header\"\n"},
        {SLIMTA_PROXY_V1, {V2, sizeof V2 - 1},
            "proxy peer=unix reason=\"no PROXY header of version 1\"\n"},
        {SLIMTA_PROXY_V2, {V1, sizeof V1 - 1},
            "proxy peer=unix reason=\"no PROXY header of version 2\"\n"},
        {SLIMTA_PROXY_V2, {SIGNATURE "\x31", 13},
            "proxy peer=unix reason=\"version is not 2\"\n"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start(f, (struct smtp_edge_options){0},
            (struct slimta_proxy_options){.version = rows[i].version});
        connect_to(f);
        say(f, rows[i].octets.data, rows[i].octets.size);
        check_refused(f, rows[i].log);
        assert_int_equal(count_errors(f), 1);
        close_edge(f);
    }
}

static void trusts_whom_it_is_told(void **state)
{
    struct fixture *f = *state;

    start(f, (struct smtp_edge_options){0},
        (struct slimta_proxy_options){.trusted = "10.0.0.0/8,::1"});
    connect_to(f);
    check_refused(f, "proxy peer=unix reason=\"peer is not trusted\"\n");
    assert_int_equal(count_errors(f), 1);
    close_edge(f);
    start(f, (struct smtp_edge_options){0},
        (struct slimta_proxy_options){.trusted = ""});
    connect_to(f);
    check_refused(f, "proxy peer=unix reason=\"peer is not trusted\"\n");
    close_edge(f);
    start(f, (struct smtp_edge_options){0},
        (struct slimta_proxy_options){.trusted = "10.0.0.0/8,unix"});
    connect_to(f);
    SAY(f, V1 COMMANDS);
    assert_string_equal(hear(f), REPLIES);
}

/* `ms` is the whole header's time, whatever comes meanwhile. */
static void check_time(struct fixture *f, struct smtp_edge_options options,
    struct slimta_proxy_options proxy, uint64_t ms)
{
    start(f, options, proxy);
    connect_to(f);
    settle(f);
    SAY(f, "PROX");
    pass_time(f, ms - 1000);
    SAY(f, "Y TCP4");
    pass_time(f, ms - 1000);
    SAY(f, " 192.0.2.7");
    assert_string_equal(f->log, "");
    pass_time(f, ms);
    check_refused(f, "proxy peer=unix reason=timeout\n");
    close_edge(f);
    start(f, options, proxy);
    connect_to(f);
    settle(f);
    pass_time(f, ms);
    check_refused(f, "proxy peer=unix reason=timeout\n");
    close_edge(f);
}

static void has_an_end(void **state)
{
    const struct smtp_edge_options plain = {0};
    const struct smtp_edge_options quick = {.command_timeout_ms = 3000};
    const struct slimta_proxy_options usual = {0};
    const struct slimta_proxy_options slow = {.timeout_ms = 9000};

    check_time(*state, plain, usual, 5000);
    check_time(*state, plain, slow, 9000);
    check_time(*state, quick, slow, 3000);
}

/* The session has its own time. */
static void is_over_in_time(void **state)
{
    struct fixture *f = *state;

    start_plain(f);
    connect_to(f);
    SAY(f, V1);
    pass_time(f, 60000);
    SAY(f, COMMANDS);
    assert_string_equal(hear(f), REPLIES);
}

/* Limits */

static void limits_clients(void **state)
{
    static const char refused[] =
        "refused client=192.0.2.7:4711 reason=max_connections_per_ip\n";
    struct fixture *f = *state;
    int first;

    start(f, (struct smtp_edge_options){.max_connections_per_ip = 1},
        (struct slimta_proxy_options){0});
    connect_to(f);
    SAY(f, V1);
    assert_memory_equal(hear(f), "220 ", 4);
    first = f->fd;
    f->fd = -1;
    connect_to(f);
    assert_string_equal(hear(f), "");
    SAY(f, V2 COMMANDS);
    assert_string_equal(hear(f), "421 4.7.0 Too many connections\r\n");
    assert_true(is_closed(f));
    assert_string_equal(f->log, refused);
    /* Another one, and the balancer for itself. */
    connect_to(f);
    SAY(f, "PROXY TCP4 192.0.2.8 198.51.100.1 4711 25\r\n");
    assert_memory_equal(hear(f), "220 ", 4);
    connect_to(f);
    SAY(f, LOCAL);
    assert_memory_equal(hear(f), "220 ", 4);
    assert_int_equal(close(first), 0);
    connect_to(f);
    SAY(f, V1);
    assert_memory_equal(hear(f), "220 ", 4);
}

/* One that waits for its header has its place already. */
static void limits_all(void **state)
{
    struct fixture *f = *state;
    int first;

    start(f, (struct smtp_edge_options){.max_connections = 1},
        (struct slimta_proxy_options){0});
    connect_to(f);
    settle(f);
    first = f->fd;
    f->fd = -1;
    connect_to(f);
    assert_string_equal(hear(f), "");
    assert_true(is_closed(f));
    assert_string_equal(f->log, "refused client=unix reason=max_connections\n");
    assert_int_equal(send(first, V1 COMMANDS, sizeof V1 COMMANDS - 1, 0),
        (ssize_t)(sizeof V1 COMMANDS - 1));
    settle(f);
    assert_string_equal(hear_from(first), REPLIES);
    assert_int_equal(close(first), 0);
    connect_to(f);
    SAY(f, V2 COMMANDS);
    assert_string_equal(hear(f), REPLIES);
}

/* Stopping */

static void stops_while_waiting(void **state)
{
    struct fixture *f = *state;

    for (uint64_t drain_ms = 0; drain_ms <= 60000; drain_ms += 60000) {
        start_plain(f);
        connect_to(f);
        SAY(f, "PROXY TCP4");
        assert_int_equal(smtp_edge_stop(f->edge, drain_ms, NULL, NULL), 0);
        /* It does not wait for the header, which may never come. */
        assert_int_equal(slimta_loop_run(f->loop), 0);
        assert_string_equal(hear_from(f->fd), "");
        assert_string_equal(f->log, "");
        assert_int_equal(f->begun + f->closed, 0);
        close_edge(f);
    }
}

/* The header is there, unread. */
static void stops_right_after(void **state)
{
    struct fixture *f = *state;

    start_plain(f);
    connect_to(f);
    assert_int_equal(send(f->fd, V1, sizeof V1 - 1, 0), sizeof V1 - 1);
    assert_int_equal(smtp_edge_stop(f->edge, 60000, NULL, NULL), 0);
    assert_int_equal(slimta_loop_run(f->loop), 0);
    assert_string_equal(hear_from(f->fd), "");
}

/* Memory */

static void serve(struct fail_alloc *alloc, void *user)
{
    struct fixture *f = user;

    f->memory.table = alloc->table;
    if (open_edge(f, (struct smtp_edge_options){.max_connections_per_ip = 9},
            (struct slimta_proxy_options){.trusted = "unix"}) == 0 &&
        arrive(f) == 0) {
        const char *heard;

        settle(f);
        (void)send(f->fd, V2_AUTHORITY COMMANDS,
            sizeof V2_AUTHORITY COMMANDS - 1, MSG_NOSIGNAL);
        heard = hear(f);
        if (!fail_alloc_has_failed(alloc)) {
            assert_string_equal(heard, REPLIES);
        }
        assert_true(is_closed(f));
        assert_int_equal(close(f->fd), 0);
        f->fd = -1;
        settle(f);
        assert_true(f->begun <= f->closed && f->closed <= 1);
    }
    close_edge(f);
}

static void bears_no_memory(void **state)
{
    assert_int_equal(fail_alloc_sweep(serve, *state), 0);
}

/* The rules */

static void checks_options(void **state)
{
    static const struct {
        struct slimta_proxy_options options;
        const char *text;
    } rows[] = {
        {{0},
            "proxy: of a wrong size, or with something that this version does "
            "not know"},
        {{.size = sizeof rows->options,
             .version = (enum slimta_proxy_version)3},
            "proxy: version 3 is not one of its values"},
        {{.size = sizeof rows->options, .max_tlv_bytes = 65536},
            "proxy: max_tlv_bytes: 65536 is more than 65535"},
        {{.size = sizeof rows->options, .trusted = "10.0.0.0/8,x"}, NULL},
    };
    struct fixture *f = *state;
    struct sli_edge_proxied_rules rules;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slimta_error error = {0};

        assert_int_equal(sli_edge_proxied_init(&rules, &f->memory.table,
                             &rows[i].options, 1, &error),
            SLIMTA_EINVAL);
        if (rows[i].text != NULL) {
            assert_string_equal(error.text, rows[i].text);
        } else {
            assert_memory_equal(error.text, "proxy: trusted", 14);
        }
        sli_edge_proxied_fini(&rules);
    }
    assert_int_equal(
        sli_edge_proxied_init(&rules, &f->memory.table, NULL, 1, NULL), 0);
    assert_false(rules.is_on);
    sli_edge_proxied_fini(&rules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cut_anywhere),
        TEST(ends_anywhere),
        TEST(tells_whom_it_serves),
        TEST(notes_both_in_the_envelope),
        TEST(limits_tlvs),
        TEST(refused_with_octets_behind),
        TEST(refuses_what_is_wrong),
        TEST(trusts_whom_it_is_told),
        TEST(has_an_end),
        TEST(is_over_in_time),
        TEST(limits_clients),
        TEST(limits_all),
        TEST(stops_while_waiting),
        TEST(stops_right_after),
        TEST(bears_no_memory),
        TEST(checks_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
