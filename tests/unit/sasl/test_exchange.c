/** Tests of sasl/exchange.c, state.c and sasl.c: what all mechanisms have in
 * common. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>

#include <slimta/error.h>

#include "talk.h"

static const char *const all[] = {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
    "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "EXTERNAL"};

enum { ALL = sizeof all / sizeof *all };

static const struct slimta_slice empty = {"", 0};

static void init(struct talk *talk)
{
    talk_init(talk);
    talk->channel.exporter = talk_exporter;
    talk->channel.offers_plus = 1;
    talk->channel.certificate_name = "tim";
    talk->kind = SLI_SASL_SECRET_PASSWORD;
    talk->secret = "pencil";
}

static const unsigned char *exporter_for(const char *mechanism)
{
    return strstr(mechanism, "-PLUS") == NULL ? NULL : talk_exporter;
}

/* A client that knows of binding says `y`, where -PLUS is offered `n`. */
static void test_proves_by_each(void **state)
{
    struct talk talk;

    (void)state;
    init(&talk);
    for (size_t i = 0; i < ALL; i++) {
        talk.exporter = exporter_for(all[i]);
        assert_int_equal(
            talk_run(&talk, all[i], "tim", "pencil"), SLI_SASL_CREDENTIALS);
        assert_true(slimta_credentials_are_proved(talk.credentials));
        assert_string_equal(
            slimta_credentials_authcid(talk.credentials), "tim");
        assert_string_equal(talk.error, "");
        assert_null(strstr(talk.log, "pencil"));
    }
    talk_fini(&talk);
}

/* An emoji: SASLprep's Unicode 3.2 knew none. */
static void test_takes_passwords_of_today(void **state)
{
    static const struct slimta_slice plain = {"\0tim\0\xf0\x9f\x98\x80", 9};
    struct talk talk;

    (void)state;
    init(&talk);
    talk.secret = "\xf0\x9f\x98\x80";
    assert_int_equal(
        talk_feed(&talk, "PLAIN", &plain, 1), SLI_SASL_CREDENTIALS);
    talk_fini(&talk);
}

/* libgsasl takes no such name with SCRAM; that is no lack of memory. */
static void test_refuses_names_of_today_with_scram(void **state)
{
    static const struct slimta_slice first = {
        "n,,n=\xf0\x9f\x98\x80,r=abc", 15};
    struct talk talk;

    (void)state;
    init(&talk);
    assert_int_equal(
        talk_feed(&talk, "SCRAM-SHA-1", &first, 1), SLI_SASL_REFUSED);
    assert_string_equal(talk.error, "libgsasl does not take the name");
    talk_fini(&talk);
}

static void test_refuses_empty_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL - 1; i++) {
        struct talk talk;
        struct sli_sasl_exchange *exchange;

        init(&talk);
        exchange = talk_start(&talk, all[i]);
        assert_int_equal(
            sli_sasl_exchange_step(exchange, &empty), SLI_SASL_REFUSED);
        assert_string_equal(sli_sasl_exchange_error(exchange), "empty message");
        sli_sasl_exchange_free(exchange);
        exchange = talk_start(&talk, all[i]);
        assert_int_equal(
            sli_sasl_exchange_step(exchange, NULL), SLI_SASL_CHALLENGE);
        assert_int_equal(
            sli_sasl_exchange_step(exchange, &empty), SLI_SASL_REFUSED);
        sli_sasl_exchange_free(exchange);
        talk_fini(&talk);
    }
}

/* Calls out of order end the exchange, and an end is the end. */
static void test_stays_refused(void **state)
{
    static const struct slimta_slice message = {"\0tim\0pencil", 11};

    (void)state;
    for (int way = 0; way < 4; way++) {
        struct talk talk;
        struct sli_sasl_exchange *exchange;

        init(&talk);
        exchange = talk_start(&talk, "PLAIN");
        if (way == 0) { /* a secret before there is a name */
            assert_int_equal(sli_sasl_exchange_secret(
                                 exchange, SLI_SASL_SECRET_PASSWORD, "pencil"),
                SLI_SASL_REFUSED);
        } else if (way == 1) { /* a message in place of the secret */
            assert_int_equal(sli_sasl_exchange_step(exchange, &message),
                SLI_SASL_NEEDS_SECRET);
            assert_int_equal(
                sli_sasl_exchange_step(exchange, &message), SLI_SASL_REFUSED);
        } else if (way == 2) { /* asked twice to begin */
            assert_int_equal(
                sli_sasl_exchange_step(exchange, NULL), SLI_SASL_CHALLENGE);
            assert_int_equal(
                sli_sasl_exchange_step(exchange, NULL), SLI_SASL_REFUSED);
        } else { /* a wrong password */
            assert_int_equal(sli_sasl_exchange_step(exchange, &message),
                SLI_SASL_NEEDS_SECRET);
            assert_string_equal(sli_sasl_exchange_authcid(exchange), "tim");
            assert_int_equal(sli_sasl_exchange_secret(
                                 exchange, SLI_SASL_SECRET_PASSWORD, "pen"),
                SLI_SASL_REFUSED);
        }
        assert_int_equal(
            sli_sasl_exchange_step(exchange, &message), SLI_SASL_REFUSED);
        assert_int_equal(sli_sasl_exchange_secret(
                             exchange, SLI_SASL_SECRET_PASSWORD, "pencil"),
            SLI_SASL_REFUSED);
        sli_sasl_exchange_free(exchange);
        talk_fini(&talk);
    }
}

/* A client may leave at any moment. */
static void test_is_freed_halfway(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        struct talk talk;
        struct sli_sasl_exchange *exchange;

        init(&talk);
        exchange = talk_start(&talk, all[i]);
        assert_string_equal(sli_sasl_exchange_authcid(exchange), "");
        assert_int_equal(sli_sasl_exchange_challenge(exchange).size, 0);
        assert_int_equal(
            sli_sasl_exchange_step(exchange, NULL), SLI_SASL_CHALLENGE);
        sli_sasl_exchange_free(exchange);
        sli_sasl_exchange_free(NULL);
        talk_fini(&talk);
    }
}

static char stored[SLIMTA_STORED_SECRET_MAX];

static int make_stored(void **state)
{
    (void)state;
    return slimta_stored_secret_make(
        stored, "SCRAM-SHA-256", "pencil", 4096, NULL);
}

static const struct {
    const char *mechanism;
    enum sli_sasl_secret_kind kind;
    const char *secret;
    struct slimta_slice message;
} scenarios[] = {
    {"PLAIN", SLI_SASL_SECRET_UNASKED, NULL, {"u\0tim\0pencil", 12}},
    {"PLAIN", SLI_SASL_SECRET_PASSWORD, "pencil", {"\0tim\0pencil", 11}},
    {"LOGIN", SLI_SASL_SECRET_STORED, stored, {"tim", 3}},
    {"SCRAM-SHA-256", SLI_SASL_SECRET_STORED, stored,
        {"n,a=u,n=tim,r=abc", 17}},
    {"SCRAM-SHA-256-PLUS", SLI_SASL_SECRET_STORED, "none",
        {"p=tls-exporter,,n=tim,r=abc", 27}},
    {"EXTERNAL", SLI_SASL_SECRET_UNASKED, NULL, {"u", 1}},
};

/* Up to the server-first-message of SCRAM: nothing of ours comes after it. */
static enum sli_sasl_next play(
    struct talk *talk, struct sli_sasl_exchange *exchange, size_t row)
{
    const struct slimta_slice password = {"pencil", 6};
    enum sli_sasl_next next =
        talk_step(talk, exchange, &scenarios[row].message);

    if (next == SLI_SASL_CHALLENGE &&
        strcmp(scenarios[row].mechanism, "LOGIN") == 0) {
        next = talk_step(talk, exchange, &password);
    } else if (next == SLI_SASL_CHALLENGE) {
        const struct slimta_slice final = {"c=biws,r=abc,p=AAAAAAAAAAA=", 27};

        next = talk_step(talk, exchange, &final);
        assert_true(next == SLI_SASL_REFUSED || next == SLI_SASL_NO_MEMORY);
        return SLI_SASL_NO_MEMORY;
    }
    return next;
}

static void run_without_memory(struct fail_alloc *alloc, void *user)
{
    size_t row = *(size_t *)user;
    struct talk talk = {.alloc = &alloc->table,
        .kind = scenarios[row].kind,
        .secret = scenarios[row].secret,
        .channel = {talk_exporter, 1, "tim"}};
    struct sli_sasl_exchange *exchange = NULL;
    enum sli_sasl_next next = SLI_SASL_NO_MEMORY;

    if (sli_sasl_new(&talk.sasl, talk.alloc, "salt key") == 0 &&
        sli_sasl_exchange_new(&exchange, talk.alloc, talk.sasl,
            sli_sasl_mechanism_find(sli_slice_text(scenarios[row].mechanism)),
            &talk.channel) == 0) {
        next = play(&talk, exchange, row);
    }
    assert_true(next == SLI_SASL_CREDENTIALS || next == SLI_SASL_NO_MEMORY);
    if (next == SLI_SASL_CREDENTIALS) {
        slimta_credentials_unref(sli_sasl_exchange_credentials(exchange));
    }
    sli_sasl_exchange_free(exchange);
    sli_sasl_free(talk.sasl);
}

static void test_survives_without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        assert_int_equal(fail_alloc_sweep(run_without_memory, &i), 0);
    }
}

static void *log_in(void *argument)
{
    struct talk *talk = argument;

    for (size_t i = 0; i < ALL; i++) {
        talk->exporter = exporter_for(all[i]);
        if (talk_run(talk, all[i], "tim", "pencil") != SLI_SASL_CREDENTIALS) {
            abort();
        }
        slimta_credentials_unref(talk->credentials);
        talk->credentials = NULL;
    }
    return NULL;
}

static void test_is_shared_by_threads(void **state)
{
    enum { THREADS = 4 };

    struct talk first;
    struct talk talks[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    init(&first);
    for (size_t i = 0; i < THREADS; i++) {
        talks[i] = first;
        assert_int_equal(
            pthread_create(&threads[i], NULL, log_in, &talks[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    talk_fini(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proves_by_each),
        cmocka_unit_test(test_takes_passwords_of_today),
        cmocka_unit_test(test_refuses_names_of_today_with_scram),
        cmocka_unit_test(test_refuses_empty_messages),
        cmocka_unit_test(test_stays_refused),
        cmocka_unit_test(test_is_freed_halfway),
        cmocka_unit_test(test_survives_without_memory),
        cmocka_unit_test(test_is_shared_by_threads),
    };

    return cmocka_run_group_tests(tests, make_stored, NULL);
}
