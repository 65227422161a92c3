/** Tests of sasl/scram.c. */
#include "test.h"

#include <stdlib.h>

#include "guard.h"
#include "sasl/stored_secret.h"
#include "talk.h"

/* libgsasl takes its nonces from these two functions, here the test's own: so a
 * nonce can be what an RFC says. */
static const char *forced_nonce;
static const char *nonce_octets;

int gsasl_nonce(char *data, size_t size)
{
    static char octets[64];

    if (forced_nonce == NULL || size > sizeof octets) {
        return gsasl_random(data, size);
    }
    memset(data, 'n', size);
    memset(octets, 'n', size);
    nonce_octets = octets;
    return GSASL_OK;
}

int gsasl_base64_to(const char *in, size_t size, char **out, size_t *out_size)
{
    size_t length = SLI_BASE64_ENCODED_SIZE(size);

    if (forced_nonce != NULL && nonce_octets != NULL && size == 18 &&
        memcmp(in, nonce_octets, size) == 0) {
        length = strlen(forced_nonce);
        *out = malloc(length + 1);
        memcpy(*out, forced_nonce, length);
    } else {
        *out = malloc(length + 1);
        (void)sli_base64_encode(sli_slice(in, size), *out);
    }
    (*out)[length] = '\0';
    if (out_size != NULL) {
        *out_size = length;
    }
    return GSASL_OK;
}

static const char *const all[] = {
    "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"};

enum { ALL = sizeof all / sizeof *all };

static char stored[2][SLIMTA_STORED_SECRET_MAX];

static int make_stored(void **state)
{
    (void)state;
    return slimta_stored_secret_make(
               stored[0], "SCRAM-SHA-1", "pencil", 0, NULL) != 0 ||
        slimta_stored_secret_make(
            stored[1], "SCRAM-SHA-256", "pencil", 0, NULL) != 0;
}

static void init(struct talk *talk, size_t mechanism)
{
    talk_init(talk);
    if (mechanism >= 2) {
        talk->channel.exporter = talk_exporter;
        talk->channel.offers_plus = 1;
        talk->exporter = talk_exporter;
    }
}

static void test_proves_with_a_password(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        struct talk talk;

        init(&talk, i);
        talk.kind = SLI_SASL_SECRET_PASSWORD;
        talk.secret = "p\xc3\xa4ncil";
        talk.authzid = "a,b=c";
        assert_int_equal(talk_run(&talk, all[i], "u=2C,ser", "pa\xcc\x88ncil"),
            SLI_SASL_CREDENTIALS);
        assert_string_equal(
            slimta_credentials_mechanism(talk.credentials), all[i]);
        assert_string_equal(
            slimta_credentials_authcid(talk.credentials), "u=2C,ser");
        assert_string_equal(
            slimta_credentials_authzid(talk.credentials), "a,b=c");
        assert_true(slimta_credentials_are_proved(talk.credentials));
        assert_null(slimta_credentials_password(talk.credentials));
        talk_fini(&talk);
    }
}

static void test_proves_with_stored_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        struct talk talk;

        init(&talk, i);
        talk.kind = SLI_SASL_SECRET_STORED;
        talk.secret = stored[i % 2];
        assert_int_equal(
            talk_run(&talk, all[i], "user", "pencil"), SLI_SASL_CREDENTIALS);
        assert_int_equal(
            talk_run(&talk, all[i], "user", "pencils"), SLI_SASL_REFUSED);
        assert_string_equal(talk.error, "wrong password");
        /* Those of the other hash are as good as none. */
        talk.secret = stored[1 - i % 2];
        assert_int_equal(
            talk_run(&talk, all[i], "user", "pencil"), SLI_SASL_REFUSED);
        talk_fini(&talk);
    }
}

/* Octet for octet the same but for nonces: salt, iterations, steps. */
static void test_refuses_alike(void **state)
{
    static const struct {
        enum sli_sasl_secret_kind kind;
        const char *secret;
    } rows[] = {
        {SLI_SASL_SECRET_PASSWORD, "another"},
        {SLI_SASL_SECRET_NONE, NULL},
        {SLI_SASL_SECRET_PASSWORD, ""},
        {SLI_SASL_SECRET_PASSWORD, "\x01"},
        {SLI_SASL_SECRET_PASSWORD, "\xff"},
        {SLI_SASL_SECRET_PASSWORD, NULL},
        {SLI_SASL_SECRET_UNASKED, NULL},
        {SLI_SASL_SECRET_STORED, "{SCRAM-SHA-256}"},
    };
    char logs[ALL][512] = {{0}};

    (void)state;
    for (size_t i = 0; i < ALL * (sizeof rows / sizeof *rows); i++) {
        size_t mechanism = i % ALL;
        struct talk talk;

        init(&talk, mechanism); /* the salt outlives the edge */
        talk.kind = rows[i / ALL].kind;
        talk.secret = rows[i / ALL].secret;
        assert_int_equal(talk_run(&talk, all[mechanism], "user", "pencil"),
            SLI_SASL_REFUSED);
        if (i < ALL) {
            assert_non_null(strstr(talk.log, ",i=10000\n"));
            (void)snprintf(logs[mechanism], sizeof *logs, "%.511s", talk.log);
        }
        assert_string_equal(talk.log, logs[mechanism]);
        talk_fini(&talk);
    }
    assert_string_not_equal(logs[0], logs[1]);
    assert_string_equal(logs[1], logs[3]);
}

/* Another user has another salt, another edge too; stored keys of the usual
 * make look like a password's. */
static void test_salts(void **state)
{
    static const char *const names[] = {"user", "user2", "user"};
    static const char *const keys[] = {"a key", "a key", "another key"};
    char logs[4][512];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct talk talk;

        init(&talk, 0);
        sli_sasl_free(talk.sasl);
        assert_int_equal(
            sli_sasl_new(&talk.sasl, talk.alloc, i == 3 ? NULL : keys[i]), 0);
        talk.kind = i == 3 ? SLI_SASL_SECRET_STORED : SLI_SASL_SECRET_NONE;
        talk.secret = stored[1];
        assert_int_equal(talk_run(&talk, "SCRAM-SHA-256",
                             i == 3 ? "user" : names[i], "wrong"),
            SLI_SASL_REFUSED);
        (void)snprintf(logs[i], sizeof *logs, "%.511s", talk.log);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(logs[i], logs[j]);
            assert_int_equal(strlen(logs[i]), strlen(logs[j]));
        }
        talk_fini(&talk);
    }
}

/* RFC 5802 section 5, RFC 7677 section 3. */
static const struct {
    const char *mechanism;
    const char *salt;
    const char *nonce;
    const char *said[4];
} vectors[] = {
    {"SCRAM-SHA-1", "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j",
        {"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,"
            "i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
            "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="}},
    {"SCRAM-SHA-256",
        "W22ZaJ0SNY7soEsUEjb6gQ==", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        {"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="}},
};

/* Keys of "pencil" with the vector's salt. */
static void write_keys(char *out, const char *mechanism, const char *salt)
{
    struct sli_sasl_keys keys = {.iterations = 4096};
    char text[2][48];

    assert_true(sli_sasl_keys_find_hash(&keys.hash, sli_slice_text(mechanism)));
    assert_true(sli_base64_decode(
        sli_slice_text(salt), SLI_BASE64_PADDED, keys.salt, &keys.salt_size));
    assert_int_equal(sli_sasl_keys_derive(&keys, "pencil"), 0);
    for (size_t i = 0; i < 2; i++) {
        text[i][sli_base64_encode(sli_slice(i == 0 ? keys.stored : keys.server,
                                      sli_sasl_keys_size(keys.hash)),
            text[i])] = '\0';
    }
    (void)snprintf(out, SLIMTA_STORED_SECRET_MAX, "{%s}4096,%s,%s,%s",
        mechanism, salt, text[0], text[1]);
}

static void check_challenge(
    const struct sli_sasl_exchange *exchange, const char *wanted)
{
    struct slimta_slice challenge = sli_sasl_exchange_challenge(exchange);

    assert_int_equal(challenge.size, strlen(wanted));
    assert_memory_equal(challenge.data, wanted, challenge.size);
}

static void test_speaks_as_the_rfcs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char secret[SLIMTA_STORED_SECRET_MAX];
        struct slimta_slice first = sli_slice_text(vectors[i].said[0]);
        struct slimta_slice final = sli_slice_text(vectors[i].said[2]);
        const struct slimta_slice empty = {"", 0};
        struct talk talk;
        struct sli_sasl_exchange *exchange;

        write_keys(secret, vectors[i].mechanism, vectors[i].salt);
        init(&talk, 0);
        talk.kind = SLI_SASL_SECRET_STORED;
        talk.secret = secret;
        forced_nonce = vectors[i].nonce;
        exchange = talk_start(&talk, vectors[i].mechanism);
        assert_int_equal(
            talk_step(&talk, exchange, &first), SLI_SASL_CHALLENGE);
        check_challenge(exchange, vectors[i].said[1]);
        assert_int_equal(
            talk_step(&talk, exchange, &final), SLI_SASL_CHALLENGE);
        check_challenge(exchange, vectors[i].said[3]);
        assert_int_equal(
            talk_step(&talk, exchange, &empty), SLI_SASL_CREDENTIALS);
        sli_sasl_exchange_free(exchange);
        talk_fini(&talk);
        forced_nonce = NULL;
        nonce_octets = NULL;
    }
}

static const struct {
    const char *mechanism;
    int offers_plus;
    const char *first;
    const char *error; /* NULL: goes on */
} flags[] = {
    {"SCRAM-SHA-256", 0, "n,,n=user,r=abc", NULL},
    {"SCRAM-SHA-256", 1, "n,,n=user,r=abc", NULL},
    {"SCRAM-SHA-256", 0, "y,,n=user,r=abc", NULL},
    /* RFC 5802 section 6: somebody has taken -PLUS out of the offer. */
    {"SCRAM-SHA-256", 1, "y,,n=user,r=abc",
        "the offer of -PLUS did not reach the client"},
    {"SCRAM-SHA-256", 0, "p=tls-exporter,,n=user,r=abc",
        "channel binding without -PLUS"},
    {"SCRAM-SHA-256", 1, "p=tls-exporter,,n=user,r=abc",
        "channel binding without -PLUS"},
    {"SCRAM-SHA-256-PLUS", 1, "p=tls-exporter,,n=user,r=abc", NULL},
    {"SCRAM-SHA-256-PLUS", 1, "n,,n=user,r=abc",
        "-PLUS without channel binding"},
    {"SCRAM-SHA-256-PLUS", 1, "y,,n=user,r=abc",
        "-PLUS without channel binding"},
    {"SCRAM-SHA-256-PLUS", 1, "p=tls-unique,,n=user,r=abc",
        "another channel binding than tls-exporter"},
    {"SCRAM-SHA-256-PLUS", 1, "p=TLS-exporter,,n=user,r=abc",
        "another channel binding than tls-exporter"},
};

static void test_holds_the_flag_against_the_offer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        struct slimta_slice first = sli_slice_text(flags[i].first);
        struct talk talk;

        init(&talk, 0);
        talk.channel.exporter = talk_exporter;
        talk.channel.offers_plus = flags[i].offers_plus;
        talk.kind = SLI_SASL_SECRET_STORED;
        talk.secret = stored[1];
        assert_int_equal(talk_feed(&talk, flags[i].mechanism, &first, 1),
            flags[i].error == NULL ? SLI_SASL_CHALLENGE : SLI_SASL_REFUSED);
        assert_string_equal(
            talk.error, flags[i].error == NULL ? "" : flags[i].error);
        talk_fini(&talk);
    }
}

static void test_refuses_another_channel(void **state)
{
    static const unsigned char other[32] = "an exporter of somebody else's";
    struct talk talk;

    (void)state;
    init(&talk, 3);
    talk.kind = SLI_SASL_SECRET_STORED;
    talk.secret = stored[1];
    talk.exporter = other;
    assert_int_equal(talk_run(&talk, "SCRAM-SHA-256-PLUS", "user", "pencil"),
        SLI_SASL_REFUSED);
    assert_string_equal(talk.error, "channel binding does not match");
    talk_fini(&talk);
}

static const char *const bad_first[] = {
    "",
    "n",
    "n,",
    "n,,",
    "n,,n=user",
    "n,,n=,r=abc",
    "n,,n=us=er,r=abc",
    "n,,n=us=2cer,r=abc",
    "n,,n=us=2,r=abc",
    "n,,n=user=,r=abc",
    "n,a==2,n=user,r=abc",
    "n,a=\x01,n=user,r=abc",
    "n,,n=us\ter,r=abc",
    "n,,n=us\xff"
    "er,r=abc",
    "n,,n=\xc2\xad,r=abc",
    "n,,m=x,n=user,r=abc",
};

static void test_refuses_a_malformed_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_first / sizeof *bad_first; i++) {
        struct slimta_slice first = sli_slice_text(bad_first[i]);
        struct talk talk;

        init(&talk, 0);
        assert_int_equal(
            talk_feed(&talk, "SCRAM-SHA-1", &first, 1), SLI_SASL_REFUSED);
        assert_string_equal(talk.log, ""); /* nobody was asked for a secret */
        talk_fini(&talk);
    }
}

/* %s is the nonce. */
static const struct {
    const char *format;
    const char *error;
} bad_final[] = {
    {"", "empty message"},
    {"%s", "malformed message"},
    {"c=biws,r=%s", "malformed message"},
    {"c=biws,r=%s,p=", "malformed message"},
    {"c=biws,r=%s,p=AAAA", "wrong password"},
    {"c=biws,r=%s,p=AAA", "malformed message"},
    {"c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts", "malformed message"},
    {"c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=,", "malformed message"},
    {"c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=,x=y", "malformed message"},
    {"c=biws,r=%s,m=x,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "malformed message"},
    {"c=biws,r=%s,x=y,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "wrong password"},
    {"c=biws,r=%sx,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "wrong password"},
    {"c=biws,r=abc,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "wrong password"},
    {"c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "wrong password"},
    {"c=eSws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "channel binding does not match"},
    {"c=biwsAA==,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "channel binding does not match"},
    {"c=biw=,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "channel binding does not match"},
    {"c=biw,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "channel binding does not match"},
};

static void test_refuses_a_malformed_final(void **state)
{
    const struct slimta_slice first = SLI_LITERAL("n,,n=user,r=abc");

    (void)state;
    for (size_t i = 0; i < sizeof bad_final / sizeof *bad_final; i++) {
        struct talk talk;
        struct sli_sasl_exchange *exchange;
        struct slimta_slice challenge;
        struct slimta_slice message;
        struct guard guard;
        char nonce[64];
        char text[256];

        init(&talk, 0);
        talk.kind = SLI_SASL_SECRET_STORED;
        talk.secret = stored[0];
        exchange = talk_start(&talk, "SCRAM-SHA-1");
        assert_int_equal(
            talk_step(&talk, exchange, &first), SLI_SASL_CHALLENGE);
        challenge = sli_sasl_exchange_challenge(exchange);
        (void)snprintf(nonce, sizeof nonce, "%.*s",
            (int)((const char *)memchr(challenge.data, ',', challenge.size) -
                challenge.data - 2),
            challenge.data + 2);
        (void)snprintf(text, sizeof text, bad_final[i].format, nonce);
        message = guard_copy(&guard, sli_slice_text(text));
        assert_int_equal(
            talk_step(&talk, exchange, &message), SLI_SASL_REFUSED);
        assert_string_equal(
            sli_sasl_exchange_error(exchange), bad_final[i].error);
        sli_sasl_exchange_free(exchange);
        guard_free(&guard);
        talk_fini(&talk);
    }
}

/* Nobody's way is slow where everybody has stored keys. */
static void test_hides_slowness(void **state)
{
    const struct slimta_slice first = SLI_LITERAL("n,,n=user,r=abc");

    (void)state;
    for (int is_stored = 0; is_stored < 2; is_stored++) {
        struct talk talk;
        struct sli_sasl_exchange *exchange;

        init(&talk, 0);
        talk.kind =
            is_stored ? SLI_SASL_SECRET_STORED : SLI_SASL_SECRET_PASSWORD;
        talk.secret = is_stored ? stored[1] : "pencil";
        assert_int_equal(talk_run(&talk, "SCRAM-SHA-256", "user", "pencil"),
            SLI_SASL_CREDENTIALS);
        exchange = talk_start(&talk, "SCRAM-SHA-256");
        assert_int_equal(
            sli_sasl_exchange_step(exchange, &first), SLI_SASL_NEEDS_SECRET);
        assert_true(
            sli_sasl_exchange_is_slow(exchange, SLI_SASL_SECRET_PASSWORD));
        assert_int_equal(
            sli_sasl_exchange_is_slow(exchange, SLI_SASL_SECRET_NONE),
            !is_stored);
        sli_sasl_exchange_free(exchange);
        talk_fini(&talk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proves_with_a_password),
        cmocka_unit_test(test_proves_with_stored_keys),
        cmocka_unit_test(test_refuses_alike),
        cmocka_unit_test(test_salts),
        cmocka_unit_test(test_speaks_as_the_rfcs),
        cmocka_unit_test(test_holds_the_flag_against_the_offer),
        cmocka_unit_test(test_refuses_another_channel),
        cmocka_unit_test(test_refuses_a_malformed_first),
        cmocka_unit_test(test_refuses_a_malformed_final),
        cmocka_unit_test(test_hides_slowness),
    };

    return cmocka_run_group_tests(tests, make_stored, NULL);
}
