/** Tests of lib/smtp/server.c; most of its behaviour is in the dialogues. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <slimta/error.h>

#include "base/slice.h"
#include "engine.h"
#include "smtp/commands.h"

/* A line that is right for each verb, what it does where it is legal, and the
 * state it leads to from READY, MAIL and RCPT (0: it stays). */
static const struct verb {
    const char *verb;
    const char *line;
    int code;
    enum sli_smtp_state leads_to;
} verbs[] = {
    {"EHLO", "EHLO x\r\n", 250, SLI_SMTP_STATE_READY},
    {"HELO", "HELO x\r\n", 250, SLI_SMTP_STATE_READY},
    {"MAIL", "MAIL FROM:<>\r\n", 250, SLI_SMTP_STATE_MAIL},
    {"RCPT", "RCPT TO:<c@b.example>\r\n", 250, SLI_SMTP_STATE_RCPT},
    {"DATA", "DATA\r\n", 354, SLI_SMTP_STATE_CONTENT},
    {"RSET", "RSET\r\n", 250, SLI_SMTP_STATE_READY},
    {"NOOP", "NOOP\r\n", 250, SLI_SMTP_STATE_START},
    {"QUIT", "QUIT\r\n", 221, SLI_SMTP_STATE_CLOSED},
    {"VRFY", "VRFY x\r\n", 252, SLI_SMTP_STATE_START},
    {"EXPN", "EXPN x\r\n", 502, SLI_SMTP_STATE_START},
    {"HELP", "HELP\r\n", 214, SLI_SMTP_STATE_START},
    {"STARTTLS", "STARTTLS\r\n", 502, SLI_SMTP_STATE_START},
    {"AUTH", "AUTH PLAIN\r\n", 502, SLI_SMTP_STATE_START},
    {"BDAT", "BDAT 0\r\n", 250, SLI_SMTP_STATE_CHUNKS},
    {"XCLIENT", "XCLIENT NAME=x\r\n", 220, SLI_SMTP_STATE_CONNECTED},
    {"XFORWARD", "XFORWARD NAME=x\r\n", 250, SLI_SMTP_STATE_START},
    {"LHLO", "LHLO x\r\n", 502, SLI_SMTP_STATE_START},
};

static const struct verb *verb_of(const struct sli_smtp_command *command)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].verb, command->verb) == 0) {
            return &verbs[i];
        }
    }
    fail_msg("%s is not tested", command->verb);
    return NULL;
}

static enum sli_smtp_state state_after(
    const struct verb *verb, enum sli_smtp_state before)
{
    if (verb->leads_to == SLI_SMTP_STATE_START ||
        (before == SLI_SMTP_STATE_CONNECTED &&
            strcmp(verb->verb, "RSET") == 0)) {
        return before;
    }
    return verb->leads_to;
}

/* RFC 3030 section 2: octets are lost with a chunk that is refused, and the
 * transaction with them. */
static enum sli_smtp_state state_after_refusal(
    const struct verb *verb, enum sli_smtp_state before)
{
    return before == SLI_SMTP_STATE_MAIL && strcmp(verb->verb, "BDAT") == 0
        ? SLI_SMTP_STATE_READY
        : before;
}

static void check_verb(
    const struct sli_smtp_command *command, enum sli_smtp_state before)
{
    const struct verb *verb = verb_of(command);
    int is_legal = (command->states & 1U << before) != 0;
    struct fixture *fixture;
    void *state;

    assert_int_equal(set_up(&state), 0);
    fixture = state;
    sli_smtp_server_trust_peer(&fixture->server);
    enter(fixture, before);
    say(fixture, verb->line);
    assert_int_equal(code_of(fixture), is_legal ? verb->code : 503);
    assert_int_equal(sli_smtp_server_state(&fixture->server),
        is_legal ? state_after(verb, before)
                 : state_after_refusal(verb, before));
    assert_int_equal(tear_down(&state), 0);
}

/* The same where there is TLS, and AUTH is offered. */
static const struct verb wider_verbs[] = {
    {"STARTTLS", "STARTTLS\r\n", 220, SLI_SMTP_STATE_TLS},
    {"AUTH", "AUTH PLAIN\r\n", 535, SLI_SMTP_STATE_START},
};

/* Both need EHLO; RFC 4954 section 4: AUTH is not for a transaction. */
static int takes_wider(const struct verb *verb, enum sli_smtp_state state)
{
    return state == SLI_SMTP_STATE_READY ||
        (verb == &wider_verbs[0] &&
            (state == SLI_SMTP_STATE_MAIL || state == SLI_SMTP_STATE_RCPT ||
                state == SLI_SMTP_STATE_CHUNKS));
}

static void check_wider(const struct verb *verb, enum sli_smtp_state before)
{
    int is_legal = takes_wider(verb, before);
    struct fixture *fixture;
    void *state;

    assert_int_equal(set_up(&state), 0);
    fixture = state;
    fixture->config.tls = SLI_SMTP_TLS_OFFERED;
    sli_smtp_server_set_mechanisms(&fixture->server, "PLAIN", NULL);
    enter(fixture, before);
    say(fixture, verb->line);
    assert_int_equal(code_of(fixture), is_legal ? verb->code : 503);
    assert_int_equal(sli_smtp_server_state(&fixture->server),
        is_legal ? state_after(verb, before) : before);
    assert_int_equal(tear_down(&state), 0);
}

static void answers_wider_verbs_in_every_state(void **unused)
{
    static const enum sli_smtp_state states[] = {SLI_SMTP_STATE_REFUSED,
        SLI_SMTP_STATE_CONNECTED, SLI_SMTP_STATE_READY, SLI_SMTP_STATE_MAIL,
        SLI_SMTP_STATE_RCPT, SLI_SMTP_STATE_CHUNKS};

    (void)unused;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        check_wider(&wider_verbs[0], states[i]);
        check_wider(&wider_verbs[1], states[i]);
    }
}

/* RFC 3207 section 4. */
static void takes_few_verbs_before_tls(void **unused)
{
    static const char few[] = "NOOP EHLO LHLO STARTTLS QUIT";

    (void)unused;
    for (size_t n = 0; sli_smtp_commands_get(n) != NULL; n++) {
        const struct verb *verb = verb_of(sli_smtp_commands_get(n));
        struct fixture *fixture;
        void *state;

        assert_int_equal(set_up(&state), 0);
        fixture = state;
        fixture->config.tls = SLI_SMTP_TLS_REQUIRED;
        sli_smtp_server_trust_peer(&fixture->server);
        enter(fixture, SLI_SMTP_STATE_READY);
        say(fixture, verb->line);
        assert_int_equal(
            code_of(fixture) != 530, strstr(few, verb->verb) != NULL);
        assert_int_equal(tear_down(&state), 0);
    }
}

/* In an exchange each line is an answer; where a handshake is due none is
 * read. */
static void takes_no_verb_in_between(void **unused)
{
    (void)unused;
    for (size_t n = 0; sli_smtp_commands_get(n) != NULL; n++) {
        const struct verb *verb = verb_of(sli_smtp_commands_get(n));
        enum sli_smtp_event_type type;
        struct fixture *fixture;
        void *state;

        assert_int_equal(set_up(&state), 0);
        fixture = state;
        fixture->config.tls = SLI_SMTP_TLS_OFFERED;
        sli_smtp_server_set_mechanisms(&fixture->server, "LOGIN", NULL);
        enter(fixture, SLI_SMTP_STATE_READY);
        feed(fixture, "AUTH LOGIN\r\n");
        assert_int_equal(next(fixture), SLI_SMTP_EVENT_AUTH);
        assert_int_equal(
            sli_smtp_server_challenge(&fixture->server, SLI_LITERAL("x")), 0);
        assert_int_equal(
            sli_smtp_server_state(&fixture->server), SLI_SMTP_STATE_AUTH);
        feed(fixture, verb->line);
        type = next(fixture);
        assert_true(type == SLI_SMTP_EVENT_AUTH_ANSWER ||
            type == SLI_SMTP_EVENT_AUTH_GIVEN_UP);
        pump(fixture);
        say(fixture, "STARTTLS\r\n");
        say(fixture, verb->line);
        assert_int_equal(sli_buf_size(&fixture->output), 0);
        assert_int_equal(
            sli_smtp_server_state(&fixture->server), SLI_SMTP_STATE_TLS);
        assert_int_equal(tear_down(&state), 0);
    }
}

static void answers_every_verb_in_every_state(void **unused)
{
    static const enum sli_smtp_state states[] = {SLI_SMTP_STATE_REFUSED,
        SLI_SMTP_STATE_CONNECTED, SLI_SMTP_STATE_READY, SLI_SMTP_STATE_MAIL,
        SLI_SMTP_STATE_RCPT, SLI_SMTP_STATE_CHUNKS};
    size_t count = 0;

    (void)unused;
    for (; sli_smtp_commands_get(count) != NULL; count++) {
        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
            check_verb(sli_smtp_commands_get(count), states[i]);
        }
    }
    assert_int_equal(count, sizeof verbs / sizeof *verbs);
}

/* RFC 5321 section 4.1.4: the table itself, against a table. */
static void knows_the_order(void **unused)
{
    static const struct {
        const char *verb;
        const char *states; /* refused, connected, ready, mail, rcpt, chunks */
    } wanted[] = {
        {"EHLO", "011111"},
        {"HELO", "011111"},
        {"MAIL", "001000"},
        {"RCPT", "000110"},
        {"DATA", "000010"},
        {"BDAT", "000011"},
        {"QUIT", "111111"},
        {"XCLIENT", "001000"},
        {"XFORWARD", "001000"},
    };

    (void)unused;
    for (size_t n = 0; sli_smtp_commands_get(n) != NULL; n++) {
        const struct sli_smtp_command *command = sli_smtp_commands_get(n);
        const char *states = "011111";

        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            if (strcmp(wanted[i].verb, command->verb) == 0) {
                states = wanted[i].states;
            }
        }
        for (int i = 0; i < 6; i++) {
            assert_int_equal(
                (command->states >> (SLI_SMTP_STATE_REFUSED + i)) & 1,
                states[i] - '0');
        }
    }
}

static void waits_for_its_answer(void **state)
{
    struct fixture *fixture = *state;

    feed(fixture, "NOOP\r\n");
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_BANNER);
    assert_true(sli_smtp_server_is_waiting(&fixture->server));
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_WAIT);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_WAIT);
    assert_int_equal(sli_smtp_server_answer(&fixture->server, NULL), 0);
    assert_false(sli_smtp_server_is_waiting(&fixture->server));
    assert_int_equal(
        sli_smtp_server_answer(&fixture->server, NULL), SLIMTA_ESTATE);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_NOOP);
}

/* A line that is asked about is kept, so that its answer can name it. */
static void answers_when_the_input_is_gone(void **state)
{
    struct fixture *fixture = *state;
    char line[] = "MAIL FROM:<a@b.example>\r\nNOOP\r\n";
    const char wanted[] = "250 2.1.0 <a@b.example> Ok\r\n250 2.0.0 Ok\r\n";

    enter(fixture, SLI_SMTP_STATE_READY);
    sli_buf_clear(&fixture->output);
    feed(fixture, line);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_MAIL);
    assert_int_equal(sli_smtp_server_park(&fixture->server), 0);
    memset(line, 'x', sizeof line);
    assert_true(sli_smtp_server_has_parked(&fixture->server));
    assert_int_equal(sli_smtp_server_answer(&fixture->server, NULL), 0);
    pump(fixture);
    assert_true(sli_slice_is(
        sli_buf_slice(&fixture->output), sli_slice(wanted, sizeof wanted - 1)));
    assert_false(sli_smtp_server_has_parked(&fixture->server));
}

static size_t live_after(struct fixture *fixture, const char *text)
{
    say(fixture, text);
    sli_buf_fini(&fixture->output);
    return atomic_load(&fixture->alloc.live);
}

/* No memory of its own in any state, no allocation for a whole command. */
static void holds_no_memory_while_idle(void **state)
{
    struct fixture *fixture = *state;

    enter(fixture, SLI_SMTP_STATE_READY);
    sli_buf_fini(&fixture->output);
    assert_int_equal(atomic_load(&fixture->alloc.live), 0);
    assert_int_equal(live_after(fixture, "MAIL FROM:<a@b.example>\r\nRC"), 1);
    assert_int_equal(live_after(fixture, "PT TO:<c@d.example>\r\n"), 0);
    assert_int_equal(live_after(fixture, "DATA\r\nhalf a li"), 0);
    assert_int_equal(live_after(fixture, "ne\r\n."), 0);
    assert_int_equal(live_after(fixture, "\r\nNOO"), 1);
    assert_int_equal(live_after(fixture, "P\r\n"), 0);
    assert_true(sizeof fixture->server <= 560);
}

static void allocates_nothing_once_warm(void **state)
{
    struct fixture *fixture = *state;
    const char *text =
        "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
        "DATA\r\nx\r\n.\r\n";

    enter(fixture, SLI_SMTP_STATE_READY);
    say(fixture, text);
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONWARD);
    for (int i = 0; i < 10; i++) {
        say(fixture, text);
        assert_int_equal(code_of(fixture), 250);
    }
    assert_int_equal(atomic_load(&fixture->alloc.asked), 0);
}

static void terminates_in_every_state(void **unused)
{
    static const enum sli_smtp_state states[] = {SLI_SMTP_STATE_REFUSED,
        SLI_SMTP_STATE_CONNECTED, SLI_SMTP_STATE_READY, SLI_SMTP_STATE_MAIL,
        SLI_SMTP_STATE_RCPT, SLI_SMTP_STATE_CHUNKS};

    (void)unused;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        int has_transaction = states[i] >= SLI_SMTP_STATE_MAIL;
        struct fixture *fixture;
        void *state;

        assert_int_equal(set_up(&state), 0);
        fixture = state;
        enter(fixture, states[i]);
        sli_buf_clear(&fixture->output);
        sli_smtp_server_terminate(&fixture->server, 421, "4.3.2 Away");
        sli_smtp_server_terminate(&fixture->server, 421, "4.3.2 Twice");
        assert_true(sli_slice_is(sli_buf_slice(&fixture->output),
            SLI_LITERAL("421 4.3.2 Away\r\n")));
        if (has_transaction) {
            assert_int_equal(next(fixture), SLI_SMTP_EVENT_RESET);
        }
        assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
        assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
        feed(fixture, "NOOP\r\n");
        assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
        assert_int_equal(tear_down(&state), 0);
    }
}

/* A question that waits is dropped; its answer comes too late. */
static void terminates_while_an_answer_is_due(void **state)
{
    struct fixture *fixture = *state;

    enter(fixture, SLI_SMTP_STATE_RCPT);
    feed(fixture, "DATA\r\nx\r\n.\r\n");
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_DATA);
    assert_int_equal(sli_smtp_server_answer(&fixture->server, NULL), 0);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CONTENT);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_END);
    sli_smtp_server_terminate(&fixture->server, 421, NULL);
    assert_int_equal(
        sli_smtp_server_answer(&fixture->server, NULL), SLIMTA_ESTATE);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_RESET);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
}

/* As RSET does, without a word to the client. */
static void lets_its_owner_give_up(void **state)
{
    struct fixture *fixture = *state;

    enter(fixture, SLI_SMTP_STATE_RCPT);
    sli_buf_clear(&fixture->output);
    sli_smtp_server_give_up(&fixture->server);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_RESET);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_NONE);
    assert_int_equal(sli_buf_size(&fixture->output), 0);
    say(fixture, "DATA\r\n");
    assert_int_equal(code_of(fixture), 503);
    say(fixture, "MAIL FROM:<>\r\n");
    assert_int_equal(code_of(fixture), 250);
}

/* The reply that found no memory is not lost without a word. */
static void closes_without_memory_for_a_reply(void **state)
{
    struct fixture *fixture = *state;

    enter(fixture, SLI_SMTP_STATE_MAIL);
    sli_buf_fini(&fixture->output);
    fail_alloc_arm(&fixture->alloc, 1, FAIL_ALLOC_ONCE);
    feed(fixture, "NOOP\r\nNOOP\r\n");
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_NOOP);
    assert_int_equal(
        sli_smtp_server_answer(&fixture->server, NULL), SLIMTA_ENOMEM);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_RESET);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_CLOSE);
    assert_int_equal(code_of(fixture), 421);
}

static void names_the_protocol(void **state)
{
    struct fixture *fixture = *state;

    enter(fixture, SLI_SMTP_STATE_CONNECTED);
    say(fixture, "HELO x\r\n");
    assert_string_equal(sli_smtp_server_protocol(&fixture->server), "SMTP");
    say(fixture, "EHLO x\r\n");
    assert_string_equal(sli_smtp_server_protocol(&fixture->server), "ESMTP");
    say(fixture, "MAIL FROM:<> SMTPUTF8\r\n");
    assert_string_equal(sli_smtp_server_protocol(&fixture->server), "UTF8SMTP");
    say(fixture, "RSET\r\n");
    assert_string_equal(sli_smtp_server_protocol(&fixture->server), "ESMTP");
}

/* The same words by default and when asked for. */
static void tells_its_default(void **state)
{
    struct fixture *fixture = *state;
    struct slimta_reply reply;

    sli_mail_reply_init(&reply, &fixture->alloc.table);
    assert_int_equal(
        sli_smtp_server_default(&fixture->server, &reply), SLIMTA_ESTATE);
    assert_int_equal(next(fixture), SLI_SMTP_EVENT_BANNER);
    assert_int_equal(sli_smtp_server_default(&fixture->server, &reply), 0);
    assert_int_equal(slimta_reply_code(&reply), 220);
    assert_string_equal(
        slimta_reply_text(&reply), "mx.example ESMTP Mail Gateway");
    sli_mail_reply_fini(&reply);
}

static void tells_what_it_refuses(void **state)
{
    static const struct {
        const char *line;
        const char *verb;
        int code;
    } cases[] = {
        {"RCPT TO:<a@b.example>\r\n", "RCPT", 503},
        {"mail TO:<a@b.example>\r\n", "mail", 503},
        {"Starttls\r\n", "Starttls", 502},
        /* No word that may be somebody's password. */
        {"cGFzc3dvcmQ=\x01\r\n", "", 500},
        {"abcdefghijklm\x01\r\n", "", 500},
        {"\r\n", "", 500},
    };
    struct fixture *fixture = *state;
    struct sli_smtp_event event;

    enter(fixture, SLI_SMTP_STATE_CONNECTED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        feed(fixture, cases[i].line);
        sli_smtp_server_next(&fixture->server, &event);
        if (event.type == SLI_SMTP_EVENT_COMMAND) {
            assert_int_equal(sli_smtp_server_answer(&fixture->server, NULL), 0);
            continue;
        }
        assert_int_equal(event.type, SLI_SMTP_EVENT_REFUSED);
        assert_string_equal(event.refused.verb, cases[i].verb);
        assert_int_equal(event.refused.code, cases[i].code);
        sli_smtp_server_next(&fixture->server, &event);
        assert_int_equal(event.type, SLI_SMTP_EVENT_NONE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_every_verb_in_every_state),
        cmocka_unit_test(answers_wider_verbs_in_every_state),
        cmocka_unit_test(takes_few_verbs_before_tls),
        cmocka_unit_test(takes_no_verb_in_between),
        cmocka_unit_test(knows_the_order),
        TEST(waits_for_its_answer),
        TEST(answers_when_the_input_is_gone),
        TEST(holds_no_memory_while_idle),
        TEST(allocates_nothing_once_warm),
        cmocka_unit_test(terminates_in_every_state),
        TEST(tells_what_it_refuses),
        TEST(terminates_while_an_answer_is_due),
        TEST(lets_its_owner_give_up),
        TEST(closes_without_memory_for_a_reply),
        TEST(names_the_protocol),
        TEST(tells_its_default),
    };

    return cmocka_run_group_tests_name("smtp/server", tests, NULL, NULL);
}
