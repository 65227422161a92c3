/** Tests of lib/smtp/output.c. */
#include "test.h"

#include <string.h>

#include <slimta/error.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "fail_alloc.h"
#include "mail/reply.h"
#include "smtp/output.h"

static struct slimta_alloc plain;

static void check_reply(int code, const char *text, int sent_as,
    enum sli_smtp_output_form form, const char *wanted)
{
    struct slimta_reply reply;
    struct sli_buf output;

    sli_mail_reply_init(&reply, &plain);
    sli_buf_init(&output, &plain, SIZE_MAX);
    assert_int_equal(slimta_reply_set(&reply, code, text), 0);
    assert_int_equal(sli_smtp_output_reply(
                         &output, &reply, sent_as, form, SLI_SMTP_OUTPUT_LAST),
        0);
    assert_int_equal(sli_buf_size(&output), strlen(wanted));
    assert_memory_equal(sli_buf_slice(&output).data, wanted, strlen(wanted));
    sli_mail_reply_fini(&reply);
    sli_buf_fini(&output);
}

/* RFC 2034 section 4. */
static void puts_the_enhanced_code_before_each_line(void **state)
{
    const enum sli_smtp_output_form enhanced = SLI_SMTP_OUTPUT_ENHANCED;

    (void)state;
    check_reply(550, "5.1.1 One\nTwo", 550, enhanced,
        "550-5.1.1 One\r\n550 5.1.1 Two\r\n");
    check_reply(451, "One", 451, enhanced, "451 4.0.0 One\r\n");
    check_reply(250, "", 250, enhanced, "250 2.0.0\r\n");
    check_reply(250, "a\n\nb", 250, enhanced,
        "250-2.0.0 a\r\n250-2.0.0\r\n250 2.0.0 b\r\n");
    check_reply(354, "Go on", 354, enhanced, "354 Go on\r\n");
    /* Under another code only its class must fit. */
    check_reply(250, "2.1.5 Ok", 354, enhanced, "354 Ok\r\n");
    check_reply(354, "Ok", 250, enhanced, "250 2.0.0 Ok\r\n");
    check_reply(200, "2.1.5 Ok", 250, enhanced, "250 2.1.5 Ok\r\n");
    check_reply(554, "5.7.1 No", 554, SLI_SMTP_OUTPUT_PLAIN, "554 No\r\n");
}

/* RFC 5321 section 4.5.3.1.5. */
static void cuts_a_line_at_512_octets(void **state)
{
    char letters[600];
    struct sli_buf output;

    (void)state;
    memset(letters, 'a', sizeof letters);
    for (size_t size = 504; size <= 508; size++) {
        struct sli_smtp_output_text text = {.before = {letters, 100},
            .middle = {letters, size - 102},
            .after = SLI_LITERAL("zz")};
        struct slimta_slice line;

        sli_buf_init(&output, &plain, SIZE_MAX);
        assert_int_equal(
            sli_smtp_output_line(&output, 250, SLI_SMTP_OUTPUT_MORE, &text), 0);
        line = sli_buf_slice(&output);
        assert_int_equal(line.size, size < 506 ? size + 6 : 512);
        assert_memory_equal(line.data, "250-aaa", 7);
        assert_memory_equal(line.data + line.size - 2, "\r\n", 2);
        assert_int_equal(line.data[line.size - 3], size <= 507 ? 'z' : 'a');
        sli_buf_fini(&output);
    }
}

/* Without memory for the third line the first two are taken back. */
static void leaves_nothing_half_written(void **state)
{
    struct slimta_reply reply;
    struct sli_buf output;

    (void)state;
    sli_mail_reply_init(&reply, &plain);
    assert_int_equal(slimta_reply_set(&reply, 250, "one\ntwo\nthree"), 0);
    sli_buf_init(&output, &plain, 40);
    assert_int_equal(sli_buf_append_text(&output, "x"), 0);
    assert_int_not_equal(sli_smtp_output_reply(&output, &reply, 250,
                             SLI_SMTP_OUTPUT_ENHANCED, SLI_SMTP_OUTPUT_LAST),
        0);
    assert_true(sli_slice_is(sli_buf_slice(&output), SLI_LITERAL("x")));
    sli_mail_reply_fini(&reply);
    sli_buf_fini(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_the_enhanced_code_before_each_line),
        cmocka_unit_test(cuts_a_line_at_512_octets),
        cmocka_unit_test(leaves_nothing_half_written),
    };

    if (sli_alloc_init(&plain, NULL) != 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("smtp/output", tests, NULL, NULL);
}
