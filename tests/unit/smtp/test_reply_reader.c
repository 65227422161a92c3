/** Tests of lib/smtp/reply_reader.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "mail/reply.h"
#include "smtp/reply_reader.h"

/* Takes lines that are parted by '|'; the result of the last one. */
static enum sli_smtp_reply_result take(struct sli_smtp_reply_reader *reader,
    const char *lines, struct slimta_reply *reply)
{
    enum sli_smtp_reply_result result = SLI_SMTP_REPLY_MORE;
    struct slimta_slice text = sli_slice_text(lines);

    while (result == SLI_SMTP_REPLY_MORE && text.data != NULL) {
        int is_last = memchr(text.data, '|', text.size) == NULL;
        struct slimta_slice line = sli_slice_take_until(&text, '|');

        result = sli_smtp_reply_reader_take(reader, line);
        if (is_last) {
            break;
        }
    }
    if (result == SLI_SMTP_REPLY_WHOLE) {
        sli_smtp_reply_reader_finish(reader, reply);
    }
    return result;
}

static void reads(void **state)
{
    static const struct {
        const char *lines;
        enum sli_smtp_reply_result result;
        int code;
        const char *enhanced;
        const char *text;
    } rows[] = {
        {"250 Ok", SLI_SMTP_REPLY_WHOLE, 250, "", "Ok"},
        {"250", SLI_SMTP_REPLY_WHOLE, 250, "", ""},
        {"250 ", SLI_SMTP_REPLY_WHOLE, 250, "", ""},
        {"550 5.1.1 No", SLI_SMTP_REPLY_WHOLE, 550, "5.1.1", "No"},
        {"550 5.1.1", SLI_SMTP_REPLY_WHOLE, 550, "5.1.1", ""},
        {"550-5.1.1 No|550 5.1.1 Never", SLI_SMTP_REPLY_WHOLE, 550, "5.1.1",
            "No\nNever"},
        {"550-5.1.1 No|550-|550", SLI_SMTP_REPLY_WHOLE, 550, "5.1.1", "No\n\n"},
        {"550-No|550 5.1.2 Never", SLI_SMTP_REPLY_WHOLE, 550, "", "No\nNever"},
        {"250 5.1.1 No", SLI_SMTP_REPLY_WHOLE, 250, "", "No"},
        {"250 5.1.1 4.1.1 2.0.0 Yes", SLI_SMTP_REPLY_WHOLE, 250, "2.0.0",
            "Yes"},
        {"354 2.0.0 Go", SLI_SMTP_REPLY_WHOLE, 354, "", "Go"},
        {"200 x", SLI_SMTP_REPLY_WHOLE, 200, "", "x"},
        {"599 x", SLI_SMTP_REPLY_WHOLE, 599, "", "x"},
        {"250-Ok", SLI_SMTP_REPLY_MORE, 0, "", ""},
        {"250-Ok|251 Ok", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"250-Ok|Ok", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"25", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"2500", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"250+Ok", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"+25 Ok", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"199 Ok", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"600 Ok", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
        {"250 a\nb", SLI_SMTP_REPLY_BROKEN, 0, "", ""},
    };
    struct fail_alloc alloc;
    struct sli_smtp_reply_reader reader;
    struct slimta_reply reply;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sli_smtp_reply_reader_init(&reader, &alloc.table);
        sli_mail_reply_init(&reply, &alloc.table);
        assert_int_equal(take(&reader, rows[i].lines, &reply), rows[i].result);
        if (rows[i].result == SLI_SMTP_REPLY_WHOLE) {
            assert_int_equal(slimta_reply_code(&reply), rows[i].code);
            assert_string_equal(
                slimta_reply_enhanced(&reply), rows[i].enhanced);
            assert_string_equal(slimta_reply_text(&reply), rows[i].text);
        }
        sli_mail_reply_fini(&reply);
        sli_smtp_reply_reader_fini(&reader);
    }
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static enum sli_smtp_reply_result take_lines(
    size_t count, size_t size, size_t *text_size)
{
    char line[2048] = "250-";
    struct fail_alloc alloc;
    struct sli_smtp_reply_reader reader;
    struct slimta_reply reply;
    enum sli_smtp_reply_result result = SLI_SMTP_REPLY_MORE;

    memset(line + 4, 'a', size - 4);
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_smtp_reply_reader_init(&reader, &alloc.table);
    sli_mail_reply_init(&reply, &alloc.table);
    for (size_t i = 1; i <= count && result == SLI_SMTP_REPLY_MORE; i++) {
        line[3] = i == count ? ' ' : '-';
        result = sli_smtp_reply_reader_take(&reader, sli_slice(line, size));
    }
    if (result == SLI_SMTP_REPLY_WHOLE) {
        sli_smtp_reply_reader_finish(&reader, &reply);
        *text_size = strlen(slimta_reply_text(&reply));
    }
    sli_mail_reply_fini(&reply);
    sli_smtp_reply_reader_fini(&reader);
    assert_int_equal(atomic_load(&alloc.live), 0);
    return result;
}

static void is_bounded(void **state)
{
    size_t size = 0;

    (void)state;
    assert_int_equal(take_lines(127, 5, &size), SLI_SMTP_REPLY_WHOLE);
    assert_int_equal(take_lines(128, 5, &size), SLI_SMTP_REPLY_WHOLE);
    assert_int_equal(size, 128 * 2 - 1);
    assert_int_equal(take_lines(129, 5, &size), SLI_SMTP_REPLY_BROKEN);
    /* 32,768 octets in all, of which 4,096 are said on, a line cut at 512. */
    assert_int_equal(take_lines(32, 1023, &size), SLI_SMTP_REPLY_WHOLE);
    assert_int_equal(take_lines(32, 1024, &size), SLI_SMTP_REPLY_WHOLE);
    assert_true(size <= SLI_MAIL_REPLY_TEXT_MAX);
    assert_int_equal(take_lines(32, 1025, &size), SLI_SMTP_REPLY_BROKEN);
}

/* A success stays one without the memory for its words. */
static void bears_no_memory(void **state)
{
    (void)state;
    for (size_t n = 1; n < 4; n++) {
        struct fail_alloc alloc;
        struct sli_smtp_reply_reader reader;
        struct slimta_reply reply;

        fail_alloc_init(&alloc, n, FAIL_ALLOC_ONWARD);
        sli_smtp_reply_reader_init(&reader, &alloc.table);
        sli_mail_reply_init(&reply, &alloc.table);
        assert_int_equal(
            take(&reader, "250-2.0.0 a|250 b", &reply), SLI_SMTP_REPLY_WHOLE);
        assert_int_equal(slimta_reply_code(&reply), 250);
        assert_int_equal(
            take(&reader, "550-5.0.0 a|550 b", &reply), SLI_SMTP_REPLY_WHOLE);
        assert_int_equal(slimta_reply_code(&reply), 550);
        sli_mail_reply_fini(&reply);
        sli_smtp_reply_reader_fini(&reader);
        assert_int_equal(atomic_load(&alloc.live), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(bears_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
