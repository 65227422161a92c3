/** Tests of sasl/cram.c. */
#include "test.h"

#include "guard.h"
#include "talk.h"

static void test_proves(void **state)
{
    struct talk talk;

    (void)state;
    talk_init(&talk);
    talk.kind = SLI_SASL_SECRET_PASSWORD;
    talk.secret = "tanstaaftanstaaf";
    assert_int_equal(
        talk_run(&talk, "CRAM-MD5", "tim the third", "tanstaaftanstaaf"),
        SLI_SASL_CREDENTIALS);
    assert_string_equal(talk.log, "S: <nonce>\nsecret\n");
    assert_true(slimta_credentials_are_proved(talk.credentials));
    assert_string_equal(
        slimta_credentials_mechanism(talk.credentials), "CRAM-MD5");
    assert_string_equal(
        slimta_credentials_authcid(talk.credentials), "tim the third");
    assert_string_equal(slimta_credentials_authzid(talk.credentials), "");
    assert_null(slimta_credentials_password(talk.credentials));
    assert_false(
        slimta_credentials_match(talk.credentials, "tanstaaftanstaaf"));
    talk_fini(&talk);
}

/* Octet for octet the same for all who cannot prove themselves. */
static void test_refuses_alike(void **state)
{
    static const struct {
        enum sli_sasl_secret_kind kind;
        const char *secret;
    } rows[] = {
        {SLI_SASL_SECRET_PASSWORD, "another"},
        {SLI_SASL_SECRET_PASSWORD, ""},
        {SLI_SASL_SECRET_PASSWORD, "\x01"},
        {SLI_SASL_SECRET_PASSWORD, "\xff"},
        {SLI_SASL_SECRET_PASSWORD, NULL},
        {SLI_SASL_SECRET_NONE, NULL},
        {SLI_SASL_SECRET_UNASKED, NULL},
        {SLI_SASL_SECRET_STORED, "{SCRAM-SHA-256}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct talk talk;

        talk_init(&talk);
        talk.kind = rows[i].kind;
        talk.secret = rows[i].secret;
        assert_int_equal(
            talk_run(&talk, "CRAM-MD5", "tim", "secret"), SLI_SASL_REFUSED);
        assert_string_equal(talk.log, "S: <nonce>\nsecret\n");
        talk_fini(&talk);
    }
}

#define DIGEST "b913a602c7eda7a495b4e6e7334d3890"
#define MESSAGE(text) \
    { \
        text, sizeof(text) - 1 \
    }

static const struct slimta_slice malformed[] = {
    MESSAGE(""),
    MESSAGE(" "),
    MESSAGE("tim"),
    MESSAGE(DIGEST),
    MESSAGE(" " DIGEST),
    MESSAGE("tim" DIGEST),
    MESSAGE("tim\t" DIGEST),
    MESSAGE("tim " DIGEST " "),
    MESSAGE("tim " DIGEST "0"),
    MESSAGE("tim b913a602c7eda7a495b4e6e7334d389"),
    MESSAGE("tim B913A602C7EDA7A495B4E6E7334D3890"),
    MESSAGE("tim g913a602c7eda7a495b4e6e7334d3890"),
    MESSAGE("t\0m " DIGEST),
    MESSAGE("t\rm " DIGEST),
    MESSAGE("t\xffm " DIGEST),
    MESSAGE("\xc2\xad " DIGEST),
};

static void test_refuses_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct talk talk;
        struct guard guard;
        struct slimta_slice message = guard_copy(&guard, malformed[i]);
        struct sli_sasl_exchange *exchange;

        talk_init(&talk);
        exchange = talk_start(&talk, "CRAM-MD5");
        assert_int_equal(
            sli_sasl_exchange_step(exchange, NULL), SLI_SASL_CHALLENGE);
        assert_int_equal(
            sli_sasl_exchange_step(exchange, &message), SLI_SASL_REFUSED);
        assert_string_not_equal(sli_sasl_exchange_error(exchange), "");
        sli_sasl_exchange_free(exchange);
        guard_free(&guard);
        talk_fini(&talk);
    }
}

/* RFC 4954 section 4: the edge says 501 before; none comes this far. */
static void test_speaks_first(void **state)
{
    const struct slimta_slice message = MESSAGE("tim " DIGEST);
    struct talk talk;

    (void)state;
    talk_init(&talk);
    assert_int_equal(
        talk_feed(&talk, "CRAM-MD5", &message, 1), SLI_SASL_REFUSED);
    talk_fini(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proves),
        cmocka_unit_test(test_refuses_alike),
        cmocka_unit_test(test_refuses_malformed),
        cmocka_unit_test(test_speaks_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
