/** Tests of lib/smtp/cmd_bdat.c. */
#include "test.h"

#include "engine.h"

static uint64_t left_of(const struct fixture *fixture)
{
    return fixture->server.skip.left;
}

/* RFC 3030 section 2: the octets of a refused chunk are counted down, and no
 * reply comes before the last of them. */
static void skips_exactly(void **state)
{
    struct fixture *fixture = *state;

    enter(fixture, SLI_SMTP_STATE_READY);
    say(fixture, "BDAT 5 LAST\r\nab");
    assert_int_equal(code_of(fixture), 0);
    assert_int_equal(left_of(fixture), 3);
    say(fixture, "c");
    assert_int_equal(left_of(fixture), 2);
    say(fixture, "deNOOP\r\n");
    assert_int_equal(code_of(fixture), 503);
    assert_true(sli_slice_is(sli_buf_slice(&fixture->output),
        SLI_LITERAL("503 5.5.1 Bad sequence of commands\r\n"
                    "250 2.0.0 Ok\r\n")));
}

/* The limit of the sum: one below, at, and one above it (max is 100). */
static void limits_the_sum(void **state)
{
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        {"BDAT 49\r\n", 250}, {"BDAT 50\r\n", 250}, {"BDAT 51\r\n", 552}};
    char octets[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *fixture = *state;

        memset(octets, 'x', sizeof octets);
        enter(fixture, SLI_SMTP_STATE_RCPT);
        say(fixture, "BDAT 50\r\n");
        octets[50] = '\0';
        say(fixture, octets);
        assert_int_equal(code_of(fixture), 250);
        say(fixture, cases[i].line);
        octets[50] = 'x';
        octets[49 + i] = '\0';
        say(fixture, octets);
        assert_int_equal(code_of(fixture), cases[i].code);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

/* Whatever happens to a session, nothing of a refusal that waits is left. */
static void drops_a_refusal_that_waits(void **state)
{
    struct fixture *fixture = *state;
    struct slimta_reply reply;

    enter(fixture, SLI_SMTP_STATE_RCPT);
    feed(fixture, "BDAT 5\r\n");
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CHUNKS);
    sli_mail_reply_init(&reply, &fixture->alloc.table);
    assert_int_equal(slimta_reply_set(&reply, 550, "5.7.1 No"), 0);
    assert_int_equal(sli_smtp_server_answer(&fixture->server, &reply), 0);
    sli_mail_reply_fini(&reply);
    assert_non_null(fixture->server.skip.reply);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_RESET);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_NONE);
    sli_smtp_server_terminate(&fixture->server, 421, "4.3.2 Away");
    assert_null(fixture->server.skip.reply);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(skips_exactly),
        TEST(limits_the_sum),
        TEST(drops_a_refusal_that_waits),
    };

    return cmocka_run_group_tests_name("smtp/cmd_bdat", tests, NULL, NULL);
}
