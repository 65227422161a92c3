/** Tests of lib/smtp/params.c. */
#include "test.h"

#include "base/slice.h"
#include "guard.h"
#include "smtp/extensions.h"
#include "smtp/params.h"

static enum sli_smtp_reply_id read_mail(
    const char *text, struct slimta_mail_params *params)
{
    struct guard guard;
    enum sli_smtp_reply_id id;

    *params = (struct slimta_mail_params){.size = sizeof *params};
    id = sli_smtp_params_mail(guard_copy(&guard, sli_slice_text(text)),
        SLI_SMTP_EXTENSIONS_ALL, params);
    guard_free(&guard);
    return id;
}

static void refuses_what_is_no_parameter(void **state)
{
    static const struct {
        const char *text;
        enum sli_smtp_reply_id wanted;
    } cases[] = {
        {"", SLI_SMTP_REPLY_NONE},
        {" ", SLI_SMTP_REPLY_NONE},
        {"     ", SLI_SMTP_REPLY_NONE},
        {"x", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {"SIZE=1", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" =", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" =1", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" -A=1", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" A_B", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" \xc3\xbc", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SIZE =1", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" A", SLI_SMTP_REPLY_UNKNOWN_PARAMETER},
        {" 1-A=b=c", SLI_SMTP_REPLY_UNKNOWN_PARAMETER},
        {" SIZE=1 XSIZE=1", SLI_SMTP_REPLY_UNKNOWN_PARAMETER},
        {" SIZ=1", SLI_SMTP_REPLY_UNKNOWN_PARAMETER},
        {" AUTH=<>", SLI_SMTP_REPLY_UNKNOWN_PARAMETER},
        {" RET=HDRS", SLI_SMTP_REPLY_UNKNOWN_PARAMETER},
        {" SIZE=1 size=1", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" BODY=7BIT BODY=7BIT", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SMTPUTF8 smtputf8", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SMTPUTF8=", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SMTPUTF8=x", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" BODY", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" BODY=", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" BODY=9BIT", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" BODY=BINARYMIME", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SIZE", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SIZE=", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SIZE=-1", SLI_SMTP_REPLY_BAD_ARGUMENT},
        {" SIZE=1=", SLI_SMTP_REPLY_BAD_ARGUMENT},
        /* RFC 1870 section 3: 20 digits and no more. */
        {" SIZE=11111111111111111111", SLI_SMTP_REPLY_NONE},
        {" SIZE=111111111111111111111", SLI_SMTP_REPLY_BAD_ARGUMENT},
    };
    struct slimta_mail_params params;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_mail(cases[i].text, &params), cases[i].wanted);
    }
}

static void fills_the_fields(void **state)
{
    struct slimta_mail_params params;

    (void)state;
    assert_int_equal(read_mail(" ", &params), SLI_SMTP_REPLY_NONE);
    assert_false(params.has_size);
    assert_false(params.has_body);
    assert_false(params.smtputf8);
    assert_int_equal(read_mail("  Size=0012  body=8bitmime SMTPutf8 ", &params),
        SLI_SMTP_REPLY_NONE);
    assert_true(params.has_size);
    assert_int_equal(params.size_bytes, 12);
    assert_true(params.has_body);
    assert_int_equal(params.body, SLIMTA_BODY_8BITMIME);
    assert_true(params.smtputf8);
    assert_int_equal(read_mail(" BODY=7bit", &params), SLI_SMTP_REPLY_NONE);
    assert_int_equal(params.body, SLIMTA_BODY_7BIT);
    assert_int_equal(
        read_mail(" SIZE=99999999999999999999", &params), SLI_SMTP_REPLY_NONE);
    assert_true(params.size_bytes == UINT64_MAX);
}

/* RFC 5321 section 4.1.1.11. */
static void knows_none_for_recipients(void **state)
{
    struct slimta_recipient params = {.size = sizeof params};

    (void)state;
    assert_int_equal(
        sli_smtp_params_rcpt(SLI_LITERAL("  "), &params), SLI_SMTP_REPLY_NONE);
    assert_int_equal(
        sli_smtp_params_rcpt(SLI_LITERAL(" NOTIFY=NEVER"), &params),
        SLI_SMTP_REPLY_UNKNOWN_PARAMETER);
    assert_int_equal(sli_smtp_params_rcpt(SLI_LITERAL(" ="), &params),
        SLI_SMTP_REPLY_BAD_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_parameter),
        cmocka_unit_test(fills_the_fields),
        cmocka_unit_test(knows_none_for_recipients),
    };

    return cmocka_run_group_tests_name("smtp/params", tests, NULL, NULL);
}
