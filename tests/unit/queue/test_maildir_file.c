/** One message as the octets of one file. */
#include "test.h"

#include "box.h"

#include "base/buf.h"
#include "fail_alloc.h"
#include "queue/maildir/file.h"

static struct box box;
static struct slimta_alloc alloc;

static int set_up(void **state)
{
    (void)state;
    box_open(&box);
    return sli_alloc_init(&alloc, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    box_close(&box);
    return 0;
}

static int write_file(struct slimta_envelope *envelope,
    enum slimta_newlines newlines, const struct slimta_alloc *from)
{
    struct sli_queue_maildir_scratch scratch;
    int fd = open(box_path(&box, "file"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    int err;

    assert_true(fd >= 0);
    sli_queue_maildir_scratch_init(&scratch, from);
    err = sli_queue_maildir_file_write(fd, envelope, "id", newlines, &scratch);
    sli_queue_maildir_scratch_fini(&scratch);
    assert_int_equal(0, close(fd));
    return err;
}

/* Each CRLF as LF, in place. */
static size_t convert(char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\r' || i + 1 == size || text[i + 1] != '\n') {
            text[used++] = text[i];
        }
    }
    return used;
}

/* The file holds exactly the head, `prepended` and `content`. */
static void assert_file(struct slimta_envelope *envelope,
    enum slimta_newlines newlines, const char *prepended,
    struct slimta_slice content)
{
    struct sli_buf expected;
    struct slimta_slice slice;
    char *head = box_head(envelope, "id");
    const char *trace = strstr(head, "Received: ");
    size_t size;
    char *text;

    assert_non_null(trace);
    sli_buf_init(&expected, &alloc, SIZE_MAX);
    assert_int_equal(
        0, sli_buf_append(&expected, sli_slice(head, (size_t)(trace - head))));
    assert_int_equal(0, sli_buf_append_text(&expected, prepended));
    assert_int_equal(0, sli_buf_append_text(&expected, trace));
    assert_int_equal(0, sli_buf_append(&expected, content));
    slice = sli_buf_slice(&expected);
    if (newlines == SLIMTA_NEWLINES_LF) {
        slice.size = convert(expected.data + expected.start, slice.size);
    }
    assert_int_equal(0, write_file(envelope, newlines, &alloc));
    text = box_read(&box, "file", &size);
    box_assert_octets(slice, text, size);
    free(text);
    free(head);
    sli_buf_fini(&expected);
}

static void assert_both(struct slimta_envelope *envelope, const char *prepended,
    struct slimta_slice content)
{
    assert_file(envelope, SLIMTA_NEWLINES_CRLF, prepended, content);
    assert_file(envelope, SLIMTA_NEWLINES_LF, prepended, content);
}

static void check(const char *sender, const char *const *recipients,
    struct slimta_slice content)
{
    struct slimta_envelope *envelope =
        box_envelope(sender, recipients, content);

    box_seal(envelope);
    assert_both(envelope, "", content);
    slimta_envelope_unref(envelope);
}

static const char *const one[] = {"rcpt@example.com", NULL};

/* RFC 5321 section 4.4: the trace stands on top. */
static void test_the_lines_stand_in_order(void **state)
{
    struct slimta_envelope *envelope = box_message("Subject: x\r\n\r\nHi\r\n");
    size_t size;
    char *text;

    (void)state;
    assert_int_equal(0, write_file(envelope, SLIMTA_NEWLINES_CRLF, &alloc));
    text = box_read(&box, "file", &size);
    assert_ptr_equal(text,
        strstr(text,
            "Return-Path: <sender@example.org>\r\n"
            "Delivered-To: rcpt@example.com\r\n"
            "Received: from client.example"));
    assert_non_null(strstr(text, "\r\nSubject: x\r\n\r\nHi\r\n"));
    free(text);
    slimta_envelope_unref(envelope);
}

static void test_the_octets_are_exact(void **state)
{
    static const char *const many[] = {"one@example.com", "Postmaster",
        "\"a b\"@example.com", "d\xc3\xb6ner@example.com", NULL};

    (void)state;
    check("sender@example.org", one, SLI_LITERAL("Subject: x\r\n\r\nHi\r\n"));
    check("sender@example.org", many, SLI_LITERAL("\r\n.\r\n..\r\n"));
    check("", one, SLI_LITERAL("A: b\r\n\r\n"));
    check("", one, SLI_LITERAL(""));
    check("", one, SLI_LITERAL("no end of line"));
}

static void test_only_crlf_is_converted(void **state)
{
    (void)state;
    check("", one, SLI_LITERAL("\r\r\n\n\n\r\n\ra\rb\nc\0d\xff\r\r\r\n"));
    check("", one, SLI_LITERAL("a\r"));
    check("", one, SLI_LITERAL("\r"));
    check("", one, SLI_LITERAL("\n"));
}

/* RFC 7208 section 9.1, RFC 8601 section 4.1. */
static void test_prepended_fields_stand_above_received(void **state)
{
    struct slimta_slice content = SLI_LITERAL("A: b\r\n\r\nHi\r\n");
    struct slimta_envelope *envelope = box_envelope("s@e.org", one, content);

    (void)state;
    assert_int_equal(0, slimta_envelope_prepend(envelope, "X-One", "1"));
    assert_int_equal(
        0, slimta_envelope_prepend(envelope, "X-Two", "2\r\n more"));
    box_seal(envelope);
    assert_both(envelope, "X-Two: 2\r\n more\r\nX-One: 1\r\n", content);
    slimta_envelope_unref(envelope);
}

/* Lines of every length, so that a CRLF falls on every kind of seam. */
static char *long_text(size_t size)
{
    char *text = malloc(size);
    size_t line = 0;
    size_t at = 0;

    assert_non_null(text);
    while (at < size) {
        line = line % 997 + 1;
        for (size_t i = 0; i < line && at < size; i++) {
            text[at++] = (char)('a' + i % 26);
        }
        if (at < size) {
            text[at++] = '\r';
        }
        if (at < size) {
            text[at++] = '\n';
        }
    }
    return text;
}

static void test_a_long_message_is_exact(void **state)
{
    size_t size = 3 * 1024 * 1024 + 7;
    char *text = long_text(size);

    (void)state;
    check("", one, sli_slice(text, size));
    free(text);
}

/* Nothing but CRLF, at both parities: a seam always cuts one. */
static void test_a_seam_between_cr_and_lf(void **state)
{
    size_t size = 300001;
    char *text = malloc(size);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        text[i] = i % 2 == 0 ? '\n' : '\r';
    }
    check("", one, sli_slice(text, size));
    check("", one, sli_slice(text + 1, size - 1));
    free(text);
}

static void test_a_spilled_message_is_exact(void **state)
{
    size_t size = 700003;
    char *text = long_text(size);
    struct slimta_envelope *envelope =
        box_envelope("", one, sli_slice(text, size));
    struct slimta_content *content = slimta_envelope_content(envelope);

    (void)state;
    assert_int_equal(0, sli_mail_content_spill(content, &box_store, box.path));
    assert_int_equal(1, slimta_content_is_spilled(content));
    box_seal(envelope);
    assert_both(envelope, "", sli_slice(text, size));
    slimta_envelope_unref(envelope);
    free(text);
}

static void test_many_recipients(void **state)
{
    static char names[1000][32];
    static const char *recipients[1001];

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof names[i], "rcpt%zu@example.com", i);
        recipients[i] = names[i];
    }
    check("s@e.org", recipients, SLI_LITERAL("A: b\r\n\r\n"));
}

static void test_a_descriptor_that_fails(void **state)
{
    struct sli_queue_maildir_scratch scratch;
    struct slimta_envelope *envelope = box_message("A: b\r\n\r\n");
    int fd = open(box_path(&box, "file"), O_CREAT | O_RDONLY, 0600);

    (void)state;
    sli_queue_maildir_scratch_init(&scratch, &alloc);
    assert_int_equal(SLIMTA_ESYSTEM,
        sli_queue_maildir_file_write(
            fd, envelope, "id", SLIMTA_NEWLINES_CRLF, &scratch));
    assert_int_equal(SLIMTA_ESYSTEM,
        sli_queue_maildir_file_write(
            fd, envelope, "id", SLIMTA_NEWLINES_LF, &scratch));
    sli_queue_maildir_scratch_fini(&scratch);
    (void)close(fd);
    slimta_envelope_unref(envelope);
}

static void write_or_fail(struct fail_alloc *failing, void *user)
{
    int err = write_file(user, SLIMTA_NEWLINES_LF, &failing->table);

    assert_int_equal(fail_alloc_has_failed(failing) ? SLIMTA_ENOMEM : 0, err);
}

static void test_without_memory(void **state)
{
    struct slimta_envelope *envelope = box_message("A: b\r\n\r\nHi\r\n");

    (void)state;
    assert_int_equal(0, fail_alloc_sweep(write_or_fail, envelope));
    slimta_envelope_unref(envelope);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_lines_stand_in_order),
        TEST(test_the_octets_are_exact),
        TEST(test_only_crlf_is_converted),
        TEST(test_prepended_fields_stand_above_received),
        TEST(test_a_long_message_is_exact),
        TEST(test_a_seam_between_cr_and_lf),
        TEST(test_a_spilled_message_is_exact),
        TEST(test_many_recipients),
        TEST(test_a_descriptor_that_fails),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
