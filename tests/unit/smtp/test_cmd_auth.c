/** Tests of lib/smtp/cmd_auth.c; the lines that are said are in the dialogues.
 */
#include "test.h"

#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "engine.h"
#include "smtp/extensions.h"

/* A client that has said EHLO to an engine which offers `mechanisms`. */
static void greet(struct fixture *fixture, const char *mechanisms)
{
    sli_smtp_server_set_mechanisms(&fixture->server, mechanisms, NULL);
    enter(fixture, SLI_SMTP_STATE_READY);
    sli_buf_clear(&fixture->output);
}

static void expect_event(struct fixture *fixture, enum sli_smtp_event_type type,
    struct sli_smtp_event *event)
{
    sli_smtp_server_next(&fixture->server, event);
    assert_int_equal(event->type, type);
}

static void expect_output(struct fixture *fixture, const char *wanted)
{
    assert_true(
        sli_slice_is(sli_buf_slice(&fixture->output), sli_slice_text(wanted)));
    sli_buf_clear(&fixture->output);
}

static int answer_with(struct fixture *fixture, int code, const char *text)
{
    struct slimta_reply reply;
    int err;

    sli_mail_reply_init(&reply, &fixture->alloc.table);
    assert_int_equal(slimta_reply_set(&reply, code, text), 0);
    err = sli_smtp_server_answer(&fixture->server, &reply);
    sli_mail_reply_fini(&reply);
    return err;
}

/* A line is asked about again as it was, also when its input is gone. */
static void tells_again_what_it_asked(void **state)
{
    struct fixture *fixture = *state;
    char line[] = "AUTH plain AHVzZXIA\r\n";
    struct sli_smtp_event event;

    greet(fixture, "LOGIN PLAIN");
    feed(fixture, line);
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    assert_int_equal(sli_smtp_server_park(&fixture->server), 0);
    memset(line, 'x', sizeof line);
    memset(&event, 0, sizeof event);
    sli_smtp_server_asked(&fixture->server, &event);
    assert_int_equal(event.type, SLI_SMTP_EVENT_AUTH);
    assert_string_equal(event.auth.mechanism, "PLAIN");
    assert_true(event.auth.has_initial);
    assert_true(sli_slice_is(
        event.auth.initial, sli_slice("\0user\0", sizeof "\0user\0" - 1)));
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, SLI_LITERAL("")), 0);
    feed(fixture, "QQ==\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH_ANSWER, &event);
    memset(&event, 0, sizeof event);
    sli_smtp_server_asked(&fixture->server, &event);
    assert_int_equal(event.type, SLI_SMTP_EVENT_AUTH_ANSWER);
    assert_true(sli_slice_is(event.auth_answer, SLI_LITERAL("A")));
}

/* The same for the parameter of MAIL: its text stays where it was told. */
static void tells_again_who_is_asserted(void **state)
{
    struct fixture *fixture = *state;
    struct sli_smtp_event event;
    const char *auth;

    greet(fixture, "PLAIN");
    feed(fixture, "AUTH PLAIN =\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    assert_int_equal(answer_with(fixture, 235, "2.7.0 Welcome"), 0);
    feed(fixture, "MAIL FROM:<> AUTH=a+2Bb\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_MAIL, &event);
    auth = event.mail.params.auth;
    assert_string_equal(auth, "a+b");
    assert_int_equal(sli_smtp_server_park(&fixture->server), 0);
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONWARD);
    sli_smtp_server_asked(&fixture->server, &event);
    assert_ptr_equal(event.mail.params.auth, auth);
    assert_string_equal(auth, "a+b");
}

/* Nothing is kept of a secret once it is answered. */
static void forgets_secrets(void **state)
{
    struct fixture *fixture = *state;
    struct sli_smtp_event event;
    size_t live;

    greet(fixture, "PLAIN");
    feed(fixture, "AUTH PLAIN cGVuY2ls\r\nNOOP\r\n");
    live = atomic_load(&fixture->alloc.live);
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    assert_int_equal(sli_smtp_server_park(&fixture->server), 0);
    assert_int_equal(atomic_load(&fixture->alloc.live), live + 2);
    assert_int_equal(answer_with(fixture, 334, "No"), 0);
    assert_int_equal(atomic_load(&fixture->alloc.live), live + 1);
    assert_null(memchr(fixture->server.input.octets.rest.data, 'c', 16));
    assert_null(memchr(fixture->server.input.octets.rest.data, 'P', 16));
    pump(fixture);
    assert_int_equal(atomic_load(&fixture->alloc.live), live);
}

static void says_when_it_reads_secrets(void **state)
{
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    assert_false(sli_smtp_server_reads_secrets(&fixture->server));
    sli_smtp_server_set_mechanisms(&fixture->server, NULL, "PLAIN");
    assert_true(sli_smtp_server_reads_secrets(&fixture->server));
    greet(fixture, "PLAIN");
    assert_true(sli_smtp_server_reads_secrets(&fixture->server));
    assert_false(sli_smtp_server_is_authenticated(&fixture->server));
    feed(fixture, "AUTH PLAIN =\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    assert_int_equal(answer_with(fixture, 235, "2.7.0 Welcome"), 0);
    assert_false(sli_smtp_server_reads_secrets(&fixture->server));
    assert_true(sli_smtp_server_is_authenticated(&fixture->server));
}

static void challenges_only_where_it_asked(void **state)
{
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    greet(fixture, "PLAIN");
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, SLI_LITERAL("x")),
        SLIMTA_ESTATE);
    feed(fixture, "NOOP\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_NOOP, &event);
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, SLI_LITERAL("x")),
        SLIMTA_ESTATE);
    assert_true(sli_smtp_server_is_waiting(&fixture->server));
    assert_int_equal(sli_buf_size(&fixture->output), 0);
}

/* RFC 4954 section 4: a challenge has at most 12288 octets. */
static void bounds_challenges(void **state)
{
    static char octets[9217];
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    greet(fixture, "PLAIN");
    feed(fixture, "AUTH PLAIN\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, sli_slice(octets, 9217)),
        SLIMTA_EINVAL);
    assert_int_equal(sli_buf_size(&fixture->output), 0);
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, sli_slice(octets, 9216)),
        0);
    assert_int_equal(sli_buf_size(&fixture->output), 4 + 12288 + 2);
}

/* The line of 12288 and its CRLF, which RFC 4954 section 4 wants. */
static void takes_long_answers(void **state)
{
    static char line[12300];
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    greet(fixture, "PLAIN");
    feed(fixture, "AUTH PLAIN\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, SLI_LITERAL("")), 0);
    memset(line, 'A', 12288);
    memcpy(line + 12288, "\r\n", 3);
    feed(fixture, line);
    expect_event(fixture, SLI_SMTP_EVENT_AUTH_ANSWER, &event);
    assert_int_equal(event.auth_answer.size, 9216);
}

static void gives_up_without_memory(void **state)
{
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    greet(fixture, "PLAIN");
    sli_buf_fini(&fixture->output);
    feed(fixture, "AUTH PLAIN\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONWARD);
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, SLI_LITERAL("x")),
        SLIMTA_ENOMEM);
    expect_event(fixture, SLI_SMTP_EVENT_AUTH_GIVEN_UP, &event);
    assert_int_equal(event.given_up.code, 0);
    expect_event(fixture, SLI_SMTP_EVENT_CLOSE, &event);
}

/* The owner also hears it while it is being asked. */
static void gives_up_when_terminated(void **state)
{
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    greet(fixture, "PLAIN");
    feed(fixture, "AUTH PLAIN\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    sli_smtp_server_terminate(&fixture->server, 421, "4.3.2 Away");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH_GIVEN_UP, &event);
    expect_event(fixture, SLI_SMTP_EVENT_CLOSE, &event);
}

/* No REFUSED holds what may be a password. */
static void tells_no_secrets(void **state)
{
    static const struct {
        const char *line;
        const char *verb;
        int code;
    } cases[] = {
        {"AUTH GSSAPI cGVuY2ls\r\n", "AUTH", 504},
        {"cGVuY2ls\r\n", "", 500},
        {"cGVuY2ls\x01\r\n", "", 500},
        {"auth PLAIN !\r\n", "auth", 501},
        {"pencil\r\n", "", 500},
        {"RCPT TO:<a@b.example>\r\n", "RCPT", 503},
        {"pencil \x01\r\n", "pencil", 500},
    };
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    greet(fixture, "PLAIN");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        feed(fixture, cases[i].line);
        expect_event(fixture, SLI_SMTP_EVENT_REFUSED, &event);
        assert_string_equal(event.refused.verb, cases[i].verb);
        assert_int_equal(event.refused.code, cases[i].code);
        expect_event(fixture, SLI_SMTP_EVENT_NONE, &event);
    }
    feed(fixture, "AUTH PLAIN\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_AUTH, &event);
    assert_int_equal(
        sli_smtp_server_challenge(&fixture->server, SLI_LITERAL("")), 0);
    feed(fixture, "pencil\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_REFUSED, &event);
    assert_string_equal(event.refused.verb, "AUTH");
    assert_int_equal(event.refused.code, 501);
    expect_event(fixture, SLI_SMTP_EVENT_AUTH_GIVEN_UP, &event);
    assert_int_equal(event.given_up.code, 501);
}

/* Says EHLO, and answers it with a list that `edit` has changed. */
static void greet_with(struct fixture *fixture, const char *params)
{
    struct slimta_extensions *extensions = NULL;
    struct sli_smtp_event event;

    feed(fixture, "EHLO x\r\n");
    expect_event(fixture, SLI_SMTP_EVENT_EHLO, &event);
    assert_int_equal(sli_smtp_extensions_new(
                         &extensions, &fixture->alloc.table, &fixture->server),
        0);
    assert_string_equal(
        slimta_extensions_params(extensions, "AUTH"), "PLAIN LOGIN CRAM-MD5");
    assert_non_null(slimta_extensions_params(extensions, "STARTTLS"));
    assert_int_equal(slimta_extensions_remove(extensions, "STARTTLS"), 1);
    if (params == NULL) {
        assert_int_equal(slimta_extensions_remove(extensions, "AUTH"), 1);
    } else {
        assert_int_equal(slimta_extensions_set(extensions, "AUTH", params), 0);
    }
    sli_smtp_server_offer(&fixture->server, extensions);
    assert_int_equal(sli_smtp_server_answer(&fixture->server, NULL), 0);
    sli_smtp_extensions_free(extensions);
    sli_buf_clear(&fixture->output);
}

/* What the host has taken off is refused, up to the next EHLO. */
static void knows_what_was_taken_off(void **state)
{
    static const char unknown[] = "502 5.5.1 Command not implemented\r\n";
    static const char other[] =
        "504 5.5.4 Unrecognized authentication mechanism\r\n";
    static const char wrong[] =
        "535 5.7.8 Authentication credentials invalid\r\n";
    struct fixture *fixture = *state;

    fixture->config.tls = SLI_SMTP_TLS_OFFERED;
    greet(fixture, "PLAIN LOGIN CRAM-MD5");
    greet_with(fixture, "login X-OTHER");
    say(fixture, "STARTTLS\r\n");
    expect_output(fixture, unknown);
    say(fixture, "AUTH PLAIN\r\n");
    expect_output(fixture, other);
    say(fixture, "AUTH CRAM-MD5\r\n");
    expect_output(fixture, other);
    say(fixture, "AUTH X-OTHER\r\n");
    expect_output(fixture, other);
    say(fixture, "AUTH LOGIN\r\n");
    expect_output(fixture, wrong);
    greet_with(fixture, NULL);
    say(fixture, "AUTH LOGIN\r\n");
    expect_output(fixture, unknown);
    say(fixture, "MAIL FROM:<> AUTH=<>\r\n");
    expect_output(fixture, "555 5.5.4 Parameter not recognized\r\n");
    say(fixture, "EHLO x\r\n");
    sli_buf_clear(&fixture->output);
    say(fixture, "AUTH PLAIN\r\n");
    expect_output(fixture, wrong);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_again_what_it_asked),
        TEST(tells_again_who_is_asserted),
        TEST(forgets_secrets),
        TEST(says_when_it_reads_secrets),
        TEST(challenges_only_where_it_asked),
        TEST(bounds_challenges),
        TEST(takes_long_answers),
        TEST(gives_up_without_memory),
        TEST(gives_up_when_terminated),
        TEST(tells_no_secrets),
        TEST(knows_what_was_taken_off),
    };

    return cmocka_run_group_tests_name("smtp/cmd_auth", tests, NULL, NULL);
}
