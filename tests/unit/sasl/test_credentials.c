/** Tests of sasl/credentials.c. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <slimta/error.h>

#include "fail_alloc.h"
#include "sasl/credentials.h"

static struct slimta_credentials *make(
    const struct slimta_alloc *alloc, const char *password)
{
    struct slimta_credentials *credentials = NULL;
    char authcid[] = "tim";
    const struct sli_sasl_credentials_facts facts = {
        .mechanism = "PLAIN",
        .authcid = authcid,
        .password = password,
    };

    assert_int_equal(sli_sasl_credentials_new(&credentials, alloc, &facts), 0);
    memset(authcid, 'x', sizeof authcid); /* it was copied */
    return credentials;
}

static void test_keeps_what_was_shown(void **state)
{
    struct fail_alloc alloc;
    struct slimta_credentials *credentials;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    credentials = make(&alloc.table, "pencil");
    assert_ptr_equal(slimta_credentials_ref(credentials), credentials);
    slimta_credentials_unref(credentials);
    assert_string_equal(slimta_credentials_mechanism(credentials), "PLAIN");
    assert_string_equal(slimta_credentials_authcid(credentials), "tim");
    assert_string_equal(slimta_credentials_authzid(credentials), "");
    assert_string_equal(slimta_credentials_password(credentials), "pencil");
    assert_false(slimta_credentials_are_proved(credentials));
    slimta_credentials_unref(credentials);
    slimta_credentials_unref(NULL);
    assert_int_equal(alloc.live, 0);
}

/* Whatever its allocator does with it, the block says nothing any more. */
static char given_back[512];

static void *lend(size_t size, void *user)
{
    (void)user;
    assert_true(size <= sizeof given_back);
    return given_back;
}

static void *relend(void *block, size_t size, void *user)
{
    (void)size, (void)user;
    return block;
}

static void take_back(void *block, void *user)
{
    (void)block;
    *(int *)user += 1;
}

static void test_wipes(void **state)
{
    int count = 0;
    const struct slimta_alloc alloc = {
        sizeof alloc, lend, relend, take_back, &count};
    struct slimta_credentials *credentials;

    (void)state;
    memset(given_back, 0, sizeof given_back);
    credentials = make(&alloc, "pencil");
    slimta_credentials_ref(credentials);
    slimta_credentials_unref(credentials);
    assert_int_equal(count, 0);
    slimta_credentials_unref(credentials);
    assert_int_equal(count, 1);
    for (size_t i = 0; i < sizeof given_back; i++) {
        assert_int_equal(given_back[i], 0);
    }
}

static void test_matches(void **state)
{
    static const struct {
        const char *shown;
        const char *password;
        int is_same;
    } rows[] = {
        {"pencil", "pencil", 1}, {"pencil", "pencils", 0},
        {"pencil", "penci", 0}, {"pencil", "", 0}, {"pencil", NULL, 0},
        {NULL, "pencil", 0}, {NULL, NULL, 0},
        {"pa\xcc\x88ncil", "p\xc3\xa4ncil", 1},
        {"p\xe4ncil", "p\xe4ncil", 0}, /* cannot be prepared */
    };
    struct fail_alloc alloc;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slimta_credentials *credentials =
            make(&alloc.table, rows[i].shown);

        assert_int_equal(
            slimta_credentials_match(credentials, rows[i].password),
            rows[i].is_same);
        slimta_credentials_unref(credentials);
    }
    assert_int_equal(alloc.live, 0);
}

static void test_matches_stored(void **state)
{
    char stored[SLIMTA_STORED_SECRET_MAX];
    struct fail_alloc alloc;
    struct slimta_credentials *credentials;

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    assert_int_equal(
        slimta_stored_secret_make(stored, "SCRAM-SHA-1", "pencil", 4096, NULL),
        0);
    credentials = make(&alloc.table, "pencil");
    assert_int_equal(slimta_credentials_match_stored(credentials, stored), 1);
    assert_int_equal(slimta_credentials_match_stored(credentials, NULL), 0);
    assert_int_equal(slimta_credentials_match_stored(credentials, ""), 0);
    assert_int_equal(slimta_credentials_match_stored(credentials, "pencil"), 0);
    slimta_credentials_unref(credentials);
    credentials = make(&alloc.table, "pencils");
    assert_int_equal(slimta_credentials_match_stored(credentials, stored), 0);
    slimta_credentials_unref(credentials);
    credentials = make(&alloc.table, NULL);
    assert_int_equal(slimta_credentials_match_stored(credentials, stored), 0);
    slimta_credentials_unref(credentials);
    assert_int_equal(alloc.live, 0);
}

static void *use(void *argument)
{
    struct slimta_credentials *credentials = argument;

    for (int i = 0; i < 1000; i++) {
        slimta_credentials_ref(credentials);
        if (slimta_credentials_match(credentials, "pencil") != 1) {
            abort();
        }
        slimta_credentials_unref(credentials);
    }
    slimta_credentials_unref(credentials);
    return NULL;
}

static void test_is_counted_on_any_thread(void **state)
{
    enum { THREADS = 4 };

    struct fail_alloc alloc;
    struct slimta_credentials *credentials;
    pthread_t threads[THREADS];

    (void)state;
    fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
    credentials = make(&alloc.table, "pencil");
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use,
                             slimta_credentials_ref(credentials)),
            0);
    }
    slimta_credentials_unref(credentials);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(alloc.live, 0);
}

static void test_survives_without_memory(void **state)
{
    struct fail_alloc alloc;
    struct slimta_credentials *credentials = NULL;
    const struct sli_sasl_credentials_facts facts = {.mechanism = "PLAIN"};

    (void)state;
    fail_alloc_init(&alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_sasl_credentials_new(&credentials, &alloc.table, &facts),
        SLIMTA_ENOMEM);
    assert_null(credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_what_was_shown),
        cmocka_unit_test(test_wipes),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_matches_stored),
        cmocka_unit_test(test_is_counted_on_any_thread),
        cmocka_unit_test(test_survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
