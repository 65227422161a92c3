/** Tests of lib/smtp/params_text.c. */
#include "test.h"

#include "base/slice.h"
#include "fail_alloc.h"
#include "sender.h"
#include "smtp/params_text.h"

static void put_all(struct sli_smtp_params_text *text,
    const struct slimta_mail_params *params,
    const struct slimta_recipient *recipient, int is_utf8)
{
    sli_smtp_params_text_reports(text, params);
    sli_smtp_params_text_by(text, params);
    sli_smtp_params_text_hold(text, params);
    sli_smtp_params_text_priority(text, params);
    sli_smtp_params_text_recipient(text, recipient, is_utf8);
}

static void check(const struct slimta_mail_params *params,
    const struct slimta_recipient *recipient, int is_utf8, const char *wanted)
{
    int err = -1;

    for (size_t n = 1; err != 0 && n < 20; n++) {
        struct fail_alloc alloc;
        struct sli_buf out;
        struct sli_smtp_params_text text = {.out = &out};

        fail_alloc_init(&alloc, n, FAIL_ALLOC_ONCE);
        sli_buf_init(&out, &alloc.table, 65536);
        put_all(&text, params, recipient, is_utf8);
        err = text.err;
        if (err == 0) {
            assert_true(
                sli_slice_is(sli_buf_slice(&out), sli_slice_text(wanted)));
        }
        sli_buf_fini(&out);
        assert_int_equal(atomic_load(&alloc.live), 0);
    }
    assert_int_equal(err, 0);
}

static void writes_nothing_for_nothing(void **state)
{
    const struct slimta_recipient recipient = {.size = sizeof recipient};

    (void)state;
    check(&no_params, &recipient, 1, "");
}

static void writes_everything(void **state)
{
    const struct slimta_mail_params params = {.size = sizeof params,
        .ret = SLIMTA_RET_FULL,
        .envid = "a +b",
        .by = SLIMTA_BY_RETURN,
        .by_seconds = 60,
        .has_priority = 1,
        .priority = -9,
        .hold_until_ms = INT64_C(1795364474000)};
    const struct slimta_recipient recipient = {.size = sizeof recipient,
        .notify = SLIMTA_NOTIFY_FAILURE | SLIMTA_NOTIFY_DELAY,
        .orcpt_type = "rfc822",
        .orcpt = "x=y@z"};

    (void)state;
    check(&params, &recipient, 0,
        " RET=FULL ENVID=a+20+2Bb BY=60;R HOLDUNTIL=2026-11-22T16:21:14Z "
        "MT-PRIORITY=-9 NOTIFY=FAILURE,DELAY ORCPT=rfc822;x+3Dy@z");
}

/* RFC 6533 section 3. */
static void writes_utf8_as_the_hop_can_read_it(void **state)
{
    const struct slimta_recipient recipient = {.size = sizeof recipient,
        .orcpt_type = "UTF-8",
        .orcpt = "a \\+=\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80@z"};

    (void)state;
    check(&no_params, &recipient, 1,
        " ORCPT=UTF-8;a\\x{20}\\x{5C}\\x{2B}\\x{3D}"
        "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80@z");
    check(&no_params, &recipient, 0,
        " ORCPT=UTF-8;a\\x{20}\\x{5C}\\x{2B}\\x{3D}"
        "\\x{E4}\\x{20AC}\\x{1F600}@z");
}

static const struct slimta_mail_params demanding = {.size = sizeof demanding,
    .requiretls = 1,
    .ret = SLIMTA_RET_HDRS,
    .envid = "e",
    .by = SLIMTA_BY_NOTIFY,
    .by_seconds = -5,
    .has_priority = 1,
    .priority = 3,
    .hold_until_ms = 1000};

static void converse(
    const char *ehlo, const struct slimta_mail_params *params, const char *said)
{
    const struct slimta_recipient recipient = {.size = sizeof recipient,
        .address = "c@d.example",
        .notify = SLIMTA_NOTIFY_NEVER};
    struct sli_smtp_mail mail = {SLI_LITERAL("a@b.example"), params, 0};
    struct sender sender;

    sender_begin(&sender);
    sender_greet(&sender, ehlo);
    sli_buf_clear(&sender.output);
    assert_int_equal(sli_smtp_client_mail(&sender.client, &mail), 0);
    (void)sender_hear(&sender, "250 Ok\r\n");
    assert_int_equal(sli_smtp_client_rcpt(&sender.client, &recipient), 0);
    assert_true(
        sli_slice_is(sli_buf_slice(&sender.output), sli_slice_text(said)));
    sender_end(&sender);
}

/* What is offered is said, and nothing else. */
static void says_what_is_offered(void **state)
{
    struct slimta_mail_params modest = demanding;

    (void)state;
    converse(
        "250-x\r\n250-DSN\r\n250-REQUIRETLS\r\n250-DELIVERBY\r\n"
        "250-MT-PRIORITY MIXER\r\n250 FUTURERELEASE 1 2\r\n",
        &demanding,
        "MAIL FROM:<a@b.example> REQUIRETLS RET=HDRS ENVID=e BY=-5;N "
        "HOLDUNTIL=1970-01-01T00:00:01Z MT-PRIORITY=3\r\n"
        "RCPT TO:<c@d.example> NOTIFY=NEVER\r\n");
    modest.requiretls = 0;
    modest.hold_until_ms = 0;
    converse("250 x\r\n", &modest,
        "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_nothing_for_nothing),
        cmocka_unit_test(writes_everything),
        cmocka_unit_test(writes_utf8_as_the_hop_can_read_it),
        cmocka_unit_test(says_what_is_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
