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

static const struct sli_smtp_params_rules all = {
    .offered = SLI_SMTP_EXTENSIONS_ALL & ~SLI_SMTP_EXTENSION_BINARYMIME,
    .min_by_seconds = 10,
    .max_hold_seconds = 3600,
    .now_ms = INT64_C(1795348800000), /* 2026-11-22T12:00:00Z */
};

static const struct sli_smtp_params_rules none = {.offered = 0};

static enum sli_smtp_reply_id read_mail(
    const char *text, struct slimta_mail_params *params)
{
    struct guard guard;
    enum sli_smtp_reply_id id;

    *params = (struct slimta_mail_params){.size = sizeof *params};
    id = sli_smtp_params_mail(
        guard_copy(&guard, sli_slice_text(text)), &all, params, &decoded);
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
        sli_smtp_params_rcpt(SLI_LITERAL("  "), &none, &params, &decoded),
        SLI_SMTP_REPLY_NONE);
    assert_int_equal(sli_smtp_params_rcpt(SLI_LITERAL(" NOTIFY=NEVER"), &none,
                         &params, &decoded),
        SLI_SMTP_REPLY_UNKNOWN_PARAMETER);
    assert_int_equal(
        sli_smtp_params_rcpt(SLI_LITERAL(" ="), &none, &params, &decoded),
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
        {" RET=HDRS", SLI_SMTP_EXTENSION_DSN},
        {" ENVID=x", SLI_SMTP_EXTENSION_DSN},
        {" REQUIRETLS", SLI_SMTP_EXTENSION_REQUIRETLS},
        {" BY=60;R", SLI_SMTP_EXTENSION_DELIVERBY},
        {" MT-PRIORITY=3", SLI_SMTP_EXTENSION_MT_PRIORITY},
        {" HOLDFOR=60", SLI_SMTP_EXTENSION_FUTURERELEASE},
        {" HOLDUNTIL=2026-11-22T12:00:01Z", SLI_SMTP_EXTENSION_FUTURERELEASE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slimta_mail_params params = {.size = sizeof params};
        struct slimta_slice text = sli_slice_text(cases[i].text);

        struct sli_smtp_params_rules rules = all;

        rules.offered = cases[i].extension;
        assert_int_equal(sli_smtp_params_mail(text, &rules, &params, &decoded),
            SLI_SMTP_REPLY_NONE);
        rules.offered = SLI_SMTP_EXTENSIONS_ALL & ~cases[i].extension;
        assert_int_equal(sli_smtp_params_mail(text, &rules, &params, &decoded),
            SLI_SMTP_REPLY_UNKNOWN_PARAMETER);
    }
}

/* Of parameters that may stand there once, and of their values. */
static void refuses_bad_wishes(void **state)
{
    static const char *const cases[] = {" RET", " RET=", " RET=ALL",
        " RET=FULL RET=FULL", " ENVID=", " ENVID=x ENVID=x", " ENVID=+0A",
        " ENVID=+C3+BC", " ENVID=a=b", " REQUIRETLS REQUIRETLS",
        " REQUIRETLS=", " BY=", " BY=60", " BY=;R", " BY=60;", " BY=60;X",
        " BY=60;RX", " BY=60;RTT", " BY=0;R", " BY=-1;R", " BY=1234567890;N",
        " BY=1 ;N", " BY=60;R BY=60;R", " MT-PRIORITY=", " MT-PRIORITY=-",
        " MT-PRIORITY=-0", " MT-PRIORITY=+1", " MT-PRIORITY=10",
        " HOLDFOR=", " HOLDFOR=0", " HOLDFOR=01", " HOLDFOR=-1",
        " HOLDFOR=3601", " HOLDFOR=1234567890", " HOLDFOR=1 HOLDFOR=1",
        " HOLDFOR=1 HOLDUNTIL=2026-11-22T12:00:01Z",
        " HOLDUNTIL=", " HOLDUNTIL=2026-11-22T13:00:01Z",
        " HOLDUNTIL=2026-11-22T11:59:59Z", " HOLDUNTIL=2026-11-22",
        " BODY=BINARYMIME"};
    struct slimta_mail_params params;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            read_mail(cases[i], &params), SLI_SMTP_REPLY_BAD_ARGUMENT);
    }
    assert_int_equal(read_mail(" BY=9;R", &params), SLI_SMTP_REPLY_BY_TOO_SOON);
    assert_int_equal(read_mail(" BY=10;R", &params), SLI_SMTP_REPLY_NONE);
}

static void fills_the_wishes(void **state)
{
    struct slimta_mail_params params;

    (void)state;
    assert_int_equal(
        read_mail(" RET=full ENVID=a+20b AUTH=c+2Bd requiretls BY=+60;nt "
                  "MT-PRIORITY=-9 HOLDFOR=3600",
            &params),
        SLI_SMTP_REPLY_NONE);
    assert_int_equal(params.ret, SLIMTA_RET_FULL);
    assert_string_equal(params.envid, "a b");
    assert_string_equal(params.auth, "c+d");
    assert_true(params.requiretls);
    assert_int_equal(params.by, SLIMTA_BY_NOTIFY);
    assert_true(params.by_trace);
    assert_int_equal(params.by_seconds, 60);
    assert_true(params.has_priority);
    assert_int_equal(params.priority, -9);
    assert_true(params.hold_until_ms == all.now_ms + 3600000);
    assert_false(params.hold_was_until);
    assert_int_equal(
        read_mail(" HOLDUNTIL=2026-11-22T14:00:00.5+01:00", &params),
        SLI_SMTP_REPLY_NONE);
    assert_true(params.hold_until_ms == all.now_ms + 3600000);
    assert_true(params.hold_was_until);
}

/* RFC 3461 section 5.4: at the limit, and one above. */
static void bounds_envid(void **state)
{
    char text[120] = " ENVID=";
    struct slimta_mail_params params;

    (void)state;
    memset(text + 7, 'x', 101);
    assert_int_equal(read_mail(text, &params), SLI_SMTP_REPLY_BAD_ARGUMENT);
    text[7 + 100] = '\0';
    assert_int_equal(read_mail(text, &params), SLI_SMTP_REPLY_NONE);
    assert_int_equal(strlen(params.envid), 100);
}

static enum sli_smtp_reply_id read_rcpt(
    const char *text, int is_utf8, struct slimta_recipient *params)
{
    struct sli_smtp_params_rules rules = all;
    struct guard guard;
    enum sli_smtp_reply_id id;

    rules.is_utf8 = is_utf8;
    *params = (struct slimta_recipient){.size = sizeof *params};
    id = sli_smtp_params_rcpt(
        guard_copy(&guard, sli_slice_text(text)), &rules, params, &decoded);
    guard_free(&guard);
    return id;
}

/* RFC 3461 section 4.1. */
static void reads_notify(void **state)
{
    static const struct {
        const char *text;
        unsigned wanted; /* 0: it is refused */
    } cases[] = {
        {" NOTIFY=NEVER", SLIMTA_NOTIFY_NEVER},
        {" notify=delay", SLIMTA_NOTIFY_DELAY},
        {" NOTIFY=SUCCESS,FAILURE,DELAY",
            SLIMTA_NOTIFY_SUCCESS | SLIMTA_NOTIFY_FAILURE |
                SLIMTA_NOTIFY_DELAY},
        {" NOTIFY", 0},
        {" NOTIFY=", 0},
        {" NOTIFY=,", 0},
        {" NOTIFY=DELAY,", 0},
        {" NOTIFY=,DELAY", 0},
        {" NOTIFY=DELAY,DELAY", 0},
        {" NOTIFY=NEVER,DELAY", 0},
        {" NOTIFY=OFTEN", 0},
        {" NOTIFY=DELAY NOTIFY=DELAY", 0},
    };
    struct slimta_recipient params;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_rcpt(cases[i].text, 0, &params),
            cases[i].wanted == 0 ? SLI_SMTP_REPLY_BAD_ARGUMENT
                                 : SLI_SMTP_REPLY_NONE);
        if (cases[i].wanted != 0) {
            assert_int_equal(params.notify, cases[i].wanted);
        }
    }
}

/* RFC 3461 section 4.2, RFC 6533 section 3. */
static void reads_orcpt(void **state)
{
    static const struct {
        const char *text;
        int is_utf8;
        const char *type; /* NULL: it is refused */
        const char *address;
    } cases[] = {
        {" ORCPT=rfc822;a+2Bb@c", 0, "rfc822", "a+b@c"},
        {" ORCPT=x400;;", 0, "x400", ";"},
        {" NOTIFY=DELAY ORCPT=RFC822;a", 0, "RFC822", "a"},
        {" ORCPT=utf-8;\\x{20AC}@\\x{1F600}", 0, "utf-8",
            "\xe2\x82\xac@\xf0\x9f\x98\x80"},
        {" ORCPT=utf-8;a\\x{2B}\\x{3D}\\x{5C}\\x{20}b", 0, "utf-8", "a+=\\ b"},
        {" ORCPT=utf-8;\xc3\xbc", 1, "utf-8", "\xc3\xbc"},
        {" ORCPT=utf-8;\xc3\xbc", 0, NULL, NULL},
        {" ORCPT=rfc822;\xc3\xbc", 1, NULL, NULL},
        {" ORCPT=utf-8;\xc3", 1, NULL, NULL},
        {" ORCPT=rfc822;+C3+BC@a", 1, "rfc822", "\xc3\xbc@a"},
        {" ORCPT=rfc822;+C3+BC@a", 0, NULL, NULL},
        {" ORCPT=rfc822;+C3@a", 1, NULL, NULL},
        {" ORCPT=rfc822;+C3+BC+0A@a", 1, NULL, NULL},
        {" ORCPT=rfc822;+C3+BC+7F@a", 1, NULL, NULL},
        {" ORCPT=utf-8;a+2B", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{41}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{0A}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{7F}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{0FC}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{fc}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{D800}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{110000}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{1000000}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{FC", 0, NULL, NULL},
        {" ORCPT=utf-8;\\x{}", 0, NULL, NULL},
        {" ORCPT=utf-8;\\", 0, NULL, NULL},
        {" ORCPT=rfc822;a+0Ab", 0, NULL, NULL},
        {" ORCPT=rfc822;a+2b", 0, NULL, NULL},
        {" ORCPT=rfc822", 0, NULL, NULL},
        {" ORCPT=rfc822;", 0, NULL, NULL},
        {" ORCPT=;a", 0, NULL, NULL},
        {" ORCPT=rfc(822;a", 0, NULL, NULL},
        {" ORCPT=", 0, NULL, NULL},
        {" ORCPT=rfc822;a ORCPT=rfc822;a", 0, NULL, NULL},
    };
    struct slimta_recipient params;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum sli_smtp_reply_id id =
            read_rcpt(cases[i].text, cases[i].is_utf8, &params);

        if (cases[i].type == NULL) {
            assert_int_equal(id, SLI_SMTP_REPLY_BAD_ARGUMENT);
        } else {
            assert_int_equal(id, SLI_SMTP_REPLY_NONE);
            assert_string_equal(params.orcpt_type, cases[i].type);
            assert_string_equal(params.orcpt, cases[i].address);
        }
    }
}

static void bounds_orcpt(void **state)
{
    char text[520] = " ORCPT=rfc822;";
    struct slimta_recipient params;

    (void)state;
    memset(text + 14, 'x', 494);
    assert_int_equal(read_rcpt(text, 0, &params), SLI_SMTP_REPLY_BAD_ARGUMENT);
    text[14 + 493] = '\0';
    assert_int_equal(read_rcpt(text, 0, &params), SLI_SMTP_REPLY_NONE);
    assert_int_equal(strlen(params.orcpt), 493);
}

static void has_no_memory_for_orcpt(void **state)
{
    struct slimta_recipient params;

    (void)state;
    sli_buf_fini(&decoded);
    fail_alloc_init(&alloc, 1, FAIL_ALLOC_ONCE);
    sli_buf_init(&decoded, &alloc.table, SIZE_MAX);
    assert_int_equal(
        read_rcpt(" ORCPT=rfc822;a", 0, &params), SLI_SMTP_REPLY_SYSTEM_ERROR);
    assert_int_equal(
        read_rcpt(" ORCPT=rfc822;a", 0, &params), SLI_SMTP_REPLY_NONE);
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
        TEST(refuses_bad_wishes),
        TEST(fills_the_wishes),
        TEST(bounds_envid),
        TEST(reads_notify),
        TEST(reads_orcpt),
        TEST(bounds_orcpt),
        TEST(has_no_memory_for_orcpt),
    };

    return cmocka_run_group_tests_name("smtp/params", tests, NULL, NULL);
}
