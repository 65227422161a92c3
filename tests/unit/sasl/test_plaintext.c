/** Tests of sasl/plaintext.c. */
#include "test.h"

#include "guard.h"
#include "talk.h"

static const char *const both[] = {"PLAIN", "LOGIN"};

static char stored[SLIMTA_STORED_SECRET_MAX];

static int make_stored(void **state)
{
    (void)state;
    return slimta_stored_secret_make(
        stored, "SCRAM-SHA-256", "p\xc3\xa4ss", 4096, NULL);
}

static void test_leaves_the_password_to_the_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct talk talk;

        talk_init(&talk);
        talk.kind = SLI_SASL_SECRET_UNASKED;
        assert_int_equal(
            talk_run(&talk, both[i], "tim", "a b"), SLI_SASL_CREDENTIALS);
        assert_string_equal(
            slimta_credentials_mechanism(talk.credentials), both[i]);
        assert_string_equal(
            slimta_credentials_authcid(talk.credentials), "tim");
        assert_string_equal(slimta_credentials_authzid(talk.credentials), "");
        assert_string_equal(
            slimta_credentials_password(talk.credentials), "a b");
        assert_false(slimta_credentials_are_proved(talk.credentials));
        talk_fini(&talk);
    }
}

static const struct {
    enum sli_sasl_secret_kind kind;
    const char *secret;
    const char *shown;
    int is_right;
} judgements[] = {
    {SLI_SASL_SECRET_PASSWORD, "secret", "secret", 1},
    {SLI_SASL_SECRET_PASSWORD, "secret", "Secret", 0},
    {SLI_SASL_SECRET_PASSWORD, "secret", "secre", 0},
    {SLI_SASL_SECRET_PASSWORD, "secret", "secrets", 0},
    {SLI_SASL_SECRET_PASSWORD, "", "secret", 0},
    {SLI_SASL_SECRET_PASSWORD, NULL, "secret", 0},
    /* SASLprep: NFKC, and a non-ASCII space is a space (RFC 4013 section 2). */
    {SLI_SASL_SECRET_PASSWORD, "p\xc3\xa4ss", "pa\xcc\x88ss", 1},
    {SLI_SASL_SECRET_PASSWORD, "a b",
        "a\xc2\xa0"
        "b",
        1},
    /* What cannot be prepared, here a control octet, matches nothing. */
    {SLI_SASL_SECRET_PASSWORD, "a\x01", "a", 0},
    {SLI_SASL_SECRET_PASSWORD, "a\xff", "a", 0},
    {SLI_SASL_SECRET_STORED, stored, "p\xc3\xa4ss", 1},
    {SLI_SASL_SECRET_STORED, stored, "pa\xcc\x88ss", 1},
    {SLI_SASL_SECRET_STORED, stored, "pass", 0},
    {SLI_SASL_SECRET_STORED, "{SCRAM-SHA-256}", "pass", 0},
    {SLI_SASL_SECRET_NONE, NULL, "secret", 0},
};

static void test_judges_the_password(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof judgements / sizeof *judgements); i++) {
        size_t row = i / 2;
        struct talk talk;

        talk_init(&talk);
        talk.kind = judgements[row].kind;
        talk.secret = judgements[row].secret;
        assert_int_equal(
            talk_run(&talk, both[i % 2], "tim", judgements[row].shown),
            judgements[row].is_right ? SLI_SASL_CREDENTIALS : SLI_SASL_REFUSED);
        if (judgements[row].is_right) {
            assert_true(slimta_credentials_are_proved(talk.credentials));
        } else {
            assert_true(strstr(talk.error, "user") != NULL ||
                strcmp(talk.error, "wrong password") == 0);
        }
        talk_fini(&talk);
    }
}

#define MESSAGE(text) \
    { \
        text, sizeof(text) - 1 \
    }

static const struct slimta_slice good_plain[] = {
    MESSAGE("\0tim\0secret"),
    MESSAGE("ursel\0tim\0secret"),
    MESSAGE("tim\0tim\0secret"),
    MESSAGE("\xc3\xbc\0t m\0secret"),
};

static void test_takes_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_plain / sizeof *good_plain; i++) {
        struct talk talk;
        struct guard guard;
        struct slimta_slice message = guard_copy(&guard, good_plain[i]);

        talk_init(&talk);
        talk.kind = SLI_SASL_SECRET_PASSWORD;
        talk.secret = "secret";
        assert_int_equal(
            talk_feed(&talk, "PLAIN", &message, 1), SLI_SASL_CREDENTIALS);
        assert_string_equal(
            slimta_credentials_authzid(talk.credentials), good_plain[i].data);
        talk_fini(&talk);
        guard_free(&guard);
    }
}

static const struct slimta_slice bad_plain[] = {
    MESSAGE(""), MESSAGE("\0"), MESSAGE("\0\0"), MESSAGE("tim"),
    MESSAGE("tim\0secret"), MESSAGE("\0tim"), MESSAGE("\0tim\0"),
    MESSAGE("\0\0secret"), MESSAGE("\0tim\0secret\0"),
    MESSAGE("\0tim\0sec\0ret"), MESSAGE("\0tim\0secret\0more"),
    MESSAGE("\0ti\tm\0secret"), MESSAGE("\0ti\x7fm\0secret"),
    MESSAGE("u\r\0tim\0secret"), MESSAGE("\0t\xffm\0secret"),
    MESSAGE("\xed\xa0\x80\0tim\0secret"), MESSAGE("\0tim\0secr\xc3"),
    MESSAGE("\0tim\0secr\x01t"),
    MESSAGE("\0\xc2\xad\0secret"), /* nothing is left of it */
    MESSAGE("\0tim\0\xc2\xad"),
    MESSAGE("\0t\xc2\x80m\0secret"), /* RFC 3454 table C.2.2 */
};

static void test_refuses_malformed_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_plain / sizeof *bad_plain; i++) {
        struct talk talk;
        struct guard guard;
        struct slimta_slice message = guard_copy(&guard, bad_plain[i]);

        talk_init(&talk);
        talk.kind = SLI_SASL_SECRET_UNASKED;
        assert_int_equal(
            talk_feed(&talk, "PLAIN", &message, 1), SLI_SASL_REFUSED);
        assert_string_equal(talk.log, "");
        talk_fini(&talk);
        guard_free(&guard);
    }
}

static void test_takes_login_with_the_name_at_once(void **state)
{
    const struct slimta_slice messages[] = {MESSAGE("tim"), MESSAGE("secret")};
    struct talk talk;

    (void)state;
    talk_init(&talk);
    talk.kind = SLI_SASL_SECRET_UNASKED;
    assert_int_equal(
        talk_feed(&talk, "LOGIN", messages, 2), SLI_SASL_CREDENTIALS);
    assert_string_equal(slimta_credentials_authcid(talk.credentials), "tim");
    assert_string_equal(
        slimta_credentials_password(talk.credentials), "secret");
    talk_fini(&talk);
}

static void test_asks_login_in_the_usual_words(void **state)
{
    struct talk talk;

    (void)state;
    talk_init(&talk);
    assert_int_equal(
        talk_run(&talk, "LOGIN", "tim", "secret"), SLI_SASL_REFUSED);
    assert_string_equal(talk.log, "S: Username:\nS: Password:\nsecret\n");
    talk_fini(&talk);
}

static const struct slimta_slice bad_login[][2] = {
    {MESSAGE(""), MESSAGE("secret")},
    {MESSAGE("tim\0"), MESSAGE("secret")},
    {MESSAGE("t\nm"), MESSAGE("secret")},
    {MESSAGE("t\xffm"), MESSAGE("secret")},
    {MESSAGE("tim"), MESSAGE("")},
    {MESSAGE("tim"), MESSAGE("sec\0ret")},
    {MESSAGE("tim"), MESSAGE("secret\xff")},
    {MESSAGE("tim"), MESSAGE("secret\n")},
};

static void test_refuses_malformed_login(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_login / sizeof *bad_login; i++) {
        struct talk talk;

        talk_init(&talk);
        talk.kind = SLI_SASL_SECRET_UNASKED;
        assert_int_equal(
            talk_feed(&talk, "LOGIN", bad_login[i], 2), SLI_SASL_REFUSED);
        assert_string_equal(talk.log, "");
        talk_fini(&talk);
    }
}

/* With users of either kind, nobody's way is theirs. */
static void test_hides_unknown_users(void **state)
{
    static const struct {
        enum sli_sasl_secret_kind kind;
        const char *secret;
    } known[] = {
        {SLI_SASL_SECRET_PASSWORD, "secret"}, {SLI_SASL_SECRET_STORED, stored}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct talk talk;
        struct sli_sasl_exchange *exchange;
        const struct slimta_slice message = MESSAGE("\0tim\0wrong");
        char log[sizeof talk.log];
        int is_slow;

        talk_init(&talk);
        talk.kind = known[i / 2].kind;
        talk.secret = known[i / 2].secret;
        assert_int_equal(
            talk_run(&talk, both[i % 2], "tim", "wrong"), SLI_SASL_REFUSED);
        memcpy(log, talk.log, sizeof log);
        talk.kind = SLI_SASL_SECRET_NONE;
        assert_int_equal(
            talk_run(&talk, both[i % 2], "tim", "wrong"), SLI_SASL_REFUSED);
        assert_string_equal(talk.log, log);

        exchange = talk_start(&talk, "PLAIN");
        assert_int_equal(
            sli_sasl_exchange_step(exchange, &message), SLI_SASL_NEEDS_SECRET);
        is_slow = sli_sasl_exchange_is_slow(exchange, known[i / 2].kind);
        assert_int_equal(is_slow, known[i / 2].secret == stored);
        assert_int_equal(
            sli_sasl_exchange_is_slow(exchange, SLI_SASL_SECRET_NONE), is_slow);
        assert_false(
            sli_sasl_exchange_is_slow(exchange, SLI_SASL_SECRET_UNASKED));
        sli_sasl_exchange_free(exchange);
        talk_fini(&talk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves_the_password_to_the_host),
        cmocka_unit_test(test_judges_the_password),
        cmocka_unit_test(test_takes_plain),
        cmocka_unit_test(test_refuses_malformed_plain),
        cmocka_unit_test(test_takes_login_with_the_name_at_once),
        cmocka_unit_test(test_asks_login_in_the_usual_words),
        cmocka_unit_test(test_refuses_malformed_login),
        cmocka_unit_test(test_hides_unknown_users),
    };

    return cmocka_run_group_tests(tests, make_stored, NULL);
}
