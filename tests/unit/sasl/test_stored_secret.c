/** Tests of sasl/stored_secret.c and sasl/keys.c. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "sasl/stored_secret.h"

#define SALT "QSXCR+Q6sek8bf92"
#define STORED "6dlGYMOdZcOPutkcNY8U2g7vK9Y="
#define SERVER "D+CSWLOshSulAsxiupA+qs2/fTE="
#define STORED_256 "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER_256 "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

/* "pencil" of RFC 5802 section 5 and RFC 7677 section 3. */
static const char *const good[] = {
    "{SCRAM-SHA-1}4096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==," STORED_256 "," SERVER_256,
};

static void test_knows_the_rfcs_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct sli_sasl_keys keys;
        struct sli_sasl_keys made;
        size_t size;

        assert_int_equal(sli_sasl_stored_secret_read(&keys, good[i]), 0);
        size = sli_sasl_keys_size(keys.hash);
        assert_int_equal(keys.iterations, 4096);
        assert_int_equal(sli_sasl_keys_match(&keys, "pencil"), 1);
        assert_int_equal(sli_sasl_keys_match(&keys, "Pencil"), 0);
        assert_int_equal(sli_sasl_keys_match(&keys, ""), 0);
        assert_int_equal(sli_sasl_keys_match(&keys, "\xff"), 0);
        made = keys;
        memset(made.stored, 0, sizeof made.stored);
        memset(made.server, 0, sizeof made.server);
        assert_int_equal(sli_sasl_keys_derive(&made, "pencil"), 0);
        assert_memory_equal(made.stored, keys.stored, size);
        assert_memory_equal(made.server, keys.server, size);
    }
}

static const char *const bad[] = {
    "",
    "pencil",
    "{}4096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1",
    "{SCRAM-SHA-1}",
    "{SCRAM-SHA-1}4096",
    "{SCRAM-SHA-1}4096,",
    "{SCRAM-SHA-1}4096," SALT,
    "{SCRAM-SHA-1}4096," SALT "," STORED,
    "{SCRAM-SHA-1}4096," SALT "," STORED ",",
    "{SCRAM-SHA-1}4096," SALT "," STORED "," SERVER " ",
    "{SCRAM-SHA-1}4096," SALT "," STORED "," SERVER ",",
    "{SCRAM-SHA-1} 4096," SALT "," STORED "," SERVER,
    " {SCRAM-SHA-1}4096," SALT "," STORED "," SERVER,
    "{scram-sha-1}4096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1-PLUS}4096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-512}4096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-256}4096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}4096," SALT "," STORED_256 "," SERVER_256,
    "{SCRAM-SHA-1}4096," SALT "," STORED "," SERVER_256,
    "{SCRAM-SHA-1}," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}04096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}+4096," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}4096x," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}4095," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}10000001," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}99999999999999999999999," SALT "," STORED "," SERVER,
    "{SCRAM-SHA-1}4096,," STORED "," SERVER,
    "{SCRAM-SHA-1}4096,AAAAAAAAAA==," STORED "," SERVER, /* 7 octets */
    "{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf9," STORED "," SERVER,
    "{SCRAM-SHA-1}4096,QSXCR+Q6se-8bf92," STORED "," SERVER,
    "{SCRAM-SHA-1}4096," SALT ",6dlGYMOdZcOPutkcNY8U2g7vK9Y," SERVER,
};

static void test_reads_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(slimta_stored_secret_is_valid(bad[i]));
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char cut[SLIMTA_STORED_SECRET_MAX];

        assert_true(slimta_stored_secret_is_valid(good[i]));
        for (size_t size = 0; size < strlen(good[i]); size++) {
            memcpy(cut, good[i], size);
            cut[size] = '\0';
            assert_false(slimta_stored_secret_is_valid(cut));
        }
    }
}

static void test_limits_salts(void **state)
{
    static const struct {
        size_t size;
        int is_valid;
    } salts[] = {{7, 0}, {8, 1}, {9, 1}, {63, 1}, {64, 1}, {65, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof salts / sizeof *salts; i++) {
        static const char octets[65];
        char salt[SLI_BASE64_ENCODED_SIZE(65) + 1];
        char text[SLIMTA_STORED_SECRET_MAX];

        salt[sli_base64_encode(sli_slice(octets, salts[i].size), salt)] = '\0';
        (void)snprintf(text, sizeof text,
            "{SCRAM-SHA-1}10000000,%s," STORED "," SERVER, salt);
        assert_int_equal(
            slimta_stored_secret_is_valid(text), salts[i].is_valid);
    }
}

static void test_makes_what_it_reads(void **state)
{
    static const struct {
        const char *mechanism;
        unsigned iterations;
        unsigned wanted;
    } rows[] = {
        {"SCRAM-SHA-1", 0, 10000},
        {"SCRAM-SHA-256", 0, 10000},
        {"SCRAM-SHA-256", 4096, 4096},
        {"SCRAM-SHA-256", 4097, 4097},
    };
    char before[SLIMTA_STORED_SECRET_MAX] = "";

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[SLIMTA_STORED_SECRET_MAX];
        struct sli_sasl_keys keys;

        assert_int_equal(slimta_stored_secret_make(text, rows[i].mechanism,
                             "p\xc3\xa4ncil", rows[i].iterations, NULL),
            0);
        assert_int_equal(sli_sasl_stored_secret_read(&keys, text), 0);
        assert_string_equal(
            sli_sasl_keys_mechanism(keys.hash), rows[i].mechanism);
        assert_int_equal(keys.iterations, rows[i].wanted);
        assert_int_equal(keys.salt_size, SLI_SASL_SALT_SIZE);
        assert_int_equal(sli_sasl_keys_match(&keys, "pa\xcc\x88ncil"), 1);
        assert_int_equal(sli_sasl_keys_match(&keys, "pencil"), 0);
        assert_string_not_equal(text, before);
        memcpy(before, text, sizeof text);
    }
}

static void test_refuses_to_make(void **state)
{
    static const struct {
        const char *mechanism;
        const char *password;
        unsigned iterations;
        const char *word; /* of the sentence */
    } rows[] = {
        {"PLAIN", "pencil", 0, "mechanism"},
        {"SCRAM-SHA-256-PLUS", "pencil", 0, "mechanism"},
        {"scram-sha-256", "pencil", 0, "mechanism"},
        {"SCRAM-SHA-256", "pencil", 1, "1 iterations"},
        {"SCRAM-SHA-256", "pencil", 4095, "4095 iterations"},
        {"SCRAM-SHA-256", "pencil", 10000001, "10000001 iterations"},
        {"SCRAM-SHA-256", "", 0, "password"},
        {"SCRAM-SHA-256", "a\x01", 0, "password"},
        {"SCRAM-SHA-256", "a\xff", 0, "password"},
        {"SCRAM-SHA-256", "\xf0\x9f\x98\x80", 0, "password"}, /* libgsasl */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[SLIMTA_STORED_SECRET_MAX] = "untouched";
        struct slimta_error error;

        assert_int_equal(slimta_stored_secret_make(text, rows[i].mechanism,
                             rows[i].password, rows[i].iterations, &error),
            SLIMTA_EINVAL);
        assert_int_equal(error.code, SLIMTA_EINVAL);
        assert_non_null(strstr(error.text, rows[i].word));
        assert_string_equal(text, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_the_rfcs_keys),
        cmocka_unit_test(test_reads_strictly),
        cmocka_unit_test(test_limits_salts),
        cmocka_unit_test(test_makes_what_it_reads),
        cmocka_unit_test(test_refuses_to_make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
