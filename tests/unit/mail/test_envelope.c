/** Tests of mail/envelope.c. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "sample.h"

static struct slimta_envelope *build(const struct sample *sample)
{
    int err;
    struct slimta_envelope *envelope =
        sample_build(sample, &counting.table, &err);

    assert_int_equal(err, 0);
    return envelope;
}

static void test_keeps_what_it_got(void **state)
{
    static const char *const recipients[] = {"a@b", "\"a b\"@c", NULL};
    struct sample sample = sample_make();
    char name[] = "client.example.org";
    char auth[] = "user@example.org";
    struct slimta_envelope *envelope;
    const struct slimta_client *client;
    const struct slimta_mail_params *params;

    (void)state;
    sample.facts.client.ehlo_as = name;
    sample.facts.client.reverse_name = "reverse.example.org";
    sample.params = (struct slimta_mail_params){
        .size = sizeof sample.params,
        .has_size = 1,
        .size_bytes = 77,
        .has_body = 1,
        .body = SLIMTA_BODY_8BITMIME,
        .smtputf8 = 1,
        .auth = auth,
        .envid = "an id",
        .by = SLIMTA_BY_NOTIFY,
        .by_seconds = -5,
    };
    sample.recipients = recipients;
    envelope = build(&sample);
    memset(name, 'x', sizeof name - 1);
    memset(auth, 'x', sizeof auth - 1);

    client = slimta_envelope_client(envelope);
    assert_int_equal(client->size, sizeof *client);
    assert_string_equal(client->ehlo_as, "client.example.org");
    assert_string_equal(client->reverse_name, "reverse.example.org");
    assert_string_equal(client->protocol, "ESMTP");
    assert_int_equal(client->address.port, 4321);
    params = slimta_envelope_params(envelope);
    assert_int_equal(params->size, sizeof *params);
    assert_int_equal(params->size_bytes, 77);
    assert_int_equal(params->body, SLIMTA_BODY_8BITMIME);
    assert_true(params->has_size && params->has_body && params->smtputf8);
    assert_string_equal(params->auth, "user@example.org");
    assert_string_equal(slimta_envelope_sender(envelope), "sender@example.org");
    assert_string_equal(slimta_envelope_receiver(envelope), "mx.example.com");
    assert_int_equal(slimta_envelope_recipient_count(envelope), 2);
    assert_string_equal(
        slimta_envelope_recipient(envelope, 1)->address, "\"a b\"@c");
    assert_int_equal(slimta_envelope_recipient(envelope, 1)->size,
        sizeof(struct slimta_recipient));
    assert_null(slimta_envelope_recipient(envelope, 2));
    assert_null(slimta_envelope_recipient(envelope, SIZE_MAX));
    slimta_envelope_unref(envelope);
}

static void test_null_and_unknown(void **state)
{
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;

    (void)state;
    sample.sender = "";
    sample.facts.client.ehlo_as = NULL;
    envelope = build(&sample);
    assert_string_equal(slimta_envelope_sender(envelope), "");
    assert_string_equal(slimta_envelope_client(envelope)->ehlo_as, "");
    assert_null(slimta_envelope_client(envelope)->reverse_name);
    assert_null(slimta_envelope_recipient(envelope, 0));
    assert_int_equal(slimta_envelope_prepended(envelope).size, 0);
    assert_int_equal(slimta_content_size(slimta_envelope_content(envelope)), 0);
    slimta_envelope_unref(envelope);
    slimta_envelope_unref(NULL);
}

static void test_recipients_stay_in_place(void **state)
{
    enum { COUNT = 1000 };
    static const struct slimta_recipient params = {.size = sizeof params};
    static const struct slimta_recipient *before[COUNT];
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);
    char address[32];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(address, sizeof address, "user%zu@example.com", i);
        assert_int_equal(sli_mail_envelope_add_recipient(
                             envelope, sli_slice_text(address), &params),
            0);
        before[i] = slimta_envelope_recipient(envelope, i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(address, sizeof address, "user%zu@example.com", i);
        assert_ptr_equal(slimta_envelope_recipient(envelope, i), before[i]);
        assert_string_equal(before[i]->address, address);
    }
    slimta_envelope_unref(envelope);
}

static void test_prepend(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        int err;
    } cases[] = {
        {"X-A", "value", 0},
        {"X-A", "", 0},
        {"x", "tab\tand \xC3\xA9", 0},
        {"X-A", "one\r\n two", 0},
        {"X-A", "one\r\n\ttwo\r\n  three", 0},
        {"X-A", "\r\n two", 0},
        {"!~", "v", 0},
        {"", "v", SLIMTA_EINVAL},
        {NULL, "v", SLIMTA_EINVAL},
        {"X", NULL, SLIMTA_EINVAL},
        {"X:", "v", SLIMTA_EINVAL},
        {"X A", "v", SLIMTA_EINVAL},
        {"X\r\nY", "v", SLIMTA_EINVAL},
        {"X\x7F", "v", SLIMTA_EINVAL},
        {"X\xC3\xA9", "v", SLIMTA_EINVAL},
        {"X", "one\r\ntwo", SLIMTA_EINVAL},
        {"X", "one\r\nEvil: two", SLIMTA_EINVAL},
        {"X", "one\r\n\r\n two", SLIMTA_EINVAL},
        {"X", "one\n two", SLIMTA_EINVAL},
        {"X", "one\r two", SLIMTA_EINVAL},
        {"X", "one\r\n", SLIMTA_EINVAL},
        {"X", "one\r", SLIMTA_EINVAL},
        {"X", "one\n", SLIMTA_EINVAL},
        {"X", "\n", SLIMTA_EINVAL},
        {"X", "\r\r\n x", SLIMTA_EINVAL},
        /* RFC 5322 section 3.2.2: no line of white space alone. */
        {"X", "one\r\n ", SLIMTA_EINVAL},
        {"X", "one\r\n \t\r\n two", SLIMTA_EINVAL},
        {"X", "bell\x07", SLIMTA_EINVAL},
        {"X", "del\x7F", SLIMTA_EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_make();
        struct slimta_envelope *envelope = build(&sample);
        char expected[64] = "";
        struct slimta_slice prepended;

        if (slimta_envelope_prepend(envelope, cases[i].name, cases[i].value) !=
            cases[i].err) {
            fail_msg("case %zu", i);
        }
        prepended = slimta_envelope_prepended(envelope);
        if (cases[i].err == 0) {
            (void)snprintf(expected, sizeof expected, "%s: %s\r\n",
                cases[i].name, cases[i].value);
        }
        assert_true(sli_slice_is(prepended, sli_slice_text(expected)));
        slimta_envelope_unref(envelope);
    }
}

/* The last one stands first, and what was lent before stays good. */
static void test_prepend_many(void **state)
{
    enum { COUNT = 300 };
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);
    struct slimta_slice first;
    struct slimta_slice value;
    char text[64];

    (void)state;
    assert_int_equal(slimta_envelope_prepend(envelope, "X-N", "0"), 0);
    first = slimta_envelope_prepended(envelope);
    for (int i = 1; i < COUNT; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(slimta_envelope_prepend(envelope, "X-N", text), 0);
    }
    assert_true(sli_slice_is(first, SLI_LITERAL("X-N: 0\r\n")));
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof text, "%d", COUNT - 1 - i);
        assert_int_equal(
            slimta_envelope_header(envelope, "x-n", (size_t)i, &value), 1);
        assert_true(sli_slice_is(value, sli_slice_text(text)));
    }
    assert_int_equal(slimta_envelope_header(envelope, "x-n", COUNT, &value), 0);
    slimta_envelope_unref(envelope);
}

static void test_sealed(void **state)
{
    static const struct slimta_recipient params = {.size = sizeof params};
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);
    struct slimta_envelope *part = NULL;

    (void)state;
    assert_int_equal(
        slimta_envelope_split(&part, envelope, 0, 0), SLIMTA_ESTATE);
    sli_mail_envelope_seal(envelope, 1234567);
    assert_int_equal(slimta_envelope_timestamp_ms(envelope), 1234567);
    assert_int_equal(
        slimta_envelope_prepend(envelope, "X", "v"), SLIMTA_ESTATE);
    assert_int_equal(
        sli_mail_envelope_add_recipient(envelope, SLI_LITERAL("a@b"), &params),
        SLIMTA_ESTATE);
    assert_int_equal(slimta_envelope_recipient_count(envelope), 0);
    assert_int_equal(slimta_envelope_prepended(envelope).size, 0);
    slimta_envelope_unref(envelope);
}

static void test_learns_a_name(void **state)
{
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);

    (void)state;
    assert_int_equal(
        sli_mail_envelope_set_reverse_name(envelope, "mx.example.org"), 0);
    fail_alloc_arm(&counting, 1, FAIL_ALLOC_ONWARD);
    for (int i = 0; i < 200; i++) { /* more than a block of the arena */
        (void)sli_mail_envelope_set_reverse_name(envelope, "mx.example.org");
    }
    assert_int_equal(
        sli_mail_envelope_set_reverse_name(envelope, "late.example.org"),
        SLIMTA_ENOMEM);
    fail_alloc_arm(&counting, 0, FAIL_ALLOC_ONCE);
    assert_string_equal(
        slimta_envelope_client(envelope)->reverse_name, "mx.example.org");
    sli_mail_envelope_seal_but_recipients(envelope, 1);
    assert_int_equal(
        sli_mail_envelope_set_reverse_name(envelope, "late.example.org"),
        SLIMTA_ESTATE);
    assert_string_equal(
        slimta_envelope_client(envelope)->reverse_name, "mx.example.org");
    slimta_envelope_unref(envelope);
}

static void test_header(void **state)
{
    static const struct {
        const char *content;
        const char *name;
        size_t index;
        const char *value; /* NULL: none */
    } cases[] = {
        {"Subject: hello\r\n\r\nbody", "Subject", 0, "hello"},
        {"Subject: hello\r\n\r\nbody", "SUBJECT", 0, "hello"},
        {"Subject: hello\r\n\r\nbody", "Subject", 1, NULL},
        {"Subject: hello\r\n\r\nbody", "Subjec", 0, NULL},
        {"Subject: hello\r\n\r\nbody", "Subject:", 0, NULL},
        {"Subject: hello\r\n\r\nbody", "", 0, NULL},
        {"Subject: hello\r\n\r\nbody", NULL, 0, NULL},
        {"Subject:hello\r\n\r\n", "Subject", 0, "hello"},
        {"Subject:  \t hello \t\r\n\r\n", "Subject", 0, "hello"},
        {"Subject :hello\r\n\r\n", "Subject", 0, "hello"},
        {"Subject:\r\n\r\n", "Subject", 0, ""},
        {"Subject: \r\n \r\n\r\n", "Subject", 0, ""},
        {"Subject: one\r\n two\r\n\tthree\r\nTo: x\r\n\r\n", "Subject", 0,
            "one\r\n two\r\n\tthree"},
        {"Subject: one\r\n two\r\nTo: x\r\n\r\n", "To", 0, "x"},
        {"A: 1\r\nB: 2\r\nA: 3\r\n\r\n", "A", 1, "3"},
        {"A: 1\r\nB: 2\r\nA: 3\r\n\r\n", "A", 2, NULL},
        /* The empty line ends the section. */
        {"A: 1\r\n\r\nB: 2\r\n", "B", 0, NULL},
        {"A: 1\n\nB: 2\n", "B", 0, NULL},
        {"A: 1\r\n\nB: 2\n", "B", 0, NULL},
        {"\r\nA: 1\r\n", "A", 0, NULL},
        {"\nA: 1\r\n", "A", 0, NULL},
        /* Bare LF ends a line of a stored message. */
        {"A: 1\nB: 2\n C\nD: 4\n\n", "B", 0, "2\n C"},
        {"A: 1\nB: 2\n C\nD: 4\n\n", "D", 0, "4"},
        /* No end at all. */
        {"A: 1", "A", 0, "1"},
        {"A: 1\r", "A", 0, "1"},
        {"A:", "A", 0, ""},
        {"A", "A", 0, NULL},
        {"", "A", 0, NULL},
        {"\r", "A", 0, NULL},
        {"A: 1\rB: 2\r\n\r\n", "A", 0, "1\rB: 2"},
        {"A: 1\rB: 2\r\n\r\n", "B", 0, NULL},
        /* What is no field is passed over; a folded colon is no field. */
        {"From someone\r\nA: 1\r\n\r\n", "A", 0, "1"},
        {" A: 0\r\nA: 1\r\n\r\n", "A", 0, "1"},
        {"X: y\r\n A: 0\r\nA: 1\r\n\r\n", "A", 0, "1"},
        {": empty\r\nA: 1\r\n\r\n", "A", 0, "1"},
        {"A: b: c\r\n\r\n", "A", 0, "b: c"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_make();
        struct slimta_envelope *envelope;
        struct slimta_slice value;
        int is_found;

        sample.content = cases[i].content;
        envelope = build(&sample);
        is_found = slimta_envelope_header(
            envelope, cases[i].name, cases[i].index, &value);
        if (is_found != (cases[i].value != NULL) ||
            (is_found &&
                !sli_slice_is(value, sli_slice_text(cases[i].value)))) {
            fail_msg("case %zu", i);
        }
        slimta_envelope_unref(envelope);
    }
}

static void test_header_prepended_first(void **state)
{
    static const char *const expected[] = {"p2", "p1", "c1", "c2"};
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;
    struct slimta_slice value;

    (void)state;
    sample.content = "X: c1\r\nX: c2\r\n\r\nX: body\r\n";
    envelope = build(&sample);
    assert_int_equal(slimta_envelope_prepend(envelope, "X", "p1"), 0);
    assert_int_equal(slimta_envelope_prepend(envelope, "X", "p2"), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(slimta_envelope_header(envelope, "X", i, &value), 1);
        assert_true(sli_slice_is(value, sli_slice_text(expected[i])));
    }
    assert_int_equal(slimta_envelope_header(envelope, "X", 4, &value), 0);
    slimta_envelope_unref(envelope);
}

/* A field that starts in the first block and goes on in what came later, one
 * at the end of the head, and one past it. */
static void test_header_in_large_section(void **state)
{
    static char content[SLIMTA_HEAD_BYTES + 200];
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;
    struct slimta_slice value;
    size_t last = SLIMTA_HEAD_BYTES - 10;

    (void)state;
    for (size_t i = 0; i < sizeof content - 1; i++) {
        content[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
    }
    for (size_t i = 64; i < sizeof content - 1; i += 64) {
        content[i] = ' ';
    }
    memcpy(content, "Long: ", 6);
    memcpy(content + last - 2, "\r\nLast: 1\r\nPast: 2\r\n\r\n", 23);
    sample.content = content;
    envelope = build(&sample);
    assert_int_equal(slimta_envelope_header(envelope, "Long", 0, &value), 1);
    assert_int_equal(value.size, last - 2 - 6);
    assert_memory_equal(value.data, content + 6, value.size);
    assert_int_equal(slimta_envelope_header(envelope, "Last", 0, &value), 1);
    assert_true(sli_slice_is(value, SLI_LITERAL("1")));
    assert_int_equal(slimta_envelope_header(envelope, "Past", 0, &value), 0);
    slimta_envelope_unref(envelope);
}

static void test_split(void **state)
{
    static const char *const recipients[] = {"a@b", "c@d", "e@f", NULL};
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;
    struct slimta_envelope *part = NULL;
    struct slimta_slice value;

    (void)state;
    sample.recipients = recipients;
    sample.content = "A: 1\r\n\r\n";
    sample.params.smtputf8 = 1;
    sample.facts.client.reverse_name = "reverse.example.org";
    sample.params.auth = "user@example.org";
    envelope = build(&sample);
    assert_int_equal(slimta_envelope_prepend(envelope, "X", "p1"), 0);
    sli_mail_envelope_seal(envelope, 99);
    assert_int_equal(
        slimta_envelope_split(&part, envelope, 0, 4), SLIMTA_EINVAL);
    assert_int_equal(
        slimta_envelope_split(&part, envelope, 3, 1), SLIMTA_EINVAL);
    assert_int_equal(
        slimta_envelope_split(&part, envelope, 4, 0), SLIMTA_EINVAL);
    assert_int_equal(
        slimta_envelope_split(&part, envelope, 1, SIZE_MAX), SLIMTA_EINVAL);
    assert_null(part);
    assert_int_equal(slimta_envelope_split(&part, envelope, 1, 2), 0);
    assert_ptr_equal(
        slimta_envelope_content(part), slimta_envelope_content(envelope));

    /* It lives on alone. */
    slimta_envelope_unref(envelope);
    assert_int_equal(slimta_envelope_recipient_count(part), 2);
    assert_string_equal(slimta_envelope_recipient(part, 0)->address, "c@d");
    assert_string_equal(slimta_envelope_recipient(part, 1)->address, "e@f");
    assert_string_equal(slimta_envelope_sender(part), "sender@example.org");
    assert_string_equal(slimta_envelope_receiver(part), "mx.example.com");
    assert_string_equal(
        slimta_envelope_client(part)->reverse_name, "reverse.example.org");
    assert_true(slimta_envelope_params(part)->smtputf8);
    assert_string_equal(slimta_envelope_params(part)->auth, "user@example.org");
    assert_int_equal(slimta_envelope_timestamp_ms(part), 99);
    assert_int_equal(slimta_envelope_header(part, "X", 0, &value), 1);
    assert_int_equal(slimta_envelope_header(part, "A", 0, &value), 1);
    assert_int_equal(slimta_envelope_prepend(part, "Y", "1"), SLIMTA_ESTATE);
    slimta_envelope_unref(part);
}

static void test_split_of_none(void **state)
{
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);
    struct slimta_envelope *part;

    (void)state;
    sli_mail_envelope_seal(envelope, 0);
    assert_int_equal(slimta_envelope_split(&part, envelope, 0, 0), 0);
    assert_int_equal(slimta_envelope_recipient_count(part), 0);
    slimta_envelope_unref(part);
    slimta_envelope_unref(envelope);
}

/* What was taken out lives on; the envelope goes on with an empty one. */
static void test_take_content(void **state)
{
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;
    struct slimta_content *content = NULL;

    (void)state;
    sample.content = "A: 1\r\n\r\n";
    envelope = build(&sample);
    fail_alloc_arm(&counting, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_mail_envelope_take_content(envelope, &content), SLIMTA_ENOMEM);
    assert_null(content);
    assert_int_equal(slimta_content_size(slimta_envelope_content(envelope)), 8);
    assert_int_equal(sli_mail_envelope_take_content(envelope, &content), 0);
    assert_int_equal(slimta_content_size(slimta_envelope_content(envelope)), 0);
    slimta_envelope_unref(envelope);
    assert_int_equal(slimta_content_size(content), 8);
    sli_mail_content_unref(content);
}

static void test_references(void **state)
{
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);

    (void)state;
    assert_ptr_equal(slimta_envelope_ref(envelope), envelope);
    slimta_envelope_unref(envelope);
    assert_string_equal(slimta_envelope_sender(envelope), "sender@example.org");
    slimta_envelope_unref(envelope);
}

/* The host's table may go when the edge goes. */
static void test_table_is_copied(void **state)
{
    struct sample sample = sample_make();
    struct slimta_alloc table = counting.table;
    int err;
    struct slimta_envelope *envelope = sample_build(&sample, &table, &err);

    (void)state;
    assert_int_equal(err, 0);
    memset(&table, 0, sizeof table);
    assert_int_equal(slimta_envelope_prepend(envelope, "X", "v"), 0);
    slimta_envelope_unref(envelope);
}

static void live_a_life(struct fail_alloc *alloc, void *user)
{
    static const char *const recipients[] = {
        "a@b", "c@d", "e@f", "g@h", "i@j", NULL};
    /* Too long for what is left of any block: each piece is an allocation. */
    static char text[2000];
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;
    struct slimta_envelope *part = NULL;
    int err;

    (void)user;
    memset(text, 'x', sizeof text - 1);
    sample.recipients = recipients;
    sample.content = "A: 1\r\n\r\n";
    sample.facts.client.reverse_name = text;
    sample.params.auth = text;
    envelope = sample_build(&sample, &alloc->table, &err);
    if (err == 0) {
        err = slimta_envelope_prepend(envelope, "X", text);
    }
    if (err == 0) {
        sli_mail_envelope_seal(envelope, 1);
        err = slimta_envelope_split(&part, envelope, 0, 5);
    }
    assert_int_equal(
        err, fail_alloc_has_failed(alloc) ? SLIMTA_ENOMEM : SLIMTA_OK);
    assert_true(err == 0 || part == NULL);
    slimta_envelope_unref(part);
    slimta_envelope_unref(envelope);
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(live_a_life, NULL), 0);
}

/* A failure in the middle leaves what was there before. */
static void test_no_memory_changes_nothing(void **state)
{
    static char value[4000];
    static const struct slimta_recipient params = {.size = sizeof params};
    static const char *const recipients[] = {"a@b", NULL};
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;

    (void)state;
    memset(value, 'a', sizeof value - 1);
    sample.recipients = recipients;
    envelope = build(&sample);
    assert_int_equal(slimta_envelope_prepend(envelope, "X", "p1"), 0);
    fail_alloc_arm(&counting, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(
        slimta_envelope_prepend(envelope, "Y", value), SLIMTA_ENOMEM);
    assert_int_equal(sli_mail_envelope_add_recipient(
                         envelope, sli_slice_text(value), &params),
        SLIMTA_ENOMEM);
    fail_alloc_arm(&counting, 0, FAIL_ALLOC_ONCE);
    assert_true(sli_slice_is(
        slimta_envelope_prepended(envelope), SLI_LITERAL("X: p1\r\n")));
    assert_int_equal(slimta_envelope_recipient_count(envelope), 1);
    assert_int_equal(
        sli_mail_envelope_add_recipient(envelope, SLI_LITERAL("c@d"), &params),
        0);
    assert_string_equal(slimta_envelope_recipient(envelope, 1)->address, "c@d");
    slimta_envelope_unref(envelope);
}

static const struct slimta_recipient *stage(
    struct slimta_envelope *envelope, const char *address)
{
    static const struct slimta_recipient params = {.size = sizeof params};
    const struct slimta_recipient *staged = NULL;

    assert_int_equal(sli_mail_envelope_stage_recipient(
                         envelope, sli_slice_text(address), &params, &staged),
        0);
    return staged;
}

static void test_stage(void **state)
{
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);
    const struct slimta_recipient *staged;
    char address[] = "first@example.org";

    (void)state;
    staged = stage(envelope, address);
    memset(address, 'x', sizeof address - 1);
    assert_string_equal(staged->address, "first@example.org");
    assert_int_equal(slimta_envelope_recipient_count(envelope), 0);
    /* One that is not listed gives way to the next. */
    staged = stage(envelope, "a-much-longer-second-one@example.org");
    assert_int_equal(slimta_envelope_recipient_count(envelope), 0);
    sli_mail_envelope_list_recipient(envelope);
    assert_ptr_equal(slimta_envelope_recipient(envelope, 0), staged);
    assert_string_equal(stage(envelope, "third@c")->address, "third@c");
    assert_string_equal(slimta_envelope_recipient(envelope, 0)->address,
        "a-much-longer-second-one@example.org");
    assert_int_equal(slimta_envelope_recipient_count(envelope), 1);
    slimta_envelope_unref(envelope);
}

/* However many are refused. */
static void test_staged_take_no_memory_each(void **state)
{
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);

    (void)state;
    (void)stage(envelope, "a-rather-long-mailbox@example.org");
    fail_alloc_arm(&counting, 1, FAIL_ALLOC_ONWARD);
    for (int i = 0; i < 1000; i++) {
        (void)stage(envelope, i % 2 == 0 ? "short@b" : "somewhat-longer@b");
    }
    sli_mail_envelope_list_recipient(envelope);
    fail_alloc_arm(&counting, 0, FAIL_ALLOC_ONCE);
    assert_string_equal(
        slimta_envelope_recipient(envelope, 0)->address, "somewhat-longer@b");
    slimta_envelope_unref(envelope);
}

static void test_sealed_but_recipients(void **state)
{
    static const struct slimta_recipient params = {.size = sizeof params};
    struct sample sample = sample_make();
    struct slimta_envelope *envelope = build(&sample);
    struct slimta_envelope *part = NULL;

    (void)state;
    sli_mail_envelope_seal_but_recipients(envelope, 77);
    assert_int_equal(
        slimta_envelope_prepend(envelope, "X", "v"), SLIMTA_ESTATE);
    assert_int_equal(
        slimta_envelope_split(&part, envelope, 0, 0), SLIMTA_ESTATE);
    assert_int_equal(
        sli_mail_envelope_add_recipient(envelope, SLI_LITERAL("a@b"), &params),
        0);
    sli_mail_envelope_seal(envelope, 99);
    sli_mail_envelope_seal_but_recipients(envelope, 111);
    assert_int_equal(
        sli_mail_envelope_add_recipient(envelope, SLI_LITERAL("c@d"), &params),
        SLIMTA_ESTATE);
    assert_int_equal(slimta_envelope_timestamp_ms(envelope), 77);
    assert_int_equal(slimta_envelope_split(&part, envelope, 0, 1), 0);
    assert_int_equal(slimta_envelope_timestamp_ms(part), 77);
    slimta_envelope_unref(part);
    slimta_envelope_unref(envelope);
}

/* The texts of a recipient are its own, also in a part. */
static void test_reports(void **state)
{
    char type[] = "rfc822";
    char orcpt[] = "b@two.example";
    const struct slimta_recipient params = {.size = sizeof params,
        .notify = SLIMTA_NOTIFY_DELAY,
        .orcpt_type = type,
        .orcpt = orcpt};
    struct sample sample = sample_make();
    struct slimta_envelope *envelope;
    struct slimta_envelope *part = NULL;
    const struct slimta_recipient *kept;
    size_t first;
    size_t count;

    (void)state;
    sample.params.envid = "an id";
    envelope = build(&sample);
    count = slimta_envelope_recipient_count(envelope);
    assert_int_equal(sli_mail_envelope_add_recipient(
                         envelope, sli_slice_text("c@d"), &params),
        0);
    memset(type, 'x', sizeof type - 1);
    memset(orcpt, 'x', sizeof orcpt - 1);
    sli_mail_envelope_seal(envelope, 0);
    assert_int_equal(slimta_envelope_split(&part, envelope, count, 1), 0);
    assert_true(sli_mail_envelope_range(part, envelope, &first, &count));
    assert_int_equal(first + 1, slimta_envelope_recipient_count(envelope));
    assert_int_equal(count, 1);
    assert_false(sli_mail_envelope_range(envelope, part, &first, &count));
    slimta_envelope_unref(envelope);
    kept = slimta_envelope_recipient(part, 0);
    assert_string_equal(kept->address, "c@d");
    assert_string_equal(kept->orcpt_type, "rfc822");
    assert_string_equal(kept->orcpt, "b@two.example");
    assert_int_equal(kept->notify, SLIMTA_NOTIFY_DELAY);
    assert_string_equal(slimta_envelope_params(part)->envid, "an id");
    slimta_envelope_unref(part);
}

/* RFC 8689 sections 4.1 and 5. */
static void test_waives_tls(void **state)
{
    static const struct {
        const char *values[2];
        int requiretls;
        int wanted;
    } cases[] = {
        {{NULL, NULL}, 0, 0},
        {{"No", NULL}, 0, 1},
        {{" nO ", NULL}, 0, 1},
        {{"No", NULL}, 1, 0},
        {{"Yes", NULL}, 0, 0},
        {{"", NULL}, 0, 0},
        {{"No", "No"}, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_make();
        struct slimta_envelope *envelope;

        sample.params.requiretls = cases[i].requiretls;
        envelope = build(&sample);
        for (size_t k = 0; k < 2 && cases[i].values[k] != NULL; k++) {
            assert_int_equal(slimta_envelope_prepend(
                                 envelope, "TLS-Required", cases[i].values[k]),
                0);
        }
        assert_int_equal(slimta_envelope_waives_tls(envelope), cases[i].wanted);
        slimta_envelope_unref(envelope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNTED(test_keeps_what_it_got),
        COUNTED(test_null_and_unknown),
        COUNTED(test_recipients_stay_in_place),
        COUNTED(test_prepend),
        COUNTED(test_prepend_many),
        COUNTED(test_sealed),
        COUNTED(test_learns_a_name),
        COUNTED(test_stage),
        COUNTED(test_staged_take_no_memory_each),
        COUNTED(test_sealed_but_recipients),
        COUNTED(test_header),
        COUNTED(test_header_prepended_first),
        COUNTED(test_header_in_large_section),
        COUNTED(test_split),
        COUNTED(test_reports),
        COUNTED(test_waives_tls),
        COUNTED(test_split_of_none),
        COUNTED(test_take_content),
        COUNTED(test_references),
        COUNTED(test_table_is_copied),
        COUNTED(test_no_memory),
        COUNTED(test_no_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
