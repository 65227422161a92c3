/** Tests of lib/checks/spf.c, spf_check.c and spf_report.c in a host of the
 * test's own. */
#include "test.h"

#include <string.h>

#include <slimta/spf.h>
#include <slimta/validators.h>

#include "sample.h"
#include "checks/spf_engine.h"
#include "fail_alloc.h"
#include "fake_host.h"

/** A session, and the question that it asks at the moment. */
struct scene {
    struct fail_alloc memory;
    struct zone zone;
    struct slimta_resolver resolver;
    struct slimta_session session;
    struct slimta_reply reply;
    struct slimta_op op;
    struct slimta_spf *spf;
    const struct slimta_validators *table;
    const char *sender;
};

static struct scene scene;

static void put(const char *name, const char *type, const char *value)
{
    zone_add(&scene.zone, name, type, sli_slice_text(value));
}

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    fail_alloc_init(&scene.memory, 0, FAIL_ALLOC_ONCE);
    scene.resolver.zone = &scene.zone;
    scene.session = (struct slimta_session){
        .client = {.family = SLIMTA_FAMILY_IPV4, .ip = {192, 0, 2, 1}},
        .ehlo_as = "h.example",
        .resolver = &scene.resolver,
    };
    scene.sender = "user@e.com";
    put("e.com", "TXT", "v=spf1 ip4:192.0.2.2 -all exp=x.e.com");
    put("x.e.com", "TXT", "%{c} is not ours");
    put("ok.com", "TXT", "v=spf1 a:e.com ip4:192.0.2.1 -all");
    put("h.example", "TXT", "v=spf1 ?all");
    put("soft.com", "TXT", "v=spf1 ~all");
    put("bad.com", "TXT", "v=spf1 foo");
    put("dead.com", "TIMEOUT", "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (scene.table != NULL) {
        scene.table->closed(
            &scene.session, SLIMTA_CLOSED_QUIT, scene.table->user);
    }
    slimta_envelope_unref(scene.session.envelope);
    sli_mail_reply_fini(&scene.reply);
    slimta_spf_free(scene.spf);
    return scene.memory.live != 0;
}

static int make(const struct slimta_spf_options *from)
{
    struct slimta_spf_options options = {.size = sizeof options};

    if (from != NULL) {
        options = *from;
        options.size = sizeof options;
    }
    options.alloc = &scene.memory.table;
    return slimta_spf_new(&scene.spf, &options, NULL);
}

static void add_rule(enum slimta_spf_result result, int code, const char *text)
{
    assert_int_equal(
        slimta_spf_add_rule(scene.spf, result, code, text, NULL), 0);
}

static void start(void)
{
    scene.table = slimta_spf_validators(scene.spf);
    assert_ptr_equal(scene.table->user, scene.spf);
}

/* A new question, whose default is the success. */
static void ask(int code)
{
    static struct slimta_alloc plain;

    assert_int_equal(sli_alloc_init(&plain, NULL), 0);
    sli_mail_reply_fini(&scene.reply);
    sli_mail_reply_init(&scene.reply, &plain);
    assert_int_equal(slimta_reply_set(&scene.reply, code, "Ok"), 0);
    scene.op = (struct slimta_op){.reply = &scene.reply};
}

/* Lets the DNS answer when the op was taken. */
static int settle(void)
{
    if (scene.op.is_taken) {
        assert_false(scene.op.is_finished);
        fake_resolver_run(&scene.resolver);
        assert_true(scene.op.is_finished);
    }
    assert_false(scene.resolver.is_pending);
    return slimta_reply_code(&scene.reply);
}

static void begin_mail(void)
{
    static const struct slimta_mail_params params = {.size = sizeof params};

    slimta_envelope_unref(scene.session.envelope);
    scene.session.envelope = NULL;
    ask(250);
    scene.table->mail(&scene.session, &scene.reply, scene.sender, &params,
        &scene.op, scene.table->user);
}

static int mail(void)
{
    begin_mail();
    return settle();
}

static int rcpt(void)
{
    static const struct slimta_recipient recipient = {
        .size = sizeof recipient, .address = "r@example.com"};
    struct slimta_alloc plain;
    struct sample sample = sample_make();
    int err;

    assert_int_equal(sli_alloc_init(&plain, NULL), 0);
    sample.sender = scene.sender;
    if (scene.session.envelope == NULL) {
        scene.session.envelope = sample_build(&sample, &plain, &err);
        assert_non_null(scene.session.envelope);
    }
    ask(250);
    if (scene.table->rcpt != NULL) {
        scene.table->rcpt(&scene.session, &scene.reply, &recipient, &scene.op,
            scene.table->user);
    }
    return settle();
}

static int data(void)
{
    ask(354);
    if (scene.table->data != NULL) {
        scene.table->data(
            &scene.session, &scene.reply, &scene.op, scene.table->user);
    }
    return settle();
}

static const struct slimta_spf_report *report(void)
{
    return slimta_spf_report(scene.spf, &scene.session);
}

static void reports_without_rules(void **state)
{
    static const struct {
        const char *sender;
        enum slimta_spf_result result;
        const char *domain;
        const char *reason;
    } cases[] = {
        {"a@e.com", SLIMTA_SPF_FAIL, "e.com", "192.0.2.1 is not ours"},
        {"a@ok.com", SLIMTA_SPF_PASS, "ok.com", "ok.com permits 192.0.2.1"},
        {"a@soft.com", SLIMTA_SPF_SOFTFAIL, "soft.com",
            "soft.com probably does not permit 192.0.2.1"},
        {"", SLIMTA_SPF_NEUTRAL, "h.example",
            "h.example says nothing about 192.0.2.1"},
        {"a@bad.com", SLIMTA_SPF_PERMERROR, "bad.com",
            "SPF of bad.com cannot be checked: an SPF record with an error"},
        {"a@dead.com", SLIMTA_SPF_TEMPERROR, "dead.com",
            "SPF of dead.com cannot be checked now: a look-up failed"},
        {"a@none.com", SLIMTA_SPF_NONE, "none.com",
            "none.com has no SPF record"},
        {"a@[192.0.2.1]", SLIMTA_SPF_NONE, "", "no domain to check"},
    };

    (void)state;
    assert_int_equal(make(NULL), 0);
    start();
    assert_null(scene.table->rcpt);
    assert_null(scene.table->data);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene.sender = cases[i].sender;
        assert_int_equal(mail(), 250);
        assert_string_equal(slimta_reply_text(&scene.reply), "Ok");
        assert_int_equal(report()->size, sizeof *report());
        assert_int_equal(report()->result, cases[i].result);
        assert_int_equal(report()->helo_result, SLIMTA_SPF_NEUTRAL);
        assert_string_equal(report()->domain, cases[i].domain);
        assert_string_equal(report()->reason, cases[i].reason);
    }
}

static void answers_at_once_without_lookups(void **state)
{
    (void)state;
    assert_int_equal(make(NULL), 0);
    add_rule(SLIMTA_SPF_NONE, 550, NULL);
    start();
    scene.sender = "a@localhost";
    scene.session.ehlo_as = "[192.0.2.1]";
    assert_int_equal(mail(), 550);
    assert_false(scene.op.is_taken);
    assert_int_equal(scene.resolver.asked, 0);
    scene.session.client.family = SLIMTA_FAMILY_UNIX;
    scene.sender = "a@e.com";
    assert_int_equal(mail(), 550);
    assert_int_equal(scene.resolver.asked, 0);
}

static void answers_with_rules(void **state)
{
    static const struct {
        int code;
        const char *text;
        const char *enhanced;
        const char *wanted;
    } cases[] = {
        {550, NULL, "5.7.1", "Access denied"},
        {450, NULL, "4.7.1", "Access denied"},
        {250, NULL, "", "Ok"},
        {250, "2.1.0 Fine", "2.1.0", "Fine"},
        {250, "Fine", "", "Fine"},
        {550, "No", "5.7.1", "No"},
        {554, "5.7.23 {reason}: {reason}", "5.7.23",
            "192.0.2.1 is not ours: 192.0.2.1 is not ours"},
        {550, "{reaso{reason}{", "5.7.1", "{reaso192.0.2.1 is not ours{"},
        {550, "", "5.7.1", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(make(NULL), 0);
        add_rule(SLIMTA_SPF_FAIL, 421, "4.0.0 replaced");
        add_rule(SLIMTA_SPF_FAIL, cases[i].code, cases[i].text);
        add_rule(SLIMTA_SPF_SOFTFAIL, 451, NULL);
        start();
        assert_int_equal(mail(), cases[i].code);
        assert_string_equal(
            slimta_reply_enhanced(&scene.reply), cases[i].enhanced);
        assert_string_equal(slimta_reply_text(&scene.reply), cases[i].wanted);
        (void)tear_down(NULL);
        (void)set_up(NULL);
    }
}

/* Foreign text is no enhanced code of ours. */
static void bears_a_reason_like_a_code(void **state)
{
    (void)state;
    put("evil.com", "TXT", "v=spf1 -all exp=evil.com.x.com");
    put("evil.com.x.com", "TXT", "2.0.0 Ok");
    assert_int_equal(make(NULL), 0);
    add_rule(SLIMTA_SPF_FAIL, 550, "{reason}");
    start();
    scene.sender = "a@evil.com";
    assert_int_equal(mail(), 550);
    assert_string_equal(slimta_reply_enhanced(&scene.reply), "5.7.1");
    assert_string_equal(slimta_reply_text(&scene.reply), "2.0.0 Ok");
}

static void refuses_wrong_rules(void **state)
{
    static char text[SLIMTA_SPF_TEXT_MAX + 2];
    struct slimta_error error;

    (void)state;
    assert_int_equal(make(NULL), 0);
#define RULE(result, code, words) \
    slimta_spf_add_rule(scene.spf, (result), (code), (words), &error)
    assert_int_equal(RULE(SLIMTA_SPF_UNCHECKED, 550, NULL), SLIMTA_EINVAL);
    assert_int_equal(RULE(SLIMTA_SPF_PERMERROR + 1, 550, NULL), SLIMTA_EINVAL);
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 199, NULL), SLIMTA_EINVAL);
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 200, NULL), 0);
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 599, NULL), 0);
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 600, NULL), SLIMTA_EINVAL);
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 550, "4.7.1 x"), SLIMTA_EINVAL);
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 550, "4 x"), 0);
    memset(text, 'a', sizeof text - 1);
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 550, text), SLIMTA_ELIMIT);
    assert_true(error.text[0] != '\0');
    text[SLIMTA_SPF_TEXT_MAX] = '\0';
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 550, text), 0);
    start();
    assert_int_equal(RULE(SLIMTA_SPF_FAIL, 550, NULL), SLIMTA_ESTATE);
}

static void refuses_wrong_options(void **state)
{
    struct slimta_spf_options options = {.stage = SLIMTA_SPF_AT_DATA + 1};

    (void)state;
    assert_int_equal(make(&options), SLIMTA_EINVAL);
    options = (struct slimta_spf_options){
        .header = SLIMTA_SPF_HEADER_AUTHENTICATION_RESULTS + 1};
    assert_int_equal(make(&options), SLIMTA_EINVAL);
    options = (struct slimta_spf_options){.engine = SLIMTA_SPF_LIBSPF2 + 1};
    assert_int_equal(make(&options), SLIMTA_EINVAL);
    options = (struct slimta_spf_options){.timeout_ms = 3600001};
    assert_int_equal(make(&options), SLIMTA_EINVAL);
    options.timeout_ms = 3600000;
    assert_int_equal(make(&options), 0);
    slimta_spf_free(scene.spf);
    scene.spf = NULL;
    options.size = 0;
    options.alloc = &scene.memory.table;
    assert_int_equal(slimta_spf_new(&scene.spf, &options, NULL), SLIMTA_EINVAL);
    assert_int_equal(slimta_spf_new(&scene.spf, NULL, NULL), 0);
}

static void checks_at_rcpt_once(void **state)
{
    const struct slimta_spf_options options = {.stage = SLIMTA_SPF_AT_RCPT};
    unsigned asked;

    (void)state;
    assert_int_equal(make(&options), 0);
    add_rule(SLIMTA_SPF_FAIL, 550, NULL);
    start();
    assert_int_equal(mail(), 250);
    assert_false(scene.op.is_taken);
    assert_null(report());
    assert_int_equal(rcpt(), 550);
    asked = scene.resolver.asked;
    assert_int_equal(rcpt(), 550);
    assert_int_equal(scene.resolver.asked, asked);
    scene.sender = "a@ok.com";
    assert_int_equal(mail(), 250);
    assert_null(report());
    assert_int_equal(rcpt(), 250);
    assert_int_equal(report()->result, SLIMTA_SPF_PASS);
}

static struct slimta_slice header(const char *name, size_t index)
{
    struct slimta_slice value = {NULL, 0};

    (void)slimta_envelope_header(scene.session.envelope, name, index, &value);
    return value;
}

/* RFC 7208 section 9.1. */
static void puts_received_spf(void **state)
{
    const struct slimta_spf_options options = {
        .header = SLIMTA_SPF_HEADER_RECEIVED_SPF};
    static const char wanted[] =
        "pass (ok.com permits 192.0.2.1)\r\n client-ip=192.0.2.1;\r\n "
        "envelope-from=\"a@ok.com\";\r\n helo=client.example.org;\r\n "
        "receiver=mx.example.com;\r\n identity=mailfrom";

    (void)state;
    assert_int_equal(make(&options), 0);
    start();
    scene.sender = "a@ok.com";
    assert_int_equal(mail(), 250);
    assert_int_equal(rcpt(), 250);
    assert_int_equal(data(), 354);
    assert_true(
        sli_slice_is(header("Received-SPF", 0), sli_slice_text(wanted)));
    /* A DATA that somebody else refused may come again. */
    assert_int_equal(data(), 354);
    assert_int_equal(header("Received-SPF", 1).size, 0);
}

/* RFC 8601. */
static void puts_authentication_results_at_data(void **state)
{
    const struct slimta_spf_options options = {
        .stage = SLIMTA_SPF_AT_DATA,
        .header = SLIMTA_SPF_HEADER_AUTHENTICATION_RESULTS,
    };
    static const char wanted[] =
        "mx.example.com;\r\n spf=fail reason=\"192.0.2.1 is not ours\"\r\n "
        "smtp.mailfrom=user@e.com;\r\n spf=neutral\r\n "
        "smtp.helo=client.example.org";

    (void)state;
    assert_int_equal(make(&options), 0);
    start();
    assert_int_equal(mail(), 250);
    assert_int_equal(rcpt(), 250);
    assert_int_equal(data(), 354);
    assert_true(scene.op.is_taken);
    assert_true(sli_slice_is(
        header("Authentication-Results", 0), sli_slice_text(wanted)));
    assert_int_equal(data(), 354);
    assert_int_equal(header("Authentication-Results", 1).size, 0);
}

static void puts_no_header_on_a_refusal(void **state)
{
    const struct slimta_spf_options options = {
        .stage = SLIMTA_SPF_AT_DATA,
        .header = SLIMTA_SPF_HEADER_RECEIVED_SPF,
    };

    (void)state;
    assert_int_equal(make(&options), 0);
    add_rule(SLIMTA_SPF_FAIL, 550, NULL);
    start();
    assert_int_equal(mail(), 250);
    assert_int_equal(rcpt(), 250);
    assert_int_equal(data(), 550);
    assert_int_equal(header("Received-SPF", 0).size, 0);
}

static void ends_when_cancelled(void **state)
{
    (void)state;
    assert_int_equal(make(NULL), 0);
    start();
    begin_mail();
    assert_true(scene.op.is_taken);
    fake_resolver_answer(&scene.resolver);
    scene.op.cancelled(&scene.op, scene.op.user);
    assert_true(scene.op.is_finished);
    assert_int_equal(scene.resolver.cancelled, 1);
    assert_null(report());
    /* The session goes on. */
    assert_int_equal(mail(), 250);
    assert_int_equal(report()->result, SLIMTA_SPF_FAIL);
}

/* RFC 7208 section 4.6.4: temperror when it takes too long. */
static void ends_in_time(void **state)
{
    const struct slimta_spf_options options = {.timeout_ms = 5000};

    (void)state;
    assert_int_equal(make(&options), 0);
    start();
    scene.sender = "a@ok.com";
    begin_mail();
    assert_int_equal(scene.resolver.timeout_ms, 5000);
    fake_now_ms += 3000;
    fake_resolver_answer(&scene.resolver);
    assert_int_equal(scene.resolver.timeout_ms, 2000);
    fake_now_ms += 2000;
    fake_resolver_answer(&scene.resolver);
    assert_true(scene.op.is_finished);
    assert_int_equal(report()->result, SLIMTA_SPF_PASS);
    assert_int_equal(report()->helo_result, SLIMTA_SPF_TEMPERROR);
    begin_mail();
    fake_now_ms += 5001;
    fake_resolver_answer(&scene.resolver);
    assert_int_equal(report()->result, SLIMTA_SPF_TEMPERROR);
    assert_string_equal(report()->reason,
        "SPF of ok.com cannot be checked now: it takes too long");
}

static void has_twenty_seconds(void **state)
{
    (void)state;
    assert_int_equal(make(NULL), 0);
    start();
    begin_mail();
    assert_int_equal(scene.resolver.timeout_ms, 20000);
    (void)settle();
}

static void bears_a_resolver_that_refuses(void **state)
{
    static const struct {
        int failure;
        enum slimta_spf_result result;
    } cases[] = {
        {SLIMTA_EINVAL, SLIMTA_SPF_NONE},
        {SLIMTA_ENOMEM, SLIMTA_SPF_TEMPERROR},
        {SLIMTA_ELIMIT, SLIMTA_SPF_TEMPERROR},
    };

    (void)state;
    assert_int_equal(make(NULL), 0);
    start();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene.resolver.failure = cases[i].failure;
        assert_int_equal(mail(), 250);
        assert_false(scene.op.is_taken);
        assert_int_equal(report()->result, cases[i].result);
    }
}

struct seen {
    unsigned count;
    enum slimta_spf_result result;
    enum slimta_spf_result helo_result;
};

static void see(const struct slimta_spf_report *found, void *user)
{
    struct seen *seen = user;

    seen->count++;
    seen->result = found->result;
    seen->helo_result = found->helo_result;
}

static void answers_hosts(void **state)
{
    struct seen seen = {0};

    (void)state;
    assert_int_equal(make(NULL), 0);
    assert_int_equal(
        slimta_spf_query(scene.spf, &scene.resolver, &scene.session.client,
            "e.com", "a@ok.com", see, &seen),
        0);
    assert_int_equal(seen.count, 0);
    fake_resolver_run(&scene.resolver);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.result, SLIMTA_SPF_PASS);
    assert_int_equal(seen.helo_result, SLIMTA_SPF_FAIL);
    assert_int_equal(slimta_spf_query(scene.spf, &scene.resolver,
                         &scene.session.client, "x", "", see, &seen),
        0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.result, SLIMTA_SPF_NONE);
}

static void forgets_a_session_that_ends(void **state)
{
    (void)state;
    assert_int_equal(make(NULL), 0);
    start();
    scene.table->closed(&scene.session, SLIMTA_CLOSED_QUIT, scene.table->user);
    assert_int_equal(mail(), 250);
}

static void answers_without_memory(void **state)
{
    (void)state;
    assert_int_equal(make(NULL), 0);
    start();
    scene.session.has_no_memory = 1;
    assert_int_equal(mail(), 451);
    assert_null(report());
}

static void go_through(struct fail_alloc *alloc, void *user)
{
    const struct slimta_spf_options options = {
        .stage = *(enum slimta_spf_stage *)user,
        .header = SLIMTA_SPF_HEADER_RECEIVED_SPF,
        .alloc = &alloc->table,
        .size = sizeof options,
    };
    int code;

    (void)set_up(NULL);
    if (slimta_spf_new(&scene.spf, &options, NULL) != 0 ||
        slimta_spf_add_rule(
            scene.spf, SLIMTA_SPF_FAIL, 550, "5.7.1 {reason}", NULL) != 0) {
        slimta_spf_free(scene.spf);
        return;
    }
    start();
    code = mail();
    assert_true(code == 250 || code == 550 || code == 451);
    if (code == 250) {
        code = rcpt();
        assert_true(code == 250 || code == 550 || code == 451);
    }
    if (code == 250) {
        code = data();
        assert_true(code == 354 || code == 550 || code == 451);
    }
    if (!fail_alloc_has_failed(alloc)) {
        assert_int_equal(code, 550);
    }
    (void)tear_down(NULL);
}

static void survives_without_memory(void **state)
{
    (void)state;
    for (enum slimta_spf_stage stage = SLIMTA_SPF_AT_MAIL;
         stage <= SLIMTA_SPF_AT_DATA; stage++) {
        assert_int_equal(fail_alloc_sweep(go_through, &stage), 0);
    }
}

/* The other engine, where there is one. */
static void has_two_engines(void **state)
{
    const struct slimta_spf_options options = {.engine = SLIMTA_SPF_LIBSPF2};
    int err = make(&options);

    (void)state;
    if (sli_checks_spf_engine_libspf2() == NULL) {
        assert_int_equal(err, SLIMTA_ENOTSUP);
        return;
    }
    assert_int_equal(err, 0);
    add_rule(SLIMTA_SPF_FAIL, 550, "{reason}");
    start();
    assert_int_equal(mail(), 550);
    scene.sender = "a@ok.com";
    assert_int_equal(mail(), 250);
    assert_int_equal(report()->result, SLIMTA_SPF_PASS);
    assert_int_equal(report()->helo_result, SLIMTA_SPF_NEUTRAL);
    scene.sender = "a@dead.com";
    assert_int_equal(mail(), 250);
    assert_int_equal(report()->result, SLIMTA_SPF_TEMPERROR);
    scene.sender = "a@bad.com";
    assert_int_equal(mail(), 250);
    assert_int_equal(report()->result, SLIMTA_SPF_PERMERROR);
    scene.sender = "a@[192.0.2.1]";
    assert_int_equal(mail(), 250);
    assert_int_equal(report()->result, SLIMTA_SPF_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reports_without_rules),
        TEST(answers_at_once_without_lookups),
        TEST(answers_with_rules),
        TEST(bears_a_reason_like_a_code),
        TEST(refuses_wrong_rules),
        TEST(refuses_wrong_options),
        TEST(checks_at_rcpt_once),
        TEST(puts_received_spf),
        TEST(puts_authentication_results_at_data),
        TEST(puts_no_header_on_a_refusal),
        TEST(ends_when_cancelled),
        TEST(ends_in_time),
        TEST(has_twenty_seconds),
        TEST(bears_a_resolver_that_refuses),
        TEST(answers_hosts),
        TEST(forgets_a_session_that_ends),
        TEST(answers_without_memory),
        cmocka_unit_test(survives_without_memory),
        TEST(has_two_engines),
    };

    return cmocka_run_group_tests_name("checks/spf", tests, NULL, NULL);
}
