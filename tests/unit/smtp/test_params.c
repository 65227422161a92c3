/** Tests of lib/smtp/params.c. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "fail_alloc.h"
#include "guard.h"
#include "smtp/extensions.h"
#include "smtp/params.h"

static struct fail_alloc alloc;
static struct sli_buf decoded;

static enum sli_smtp_reply_id read_mail(
    const char *text, struct slimta_mail_params *params)
{
    struct guard guard;
    enum sli_smtp_reply_id id;

    *params = (struct slimta_mail_params){.size = sizeof *params};
    id = sli_smtp_params_mail(guard_copy(&guard, sli_slice_text(text)),
        SLI_SMTP_EXTENSIONS_ALL, params, &decoded);
    guard_free(&guard);
    return id;
}

static int set_up(void **state)
{
    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    sli_buf_init(&decoded, &alloc.table, SIZE_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sli_buf_fini(&decoded);
    return (int)atomic_load(&alloc.live);
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

/* RFC 4954 section 5, in the xtext of RFC 3461 section 4. */
static void reads_auth(void **state)
{
    static const struct {
        const char *text;
        const char *wanted; /* NULL: it is refused */
    } cases[] = {
        {" AUTH=<>", ""},
        {" auth=a@b.example", "a@b.example"},
        {" AUTH=e+3Dmc2@example.com SIZE=1", "e=mc2@example.com"},
        {" AUTH=+2B+20x", "+ x"},
        {" AUTH=+C3+BC", "\xc3\xbc"},
        {" AUTH=+3C+3E", ""},
        {" AUTH", NULL},
        {" AUTH=", NULL},
        {" AUTH=a=b", NULL},
        {" AUTH=a+3d", NULL},
        {" AUTH=a+3", NULL},
        {" AUTH=a+", NULL},
        {" AUTH=a+00b", NULL},
        {" AUTH=a+0D+0Ab", NULL},
        {" AUTH=a+7F", NULL},
        {" AUTH=+C3", NULL},
        {" AUTH=\xc3\xbc", NULL},
        {" AUTH=<> AUTH=<>", NULL},
    };
    struct slimta_mail_params params;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum sli_smtp_reply_id id = read_mail(cases[i].text, &params);

        if (cases[i].wanted == NULL) {
            assert_int_equal(id, SLI_SMTP_REPLY_BAD_ARGUMENT);
        } else {
            assert_int_equal(id, SLI_SMTP_REPLY_NONE);
            assert_string_equal(params.auth, cases[i].wanted);
        }
    }
    assert_int_equal(read_mail(" SIZE=1", &params), SLI_SMTP_REPLY_NONE);
    assert_null(params.auth);
}

static void bounds_auth(void **state)
{
    char text[520] = " AUTH=";
    struct slimta_mail_params params;

    (void)state;
    for (size_t size = 499; size <= 501; size++) {
        memset(text + 6, 'a', size);
        text[6 + size] = '\0';
        assert_int_equal(read_mail(text, &params),
            size > 500 ? SLI_SMTP_REPLY_BAD_ARGUMENT : SLI_SMTP_REPLY_NONE);
    }
}

static void has_no_memory_for_auth(void **state)
{
    struct slimta_mail_params params;

    (void)state;
    fail_alloc_arm(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        read_mail(" AUTH=<>", &params), SLI_SMTP_REPLY_SYSTEM_ERROR);
}

/* What is not offered is not known. */
static void knows_what_is_offered(void **state)
{
    static const struct {
        const char *text;
        unsigned extension;
    } cases[] = {
        {" SIZE=1", SLI_SMTP_EXTENSION_SIZE},
        {" BODY=7BIT", SLI_SMTP_EXTENSION_8BITMIME},
        {" SMTPUTF8", SLI_SMTP_EXTENSION_SMTPUTF8},
        {" AUTH=<>", SLI_SMTP_EXTENSION_AUTH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_mail_params params = {.size = sizeof params};
        struct slimta_slice text = sli_slice_text(cases[i].text);

        assert_int_equal(
            sli_smtp_params_mail(text, cases[i].extension, &params, &decoded),
            SLI_SMTP_REPLY_NONE);
        assert_int_equal(sli_smtp_params_mail(text,
                             SLI_SMTP_EXTENSIONS_ALL & ~cases[i].extension,
                             &params, &decoded),
            SLI_SMTP_REPLY_UNKNOWN_PARAMETER);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_is_no_parameter),
        TEST(fills_the_fields),
        TEST(knows_none_for_recipients),
        TEST(reads_auth),
        TEST(bounds_auth),
        TEST(has_no_memory_for_auth),
        TEST(knows_what_is_offered),
    };

    return cmocka_run_group_tests_name("smtp/params", tests, NULL, NULL);
}
