/** Tests of what is told and counted of an edge and its sessions. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "edge/events.h"

#include "base/alloc.h"
#include "base/slice.h"

/* An edge with one shard and nothing behind it, and the last event's line. */
struct fixture {
    struct sli_edge edge;
    struct sli_edge_shard shard;
    struct slimta_reply reply;
    unsigned told;
    char line[1024];
};

static const char *const fields_known[] = {
#define FIELDS(name, text, fields) " " fields " ",
    SLIMTA_EVENT_MAP(FIELDS)
#undef FIELDS
};

/* Every event has only the fields that its row in the map names. */
static void look(const struct slimta_event *event, void *user)
{
    struct fixture *f = user;

    f->told++;
    for (size_t i = 0; i < event->field_count; i++) {
        char word[64] = " ";

        strcat(strcat(word, event->fields[i].name), " ");
        assert_non_null(strstr(fields_known[event->type], word));
    }
    assert_true(slimta_event_format(event, SLIMTA_LOG_TEXT, f->line,
                    sizeof f->line) < sizeof f->line);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(sli_alloc_init(&f->edge.alloc, NULL), 0);
    f->edge.shards = &f->shard;
    f->edge.shard_count = 1;
    f->edge.events = (struct sli_edge_event_sink){look, f, "mx"};
    f->shard.edge = &f->edge;
    sli_mail_reply_init(&f->reply, &f->edge.alloc);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sli_mail_reply_fini(&f->reply);
    free(f);
    return 0;
}

static const struct slimta_reply *reply(
    struct fixture *f, int code, const char *text)
{
    assert_int_equal(slimta_reply_set(&f->reply, code, text), 0);
    return &f->reply;
}

static uint64_t count(struct fixture *f, enum sli_edge_count which)
{
    return atomic_load(&f->shard.counters.values[which]);
}

#define TOLD(f, wanted) assert_string_equal((f)->line, wanted)

static void tells_of_the_edge(void **state)
{
    static char path[] = "/run/mx sock";
    struct fixture *f = *state;

    f->edge.socket_count = 2;
    f->edge.sockets[0].address = (struct slimta_address){
        .family = SLIMTA_FAMILY_IPV4, .port = 25, .ip = {192, 0, 2, 1}};
    f->edge.sockets[1].unix_path = path;
    sli_edge_events_listening(&f->shard);
    assert_int_equal(f->told, 2);
    TOLD(f, "listening address=\"/run/mx sock\"");
    f->edge.socket_count = 1;
    sli_edge_events_listening(&f->shard);
    TOLD(f, "listening address=192.0.2.1:25");
    sli_edge_events_stopping(&f->shard, 10000);
    TOLD(f, "stopping drain_ms=10000");
    sli_edge_events_stopped(&f->edge);
    TOLD(f, "stopped");
}

static void tells_of_a_connection(void **state)
{
    const struct slimta_address client = {
        .family = SLIMTA_FAMILY_IPV6, .port = 9, .ip = {0x20, 1, [15] = 1}};
    const struct slimta_address peer = {.family = SLIMTA_FAMILY_UNIX};
    const struct slimta_address local = {.family = SLIMTA_FAMILY_NONE};
    struct fixture *f = *state;

    sli_edge_events_connect(&f->shard, 7, &client, &peer, &local);
    TOLD(f, "connect session=7 client=[2001::1]:9 peer=unix local=unknown");
    assert_int_equal(count(f, SLI_EDGE_COUNT_CONNECTIONS), 1);
    sli_edge_events_refused(&f->shard, &client, "max_connections");
    TOLD(f, "refused client=[2001::1]:9 reason=max_connections");
    assert_int_equal(count(f, SLI_EDGE_COUNT_CONNECTIONS_REFUSED), 1);
    sli_edge_events_proxy(&f->shard, &peer, "header is cut");
    TOLD(f, "proxy peer=unix reason=\"header is cut\"");
    assert_int_equal(count(f, SLI_EDGE_COUNT_PROXY_ERRORS), 1);
    assert_int_equal(count(f, SLI_EDGE_COUNT_CONNECTIONS), 1);
}

static void tells_of_a_transaction(void **state)
{
    struct fixture *f = *state;

    sli_edge_events_ehlo(&f->shard, 7, "EHLO", SLI_LITERAL("a\nb"));
    TOLD(f, "ehlo session=7 verb=EHLO ehlo_as=\"a\\nb\"");
    sli_edge_events_mail(&f->shard, 7, SLI_LITERAL(""), NULL);
    TOLD(f, "mail session=7 sender=\"\"");
    sli_edge_events_mail(
        &f->shard, 7, SLI_LITERAL("a@b"), reply(f, 550, "5.7.1 Not you"));
    TOLD(f, "mail session=7 sender=a@b code=550 text=\"5.7.1 Not you\"");
    assert_int_equal(count(f, SLI_EDGE_COUNT_SENDERS_REFUSED), 1);
    sli_edge_events_rcpt(
        &f->shard, 7, SLI_LITERAL("c@d"), reply(f, 250, "two\nlines"));
    TOLD(f, "rcpt session=7 recipient=c@d code=250 text=\"two\\nlines\"");
    assert_int_equal(count(f, SLI_EDGE_COUNT_RECIPIENTS_REFUSED), 0);
    sli_edge_events_rcpt(&f->shard, 7, SLI_LITERAL("c@d"), reply(f, 450, "no"));
    assert_int_equal(count(f, SLI_EDGE_COUNT_RECIPIENTS_REFUSED), 1);
}

static void long_words_are_cut(void **state)
{
    struct fixture *f = *state;
    char text[2000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 400; i < sizeof text - 1; i += 400) {
        text[i] = '\n';
    }
    sli_edge_events_reject(
        &f->shard, 7, sli_slice(text, 12), reply(f, 500, text));
    assert_non_null(strstr(f->line, " verb=xxxxxxxxxxxx code"));
    assert_in_range(strlen(f->line), 512, 600);
    /* What may be a password is not told. */
    sli_edge_events_reject(
        &f->shard, 7, sli_slice(text, 13), reply(f, 500, text));
    assert_null(strstr(f->line, "xxx code"));
    sli_edge_events_reject(
        &f->shard, 7, SLI_LITERAL("c2VjcmV0"), reply(f, 500, text));
    assert_null(strstr(f->line, "c2VjcmV0"));
}

static void tells_of_a_message(void **state)
{
    struct sli_edge_message_facts facts = {.sender = SLI_LITERAL("a@b"),
        .recipients = 2,
        .bytes = 9,
        .took_ms = 3};
    struct fixture *f = *state;

    facts.queue_id = "id-1";
    sli_edge_events_message(&f->shard, 7, &facts, reply(f, 250, "2.6.0 Yes"));
    TOLD(f,
        "message session=7 sender=a@b recipients=2 bytes=9 id=id-1 code=250 "
        "text=\"2.6.0 Yes\" took_ms=3");
    facts.queue_id = "";
    sli_edge_events_message(&f->shard, 7, &facts, reply(f, 451, "4.3.0 Later"));
    TOLD(f,
        "message session=7 sender=a@b recipients=2 bytes=9 code=451 "
        "text=\"4.3.0 Later\" took_ms=3");
    sli_edge_events_message(&f->shard, 7, &facts, reply(f, 554, "5.6.0 No"));
    sli_edge_events_message(&f->shard, 7, &facts, NULL);
    assert_int_equal(count(f, SLI_EDGE_COUNT_MESSAGES_ACCEPTED), 2);
    assert_int_equal(count(f, SLI_EDGE_COUNT_MESSAGES_DEFERRED), 1);
    assert_int_equal(count(f, SLI_EDGE_COUNT_MESSAGES_REFUSED), 1);
}

static void tells_of_trouble(void **state)
{
    struct fixture *f = *state;

    sli_edge_events_aborted(
        &f->shard, 7, SLI_LITERAL("a@b"), 5, SLIMTA_CLOSED_CLIENT);
    TOLD(f, "aborted session=7 sender=a@b bytes=5 reason=client");
    assert_int_equal(count(f, SLI_EDGE_COUNT_MESSAGES_ABORTED), 1);
    sli_edge_events_late_commit(&f->shard, 7, SLI_LITERAL("a@b"), "id");
    TOLD(f, "late_commit session=7 sender=a@b id=id");
    assert_int_equal(count(f, SLI_EDGE_COUNT_MESSAGES_LATE), 1);
    sli_edge_events_deadline(&f->shard, 7, "rcpt", 30000);
    TOLD(f, "deadline session=7 question=rcpt took_ms=30000");
    assert_int_equal(count(f, SLI_EDGE_COUNT_DEADLINES), 1);
    sli_edge_events_limit(&f->shard, 7, "max_errors", 20);
    TOLD(f, "limit session=7 limit=max_errors value=20");
    sli_edge_events_memory(&f->shard, 7, "envelope");
    TOLD(f, "memory session=7 where=envelope");
    assert_int_equal(count(f, SLI_EDGE_COUNT_MEMORY_FAILURES), 1);
}

static void tells_why_a_session_ended(void **state)
{
    static const char *const names[] = {"quit", "client", "reply", "timeout",
        "limit", "tls", "stop", "failure"};
    struct fixture *f = *state;

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        const struct sli_edge_closed_facts facts = {
            .reason = (enum slimta_closed)(SLIMTA_CLOSED_QUIT + i),
            .messages = 1,
            .bytes_in = 2,
            .bytes_out = 3,
            .took_ms = 4};
        char wanted[128] = "closed session=7 reason=";

        sli_edge_events_closed(&f->shard, 7, &facts);
        strcat(strcat(wanted, names[i]),
            " messages=1 bytes_in=2 bytes_out=3 took_ms=4");
        TOLD(f, wanted);
    }
    assert_int_equal(count(f, SLI_EDGE_COUNT_TIMEOUTS), 1);
}

static void a_shortage_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct slimta_loop *loop = NULL;

    assert_int_equal(slimta_loop_new(&loop, NULL, NULL), 0);
    f->shard.loop = loop;
    atomic_store(&f->edge.places.total, 12);
    for (int i = 0; i < 3; i++) {
        sli_edge_events_short_of(&f->shard, SLIMTA_EMFILE);
    }
    assert_int_equal(f->told, 1);
    TOLD(f, "descriptors connections=12");
    for (int i = 0; i < 3; i++) {
        sli_edge_events_short_of(&f->shard, SLIMTA_ENOMEM);
    }
    assert_int_equal(f->told, 2);
    TOLD(f, "memory where=accept");
    assert_int_equal(count(f, SLI_EDGE_COUNT_MEMORY_FAILURES), 1);
    f->shard.short_ms -= 10000; /* long ago */
    sli_edge_events_short_of(&f->shard, SLIMTA_ENOMEM);
    assert_int_equal(f->told, 3);
    assert_int_equal(slimta_loop_free(loop), 0);
}

static void counts_when_nobody_listens(void **state)
{
    struct fixture *f = *state;

    f->edge.events.tell = NULL;
    sli_edge_events_deadline(&f->shard, 7, "rcpt", 1);
    sli_edge_events_memory(&f->shard, 7, "envelope");
    sli_edge_events_stopped(&f->edge);
    assert_int_equal(f->told, 0);
    assert_int_equal(count(f, SLI_EDGE_COUNT_DEADLINES), 1);
    assert_int_equal(count(f, SLI_EDGE_COUNT_MEMORY_FAILURES), 1);
}

#define EVENTS_TEST(name) \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENTS_TEST(tells_of_the_edge),
        EVENTS_TEST(tells_of_a_connection),
        EVENTS_TEST(tells_of_a_transaction),
        EVENTS_TEST(long_words_are_cut),
        EVENTS_TEST(tells_of_a_message),
        EVENTS_TEST(tells_of_trouble),
        EVENTS_TEST(tells_why_a_session_ended),
        EVENTS_TEST(a_shortage_is_told_once),
        EVENTS_TEST(counts_when_nobody_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
