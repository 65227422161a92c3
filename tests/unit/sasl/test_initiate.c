/** Tests of lib/sasl/initiate.c: against our own exchange, and against servers
 * that lie. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <slimta/auth.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "fail_alloc.h"
#include "sasl/exchange.h"
#include "sasl/initiate.h"

static const unsigned char exporter[32] = "an exporter's thirty-two octets";

static const struct sli_sasl_identity identity = {
    .authcid = "user",
    .password = "pencil",
    .exporter = exporter,
    .is_secure = 1,
};

static const char *chosen(
    const char *offered, const char *only, const struct sli_sasl_identity *who)
{
    const struct sli_sasl_mechanism *mechanism =
        sli_sasl_initiate_choose(sli_slice_text(offered), only, who);

    return mechanism == NULL ? "none" : mechanism->name;
}

static void chooses_the_best(void **state)
{
    static const char all[] =
        "LOGIN PLAIN DIGEST-MD5 CRAM-MD5 scram-sha-1 "
        "SCRAM-SHA-256 SCRAM-SHA-1-PLUS "
        "SCRAM-SHA-256-PLUS EXTERNAL";
    struct sli_sasl_identity who = identity;

    (void)state;
    assert_string_equal(chosen(all, NULL, &who), "SCRAM-SHA-256-PLUS");
    assert_string_equal(chosen(all, "plain", &who), "PLAIN");
    assert_string_equal(chosen(all, "GSSAPI", &who), "none");
    who.exporter = NULL;
    assert_string_equal(chosen(all, NULL, &who), "SCRAM-SHA-256");
    assert_string_equal(
        chosen("LOGIN CRAM-MD5 SCRAM-SHA-1", NULL, &who), "SCRAM-SHA-1");
    assert_string_equal(chosen("LOGIN CRAM-MD5", NULL, &who), "CRAM-MD5");
    assert_string_equal(chosen("LOGIN PLAIN", NULL, &who), "PLAIN");
    assert_string_equal(chosen("LOGIN", NULL, &who), "LOGIN");
    assert_string_equal(chosen("", NULL, &who), "none");
    assert_string_equal(chosen("SCRAM-SHA-256-PLUS", NULL, &who), "none");
    who.is_secure = 0;
    assert_string_equal(chosen("LOGIN PLAIN", NULL, &who), "none");
    assert_string_equal(chosen("PLAIN CRAM-MD5", "PLAIN", &who), "none");
    assert_string_equal(chosen("PLAIN CRAM-MD5", NULL, &who), "CRAM-MD5");
}

static struct sli_sasl_initiate *begin(const struct slimta_alloc *alloc,
    struct sli_sasl *sasl, const char *mechanism)
{
    struct sli_sasl_initiate *initiate = NULL;

    (void)sli_sasl_initiate_new(&initiate, alloc, sasl,
        sli_sasl_mechanism_find(sli_slice_text(mechanism)), &identity);
    return initiate;
}

/* What the exchange has to say to a message. */
static enum sli_sasl_next answer(struct sli_sasl_exchange *exchange,
    const struct slimta_slice *message, const char *password)
{
    enum sli_sasl_next next = sli_sasl_exchange_step(exchange, message);

    return next == SLI_SASL_NEEDS_SECRET
        ? sli_sasl_exchange_secret(exchange, SLI_SASL_SECRET_PASSWORD, password)
        : next;
}

/* Both sides to the end; 1 when both are content. Without memory: 0. */
static int meet(const struct slimta_alloc *alloc, const char *mechanism,
    const char *password)
{
    const struct sli_sasl_channel channel = {.exporter = exporter};
    struct sli_sasl *sasl = NULL;
    struct sli_sasl_exchange *exchange = NULL;
    struct sli_sasl_initiate *initiate = NULL;
    enum sli_sasl_initiate_next said = SLI_SASL_INITIATE_FAILED;
    enum sli_sasl_next next = SLI_SASL_REFUSED;

    if (sli_sasl_new(&sasl, alloc, "salt") == 0 &&
        sli_sasl_exchange_new(&exchange, alloc, sasl,
            sli_sasl_mechanism_find(sli_slice_text(mechanism)),
            &channel) == 0) {
        initiate = begin(alloc, sasl, mechanism);
    }
    if (initiate != NULL) {
        struct slimta_slice message;

        said = sli_sasl_initiate_step(initiate, NULL);
        message = sli_sasl_initiate_message(initiate);
        next = answer(exchange,
            said == SLI_SASL_INITIATE_WAIT ? NULL : &message, password);
    }
    while (next == SLI_SASL_CHALLENGE) {
        struct slimta_slice challenge = sli_sasl_exchange_challenge(exchange);
        struct slimta_slice message;

        said = sli_sasl_initiate_step(initiate, &challenge);
        if (said != SLI_SASL_INITIATE_SEND) {
            break;
        }
        message = sli_sasl_initiate_message(initiate);
        next = answer(exchange, &message, password);
    }
    if (next == SLI_SASL_CREDENTIALS) {
        assert_true(sli_sasl_initiate_is_done(initiate));
        assert_string_equal(sli_sasl_exchange_authcid(exchange), "user");
    }
    sli_sasl_initiate_free(initiate);
    sli_sasl_exchange_free(exchange);
    sli_sasl_free(sasl);
    return next == SLI_SASL_CREDENTIALS;
}

static const char *const mechanisms[] = {"SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN",
    "LOGIN"};

static void proves_by_each(void **state)
{
    struct fail_alloc alloc;

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        fail_alloc_init(&alloc, 0, FAIL_ALLOC_ONCE);
        assert_true(meet(&alloc.table, mechanisms[i], "pencil"));
        assert_false(meet(&alloc.table, mechanisms[i], "pen"));
        assert_int_equal(atomic_load(&alloc.live), 0);
    }
}

static void needs_memory(struct fail_alloc *alloc, void *user)
{
    int is_good = meet(&alloc->table, user, "pencil");

    assert_true(is_good || fail_alloc_has_failed(alloc));
}

static void bears_no_memory(void **state)
{
    char scram[] = "SCRAM-SHA-256";
    char plain[] = "PLAIN";

    (void)state;
    assert_int_equal(fail_alloc_sweep(needs_memory, scram), 0);
    assert_int_equal(fail_alloc_sweep(needs_memory, plain), 0);
}

struct fixture {
    struct fail_alloc alloc;
    struct sli_sasl *sasl;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fail_alloc_init(&fixture.alloc, 0, FAIL_ALLOC_ONCE);
    *state = &fixture;
    return sli_sasl_new(&fixture.sasl, &fixture.alloc.table, "salt");
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sli_sasl_free(fixture->sasl);
    return (int)atomic_load(&fixture->alloc.live);
}

static enum sli_sasl_initiate_next challenge(
    struct sli_sasl_initiate *initiate, const char *text)
{
    struct slimta_slice octets = sli_slice_text(text);

    return sli_sasl_initiate_step(initiate, &octets);
}

/* RFC 4616 section 2: all is said at once, and a challenge asks for nothing. */
static void says_all_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct sli_sasl_initiate *initiate =
        begin(&fixture->alloc.table, fixture->sasl, "PLAIN");
    struct slimta_slice message;

    assert_int_equal(
        sli_sasl_initiate_step(initiate, NULL), SLI_SASL_INITIATE_SEND);
    message = sli_sasl_initiate_message(initiate);
    assert_int_equal(message.size, 12);
    assert_memory_equal(message.data, "\0user\0pencil", 12);
    assert_true(sli_sasl_initiate_is_done(initiate));
    assert_int_equal(challenge(initiate, ""), SLI_SASL_INITIATE_FAILED);
    assert_int_equal(sli_sasl_initiate_message(initiate).size, 0);
    sli_sasl_initiate_free(initiate);
}

static void fails_for_good(void **state)
{
    struct fixture *fixture = *state;
    struct sli_sasl_initiate *initiate =
        begin(&fixture->alloc.table, fixture->sasl, "SCRAM-SHA-256");

    assert_int_equal(challenge(initiate, "?"), SLI_SASL_INITIATE_FAILED);
    assert_int_equal(challenge(initiate, "?"), SLI_SASL_INITIATE_FAILED);
    assert_false(sli_sasl_initiate_is_done(initiate));
    sli_sasl_initiate_free(initiate);
}

/* The message after ours with `iterations`, and what we make of it. */
static enum sli_sasl_initiate_next first(struct fixture *fixture,
    const char *iterations, struct sli_sasl_initiate **out)
{
    struct sli_sasl_initiate *initiate =
        begin(&fixture->alloc.table, fixture->sasl, "SCRAM-SHA-256");
    struct slimta_slice message;
    const char *nonce;
    char text[256];

    assert_false(sli_sasl_initiate_is_slow(initiate));
    assert_int_equal(
        sli_sasl_initiate_step(initiate, NULL), SLI_SASL_INITIATE_SEND);
    message = sli_sasl_initiate_message(initiate);
    assert_true(message.size > 12);
    assert_memory_equal(message.data, "n,,n=user,r=", 12);
    nonce = message.data + 12;
    (void)snprintf(text, sizeof text, "r=%.*smore,s=c2FsdHNhbHQ=,%s",
        (int)(message.size - 12), nonce, iterations);
    assert_true(sli_sasl_initiate_is_slow(initiate));
    *out = initiate;
    return challenge(initiate, text);
}

static void bounds_the_iterations(void **state)
{
    static const struct {
        const char *text;
        enum sli_sasl_initiate_next next;
    } rows[] = {
        {"i=4095", SLI_SASL_INITIATE_FAILED},
        {"i=4096", SLI_SASL_INITIATE_SEND},
        {"i=1000001", SLI_SASL_INITIATE_FAILED},
        {"i=4294967295", SLI_SASL_INITIATE_FAILED},
        {"i=18446744073709551617", SLI_SASL_INITIATE_FAILED},
        {"i=", SLI_SASL_INITIATE_FAILED},
        {"j=4096", SLI_SASL_INITIATE_FAILED},
        {"", SLI_SASL_INITIATE_FAILED},
    };
    struct sli_sasl_initiate *initiate;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(first(*state, rows[i].text, &initiate), rows[i].next);
        sli_sasl_initiate_free(initiate);
    }
}

/* RFC 5802 section 3: only who knows our keys makes the signature. */
static void sees_an_impostor(void **state)
{
    struct sli_sasl_initiate *initiate;

    assert_int_equal(
        first(*state, "i=4096", &initiate), SLI_SASL_INITIATE_SEND);
    assert_false(sli_sasl_initiate_is_done(initiate));
    assert_int_equal(
        challenge(initiate, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        SLI_SASL_INITIATE_FAILED);
    assert_false(sli_sasl_initiate_is_done(initiate));
    sli_sasl_initiate_free(initiate);
}

static void asks_for_the_name_and_the_password(void **state)
{
    struct fixture *fixture = *state;
    struct sli_sasl_initiate *initiate =
        begin(&fixture->alloc.table, fixture->sasl, "LOGIN");

    assert_int_equal(
        sli_sasl_initiate_step(initiate, NULL), SLI_SASL_INITIATE_WAIT);
    assert_int_equal(challenge(initiate, "Username:"), SLI_SASL_INITIATE_SEND);
    assert_int_equal(sli_sasl_initiate_message(initiate).size, 4);
    assert_int_equal(challenge(initiate, "Password:"), SLI_SASL_INITIATE_SEND);
    assert_int_equal(sli_sasl_initiate_message(initiate).size, 6);
    assert_true(sli_sasl_initiate_is_done(initiate));
    assert_int_equal(challenge(initiate, "More:"), SLI_SASL_INITIATE_FAILED);
    sli_sasl_initiate_free(initiate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_best),
        cmocka_unit_test(proves_by_each),
        cmocka_unit_test(bears_no_memory),
        cmocka_unit_test_setup_teardown(says_all_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fails_for_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            bounds_the_iterations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sees_an_impostor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            asks_for_the_name_and_the_password, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
