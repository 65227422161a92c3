/** What the sender has asked for, as fields of a stored message. */
#include "test.h"

#include "base/slice.h"
#include "fail_alloc.h"
#include "mail/envelope.h"
#include "queue/maildir/params.h"

static struct slimta_envelope *make(const struct slimta_alloc *alloc,
    const struct slimta_mail_params *params,
    const struct slimta_recipient *recipient)
{
    const struct sli_mail_facts facts = {
        .client = {.ehlo_as = "client", .protocol = "ESMTP"}, .receiver = "mx"};
    struct slimta_envelope *envelope = NULL;

    assert_int_equal(sli_mail_envelope_new(
                         &envelope, alloc, &facts, SLI_LITERAL("a@b"), params),
        0);
    assert_int_equal(sli_mail_envelope_add_recipient(
                         envelope, SLI_LITERAL("c@d"), recipient),
        0);
    return envelope;
}

static void check(const struct slimta_mail_params *params,
    const struct slimta_recipient *recipient, const char *wanted)
{
    struct fail_alloc alloc;
    struct slimta_envelope *envelope;
    struct sli_buf head;
    int err = -1;

    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    envelope = make(&alloc.table, params, recipient);
    for (size_t n = 1; err != 0 && n < 20; n++) {
        struct fail_alloc failing;

        fail_alloc_init(&failing, n, FAIL_ALLOC_ONCE);
        sli_buf_init(&head, &failing.table, 65536);
        err = sli_queue_maildir_params_append(&head, envelope);
        if (err == 0) {
            assert_true(
                sli_slice_is(sli_buf_slice(&head), sli_slice_text(wanted)));
        }
        sli_buf_fini(&head);
        assert_int_equal(atomic_load(&failing.live), 0);
    }
    assert_int_equal(err, 0);
    slimta_envelope_unref(envelope);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static void writes_nothing_for_nothing(void **state)
{
    const struct slimta_mail_params params = {.size = sizeof params,
        .has_size = 1,
        .has_body = 1,
        .body = SLIMTA_BODY_8BITMIME,
        .smtputf8 = 1,
        .auth = ""};
    const struct slimta_recipient recipient = {.size = sizeof recipient};

    (void)state;
    check(&params, &recipient, "");
}

static void writes_what_was_asked(void **state)
{
    const struct slimta_mail_params params = {.size = sizeof params,
        .body = SLIMTA_BODY_BINARYMIME,
        .ret = SLIMTA_RET_HDRS,
        .envid = "a +b",
        .requiretls = 1,
        .by = SLIMTA_BY_NOTIFY,
        .by_seconds = -5,
        .by_trace = 1,
        .has_priority = 1,
        .priority = -9,
        .hold_until_ms = INT64_C(1795364474000)};
    const struct slimta_recipient recipient = {.size = sizeof recipient,
        .notify = SLIMTA_NOTIFY_SUCCESS | SLIMTA_NOTIFY_DELAY,
        .orcpt_type = "rfc822",
        .orcpt = "x=y@z"};

    (void)state;
    check(&params, &recipient,
        "X-Slimta-Mail: BODY=BINARYMIME RET=HDRS ENVID=a+20+2Bb REQUIRETLS "
        "BY=-5;NT HOLDUNTIL=2026-11-22T16:21:14Z MT-PRIORITY=-9\r\n"
        "X-Slimta-Rcpt: <c@d> NOTIFY=SUCCESS,DELAY "
        "ORCPT=rfc822;x+3Dy@z\r\n");
}

/* RFC 6533 section 3: UTF-8 stays, and what would part words does not. */
static void writes_utf8(void **state)
{
    const struct slimta_mail_params params = {.size = sizeof params};
    const struct slimta_recipient recipient = {.size = sizeof recipient,
        .notify = SLIMTA_NOTIFY_NEVER,
        .orcpt_type = "UTF-8",
        .orcpt = "\xc3\xbc +=\\@z"};

    (void)state;
    check(&params, &recipient,
        "X-Slimta-Rcpt: <c@d> NOTIFY=NEVER "
        "ORCPT=UTF-8;\xc3\xbc\\x{20}\\x{2B}\\x{3D}\\x{5C}@z\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_nothing_for_nothing),
        cmocka_unit_test(writes_what_was_asked),
        cmocka_unit_test(writes_utf8),
    };

    return cmocka_run_group_tests_name(
        "queue/maildir/params", tests, NULL, NULL);
}
