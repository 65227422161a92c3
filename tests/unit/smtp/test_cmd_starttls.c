/** Tests of lib/smtp/cmd_starttls.c; the lines that are said are in the
 * dialogues. */
#include "test.h"

#include <string.h>

#include "base/slice.h"
#include "engine.h"

/* Up to START_TLS, with `more` behind STARTTLS in the same piece. */
static size_t start_tls(struct fixture *fixture, const char *more)
{
    char text[64] = "STARTTLS\r\n";
    struct sli_smtp_event event;

    fixture->config.tls = SLI_SMTP_TLS_OFFERED;
    enter(fixture, SLI_SMTP_STATE_READY);
    sli_buf_clear(&fixture->output);
    (void)strncat(text, more, sizeof text - strlen(text) - 1);
    feed(fixture, text);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_STARTTLS);
    assert_int_equal(sli_smtp_server_park(&fixture->server), 0);
    assert_int_equal(sli_smtp_server_answer(&fixture->server, NULL), 0);
    sli_smtp_server_next(&fixture->server, &event);
    assert_int_equal(event.type, SLI_SMTP_EVENT_START_TLS);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_NONE);
    assert_true(sli_slice_is(sli_buf_slice(&fixture->output),
        SLI_LITERAL("220 2.7.0 Go ahead\r\n")));
    sli_buf_clear(&fixture->output);
    return event.start_tls.discarded;
}

/* RFC 3207 section 4.2. */
static void counts_what_it_throws_away(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(start_tls(fixture, "EHLO x\r\nRSE"), 11);
    assert_false(sli_smtp_server_has_parked(&fixture->server));
    assert_int_equal(sli_smtp_server_secured(&fixture->server), 0);
    say(fixture, "NOOP\r\n");
    assert_int_equal(code_of(fixture), 250);
}

static void throws_nothing_away_where_nothing_came(void **state)
{
    assert_int_equal(start_tls(*state, ""), 0);
}

static void is_secured_once_and_where_it_is_due(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(sli_smtp_server_secured(&fixture->server), SLIMTA_ESTATE);
    (void)start_tls(fixture, "");
    assert_false(sli_smtp_server_is_secure(&fixture->server));
    assert_int_equal(sli_smtp_server_secured(&fixture->server), 0);
    assert_true(sli_smtp_server_is_secure(&fixture->server));
    assert_int_equal(
        sli_smtp_server_state(&fixture->server), SLI_SMTP_STATE_CONNECTED);
    assert_int_equal(sli_smtp_server_secured(&fixture->server), SLIMTA_ESTATE);
}

static void waits_for_tls_before_the_banner(void **state)
{
    struct fixture *fixture = *state;

    fixture->config.tls = SLI_SMTP_TLS_IMMEDIATE;
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_NONE);
    assert_int_equal(sli_smtp_server_secured(&fixture->server), 0);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_BANNER);
}

/* No word in the clear where the peer expects a handshake. */
static void says_nothing_while_a_handshake_is_due(void **state)
{
    struct fixture *fixture = *state;
    struct slimta_reply reply;

    (void)start_tls(fixture, "");
    sli_mail_reply_init(&reply, &fixture->alloc.table);
    assert_int_equal(slimta_reply_set(&reply, 421, "4.3.2 Away"), 0);
    sli_smtp_server_terminate_with(&fixture->server, &reply);
    assert_int_equal(sli_buf_size(&fixture->output), 0);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
    assert_int_equal(sli_smtp_server_secured(&fixture->server), SLIMTA_ESTATE);
    sli_mail_reply_fini(&reply);
}

/* The reply to STARTTLS that found no memory: no handshake, no word. */
static void starts_nothing_without_memory(void **state)
{
    struct fixture *fixture = *state;

    fixture->config.tls = SLI_SMTP_TLS_OFFERED;
    enter(fixture, SLI_SMTP_STATE_READY);
    sli_buf_fini(&fixture->output);
    feed(fixture, "STARTTLS\r\n");
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_STARTTLS);
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_smtp_server_answer(&fixture->server, NULL), SLIMTA_ENOMEM);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
    assert_int_equal(sli_buf_size(&fixture->output), 0);
}

/* RFC 3207 section 4.1. */
static void refuses_all_with_a_copy(void **state)
{
    struct fixture *fixture = *state;
    struct slimta_reply reply;
    struct sli_smtp_event event;

    (void)start_tls(fixture, "");
    assert_int_equal(sli_smtp_server_secured(&fixture->server), 0);
    sli_mail_reply_init(&reply, &fixture->alloc.table);
    assert_int_equal(slimta_reply_set(&reply, 554, "5.7.0 No"), 0);
    assert_int_equal(sli_smtp_server_refuse_all(&fixture->server, &reply), 0);
    assert_int_equal(slimta_reply_set(&reply, 550, "5.7.1 Other"), 0);
    sli_mail_reply_fini(&reply);
    feed(fixture, "EHLO x\r\n");
    sli_smtp_server_next(&fixture->server, &event);
    assert_int_equal(event.type, SLI_SMTP_EVENT_REFUSED);
    assert_string_equal(event.refused.verb, "EHLO");
    assert_int_equal(event.refused.code, 554);
    assert_string_equal(event.refused.text, "No");
    assert_true(sli_slice_is(
        sli_buf_slice(&fixture->output), SLI_LITERAL("554 5.7.0 No\r\n")));
}

static void refuses_all_without_memory(void **state)
{
    struct fixture *fixture = *state;
    struct slimta_reply reply;

    enter(fixture, SLI_SMTP_STATE_READY);
    sli_mail_reply_init(&reply, &fixture->alloc.table);
    assert_int_equal(slimta_reply_set(&reply, 554, "5.7.0 No"), 0);
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    assert_int_equal(
        sli_smtp_server_refuse_all(&fixture->server, &reply), SLIMTA_ENOMEM);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
    sli_mail_reply_fini(&reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_what_it_throws_away),
        TEST(throws_nothing_away_where_nothing_came),
        TEST(is_secured_once_and_where_it_is_due),
        TEST(waits_for_tls_before_the_banner),
        TEST(says_nothing_while_a_handshake_is_due),
        TEST(starts_nothing_without_memory),
        TEST(refuses_all_with_a_copy),
        TEST(refuses_all_without_memory),
    };

    return cmocka_run_group_tests_name("smtp/cmd_starttls", tests, NULL, NULL);
}
