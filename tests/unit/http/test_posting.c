/** Tests of lib/http/posting.c: what is written, and that our own engine reads
 * the same. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail_alloc.h"
#include "http/authorization.h"
#include "http/envelope.h"
#include "http/posting.h"
#include "http/server.h"
#include "sample.h"

static struct slimta_envelope *envelope_of(
    const struct slimta_alloc *alloc, const char *const *recipients)
{
    struct sample sample = sample_make();
    int err = 0;

    sample.recipients = recipients;
    return sample_build(&sample, alloc, &err);
}

static struct sli_http_posting posting_of(
    const struct slimta_envelope *envelope)
{
    return (struct sli_http_posting){
        .path = SLI_LITERAL("/in?x=1"),
        .host = SLI_LITERAL("mx.example:8025"),
        .ehlo = SLI_LITERAL("edge.example"),
        .envelope = envelope,
        .body_bytes = 42,
    };
}

static void writes_as_the_protocol_is(void **state)
{
    static const char *const recipients[] = {
        "c@d.example", "e@d.example", NULL};
    struct fail_alloc alloc;
    struct slimta_envelope *envelope;
    struct sli_http_posting posting;
    struct sli_buf output;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    envelope = envelope_of(&alloc.table, recipients);
    posting = posting_of(envelope);
    sli_buf_init(&output, &alloc.table, SIZE_MAX);
    assert_int_equal(sli_http_posting_write(&output, &posting), 0);
    assert_true(sli_slice_is(sli_buf_slice(&output),
        SLI_LITERAL("POST /in?x=1 HTTP/1.1\r\n"
                    "Host: mx.example:8025\r\n"
                    "Content-Length: 42\r\n"
                    "Content-Type: message/rfc822\r\n"
                    "X-Ehlo: edge.example\r\n"
                    "X-Envelope-Sender: c2VuZGVyQGV4YW1wbGUub3Jn\r\n"
                    "X-Envelope-Recipient: Y0BkLmV4YW1wbGU=\r\n"
                    "X-Envelope-Recipient: ZUBkLmV4YW1wbGU=\r\n"
                    "\r\n")));
    sli_buf_clear(&output);
    posting.name = SLI_LITERAL("Aladdin");
    posting.password = SLI_LITERAL("open sesame");
    posting.closes = 1;
    assert_int_equal(sli_http_posting_write(&output, &posting), 0);
    assert_non_null(strstr(sli_buf_slice(&output).data,
        "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
        "Connection: close\r\n\r\n"));
    assert_true(output.is_secret);
    sli_buf_fini(&output);
    slimta_envelope_unref(envelope);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static void refuses_what_would_part_a_line(void **state)
{
    static const char *const recipients[] = {"c@d.example", NULL};
    static const struct {
        const char *path;
        const char *host;
        const char *ehlo;
        const char *name;
    } rows[] = {
        {"", "h", "e", NULL},
        {"x", "h", "e", NULL},
        {"*", "h", "e", NULL},
        {"http://h/", "h", "e", NULL},
        {"/a b", "h", "e", NULL},
        {"/a\r\nB: c", "h", "e", NULL},
        {"/\xc3\xbc", "h", "e", NULL},
        {"/", "", "e", NULL},
        {"/", "h\r\nB: c", "e", NULL},
        {"/", "h i", "e", NULL},
        {"/", "h", "e\r\nB: c", NULL},
        {"/", "h", "e\x7f", NULL},
        {"/", "h", "e", "a:b"},
    };
    struct fail_alloc alloc;
    struct slimta_envelope *envelope;
    struct sli_buf output;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    envelope = envelope_of(&alloc.table, recipients);
    sli_buf_init(&output, &alloc.table, SIZE_MAX);
    assert_int_equal(sli_buf_append_text(&output, "before"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sli_http_posting posting = posting_of(envelope);

        posting.path = sli_slice_text(rows[i].path);
        posting.host = sli_slice_text(rows[i].host);
        posting.ehlo = sli_slice_text(rows[i].ehlo);
        posting.name = sli_slice_text(rows[i].name);
        assert_int_equal(
            sli_http_posting_write(&output, &posting), SLIMTA_EINVAL);
        assert_int_equal(sli_buf_size(&output), 6);
    }
    sli_buf_fini(&output);
    slimta_envelope_unref(envelope);
}

/* Name, colon and password together have a limit. */
static void limits_credentials(void **state)
{
    static char password[SLI_HTTP_BASIC_MAX];
    static const char *const recipients[] = {"c@d.example", NULL};
    struct fail_alloc alloc;
    struct slimta_envelope *envelope;
    struct sli_buf output;

    (void)state;
    memset(password, 'x', sizeof password);
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    envelope = envelope_of(&alloc.table, recipients);
    for (size_t i = 0; i < 3; i++) {
        struct sli_http_posting posting = posting_of(envelope);

        sli_buf_init(&output, &alloc.table, SIZE_MAX);
        posting.name = SLI_LITERAL("a");
        posting.password = sli_slice(password, SLI_HTTP_BASIC_MAX - 3 + i);
        assert_int_equal(sli_http_posting_write(&output, &posting),
            i < 2 ? 0 : SLIMTA_EINVAL);
        sli_buf_fini(&output);
    }
    slimta_envelope_unref(envelope);
}

/* Our own engine and what stands above it, reading a head. */
static void check_read(
    struct slimta_slice head, size_t count, const char *const *recipients)
{
    const struct sli_http_rules rules = {
        .method = SLI_LITERAL("POST"),
        .sender = SLI_LITERAL("X-Envelope-Sender"),
        .recipient = SLI_LITERAL("X-Envelope-Recipient"),
        .ehlo = SLI_LITERAL("X-Ehlo"),
        .max_recipients = 10000,
        .max_message_bytes = 1000,
    };
    struct fail_alloc alloc;
    struct sli_http_config config = {
        .alloc = &alloc.table, .head = {8 << 20, 10000}};
    struct sli_http_server server;
    struct sli_http_fields fields;
    struct sli_http_event event;
    struct sli_http_recipients walk;
    struct sli_http_address address;
    struct slimta_slice name;
    struct sli_buf output;

    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_buf_init(&output, &alloc.table, SIZE_MAX);
    sli_http_fields_init(&fields, &alloc.table);
    sli_http_server_init(&server, &config, &output, &fields);
    assert_int_equal(sli_http_server_feed(&server, head), 0);
    sli_http_server_next(&server, &event);
    assert_int_equal(event.type, SLI_HTTP_EVENT_HEAD);
    assert_int_equal(event.head.request.body_bytes, 42);
    assert_true(event.head.request.field_count <= 100);
    for (size_t i = 0; i < event.head.request.field_count; i++) {
        assert_true(event.head.request.fields[i].value.size < 65000);
    }
    assert_int_equal(sli_http_rules_check(&rules, &event.head.request),
        SLI_HTTP_REFUSAL_NONE);
    assert_int_equal(sli_http_envelope_ehlo(&rules, &event.head.request, &name),
        SLI_HTTP_REFUSAL_NONE);
    assert_true(sli_slice_is(name, SLI_LITERAL("edge.example")));
    sli_http_envelope_recipients(&walk, &rules, &event.head.request);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(
            sli_http_envelope_next(&walk, &address), SLI_HTTP_REFUSAL_NONE);
        assert_true(
            sli_slice_is(address.path.mailbox, sli_slice_text(recipients[i])));
    }
    assert_int_equal(
        sli_http_envelope_next(&walk, &address), SLI_HTTP_REFUSAL_NONE);
    assert_int_equal(address.path.mailbox.size, 0);
    sli_http_server_fini(&server);
    sli_http_fields_fini(&fields);
    sli_buf_fini(&output);
}

enum { MANY = 1200, ADDRESS_ROOM = 400 };

/* One line each up to 80, and so many lines at most whatever their number. */
static void reaches_our_own_engine(void **state)
{
    static char addresses[MANY][ADDRESS_ROOM];
    static const char *recipients[MANY + 1];
    static const size_t counts[] = {1, 79, 80, 81, 82, 500, MANY};

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(addresses[i], ADDRESS_ROOM, "%0*zu@d.example",
            i % 3 == 0 ? 250 : 1, i);
        recipients[i] = addresses[i];
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct fail_alloc alloc;
        struct slimta_envelope *envelope;
        struct sli_http_posting posting;
        struct sli_buf output;

        fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
        recipients[counts[i]] = NULL;
        envelope = envelope_of(&alloc.table, recipients);
        recipients[counts[i]] = addresses[counts[i] % MANY];
        posting = posting_of(envelope);
        sli_buf_init(&output, &alloc.table, SIZE_MAX);
        assert_int_equal(sli_http_posting_write(&output, &posting), 0);
        check_read(sli_buf_slice(&output), counts[i], recipients);
        sli_buf_fini(&output);
        slimta_envelope_unref(envelope);
        assert_int_equal(atomic_load(&alloc.live), 0);
    }
}

static void write_all(struct fail_alloc *alloc, void *user)
{
    struct slimta_envelope *envelope =
        envelope_of(&alloc->table, (const char *const *)user);

    if (envelope != NULL) {
        struct sli_http_posting posting = posting_of(envelope);
        struct sli_buf output;
        int err;

        posting.name = SLI_LITERAL("a");
        posting.closes = 1;
        sli_buf_init(&output, &alloc->table, SIZE_MAX);
        err = sli_http_posting_write(&output, &posting);
        assert_true(err == 0 || err == SLIMTA_ENOMEM);
        assert_true(err == 0 || sli_buf_size(&output) == 0);
        sli_buf_fini(&output);
    }
    slimta_envelope_unref(envelope);
}

static void bears_no_memory(void **state)
{
    static const char *recipients[] = {"c@d.example", "e@d.example", NULL};

    (void)state;
    assert_int_equal(fail_alloc_sweep(write_all, recipients), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_as_the_protocol_is),
        cmocka_unit_test(refuses_what_would_part_a_line),
        cmocka_unit_test(limits_credentials),
        cmocka_unit_test(reaches_our_own_engine),
        cmocka_unit_test(bears_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
