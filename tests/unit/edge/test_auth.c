/** Which mechanisms an edge offers on which connection. */
#include "test.h"

#include <slimta/smtp_edge.h>

#include "base/alloc.h"
#include "edge/auth.h"
#include "fail_alloc.h"

#define ALL \
    "SCRAM-SHA-256-PLUS,SCRAM-SHA-256,SCRAM-SHA-1-PLUS,SCRAM-SHA-1," \
    "CRAM-MD5,PLAIN,LOGIN,EXTERNAL"

/* Outlives what is made with it. */
static struct slimta_alloc alloc;

enum { CLEAR = 0, TLS = SLI_EDGE_AUTH_TLS };

static void init(
    struct sli_edge_auth *auth, const char *mechanisms, unsigned flags)
{
    *auth = (struct sli_edge_auth){.count = 0};
    assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
    assert_int_equal(
        sli_edge_auth_init(auth, &alloc,
            &(struct sli_edge_auth_options){mechanisms, flags, NULL}, NULL),
        0);
}

static void test_offers_what_can_be_used(void **state)
{
    static const struct {
        unsigned flags;
        int has_secret;
        unsigned channel;
        const char *list;
    } cases[] = {
        {0, 1, CLEAR, "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5"},
        {SLIMTA_AUTH_CLEAR, 1, CLEAR,
            "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"},
        {0, 1, TLS, "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"},
        {0, 0, CLEAR, ""},
        {0, 0, TLS, "PLAIN LOGIN"},
        {0, 1, TLS | SLI_EDGE_AUTH_BINDING,
            "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 "
            "CRAM-MD5 PLAIN LOGIN"},
        {0, 0, TLS | SLI_EDGE_AUTH_CERTIFICATE, "PLAIN LOGIN EXTERNAL"},
        {0, 1, SLI_EDGE_AUTH_CHANNELS - 1,
            "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 "
            "CRAM-MD5 PLAIN LOGIN EXTERNAL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_edge_auth auth;

        init(&auth, ALL, cases[i].flags);
        assert_int_equal(
            sli_edge_auth_start(&auth, 1, cases[i].has_secret, NULL), 0);
        assert_string_equal(auth.lists[cases[i].channel], cases[i].list);
        sli_edge_auth_fini(&auth);
    }
}

static void test_keeps_the_order_and_no_repeats(void **state)
{
    struct sli_edge_auth auth;

    (void)state;
    init(&auth, " login, PLAIN,login", 0);
    assert_int_equal(sli_edge_auth_start(&auth, 1, 0, NULL), 0);
    assert_string_equal(auth.lists[TLS], "LOGIN PLAIN");
    sli_edge_auth_fini(&auth);
}

static void test_says_whether_plus_is_offered(void **state)
{
    struct sli_edge_auth auth;

    (void)state;
    init(&auth, ALL, 0);
    assert_int_equal(sli_edge_auth_start(&auth, 1, 1, NULL), 0);
    assert_false(sli_edge_auth_has_plus(&auth, TLS));
    assert_true(sli_edge_auth_has_plus(&auth, TLS | SLI_EDGE_AUTH_BINDING));
    sli_edge_auth_fini(&auth);

    init(&auth, "SCRAM-SHA-256", 0);
    assert_int_equal(sli_edge_auth_start(&auth, 1, 1, NULL), 0);
    assert_false(sli_edge_auth_has_plus(&auth, TLS | SLI_EDGE_AUTH_BINDING));
    sli_edge_auth_fini(&auth);
}

static void test_refuses_a_wrong_configuration(void **state)
{
    static const struct {
        const char *mechanisms;
        unsigned flags;
        const char *text;
    } cases[] = {
        {"PLAIN,DIGEST-MD5", 0,
            "auth_mechanisms: 'DIGEST-MD5' is no mechanism that is spoken "
            "here"},
        {"PLAIN,,LOGIN", 0,
            "auth_mechanisms: '' is no mechanism that is spoken here"},
        {"", 0, NULL},
        {NULL, 0, NULL},
        {"PLAIN", 0x10, "auth_flags: 0x10 has unknown flags"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sli_edge_auth auth = {.count = 0};
        struct slimta_error error = {0};
        int err;

        assert_int_equal(sli_alloc_init(&alloc, NULL), 0);
        err = sli_edge_auth_init(&auth, &alloc,
            &(struct sli_edge_auth_options){
                cases[i].mechanisms, cases[i].flags, NULL},
            &error);
        assert_int_equal(err, cases[i].text == NULL ? 0 : SLIMTA_EINVAL);
        if (cases[i].text != NULL) {
            assert_string_equal(error.text, cases[i].text);
        } else {
            assert_int_equal(sli_edge_auth_start(&auth, 0, 0, NULL), 0);
        }
        sli_edge_auth_fini(&auth);
    }
}

static int start(
    const char *mechanisms, unsigned flags, int has_auth, int has_secret)
{
    struct sli_edge_auth auth;
    int err;

    init(&auth, mechanisms, flags);
    err = sli_edge_auth_start(&auth, has_auth, has_secret, NULL);
    sli_edge_auth_fini(&auth);
    return err;
}

static void test_wants_somebody_who_judges(void **state)
{
    (void)state;
    assert_int_equal(start("PLAIN", 0, 0, 0), SLIMTA_EINVAL);
    assert_int_equal(start("PLAIN", 0, 1, 0), 0);
    assert_int_equal(start("PLAIN", 0, 0, 1), 0);
    assert_int_equal(start("PLAIN", SLIMTA_AUTH_ANYONE, 0, 0), 0);
    assert_int_equal(start("CRAM-MD5", 0, 1, 0), SLIMTA_EINVAL);
    assert_int_equal(
        start("SCRAM-SHA-1", SLIMTA_AUTH_ANYONE, 0, 0), SLIMTA_EINVAL);
    assert_int_equal(start("CRAM-MD5", 0, 0, 1), 0);
}

static void make_with(struct fail_alloc *memory, void *user)
{
    struct sli_edge_auth auth = {.count = 0};

    (void)user;
    if (sli_edge_auth_init(&auth, &memory->table,
            &(struct sli_edge_auth_options){ALL, 0, "salt"}, NULL) != 0) {
        assert_true(fail_alloc_has_failed(memory));
    }
    sli_edge_auth_fini(&auth);
}

static void test_survives_without_memory(void **state)
{
    (void)state;
    assert_int_equal(fail_alloc_sweep(make_with, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers_what_can_be_used),
        cmocka_unit_test(test_keeps_the_order_and_no_repeats),
        cmocka_unit_test(test_says_whether_plus_is_offered),
        cmocka_unit_test(test_refuses_a_wrong_configuration),
        cmocka_unit_test(test_wants_somebody_who_judges),
        cmocka_unit_test(test_survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
