/** Tests of lib/smtp/client_steps.c: every reply class at every step. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "sender.h"

static void must(int err)
{
    assert_int_equal(err, 0);
}

static void enter_transaction(
    struct sender *sender, enum sli_smtp_client_step step)
{
    must(sender_mail(sender));
    if (step == SLI_SMTP_CLIENT_STEP_MAIL) {
        return;
    }
    if (step == SLI_SMTP_CLIENT_STEP_EMPTY) {
        must(sender_rcpt(sender));
        must(sli_smtp_client_data(&sender->client));
        (void)sender_hear(sender, "250\r\n550\r\n354\r\n");
        return;
    }
    (void)sender_hear(sender, "250\r\n");
    if (step == SLI_SMTP_CLIENT_STEP_RSET) {
        must(sli_smtp_client_rset(&sender->client));
        return;
    }
    must(sender_rcpt(sender));
    if (step == SLI_SMTP_CLIENT_STEP_RCPT) {
        return;
    }
    (void)sender_hear(sender, "250\r\n");
    must(sli_smtp_client_data(&sender->client));
    if (step == SLI_SMTP_CLIENT_STEP_DATA) {
        return;
    }
    (void)sender_hear(sender, "354\r\n");
    if (step == SLI_SMTP_CLIENT_STEP_END) {
        must(sli_smtp_client_end_content(&sender->client));
    }
}

static void enter_auth(struct sender *sender, enum sli_smtp_client_step step)
{
    must(sli_smtp_client_auth(&sender->client, "X", NULL));
    if (step == SLI_SMTP_CLIENT_STEP_AUTH_CANCEL) {
        (void)sender_hear(sender, "334\r\n");
        must(sli_smtp_client_auth_cancel(&sender->client));
    }
}

static void enter(struct sender *sender, enum sli_smtp_client_step step)
{
    if (step == SLI_SMTP_CLIENT_STEP_BANNER) {
        return;
    }
    if (step <= SLI_SMTP_CLIENT_STEP_HELO) {
        (void)sender_hear(sender,
            step == SLI_SMTP_CLIENT_STEP_EHLO ? "220\r\n" : "220\r\n500\r\n");
        return;
    }
    sender_greet(sender, "250-mx.example\r\n250 PIPELINING\r\n");
    switch (step) {
    case SLI_SMTP_CLIENT_STEP_STARTTLS:
        must(sli_smtp_client_starttls(&sender->client));
        break;
    case SLI_SMTP_CLIENT_STEP_AUTH:
    case SLI_SMTP_CLIENT_STEP_AUTH_CANCEL:
        enter_auth(sender, step);
        break;
    case SLI_SMTP_CLIENT_STEP_QUIT:
        must(sli_smtp_client_quit(&sender->client));
        break;
    case SLI_SMTP_CLIENT_STEP_IDLE:
        break;
    default:
        enter_transaction(sender, step);
        break;
    }
}

static const char *event_text(
    const struct sender *sender, enum sli_smtp_client_event_type type)
{
    static const char *const names[] = {"-", "GREETED", "STARTTLS", "CHALLENGE",
        "AUTH", "MAIL", "RCPT", "DATA", "END", "RSET"};
    static const char *const closes[] = {"quit", "refused", "goodbye", "lost",
        "given up", "broken", "injected", "unfit", "memory"};
    static const char *const outcomes[] = {"", ", not taken", ", unknown"};
    static char text[64];

    if (type == SLI_SMTP_CLIENT_CLOSE) {
        (void)snprintf(text, sizeof text, "%s%s",
            closes[sender->event.close.reason],
            outcomes[sender->event.close.outcome]);
    } else {
        (void)snprintf(text, sizeof text, "%s%s", names[type],
            type == SLI_SMTP_CLIENT_NONE || type == SLI_SMTP_CLIENT_CHALLENGE
                ? ""
                : sender->event.is_accepted ? " yes"
                                            : " no");
    }
    return text;
}

#define BROKEN "broken"
#define NOT_TAKEN "broken, not taken"

/* What 250, 334 (354 where a content may begin), 450, 550 and 421 lead to. */
static const char *const wanted[SLI_SMTP_CLIENT_STEPS][5] = {
    [SLI_SMTP_CLIENT_STEP_BANNER] = {"-", BROKEN, "refused", "refused",
        "goodbye"},
    [SLI_SMTP_CLIENT_STEP_EHLO] = {"GREETED yes", BROKEN, "refused", "-",
        "goodbye"},
    [SLI_SMTP_CLIENT_STEP_HELO] = {"GREETED yes", BROKEN, "refused", "refused",
        "goodbye"},
    [SLI_SMTP_CLIENT_STEP_STARTTLS] = {"STARTTLS yes", BROKEN, "STARTTLS no",
        "STARTTLS no", "goodbye"},
    [SLI_SMTP_CLIENT_STEP_AUTH] = {"AUTH yes", "CHALLENGE", "AUTH no",
        "AUTH no", "goodbye"},
    [SLI_SMTP_CLIENT_STEP_AUTH_CANCEL] = {BROKEN, BROKEN, "AUTH no", "AUTH no",
        "goodbye"},
    [SLI_SMTP_CLIENT_STEP_MAIL] = {"MAIL yes", NOT_TAKEN, "MAIL no", "MAIL no",
        "goodbye, not taken"},
    [SLI_SMTP_CLIENT_STEP_RCPT] = {"RCPT yes", NOT_TAKEN, "RCPT no", "RCPT no",
        "goodbye, not taken"},
    [SLI_SMTP_CLIENT_STEP_DATA] = {NOT_TAKEN, "DATA yes", "DATA no", "DATA no",
        "goodbye, not taken"},
    [SLI_SMTP_CLIENT_STEP_EMPTY] = {"DATA no", NOT_TAKEN, "DATA no", "DATA no",
        "goodbye, not taken"},
    [SLI_SMTP_CLIENT_STEP_END] = {"END yes", "broken, unknown", "END no",
        "END no", "goodbye"},
    [SLI_SMTP_CLIENT_STEP_RSET] = {"RSET yes", NOT_TAKEN, NOT_TAKEN, NOT_TAKEN,
        "goodbye, not taken"},
    [SLI_SMTP_CLIENT_STEP_QUIT] = {"quit", "quit", "quit", "quit", "quit"},
    [SLI_SMTP_CLIENT_STEP_CONTENT] = {NOT_TAKEN, NOT_TAKEN,
        "refused, not taken", "refused, not taken", "goodbye, not taken"},
    [SLI_SMTP_CLIENT_STEP_IDLE] = {BROKEN, BROKEN, BROKEN, BROKEN, "goodbye"},
};

static void takes_every_class_at_every_step(void **state)
{
    static const char *const replies[] = {
        "250 x\r\n", "334 \r\n", "450 x\r\n", "550 x\r\n", "421 x\r\n"};

    (void)state;
    for (int step = 0; step < SLI_SMTP_CLIENT_STEPS; step++) {
        for (int i = 0; i < 5; i++) {
            struct sender sender;
            enum sli_smtp_client_event_type type;

            sender_begin(&sender);
            enter(&sender, (enum sli_smtp_client_step)step);
            type = sender_hear(&sender, replies[i]);
            assert_string_equal(event_text(&sender, type), wanted[step][i]);
            sender_end(&sender);
        }
    }
}

/* What is not a reply, at every step. */
static void takes_nothing_else(void **state)
{
    (void)state;
    for (int step = 0; step < SLI_SMTP_CLIENT_STEPS; step++) {
        struct sender sender;

        sender_begin(&sender);
        enter(&sender, (enum sli_smtp_client_step)step);
        assert_int_equal(
            sender_hear(&sender, "hello\r\n"), SLI_SMTP_CLIENT_CLOSE);
        assert_int_equal(
            sender.event.close.reason, SLI_SMTP_CLIENT_CLOSE_BROKEN);
        assert_int_equal(sender.event.close.outcome,
            step == SLI_SMTP_CLIENT_STEP_END ? SLI_SMTP_CLIENT_OUTCOME_UNKNOWN
                : step >= SLI_SMTP_CLIENT_STEP_MAIL &&
                    step != SLI_SMTP_CLIENT_STEP_QUIT &&
                    step != SLI_SMTP_CLIENT_STEP_IDLE
                ? SLI_SMTP_CLIENT_OUTCOME_NOT_TAKEN
                : SLI_SMTP_CLIENT_OUTCOME_NONE);
        sender_end(&sender);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_class_at_every_step),
        cmocka_unit_test(takes_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
