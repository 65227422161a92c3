/** Tests of sasl/external.c. */
#include "test.h"

#include "talk.h"

#define MESSAGE(text) \
    { \
        text, sizeof(text) - 1 \
    }

static const struct {
    const char *certificate;
    struct slimta_slice message;
    int is_good;
} rows[] = {
    {"tim", MESSAGE(""), 1},
    {"tim", MESSAGE("tim"), 1},
    {"tim", MESSAGE("ursel"), 1},
    {"CN=t\xc3\xbcm", MESSAGE("\xc3\xbc"), 1},
    {NULL, MESSAGE(""), 0},
    {NULL, MESSAGE("tim"), 0},
    {"", MESSAGE(""), 0},
    {"t\x01m", MESSAGE(""), 0},
    {"t\xff", MESSAGE(""), 0},
    {"tim", MESSAGE("t\0m"), 0},
    {"tim", MESSAGE("t\nm"), 0},
    {"tim", MESSAGE("\xff"), 0},
};

static void test_takes_the_certificates_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct talk talk;

        talk_init(&talk);
        talk.channel.certificate_name = rows[i].certificate;
        assert_int_equal(talk_feed(&talk, "EXTERNAL", &rows[i].message, 1),
            rows[i].is_good ? SLI_SASL_CREDENTIALS : SLI_SASL_REFUSED);
        assert_string_equal(talk.log, "");
        if (rows[i].is_good) {
            assert_true(slimta_credentials_are_proved(talk.credentials));
            assert_string_equal(slimta_credentials_authcid(talk.credentials),
                rows[i].certificate);
            assert_string_equal(slimta_credentials_authzid(talk.credentials),
                rows[i].message.data);
            assert_null(slimta_credentials_password(talk.credentials));
        }
        talk_fini(&talk);
    }
}

static void test_asks_for_the_message(void **state)
{
    struct talk talk;

    (void)state;
    talk_init(&talk);
    talk.channel.certificate_name = "tim";
    talk.authzid = "ursel";
    assert_int_equal(talk_run(&talk, "EXTERNAL", "", ""), SLI_SASL_CREDENTIALS);
    assert_string_equal(talk.log, "S: \n");
    assert_string_equal(slimta_credentials_authzid(talk.credentials), "ursel");
    talk_fini(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_the_certificates_word),
        cmocka_unit_test(test_asks_for_the_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
